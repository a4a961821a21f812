#!/usr/bin/env bash
# with-mariadb.sh COMMAND [ARGUMENT…]
#
# Runs COMMAND with a private MariaDB or MySQL server, and removes the server when COMMAND ends. COMMAND finds it by
# TEST_MYSQL_DSN (for go-sql-driver/mysql; root, no password) and TEST_MYSQL_SOCKET (for the client); TEST_MYSQL_CA names its
# TLS certificate. If TEST_MYSQL_DSN is set already, that server is used and none is started. TEST_MYSQL_SERVER names another
# server program than the system's. TEST_MYSQL_OPTIONS holds further options of the
# server, such as --innodb-flush-log-at-trx-commit=0 where no test pulls the plug. With TEST_MYSQL_HOSTILE=1 the server
# presets every setting of its sessions wrongly. With TEST_MYSQL_MEMORY=1 its data is in memory where there are 2 GB for it.
set -euo pipefail

if [ -n "${TEST_MYSQL_DSN:-}" ]; then
  exec "$@"
fi

here=$(cd "$(dirname "$0")" && pwd)
export PATH=$PATH:/usr/sbin # where Debian keeps database servers; not on every user's path
server=${TEST_MYSQL_SERVER:-$(command -v mariadbd || command -v mysqld || true)}
if [ -z "$server" ]; then
  "$here/need.sh" mariadbd mariadb-server-core mariadb-client-core
  server=$(command -v mariadbd)
fi

# In memory a test's database is made many times faster, and a busy disk does not matter.
place=${TMPDIR:-/tmp}
if [ -n "${TEST_MYSQL_MEMORY:-}" ] && [ "$(df --output=avail -k /dev/shm 2>/dev/null | tail -n 1)" -gt 2000000 ] 2>/dev/null; then
  place=/dev/shm
fi
dir=$(mktemp -d -p "$place")
server_pid=
# shellcheck disable=SC2317 # called by trap
stop() {
  # Nobody needs the data again, so there is nothing to shut down in order.
  if [ -n "$server_pid" ] && kill -KILL "$server_pid"; then
    wait "$server_pid" || true
  fi
  rm -rf "$dir"
} 2>/dev/null
trap stop EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

# A server that starts removes what looks like another one's temporary tables, so each has a folder of its own for them.
mkdir "$dir/tmp"
options=(--no-defaults "--datadir=$dir/data" "--tmpdir=$dir/tmp")
if [ "$(id -u)" = 0 ]; then
  options+=(--user=root)
fi
case $("$server" --no-defaults --version) in
*MariaDB*)
  create=("$(command -v mariadb-install-db || command -v mysql_install_db)" "${options[@]}"
    --auth-root-authentication-method=normal --skip-test-db --skip-name-resolve)
  ;;
*)
  options+=(--secure-file-priv=) # Debian's default names a folder that only the full server package makes
  create=("$server" "${options[@]}" --initialize-insecure)
  options+=(--loose-mysqlx=OFF)
  ;;
esac

fail() {
  echo "with-mariadb.sh: $server does not $1; the end of its log:" >&2
  tail -n 30 "$dir/log" >&2
  exit 1
}

# A certificate that is its own authority, for the server's address and no name.
"$here/need.sh" openssl openssl
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=pengingat-test \
  -addext subjectAltName=IP:127.0.0.1 -keyout "$dir/key.pem" -out "$dir/ca.pem" 2>"$dir/log" || fail 'get a certificate'
options+=("--ssl-ca=$dir/ca.pem" "--ssl-cert=$dir/ca.pem" "--ssl-key=$dir/key.pem")

# Below the range from which the system gives outgoing connections their ports.
port=$((10000 + RANDOM % 20000))
while (: <"/dev/tcp/127.0.0.1/$port") 2>/dev/null; do
  port=$((10000 + RANDOM % 20000))
done

"${create[@]}" >"$dir/log" 2>&1 || fail 'create a database'

# Job control gives each of the two a process group of its own: Ctrl-C does not reach the server, and a signal can be
# passed on to all that COMMAND started.
set -m
if [ -n "${TEST_MYSQL_HOSTILE:-}" ]; then
  hostile=("--init-file=$here/hostile.sql" --log-bin=binlog --binlog-format=STATEMENT --loose-skip-character-set-client-handshake
    --character-set-server=latin1 --collation-server=latin1_swedish_ci)
else
  hostile=(--skip-log-bin --character-set-server=utf8mb4 --collation-server=utf8mb4_unicode_ci)
fi
read -ra more <<<"${TEST_MYSQL_OPTIONS:-}"
"$server" "${options[@]}" "--socket=$dir/socket" "--pid-file=$dir/pid" --bind-address=127.0.0.1 "--port=$port" \
  --skip-networking=0 --max-connections=600 "${hostile[@]}" "${more[@]}" >"$dir/log" 2>&1 </dev/null &
server_pid=$!
for _ in {1..1800}; do
  if grep -q "ready for connections" "$dir/log"; then
    break
  fi
  kill -0 "$server_pid" 2>/dev/null || fail 'start'
  sleep 0.1
done
grep -q "ready for connections" "$dir/log" || fail 'start within three minutes'

export TEST_MYSQL_DSN="root@tcp(127.0.0.1:$port)/" TEST_MYSQL_SOCKET=$dir/socket TEST_MYSQL_CA=$dir/ca.pem
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
