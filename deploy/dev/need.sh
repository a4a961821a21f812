#!/usr/bin/env bash
# need.sh COMMAND PACKAGE…
#
# Installs Debian packages if COMMAND is missing and that is allowed. Otherwise it says what to install.
set -euo pipefail

command=$1
shift
PATH=$PATH:/usr/sbin # where Debian keeps database servers; not on every user's path
if command -v "$command" >/dev/null; then
  exit
fi

sudo=
if [ "$(id -u)" != 0 ]; then
  sudo='sudo -n'
fi
if ! command -v apt-get >/dev/null || ! $sudo true 2>/dev/null; then
  echo "$command is missing. Install it; on Debian or Ubuntu: sudo apt-get install $*" >&2
  exit 1
fi
{
  $sudo apt-get -qq -o DPkg::Lock::Timeout=300 update
  $sudo env DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=300 install --no-install-recommends "$@"
} >&2
