#!/usr/bin/env bash
# real-mail-servers.sh COMMAND [ARGUMENT…]
#
# Runs COMMAND with a private Postfix, Exim and Dovecot, and stops them when COMMAND ends. Postfix and Exim are unpacked from
# their Debian packages into a temporary folder, so they do not replace a mail server of this machine. Dovecot cannot run from
# another place, so its package is installed if it is missing. They listen on 127.0.0.1, deliver to siti@example.test only, and
# let perpus (password rahasia) send. What perpus sends to murid.example comes back, as if no such address (tidakada), a full mailbox (penuh)
# or a disabled one (nonaktif) were there; Dovecot shows perpus, by the same password, what came back. COMMAND finds them
# by TEST_POSTFIX and TEST_EXIM, each "STARTTLS-PORT TLS-PORT MAILDIR IMAP-PORT", and their certificate by
# TEST_MAIL_CERT.
#
# Postfix starts as root only: without root, sudo must work without a password.
set -euo pipefail

sudo=
owner=mail # of what is delivered; Postfix delivers to nobody as root
if [ "$(id -u)" != 0 ]; then
  sudo='sudo -n'
  owner=$(id -un)
fi
if ! command -v apt-get >/dev/null || ! $sudo true 2>/dev/null; then
  echo 'real-mail-servers.sh needs Debian or Ubuntu, and root or sudo' >&2
  exit 1
fi
"$(dirname "$0")/need.sh" openssl openssl
"$(dirname "$0")/need.sh" dovecot dovecot-core dovecot-imapd # it cannot run from another place

dir=$(mktemp -d)
postfix_pid=
exim_pid=
dovecot_pid=
# shellcheck disable=SC2317 # called by trap
stop() {
  for pid in $postfix_pid $exim_pid $dovecot_pid; do
    if $sudo kill -- "-$pid"; then
      wait "$pid" || true
    fi
  done
  $sudo rm -rf "$dir"
} 2>/dev/null
trap stop EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

