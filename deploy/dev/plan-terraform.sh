#!/usr/bin/env bash
# plan-terraform.sh: plans a new project with each way to a database, without an account. Needs what
# `terraform -chdir=terraform init` downloads. A plan with an existing instance asks the cloud for it, so this plan must fail at
# that question and not before it.
set -euo pipefail
cd "$(dirname "$0")/../.."
plans=$(mktemp -d) # apart from a state and a terraform.tfvars that somebody has in terraform/
trap 'rm -rf "$plans"' EXIT
cp terraform/*.tf terraform/tests/archive.txt "$plans"
cp terraform/.terraform.lock.hcl "$plans" 2>/dev/null || true # there is none with a provider of one's own

export GOOGLE_OAUTH_ACCESS_TOKEN=none TF_IN_AUTOMATION=1 TF_DATA_DIR="$PWD/terraform/.terraform"
export TF_VAR_database_password=not-a-password TF_VAR_database_admin_password=not-a-password TF_VAR_mail_password=not-a-password
plan() { # -var arguments
  terraform -chdir="$plans" plan -input=false -lock=false -no-color -var=project_id=pengingat-plan -var=archive=archive.txt \
    -var=mail_from_address=perpustakaan@example.org -var='smtp={host="smtp.example.org"}' -var=alert_email=pustakawan@example.org \
    -var='migrate={image="asia-southeast2-docker.pkg.dev/pengingat-plan/pengingat/pengingat:v1"}' "$@" >"$plans/out" 2>&1
}
network='network={network="default",subnetwork="default"}'

for way in 'database={create={}}' 'database={host="db.example.org"}' \
  'database={host="10.20.30.40",tls="verify-ca",ca_certificate="-----BEGIN CERTIFICATE-----"}'; do
  arguments=("-var=$way")
  case $way in *10.20.30.40*) arguments+=("-var=$network") ;; esac
  if ! plan "${arguments[@]}" || ! grep '^Plan: [1-9][0-9]* to add, 0 to change, 0 to destroy' "$plans/out"; then
    cat "$plans/out" >&2
    echo "$way: cannot be planned" >&2
    exit 1
  fi
done

if plan '-var=database={connection_name="pengingat-plan:asia-southeast2:utama"}' "-var=$network" ||
  [ "$(grep -c '^Error: ' "$plans/out")" != 1 ] || ! grep -q 'with data.google_sql_database_instance.existing' "$plans/out"; then
  cat "$plans/out" >&2
  echo 'an existing instance: its plan did not end where it is asked for' >&2
  exit 1
fi
echo 'an existing instance: planned until it is asked for'
