#!/bin/sh
# Makes docs/images/mail-*.png again from the golden mails, after their look has changed:
#
#   go test ./reminder -run Golden -update && deploy/dev/screenshots.sh
#
# Needs Chromium (as root in a container: CHROMIUM_FLAGS=--no-sandbox), and the font Roboto to look as on a phone.
set -eu
cd "$(dirname "$0")/../.."
profile=$(mktemp -d)
trap 'rm -rf "$profile"' EXIT

shoot() { # language, width, height, name of the colour scheme, its number in Chromium
	# shellcheck disable=SC2086 # several flags, or none
	"${CHROMIUM:-chromium}" ${CHROMIUM_FLAGS:-} --headless --hide-scrollbars --user-data-dir="$profile" \
		--blink-settings=preferredColorScheme="$5" --window-size="$2,$3" \
		--screenshot="docs/images/mail-$1-$2-$4.png" "file://$PWD/reminder/testdata/mails/several.$1.html" 2>/dev/null
}

mkdir -p docs/images
for language in id en; do
	shoot "$language" 360 1400 dark 0
	shoot "$language" 360 1400 light 1
	shoot "$language" 640 1180 dark 0
	shoot "$language" 640 1180 light 1
done
