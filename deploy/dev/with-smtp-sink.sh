#!/usr/bin/env bash
# with-smtp-sink.sh COMMAND [ARGUMENT…]
#
# Runs COMMAND with Postfix's test server and client, smtp-sink and smtp-source, on its path. If they are missing, they are
# unpacked from the Debian package into a temporary folder, which is removed when COMMAND ends. Nothing is installed or started,
# so a mail server of this machine is not replaced.
set -euo pipefail

export PATH=$PATH:/usr/sbin # where Debian keeps them; not on every user's path
if command -v smtp-sink >/dev/null && command -v smtp-source >/dev/null; then
  exec "$@"
fi
if ! command -v apt-get >/dev/null; then
  echo 'smtp-sink and smtp-source are missing. They are part of Postfix; on Debian and Ubuntu this script finds them.' >&2
  exit 1
fi

dir=$(mktemp -d)
command_pid=
# shellcheck disable=SC2317 # called by trap
stop() {
  rm -rf "$dir"
}
trap stop EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

chmod 755 "$dir"
mkdir -p "$dir/debs" "$dir/root" "$dir/bin"
chmod 777 "$dir/debs" # apt downloads as a user of its own
(
  cd "$dir/debs"
  # Without root the lists must be there already.
  if [ "$(id -u)" = 0 ]; then
    apt-get -qq -o DPkg::Lock::Timeout=300 update
  fi
  apt-get -qq download postfix
  dpkg -x postfix_*.deb "$dir/root"
) >&2
for tool in smtp-sink smtp-source; do
  cat >"$dir/bin/$tool" <<END
#!/bin/sh
LD_LIBRARY_PATH=$dir/root/usr/lib/postfix exec $dir/root/usr/sbin/$tool "\$@"
END
  chmod 755 "$dir/bin/$tool"
done
PATH=$dir/bin:$PATH

# As in with-mariadb.sh: a process group of its own, to which a signal can be passed on.
set -m
"$@" </dev/null &
command_pid=$!
set +m
trap 'kill -HUP -- "-$command_pid"' HUP
trap 'kill -INT -- "-$command_pid"' INT
trap 'kill -TERM -- "-$command_pid"' TERM
status=0
wait "$command_pid" || status=$?
# A trapped signal ends wait, not COMMAND.
while kill -0 "$command_pid" 2>/dev/null; do
  status=0
  wait "$command_pid" || status=$?
done
exit "$status"
