#!/usr/bin/env bash
# dist.sh VERSION FOLDER
#
# Makes everything of a release in FOLDER, on Linux, and after `go mod download` without a network: for Windows an installer and a
# zip, for Debian a package, for Linux two archives, the function's archive, for each program a bill of materials, the licences of
# what is linked in, and SHA256SUMS. The same commit, the same Go and the same Debian give the same bytes in any folder: nothing in it
# comes from the clock, the user or the path. SIGN names a command that signs the file it is given, such as a call of osslsigncode; a
# signed installer is not the same twice.
set -euo pipefail
cd "$(dirname "$0")/../.."

version=${1:?version} out=$2
number=${version#v}
[[ $number =~ ^[0-9] ]] || number=0.0.0-$number # a commit without a tag: packages need a number
mkdir -p "$out"
out=$(cd "$out" && pwd)
rm -f "$out"/*

for need in 'makensis nsis' 'zip zip' 'dpkg-deb dpkg' 'xz xz-utils'; do
  # shellcheck disable=SC2086 # command and package
  deploy/dev/need.sh $need
done

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
SOURCE_DATE_EPOCH=$(git log -1 --format=%ct)
export SOURCE_DATE_EPOCH TZ=UTC LC_ALL=C
umask 022

# archive puts a folder's files into a tar.gz or zip, in order, with one time and without an owner.
archive() { # FILE FOLDER
  find "$2" -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} +
  local parent name
  parent=$(dirname "$2") name=$(basename "$2")
  case $1 in
    *.tar.gz) tar -C "$parent" --sort=name --owner=0 --group=0 --numeric-owner --format=gnu -cf - "$name" | gzip -9n >"$1" ;;
    *.zip) (cd "$parent" && find "$name" -type f | LC_ALL=C sort | zip -q -X -9 -@ "$1") ;;
  esac
}

program() { # GOOS GOARCH FILE
  CGO_ENABLED=0 GOOS=$1 GOARCH=$2 GOFLAGS=-buildvcs=false go build -trimpath \
    -ldflags "-s -w -X github.com/mtsn6garut/pengingat/reminder.Version=$version" -o "$3" ./cmd/local
}

echo 'tools'
tools=$work/tools
mkdir "$tools"
go build -C deploy/dev/tools -o "$tools" ./winres ./materials ./handbook

documents() { # FOLDER: what goes along with every program
  mkdir -p "$1"
  "$tools/handbook" "$1" docs/panduan/*.md
  cp LICENSE CHANGELOG.md deploy/grants.sql "$1"
}

for target in windows-amd64 linux-amd64 linux-arm64; do
  echo "$target"
  os=${target%-*} arch=${target#*-} ending=
  [ "$os" = windows ] && ending=.exe
  folder=$work/$target/pengingat-$number
  documents "$folder"
  program "$os" "$arch" "$folder/pengingat$ending"
  bill=$out/pengingat-$number-$target.cdx.json
  "$tools/materials" "$folder/pengingat$ending" "$version" "$bill" "$folder/THIRD_PARTY.txt"
  diff <(go version -m "$folder/pengingat$ending" | awk '$1 == "dep" { print $2 "@" $3 }' | sort) \
    <(sed -n 's|.*"purl": "pkg:golang/\(.*\)".*|\1|p' "$bill" | sort) || {
    echo "dist.sh: $bill does not list what is in the program" >&2
    exit 1
  }
  if [ "$os" = windows ]; then
    "$tools/winres" "$folder/pengingat.exe" "$version"
    ${SIGN:+$SIGN "$folder/pengingat.exe"}
    cp deploy/windows/old-services.cmd "$folder"
    printf '@start "" "%%~dp0pasang.html"\r\n' >"$folder/MULAI.cmd"
    archive "$out/pengingat-$number-$target.zip" "$folder"
  else
    cp deploy/linux/pengingat.{service,timer} "$folder"
    archive "$out/pengingat-$number-$target.tar.gz" "$folder"
  fi
done

echo 'installer'
windows=$work/windows-amd64/pengingat-$number
find "$windows" -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} +
makensis -V2 -NOCD "-DVERSION=$number" "-DQUAD=$(sed 's/[^0-9.].*//; s/\.*$//' <<<"$number" | awk -F. '{ printf "%d.%d.%d.0", $1, $2, $3 }')" \
  "-DFILES=$windows" "-DOUT=$out/pengingat-setup-$number.exe" deploy/release/pengingat.nsi
${SIGN:+$SIGN "$out/pengingat-setup-$number.exe"}

echo 'Debian package'
deb=$work/deb
mkdir -p "$deb/DEBIAN" "$deb/usr/bin" "$deb/lib/systemd/system" "$deb/usr/share/doc/pengingat"
cp "$work/linux-amd64/pengingat-$number/pengingat" "$deb/usr/bin/"
cp deploy/release/debian/pengingat.service deploy/linux/pengingat.timer "$deb/lib/systemd/system/"
cp "$work/linux-amd64/pengingat-$number/"{*.html,grants.sql,THIRD_PARTY.txt} "$deb/usr/share/doc/pengingat/"
cp LICENSE "$deb/usr/share/doc/pengingat/copyright"
gzip -9n <CHANGELOG.md >"$deb/usr/share/doc/pengingat/changelog.gz"
sed "s/@VERSION@/${number/-/\~}/; s/@SIZE@/$(du -sk --apparent-size "$deb/usr" | cut -f1)/" deploy/release/debian/control >"$deb/DEBIAN/control"
install -m 755 deploy/release/debian/{postinst,prerm,postrm} "$deb/DEBIAN/"
find "$deb" -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} +
dpkg-deb --root-owner-group -Zxz --build "$deb" "$out/pengingat_${number}_amd64.deb" >/dev/null

echo 'function'
go run ./deploy/package -version "$version" "$out/pengingat-function-$number.zip"

(cd "$out" && sha256sum -- * >SHA256SUMS)
ls -l "$out"
