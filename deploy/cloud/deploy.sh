#!/usr/bin/env bash
# deploy.sh --project ID [options]
#
# Deploys to Google Cloud with gcloud alone: the function, its schedule, its accounts and secrets, as in terraform/, but without
# alerts. It can be repeated at any time and changes only what differs; --dry-run prints every command and runs none.
#
#   --project ID           the project
#   --env FILE             the settings (.env); default pengingat.env
#   --region REGION        default asia-southeast2
#   --name NAME            default pengingat
#   --database P:R:I       a Cloud SQL instance, reached through its socket; without it DB_HOST counts
#   --network N --subnet S the network in which DB_HOST is
#   --archive FILE         default dist/pengingat-function.zip, which `make package` writes
#   --parallelism N        runs that begin at the same minute; default 1
#   --remove               remove what this script made, except the project's services; the database stays
#   --dry-run
#
# Needs gcloud with an account that may do all this, go and unzip. The program itself reads and checks the settings; a Laravel
# application's file will do. A database elsewhere is reached with TLS only (DB_TLS, DB_CA_FILE).
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/../.."

project='' region=asia-southeast2 name=pengingat env_file=pengingat.env database='' network='' subnet=''
archive=dist/pengingat-function.zip parallelism=1 remove='' dry=''

# The time limits, in this order: a run begins no email after its budget (REMINDER_BUDGET, 4m); the platform ends the request;
# the scheduler gives up; the lease of a dead run's claims ends (REMINDER_LEASE, 15m).
timeout=600 deadline=660

die() {
  echo "deploy.sh: $*" >&2
  exit 64
}

[ "${BASH_VERSINFO[0]}" -ge 4 ] || die 'this needs bash 4 or newer; Cloud Shell has it'

while [ $# -gt 0 ]; do
  case $1 in
    --project | --env | --region | --name | --database | --network | --subnet | --archive | --parallelism)
      [ $# -ge 2 ] || die "$1 needs a value"
      case $1 in
        --project) project=$2 ;;
        --env) env_file=$2 ;;
        --region) region=$2 ;;
        --name) name=$2 ;;
        --database) database=$2 ;;
        --network) network=$2 ;;
        --subnet) subnet=$2 ;;
        --archive) archive=$2 ;;
        --parallelism) parallelism=$2 ;;
      esac
      shift 2
      ;;
    --remove) remove=1 && shift ;;
    --dry-run) dry=1 && shift ;;
    -h | --help)
      sed -n '2,/^set -/s/^# \{0,1\}//p' "deploy/cloud/$(basename "$0")"
      exit
      ;;
    *) die "$1 is not an option; see --help" ;;
  esac
done

[[ $project =~ ^[a-z][a-z0-9-]{4,28}[a-z0-9]$ ]] || die '--project needs the id of a project'
[[ $region =~ ^[a-z]+-[a-z]+[0-9]{1,2}$ ]] || die '--region is such as asia-southeast2'
[[ $name =~ ^[a-z][a-z0-9-]{1,18}[a-z0-9]$ ]] || die '--name is 3 to 20 small letters, digits and hyphens'
[[ $parallelism =~ ^[1-9][0-9]?$ ]] || die '--parallelism is 1 to 99'
[ -z "$database" ] || [[ $database =~ ^[a-z][a-z0-9.:-]+:[a-z]+-[a-z]+[0-9]+:[a-z][a-z0-9-]*$ ]] || die '--database is project:region:instance'
if { [ -n "$network" ] && [ -z "$subnet" ]; } || { [ -z "$network" ] && [ -n "$subnet" ]; }; then
  die '--network and --subnet belong together'
fi

account() { echo "$name-$1@$project.iam.gserviceaccount.com"; }

# run prints a command and runs it. No secret is printed or passed as an argument.
run() {
  printf '+'
  printf ' %q' "$@"
  echo
  if [ -z "$dry" ]; then
    "$@" >/dev/null
  fi
}

# exists runs a describe, quietly; in a dry run nothing exists.
exists() {
  printf '+'
  printf ' %q' "$@"
  echo
  [ -z "$dry" ] && "$@" >/dev/null 2>&1
}

gc() { run gcloud "$@" --project="$project" --quiet; }
there() { exists gcloud "$@" --project="$project" --quiet; }

# ask returns the output of a command.
ask() { gcloud "$@" --project="$project" --quiet; }

# jobs_wanted prints the names that the scheduler's jobs should have.
jobs_wanted() {
  local i kind
  for kind in hourly daily; do
    for ((i = 1; i <= parallelism; i++)); do
      if [ "$i" = 1 ]; then echo "$name-$kind"; else echo "$name-$kind-$i"; fi
    done
  done
}

jobs_there() {
  ask scheduler jobs list --location="$region" --format='value(name.basename())' |
    grep -E "^$name-(hourly|daily)(-[0-9]+)?\$" || true
}

