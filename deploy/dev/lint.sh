#!/usr/bin/env bash
# lint.sh: all checks of this repository that do not run the program. It stops at the first fault.
set -euo pipefail
cd "$(dirname "$0")/../.."

step() { echo "lint: $* (after $SECONDS s)"; }
has() { command -v "$1" >/dev/null; }

step gofmt
unformatted=$(gofmt -l .)
if [ -n "$unformatted" ]; then
  printf 'not as gofmt writes it:\n%s\n' "$unformatted" >&2
  exit 1
fi

# .golangci.yml has the linters and their exceptions: go vet, staticcheck, gosec, errcheck and others read the sources once. They
# are in a module of their own, so that our go.mod does not list their dependencies. The Go cache keeps the built tool.
tools=$PWD/deploy/dev/lint/go.mod config=$PWD/.golangci.yml
for module in . cmd/demo deploy/dev/desk deploy/dev/tools; do
  (
    cd "$module"
    step "$module: golangci-lint"
    go tool -modfile="$tools" golangci-lint run --config "$config" ./...
    step "$module: go mod tidy, verify"
    go mod tidy -diff
    go mod verify
  )
done

step 'the program for Windows'
GOOS=windows CGO_ENABLED=0 go vet ./cmd/local

step 'shell scripts'
scripts=(.ci/run deploy/*/*.sh)
for script in "${scripts[@]}"; do
  bash -n "$script"
done
if has shellcheck; then
  shellcheck "${scripts[@]}"
fi

if has xmllint && compgen -G 'deploy/windows/*.xml' >/dev/null; then
  step XML
  xmllint --noout deploy/windows/*.xml
fi

if compgen -G 'terraform/*.tf' >/dev/null; then
  step Terraform
  # Without the provider only the format can be checked; 'make lint-terraform' downloads the provider. Without access to a
  # registry a tool beside the repository serves the provider's schema.
  offline=../shared/tools/terraform-offline/terraform-offline
  if [ -x "$offline" ]; then
    "$offline" terraform
  elif has terraform; then
    terraform fmt -check -recursive terraform
  fi
fi
step passed
