#!/usr/bin/env bash
# dist.sh VERSION FOLDER [PART…]
#
# Makes a release in FOLDER, on Linux, and after `go mod download` without a network. The parts, by default all:
#
#   windows    installer, zip, and in manifests/ their descriptions for winget and Scoop
#   debian     package
#   linux      archives for two processors
#   function   the function's archive
#
# Each program has a bill of materials, and each package contains the licences of the linked modules. SHA256SUMS lists all files.
# The same commit, Go and Debian give the same bytes in any folder, because nothing comes from the clock, the user or the path. SIGN names a command that signs the file it is given (deploy/release/sign.sh); signed files are not the same
# twice.
set -euo pipefail
cd "$(dirname "$0")/../.."

version=${1:?version} out=$2 parts=" ${*:3} "
[ $# -gt 2 ] || parts=' windows debian linux function '
number=${version#v}
[[ $number =~ ^[0-9] ]] || number=0.0.0-$number # a commit without a tag: packages need a number
mkdir -p "$out"
out=$(cd "$out" && pwd)
rm -rf "${out:?}"/*
wants() { [[ $parts == *" $1 "* ]]; }

for need in 'makensis nsis' 'zip zip' 'dpkg-deb dpkg' 'xz xz-utils'; do
  # shellcheck disable=SC2086 # command and package
  deploy/dev/need.sh $need
done

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
SOURCE_DATE_EPOCH=$(git log -1 --format=%ct)
export SOURCE_DATE_EPOCH TZ=UTC LC_ALL=C
umask 022

# archive puts a folder's files into a tar.gz or zip, in order, with one time and without an owner.
archive() { # FILE FOLDER
  find "$2" -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} +
  local parent name
  parent=$(dirname "$2") name=$(basename "$2")
  case $1 in
    *.tar.gz) tar -C "$parent" --sort=name --owner=0 --group=0 --numeric-owner --format=gnu -cf - "$name" | gzip -9n >"$1" ;;
    *.zip) (cd "$parent" && find "$name" -type f | LC_ALL=C sort | zip -q -X -9 -@ "$1") ;;
  esac
}

reminder=github.com/mtsn6garut/pengingat/reminder
program() { # GOOS GOARCH FILE
  CGO_ENABLED=0 GOOS=$1 GOARCH=$2 GOFLAGS=-buildvcs=false go build -trimpath \
    -ldflags "-s -w -X $reminder.Version=$version -X $reminder.VersionDate=$(date -d "@$SOURCE_DATE_EPOCH" +%FT%TZ)" -o "$3" ./cmd/local
}

echo 'tools'
tools=$work/tools
mkdir "$tools"
go build -C deploy/dev/tools -o "$tools" ./winres ./materials

documents() { # FOLDER: what goes along with every program
  mkdir -p "$1"
  go run ./cmd/local guide --out "$1/panduan.html" >/dev/null
  cp LICENSE CHANGELOG.md deploy/grants.sql "$1"
}

folder() { # GOOS-GOARCH: makes the folder with the program and what goes along with it
  local os=${1%-*} arch=${1#*-} program=pengingat
  [ "$os" != windows ] || program=pengingat.exe
  echo "$1"
  folder=$work/$1/pengingat-$number
  documents "$folder"
  program "$os" "$arch" "$folder/$program"
  bill=$out/pengingat-$number-$1.cdx.json
  "$tools/materials" "$folder/$program" "$version" "$bill" "$folder/THIRD_PARTY.txt"
  diff <(go version -m "$folder/$program" | awk '$1 == "dep" { print $2 "@" $3 }' | sort) \
    <(sed -n 's|.*"purl": "pkg:golang/\(.*\)".*|\1|p' "$bill" | sort) || {
    echo "dist.sh: $bill does not list what is in the program" >&2
    exit 1
  }
}

if wants windows; then
  folder windows-amd64
  "$tools/winres" "$folder/pengingat.exe" "$version"
  ${SIGN:+$SIGN "$folder/pengingat.exe"}
  cp deploy/windows/old-services.cmd "$folder"
  printf '@start "" /min "%%~dp0pengingat.exe" desk\r\n' >"$folder/MULAI.cmd"
  zip=$out/pengingat-$number-windows-amd64.zip setup=$out/pengingat-setup-$number.exe
  archive "$zip" "$folder"
  quad=$(sed 's/[^0-9.].*//; s/\.*$//' <<<"$number" | awk -F. '{ printf "%d.%d.%d.0", $1, $2, $3 }')
  rm "$folder/MULAI.cmd" # the start menu has it
  makensis -V2 -NOCD "-DVERSION=$number" "-DQUAD=$quad" "-DFILES=$folder" "-DOUT=$setup" ${SIGN:+"-DSIGN=$SIGN"} deploy/release/pengingat.nsi
  mkdir "$out/manifests"
  for template in deploy/release/manifests/*; do
    sed "s/@VERSION@/$number/g; s/@DATE@/$(date -d "@$SOURCE_DATE_EPOCH" +%F)/g
      s/@SETUP_SHA256@/$(sha256sum "$setup" | cut -c -64)/g; s/@ZIP_SHA256@/$(sha256sum "$zip" | cut -c -64)/g" \
      "$template" >"$out/manifests/${template##*/}"
  done
fi

if wants debian || wants linux; then
  folder linux-amd64
fi
if wants debian; then
  echo 'Debian package'
  deb=$work/deb
  mkdir -p "$deb/DEBIAN" "$deb/usr/bin" "$deb/lib/systemd/system" "$deb/usr/share/doc/pengingat"
  cp "$folder/pengingat" "$deb/usr/bin/"
  cp deploy/release/debian/pengingat.service deploy/linux/pengingat.timer "$deb/lib/systemd/system/"
  cp "$folder/"{panduan.html,grants.sql,THIRD_PARTY.txt} "$deb/usr/share/doc/pengingat/"
  cp LICENSE "$deb/usr/share/doc/pengingat/copyright"
  gzip -9n <CHANGELOG.md >"$deb/usr/share/doc/pengingat/changelog.gz"
  sed "s/@VERSION@/${number/-/\~}/; s/@SIZE@/$(du -sk --apparent-size "$deb/usr" | cut -f1)/" deploy/release/debian/control >"$deb/DEBIAN/control"
  install -m 755 deploy/release/debian/{postinst,prerm,postrm} "$deb/DEBIAN/"
  find "$deb" -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} +
  dpkg-deb --root-owner-group -Zxz --build "$deb" "$out/pengingat_${number}_amd64.deb" >/dev/null
fi
if wants linux; then
  for target in linux-amd64 linux-arm64; do
    [ -d "$work/$target" ] || folder "$target"
    folder=$work/$target/pengingat-$number
    cp deploy/linux/pengingat.{service,timer} "$folder"
    archive "$out/pengingat-$number-$target.tar.gz" "$folder"
  done
fi

if wants function; then
  echo 'function'
  go run ./deploy/package -version "$version" "$out/pengingat-function-$number.zip"
fi

(cd "$out" && find . -maxdepth 1 -type f -printf '%P\n' | sort | xargs sha256sum >"$work/sums" && mv "$work/sums" SHA256SUMS)
ls -l "$out"