if [ -n "$remove" ]; then
  for job in $(if [ -n "$dry" ]; then jobs_wanted; else jobs_there; fi); do
    gc scheduler jobs delete "$job" --location="$region"
  done
  remove_it() {
    if there "${@/#delete/describe}" || [ -n "$dry" ]; then gc "$@"; fi
  }
  remove_it run services delete "$name" --region="$region"
  remove_it artifacts repositories delete "$name" --location="$region"
  for key in db-password mail-password mail-oauth-token imap-password sendgrid-api-key; do
    remove_it secrets delete "$name-$key"
  done
  for who in run scheduler build; do
    remove_it iam service-accounts delete "$(account "$who")"
  done
  echo 'Removed. Roles of the removed accounts in the project are listed as deleted:… and mean nothing.'
  exit
fi

# Read the settings: ours into env_vars, secrets into secret_values.
[ -f "$env_file" ] || die "there is no $env_file; --env FILE says where the settings are"
[ -f "$archive" ] || die "there is no $archive; 'make package' writes it"

secret_keys=' DB_PASSWORD MAIL_PASSWORD MAIL_OAUTH_TOKEN IMAP_PASSWORD SENDGRID_API_KEY '
declare -A env_vars secret_values

# The program reads and checks the file, so that it means the same here as everywhere.
overrides=(LOG_FORMAT=json "GOOGLE_CLOUD_PROJECT=$project")
if [ -n "$database" ]; then
  overrides+=("DB_CLOUDSQL_INSTANCE=$database")
fi
settings=$(mktemp)
trap 'rm -f "$settings"' EXIT
go run ./deploy/cloud/settings "$(realpath "$env_file")" "${overrides[@]}" >"$settings" || die "$env_file: see above"
while IFS= read -r -d '' setting; do
  key=${setting%%=*} value=${setting#*=}
  case $value in
    *'~~'*) die "$env_file: $key has ~~ in it, which cannot be given to gcloud" ;;
  esac
  case "$secret_keys" in
    *" $key "*) secret_values[$key]=$value ;;
    *) env_vars[$key]=$value ;;
  esac
done <"$settings"
rm -f "$settings"

[ -n "${secret_values[DB_PASSWORD]:-}" ] || die "$env_file: DB_PASSWORD is not set; a database in the cloud has one"
case ${env_vars[MAIL_MAILER]} in
  smtp | sendgrid) ;;
  *) die "$env_file: MAIL_MAILER is smtp or sendgrid in the cloud; files would be lost with the function's disk" ;;
esac
if [ -n "$database" ]; then
  unset 'env_vars[DB_HOST]' 'env_vars[DB_PORT]' 'env_vars[DB_TLS]' 'env_vars[DB_CA_FILE]' # the socket is encrypted by the platform
else
  case ${env_vars[DB_HOST]:-} in
    '' | localhost | 127.* | ::1) die "$env_file: DB_HOST is this computer, which the cloud cannot reach; or give --database" ;;
    10.* | 192.168.* | 172.1[6-9].* | 172.2?.* | 172.3[01].*)
      [ -n "$network" ] || die "$env_file: DB_HOST is a private address, which the function reaches in its network only: give --network and --subnet"
      ;;
  esac
fi
zone=${env_vars[APP_TIMEZONE]:-Asia/Jakarta}

echo "1. Services"
gc services enable run.googleapis.com cloudbuild.googleapis.com artifactregistry.googleapis.com cloudscheduler.googleapis.com \
  secretmanager.googleapis.com iam.googleapis.com cloudresourcemanager.googleapis.com

echo "2. Accounts: who runs, who calls, who builds"
for who in run scheduler build; do
  there iam service-accounts describe "$(account $who)" || gc iam service-accounts create "$name-$who"
done

echo "3. Where images go"
there artifacts repositories describe "$name" --location="$region" ||
  gc artifacts repositories create "$name" --location="$region" --repository-format=docker

