#!/bin/sh
# Makes docs/images/*.png again from the golden mails and the golden report, after their look has changed:
#
#   go test ./reminder/letter ./cmd/local -run Golden -update && deploy/dev/screenshots.sh
#
# Needs Chromium (as root in a container: CHROMIUM_FLAGS=--no-sandbox), and the font Roboto to look as on a phone.
set -eu
cd "$(dirname "$0")/../.."
profile=$(mktemp -d)
trap 'rm -rf "$profile"' EXIT

picture() { # page, picture, width, height, number of the colour scheme in Chromium
	# shellcheck disable=SC2086 # several flags, or none
	"${CHROMIUM:-chromium}" ${CHROMIUM_FLAGS:-} --headless --hide-scrollbars --user-data-dir="$profile" \
		--blink-settings=preferredColorScheme="$5" --window-size="$3,$4" --screenshot="docs/images/$2.png" "file://$PWD/$1" 2>/dev/null
}

shoot() { # language, width, height, name of the colour scheme, its number
	picture "reminder/letter/testdata/mails/several.$1.html" "mail-$1-$2-$4" "$2" "$3" "$5"
}

mkdir -p docs/images
for language in id en; do
	shoot "$language" 360 1460 dark 0
	shoot "$language" 360 1460 light 1
	shoot "$language" 640 1210 dark 0
	shoot "$language" 640 1210 light 1
done
picture cmd/local/testdata/report.id.html report 900 1560 1
