#!/usr/bin/env bash
# test-deb.sh: tests the Debian package in a temporary Debian of its own: install, settings, enable, run, update, remove, purge.
# As root or with sudo, and with TEST_MYSQL_DSN (deploy/dev/with-mariadb.sh). systemd does not run in a
# chroot, so what its unit would do is done by hand: the same user, the same command.
set -euo pipefail
cd "$(dirname "$0")/../.."
deploy/dev/need.sh debootstrap debootstrap

as_root=()
[ "$(id -u)" = 0 ] || as_root=(sudo -n)
dir=$(mktemp -d)
root=$dir/root
# shellcheck disable=SC2317 # called by trap
stop() {
  "${as_root[@]}" umount "$root/proc" || true
  "${as_root[@]}" rm -rf --one-file-system "$dir"
} 2>/dev/null
trap stop EXIT

step() { echo "test-deb: $*"; }
fail() {
  echo "test-deb: $*" >&2
  exit 1
}
inside() { "${as_root[@]}" chroot "$root" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C DEBIAN_FRONTEND=noninteractive "$@"; }
user() { inside setpriv --reuid=pengingat --regid=pengingat --clear-groups "$@"; }
is() { # PATH 'MODE OWNER:GROUP'
  local found
  found=$(inside stat -c '%a %U:%G' "$1")
  [ "$found" = "$2" ] || fail "$1 is $found, not $2"
}
gone() { ! inside test -e "$1" || fail "$1 is still there"; }
sql() { mariadb --no-defaults -S "$TEST_MYSQL_SOCKET" -u root "$@"; }

step 'two versions of the package'
for version in v0.8.0 v0.9.0; do
  deploy/release/dist.sh "$version" "$dir/$version" debian >/dev/null
done

step 'a Debian'
"${as_root[@]}" debootstrap --variant=minbase --include=adduser,ca-certificates,systemd bookworm "$root" >"$dir/log" 2>&1 || {
  tail "$dir/log" >&2
  exit 1
}
"${as_root[@]}" mount -t proc proc "$root/proc"
"${as_root[@]}" cp "$dir"/v*/*.deb "$root/tmp"

step install
inside dpkg -i /tmp/pengingat_0.8.0_amd64.deb
is /etc/pengingat '750 root:pengingat'
is /var/log/pengingat '750 pengingat:pengingat'
! inside systemctl is-enabled pengingat.timer || fail 'the timer is enabled by the installation'
inside systemd-analyze verify pengingat.service pengingat.timer
inside pengingat version | grep -q '^pengingat v0.8.0 ' || fail 'version'

step settings
database=pengingat_deb
sql -e "CREATE DATABASE $database"
sql "$database" <reminder/mysql/mysqltest/school/school.sql
sql "$database" -e "INSERT INTO users (nama, email, password, level) VALUES ('Siswa', 'siswa@sekolah.sch.id', '', 'siswa');
  SET @borrower = LAST_INSERT_ID();
  INSERT INTO buku (kode_buku, judul, pengarang, penerbit, tahun_terbit, deskripsi)
    VALUES ('B1', 'Laskar Pelangi', '', '', '2005', '');
  INSERT INTO peminjaman (user_id, buku_id, no_peminjaman, tanggal_pinjam, tanggal_kembali, status)
    VALUES (@borrower, LAST_INSERT_ID(), 'P1', CURRENT_DATE - INTERVAL 7 DAY, CURRENT_DATE, 'Dipinjam')"
port=${TEST_MYSQL_DSN##*:}
"${as_root[@]}" tee "$root/etc/pengingat/pengingat.env" >/dev/null <<EOF
APP_TIMEZONE=UTC
DB_PORT=${port%%[!0-9]*}
DB_DATABASE=$database
MAIL_MAILER=file
MAIL_FILE_DIR=/var/log/pengingat/mails
MAIL_FROM_ADDRESS=perpus@sekolah.sch.id
REMINDER_WINDOW=00:00-24:00
EOF
inside pengingat migrate --source perpustakaan
inside systemctl enable pengingat.timer
inside test -L /etc/systemd/system/timers.target.wants/pengingat.timer || fail 'the timer is not enabled'

step update # which closes the settings again
inside dpkg -i /tmp/pengingat_0.9.0_amd64.deb
is /etc/pengingat/pengingat.env '640 root:pengingat'
inside pengingat version | grep -q '^pengingat v0.9.0 ' || fail 'version'
inside systemctl is-enabled pengingat.timer

step 'run, as the unit does'
inside install -d -o pengingat -m 0500 /run/credentials
inside install -o pengingat -m 0400 /etc/pengingat/pengingat.env /run/credentials/pengingat.env
command=$(sed -n "s|^ExecStart=||p" "$root/lib/systemd/system/pengingat.service")
for _ in 1 2; do
  # shellcheck disable=SC2086 # words of a command line
  user ${command//'${CREDENTIALS_DIRECTORY}'//run/credentials}
  [ "$("${as_root[@]}" find "$root/var/log/pengingat/mails" -name '*.eml' | wc -l)" = 1 ] || fail 'not one mail'
done
is /var/log/pengingat/pengingat.log '600 pengingat:pengingat'
user test -w /etc/pengingat/pengingat.env && fail 'the program may change its settings'
inside setpriv --reuid=nobody --clear-groups cat /etc/pengingat/pengingat.env 2>/dev/null && fail 'everybody may read the passwords'

step remove
inside dpkg -r pengingat
gone /usr/bin/pengingat
gone /lib/systemd/system/pengingat.timer
is /etc/pengingat/pengingat.env '640 root:pengingat'

step purge
inside dpkg -P pengingat
gone /etc/pengingat
gone /var/log/pengingat
inside getent passwd pengingat && fail 'the user is still there'
[ "$(sql "$database" -N -e 'SELECT COUNT(*) FROM reminder_emails')" = 1 ] || fail 'the records are gone'
sql -e "DROP DATABASE $database"
step passed
