#!/usr/bin/env bash
# test-databases.sh [NAME=DSN…]
#
# Runs the same tests on every database that there is: the private MariaDB of all tests, the newest MySQL (unpacked into
# MYSQL_DIR, a temporary folder by default; MARIADB=none and MYSQL_DIR=none leave them out), both once more with all settings
# of their sessions preset wrongly, and every server that an argument names, such as
#     test-databases.sh 'tidb=root@tcp(127.0.0.1:4000)/'
# The user of such a server must be allowed to do everything on it; the tests themselves run under deploy/grants.sql. Ends
# with a table for docs/databases.md. What a test leaves out because a server lacks it, or is slow, the test says.
set -uo pipefail

here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0

# check NAME COMMAND…: the tests under what COMMAND starts. The store's come first; then a library of each system is run.
check() {
  local name=$1 start=$SECONDS verdict=passed
  shift
  echo "== $name"
  # shellcheck disable=SC2016 # the inner shell's
  if ! "$@" bash -c 'go test -count=1 -v -run TestWhichServer ./reminder/mysql >"$0" && go test -count=1 -v -parallel 6 -timeout 60m ./reminder/mysql/... &&
    go test -count=1 -v -timeout 60m -run "TestSource|TestLifeOfALoan|TestChangedBetweenPlanAndSend|TestRestoredBackup|TestFirstDay|TestSecondRun" ./reminder ./cmd/local' \
    "$work/server"; then
    verdict=FAILED failed=1
  fi
  echo "| $name | $(sed -n 's/.*server: //p' "$work/server") | $(date -u +%F) | $verdict | $((SECONDS - start)) s |" >>"$work/table"
}

unset TEST_MYSQL_DSN
export TEST_MYSQL_MEMORY=1 TEST_MYSQL_OPTIONS=${TEST_MYSQL_OPTIONS:---innodb-flush-log-at-trx-commit=0}
if [ "${MARIADB:-}" != none ]; then
  check MariaDB "$here/with-mariadb.sh"
  TEST_MYSQL_HOSTILE=1 check 'MariaDB, preset wrongly' "$here/with-mariadb.sh"
fi
if [ "${MYSQL_DIR:=$work/mysql}" != none ]; then
  if server=$("$here/get-mysql.sh" "$MYSQL_DIR"); then
    TEST_MYSQL_SERVER=$server check MySQL "$here/with-mariadb.sh"
    TEST_MYSQL_SERVER=$server TEST_MYSQL_HOSTILE=1 check 'MySQL, preset wrongly' "$here/with-mariadb.sh"
  else
    failed=1
    echo "| MySQL | could not be unpacked | $(date -u +%F) | FAILED | |" >>"$work/table"
  fi
fi
for given; do
  TEST_MYSQL_DSN=${given#*=} check "${given%%=*}" env
done
cat "$work/table"
exit $failed
