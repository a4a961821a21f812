#!/usr/bin/env bash
# sign.sh FILE.exe: signs a program for Windows in place, as dist.sh calls it: SIGN=deploy/release/sign.sh make dist
#
# SIGN_PKCS12 names the file with certificate and key, SIGN_PASSWORD_FILE one with its password, SIGN_TIMESTAMP the address of a
# time stamp server: with a time stamp the signature stays good when the certificate has run out.
set -euo pipefail
file=${1:?file}
"$(dirname "$0")/../dev/need.sh" osslsigncode osslsigncode
signed=$(mktemp "$file.XXXXXX")
osslsigncode sign -pkcs12 "${SIGN_PKCS12:?a file with certificate and key}" ${SIGN_PASSWORD_FILE:+-readpass "$SIGN_PASSWORD_FILE"} \
  -h sha256 -n Pengingat -i https://github.com/mtsn6garut/pengingat ${SIGN_TIMESTAMP:+-ts "$SIGN_TIMESTAMP"} \
  -in "$file" -out "$signed.new" >/dev/null
rm "$signed"
mv "$signed.new" "$file"
