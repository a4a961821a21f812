#!/usr/bin/env bash
# get-mysql.sh DIRECTORY
#
# Unpacks the newest MySQL of Debian into DIRECTORY, without installing anything, and prints the path of a command that
# runs its mysqld. Debian has MySQL in its unstable distribution only, so the C library of that distribution is unpacked too. Does
# nothing if DIRECTORY has MySQL already. Needs Debian or a derivative on amd64.
set -euo pipefail

root=$(mkdir -p "$1" && cd "$1" && pwd)
if [ ! -x "$root/mysqld" ]; then
  apt=$root/apt
  mkdir -p "$apt"/{sources,preferences,state/lists/partial,cache/archives/partial}
  touch "$apt/status"
  mirror=$(cat /etc/apt/sources.list /etc/apt/sources.list.d/debian.sources 2>/dev/null |
    awk '/^URIs:/ { print $2; exit } $1 == "deb" { print ($2 ~ /^\[/ ? $3 : $2); exit }') || true # one of the two is missing
  printf 'Types: deb\nURIs: %s\nSuites: sid\nComponents: main\nSigned-By: /usr/share/keyrings/debian-archive-keyring.gpg\n' \
    "$mirror" >"$apt/sources/sid.sources"
  options=(-qq -o Dir::Etc::sourcelist=/dev/null -o "Dir::Etc::sourceparts=$apt/sources" -o "Dir::Etc::preferencesparts=$apt/preferences"
    -o "Dir::State=$apt/state" -o "Dir::State::status=$apt/status" -o "Dir::Cache=$apt/cache" -o APT::Architecture=amd64
    -o "APT::Sandbox::User=$(id -un)")
  apt-get "${options[@]}" update >&2
  apt-get "${options[@]}" -y --no-install-recommends --download-only install mysql-server-core >&2
  for package in "$apt"/cache/archives/*.deb; do
    dpkg -x "$package" "$root/tree"
  done
  rm -r "$apt"
  cat >"$root/mysqld" <<END
#!/bin/sh
# --no-defaults must stay the first option.
first=\$1
[ \$# -gt 0 ] && shift
exec $root/tree/usr/lib64/ld-linux-x86-64.so.2 --library-path $root/tree/usr/lib/x86_64-linux-gnu $root/tree/usr/sbin/mysqld \\
  "\$first" --basedir=$root/tree/usr --lc-messages-dir=$root/tree/usr/share/mysql --plugin-dir=$root/tree/usr/lib/mysql/plugin "\$@"
END
  chmod +x "$root/mysqld"
fi
echo "$root/mysqld"
