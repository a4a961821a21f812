#!/usr/bin/env bash
# with-wine.sh COMMAND [ARGUMENT…]
#
# Runs COMMAND with wine on its path and a new, private Windows in WINEPREFIX, which is removed when COMMAND ends. Wine hardly
# checks the XML of a task, so that is tested elsewhere.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
"$here/need.sh" wine wine wine64
"$here/need.sh" x86_64-w64-mingw32-ld binutils-mingw-w64-x86-64

dir=$(mktemp -d)
export WINEPREFIX=$dir/prefix WINEARCH=win64 WINEDEBUG=-all
# shellcheck disable=SC2317 # called by trap
stop() {
  wineserver -k || true # for this prefix only
  rm -rf "$dir"
} 2>/dev/null
trap stop EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
PATH=$PATH:/usr/lib/wine # where Debian keeps wineserver

wine wineboot --init >"$dir/log" 2>&1 || {
  tail "$dir/log" >&2
  exit 1
}
wineserver -w # waits until what wineboot started has ended
# The wineserver and its services stay from here on, so that the next program starts fast. They are started here, because they
# hold open the output of the program that starts them.
wineserver -p >"$dir/log" 2>&1
wine cmd /c exit >"$dir/log" 2>&1
# Go asks bcryptprimitives.dll for random numbers, and Wine before version 9 has none. This one passes the call on.
if [ ! -e "$WINEPREFIX/drive_c/windows/system32/bcryptprimitives.dll" ]; then
  printf 'LIBRARY bcryptprimitives.dll\nEXPORTS\nProcessPrng = advapi32.SystemFunction036\n' >"$dir/exports.def"
  printf '%s\n' .text '.globl DllMain' DllMain: "movl \$1, %eax" ret >"$dir/main.s"
  x86_64-w64-mingw32-as "$dir/main.s" -o "$dir/main.o"
  x86_64-w64-mingw32-ld -shared -e DllMain -o "$WINEPREFIX/drive_c/windows/system32/bcryptprimitives.dll" "$dir/main.o" "$dir/exports.def"
fi
"$@"