fail() {
  echo "real-mail-servers.sh: $1; the end of the logs:" >&2
  $sudo tail -n 20 "$dir"/*.log "$dir"/exim/*log >&2 || true
  exit 1
}

# The packages, and the libraries that they use and this machine may not have.
chmod 755 "$dir"
mkdir -p "$dir/debs" "$dir/root"
chmod 777 "$dir/debs" # apt downloads as a user of its own
servers=(postfix exim4-daemon-light sasl2-bin)
(
  cd "$dir/debs"
  $sudo apt-get -qq -o DPkg::Lock::Timeout=300 update
  mapfile -t libraries < <(apt-cache depends "${servers[@]}" | awk '$1 == "Depends:" && $2 ~ /^lib/ { print $2 }' |
    grep -vx 'libc6' | sort -u)
  apt-get -qq download "${servers[@]}" "${libraries[@]}" libsasl2-modules libsasl2-modules-db libnss-wrapper
  for deb in *.deb; do
    dpkg -x "$deb" "$dir/root"
  done
) >"$dir/apt.log" 2>&1 || fail 'the packages could not be fetched'
root=$dir/root
chmod u-s "$root/usr/sbin/exim4" # it would not see where its libraries are, and needs no rights
lib=$(echo "$root"/usr/lib/*-linux-gnu*)

# Below the range from which the system gives outgoing connections their ports.
ports=()
while [ ${#ports[@]} -lt 6 ]; do
  port=$((10000 + RANDOM % 20000))
  if ! (: <"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
    ports+=("$port")
  fi
done

openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost \
  -addext subjectAltName=DNS:localhost,IP:127.0.0.1 -keyout "$dir/key.pem" -out "$dir/cert.pem" 2>"$dir/openssl.log"
chmod 644 "$dir/key.pem"

# Postfix, with Cyrus SASL and a password file. Its two accounts must be its alone, so it borrows some that sleep.
mkdir -p "$dir/postfix/"{etc/sasl,data,mail,queue/{active,bounce,corrupt,defer,deferred,flush,hold,incoming,private,saved}} \
  "$dir/postfix/queue/"{trace,maildrop,public,pid}
cat >"$dir/postfix/etc/main.cf" <<END
compatibility_level = 3.6
myhostname = localhost.localdomain
mydestination =
mynetworks =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
queue_directory = $dir/postfix/queue
data_directory = $dir/postfix/data
daemon_directory = $root/usr/lib/postfix/sbin
command_directory = $root/usr/sbin
shlib_directory = $root/usr/lib/postfix
meta_directory = $dir/postfix/etc
mail_owner = mail
setgid_group = games
import_environment = MAIL_CONFIG TZ LANG=C LD_LIBRARY_PATH SASL_PATH
maillog_file = $dir/postfix.log
maillog_file_prefixes = $dir
smtpd_tls_security_level = may
smtpd_tls_cert_file = $dir/cert.pem
smtpd_tls_key_file = $dir/key.pem
smtpd_tls_auth_only = yes
smtpd_sasl_auth_enable = yes
smtpd_sasl_local_domain = localhost.localdomain
smtpd_relay_restrictions = permit_sasl_authenticated, reject_unauth_destination
smtpd_error_sleep_time = 0
smtpd_reject_unlisted_recipient = no
smtpd_recipient_restrictions = check_recipient_access inline:{murid.example=OK}, reject_unlisted_recipient
default_transport = error:nothing leaves this machine
transport_maps = inline:{{tidakada@murid.example=error:5.1.1 no such user}, {penuh@murid.example=error:5.2.2 mailbox full},
  {nonaktif@murid.example=error:5.2.1 mailbox disabled}}
virtual_mailbox_domains = example.test
virtual_mailbox_base = $dir/postfix/mail
virtual_mailbox_maps = inline:{siti@example.test=box/,sítí@example.test=box/,perpus@example.test=perpus/}
virtual_uid_maps = static:$(id -u "$owner")
virtual_gid_maps = static:$(id -g "$owner")
virtual_minimum_uid = 1
END
cat >"$dir/postfix/etc/master.cf" <<END
127.0.0.1:${ports[0]} inet n - n - - smtpd
127.0.0.1:${ports[1]} inet n - n - - smtpd -o smtpd_tls_wrappermode=yes
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
proxymap unix - - n - - proxymap
error unix - - n - - error
retry unix - - n - - error
virtual unix - n n - - virtual
anvil unix - - n - 1 anvil
postlog unix-dgram n - n - 1 postlogd
END
cat >"$dir/postfix/etc/sasl/smtpd.conf" <<END
pwcheck_method: auxprop
auxprop_plugin: sasldb
sasldb_path: $dir/postfix/etc/sasl/db
mech_list: PLAIN LOGIN CRAM-MD5
END
environment=("LD_LIBRARY_PATH=$root/usr/lib/postfix:$lib:$(echo "$root"/lib/*-linux-gnu*)" 
  "SASL_PATH=$lib/sasl2")
printf rahasia | env "${environment[@]}" "$root/usr/sbin/saslpasswd2" -p -c -f "$dir/postfix/etc/sasl/db" \
  -u localhost.localdomain perpus
$sudo chown -R root "$dir/postfix" "$root/usr/lib/postfix"
$sudo chown -R mail "$dir/postfix/"{data,etc/sasl/db,queue/[!p]*} "$dir/postfix/queue/"{private,public}
$sudo chown "$owner" "$dir/postfix/mail"
$sudo chgrp games "$dir/postfix/queue/"{public,maildrop}
$sudo chmod 730 "$dir/postfix/queue/maildrop"
$sudo chmod 710 "$dir/postfix/queue/public"

# Exim. Its user is built in: nss_wrapper lets it believe that there is one.
mkdir -p "$dir/exim/"{spool,mail}
cat >"$dir/exim/conf" <<END
exim_user = $owner
exim_group = $(id -gn "$owner")
never_users = root
exim_path = $root/usr/sbin/exim4
keep_environment = LD_LIBRARY_PATH : LD_PRELOAD : NSS_WRAPPER_PASSWD : NSS_WRAPPER_GROUP
primary_hostname = localhost.localdomain
qualify_domain = example.test
smtputf8_advertise_hosts =
spool_directory = $dir/exim/spool
log_file_path = $dir/exim/%slog
pid_file_path = $dir/exim/pid
local_interfaces = 127.0.0.1
daemon_smtp_ports = ${ports[2]} : ${ports[3]}
tls_on_connect_ports = ${ports[3]}
tls_advertise_hosts = *
tls_certificate = $dir/cert.pem
tls_privatekey = $dir/key.pem
auth_advertise_hosts = \${if def:tls_in_cipher{*}}
acl_smtp_mail = authenticated
acl_smtp_rcpt = known
begin acl
authenticated:
  accept authenticated = *
known:
  accept domains = murid.example
  accept verify = recipient
begin routers
box:
  driver = accept
  domains = example.test
  local_parts = siti : perpus
  transport = box
gone:
  driver = redirect
  domains = murid.example
  allow_fail
  data = \${if eq{\$local_part}{penuh}{:fail: 552 5.2.2 mailbox full}{\${if eq{\$local_part}{nonaktif}{:fail: 550 5.2.1 mailbox disabled}{:fail: 550 5.1.1 no such user}}}}
begin transports
box:
  driver = appendfile
  maildir_format
  directory = $dir/exim/mail/\${if eq{\$local_part}{siti}{box}{perpus}}
  user = $owner
begin authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  server_condition = \${if and{{eq{\$auth2}{perpus}}{eq{\$auth3}{rahasia}}}}
login:
  driver = plaintext
  public_name = LOGIN
  server_prompts = Username:: : Password::
  server_condition = \${if and{{eq{\$auth1}{perpus}}{eq{\$auth2}{rahasia}}}}
END
{ cat /etc/passwd && echo "Debian-exim:x:$(id -u "$owner"):$(id -g "$owner")::/:/bin/false"; } >"$dir/exim/passwd"
{ cat /etc/group && echo "Debian-exim:x:$(id -g "$owner"):"; } >"$dir/exim/group"
$sudo chown -R "$owner" "$dir/exim"
$sudo chown root "$dir/exim/conf"

# Dovecot, which reads what either of the two has delivered to perpus, under the user who owns it: one port for each.
mkdir -p "$dir/dovecot/run/"{postfix,exim}
cat >"$dir/dovecot/passwd" <<END
perpus:{PLAIN}rahasia:$(id -u "$owner"):$(id -g "$owner")::/nonexistent
END
dovecot_conf() {
  cat <<END
base_dir = $dir/dovecot/run/$1
state_dir = $dir/dovecot/run/$1
protocols = imap
ssl = no
disable_plaintext_auth = no
default_internal_user = $owner
default_internal_group = $(id -gn "$owner")
default_login_user = $owner
first_valid_uid = 0
first_valid_gid = 0
log_path = $dir/dovecot-$1.log
mail_location = maildir:$dir/$1/mail/perpus
auth_mechanisms = plain
passdb {
  driver = passwd-file
  args = $dir/dovecot/passwd
}
userdb {
  driver = passwd-file
  args = $dir/dovecot/passwd
}
namespace inbox {
  inbox = yes
  mailbox "Surat Terkirim" {
    auto = create
    special_use = \\Sent
  }
}
service imap-login {
  chroot =
  inet_listener imap {
    address = 127.0.0.1
    port = $2
  }
  inet_listener imaps {
    port = 0
  }
}
service anvil {
  chroot =
}
END
}
dovecot_conf postfix "${ports[4]}" >"$dir/dovecot/postfix.conf"
dovecot_conf exim "${ports[5]}" >"$dir/dovecot/exim.conf"

# Job control gives each of the three a process group of its own: Ctrl-C does not reach the servers, and a signal can be
# passed on to all that COMMAND started.
set -m
$sudo env "${environment[@]}" "$root/usr/lib/postfix/sbin/master" -c "$dir/postfix/etc" -d >"$dir/master.log" 2>&1 </dev/null &
postfix_pid=$!
$sudo env "${environment[@]}" "NSS_WRAPPER_PASSWD=$dir/exim/passwd" "NSS_WRAPPER_GROUP=$dir/exim/group" \
  "LD_PRELOAD=$lib/libnss_wrapper.so" "$root/usr/sbin/exim4" -C "$dir/exim/conf" -bdf >"$dir/exim.log" 2>&1 </dev/null &
exim_pid=$!
# shellcheck disable=SC2016
$sudo sh -c 'dovecot -F -c "$1/postfix.conf" & dovecot -F -c "$1/exim.conf" & wait' dovecot "$dir/dovecot" >"$dir/dovecot.log" 2>&1 </dev/null &
dovecot_pid=$!
for port in "${ports[@]}"; do
  for _ in {1..300}; do
    if (: <"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
      continue 2
    fi
    sleep 0.1
  done
  fail 'a server did not start within half a minute'
done

export TEST_MAIL_CERT=$dir/cert.pem
export TEST_POSTFIX="${ports[0]} ${ports[1]} $dir/postfix/mail/box ${ports[4]}" TEST_EXIM="${ports[2]} ${ports[3]} $dir/exim/mail/box ${ports[5]}"
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