echo "4. Secrets"
set_secrets='' stale=()
for key in $secret_keys; do
  value=${secret_values[$key]:-}
  [ -n "$value" ] || continue
  id=$name-${key,,}
  id=${id//_/-}
  there secrets describe "$id" ||
    gc secrets create "$id" --replication-policy=user-managed --locations="$region"
  version=N
  if [ -z "$dry" ] && [ "$(ask secrets versions access latest --secret="$id" 2>/dev/null || true)" = "$value" ]; then
    echo "  $id is as it was"
  else
    gc secrets versions add "$id" --data-file=- < <(printf '%s' "$value") # a dry run reads nothing, and that is no failure
  fi
  if [ -z "$dry" ]; then
    # The version is pinned: a later version is used from the next deployment on, not from the next start on.
    version=$(ask secrets versions describe latest --secret="$id" --format='value(name.basename())')
    [[ $version =~ ^[0-9]+$ ]] || die "$id has no version that can be used"
    stale+=("$id $version")
  fi
  gc secrets add-iam-policy-binding "$id" --member="serviceAccount:$(account run)" --role=roles/secretmanager.secretAccessor
  set_secrets+=${set_secrets:+,}$key=$id:$version
done

echo "5. Rights"
gc artifacts repositories add-iam-policy-binding "$name" --location="$region" \
  --member="serviceAccount:$(account build)" --role=roles/artifactregistry.writer
gc projects add-iam-policy-binding "$project" --member="serviceAccount:$(account build)" --role=roles/logging.logWriter --condition=None
gc projects add-iam-policy-binding "$project" --member="serviceAccount:$(account build)" --role=roles/storage.objectViewer \
  --condition="title=sources,expression=resource.name.startsWith(\"projects/_/buckets/run-sources-\")"
if [ -n "$database" ]; then
  instance=${database##*:}
  owner=${database%:*}
  owner=${owner%:*}
  run gcloud projects add-iam-policy-binding "$owner" --quiet \
    --member="serviceAccount:$(account run)" --role=roles/cloudsql.client \
    --condition="title=$name,expression=resource.name==\"projects/$owner/instances/$instance\" && resource.service==\"sqladmin.googleapis.com\""
fi

echo "6. The function"
source=''
trap 'rm -rf ${source:+"$source"}' EXIT
if [ -n "$dry" ]; then
  echo "+ unzip -q $archive -d SOURCE"
else
  source=$(mktemp -d)
  unzip -q "$archive" -d "$source"
fi
vars=''
while IFS= read -r key; do
  vars+=${vars:+~~}$key=${env_vars[$key]}
done < <(printf '%s\n' "${!env_vars[@]}" | sort)
where=()
if [ -n "$database" ]; then
  where=("--set-cloudsql-instances=$database")
else
  where=(--clear-cloudsql-instances)
fi
if [ -n "$network" ]; then
  where+=("--network=$network" "--subnet=$subnet" --vpc-egress=private-ranges-only)
else
  where+=(--clear-network)
fi
gc run deploy "$name" --region="$region" --source="${source:-SOURCE}" --function=SendReminders --base-image=go126 \
  --image="$region-docker.pkg.dev/$project/$name/$name" \
  --build-service-account="projects/$project/serviceAccounts/$(account build)" --service-account="$(account run)" \
  "--set-build-env-vars=GOOGLE_GOLDFLAGS=-s -w" --no-allow-unauthenticated --ingress=internal --timeout="$timeout" --concurrency=1 --min-instances=0 --max-instances="$parallelism" \
  --cpu=1 --memory=256Mi --labels="app=$name" "--set-env-vars=^~~^$vars" "--set-secrets=$set_secrets" "${where[@]}"
gc run services add-iam-policy-binding "$name" --region="$region" --member="serviceAccount:$(account scheduler)" --role=roles/run.invoker

echo "7. The clock"
url=https://URL
if [ -z "$dry" ]; then
  url=$(ask run services describe "$name" --region="$region" --format='value(status.url)')
  [ -n "$url" ] || die 'the service has no address'
fi
for job in $(jobs_wanted); do
  case $job in
    "$name"-hourly*) cron='17 * * * *' ;;
    *) cron='0 7 * * *' ;;
  esac
  if there scheduler jobs describe "$job" --location="$region"; then verb=update header=--update-headers; else verb=create header=--headers; fi
  gc scheduler jobs $verb http "$job" --location="$region" --schedule="$cron" --time-zone="$zone" \
    --uri="$url" --http-method=POST --message-body='{}' $header=Content-Type=application/json \
    --oidc-service-account-email="$(account scheduler)" --oidc-token-audience="$url" \
    --attempt-deadline="${deadline}s" --max-retry-attempts=3 --min-backoff=60s --max-backoff=600s --max-doublings=3
done
if [ -z "$dry" ]; then # fewer than last time
  for job in $(jobs_there); do
    # Not grep -q: it stops reading at the first match, and then jobs_wanted fails, which pipefail would take for "not wanted".
    jobs_wanted | grep -x "$job" >/dev/null || gc scheduler jobs delete "$job" --location="$region"
  done
fi

echo "8. Values of before"
# The new revision is there, so old versions are disabled. They are not destroyed, so that a wrong new password can be undone.
for one in ${stale[@]+"${stale[@]}"}; do
  read -r id version <<<"$one"
  for old in $(ask secrets versions list "$id" --filter=state=ENABLED --format='value(name.basename())'); do
    [ "$old" = "$version" ] || gc secrets versions disable "$old" --secret="$id"
  done
done

echo "Done. A run now: gcloud scheduler jobs run $name-hourly --project=$project --location=$region"
