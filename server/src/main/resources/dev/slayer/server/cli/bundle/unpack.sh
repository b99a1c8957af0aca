#!/bin/sh
# Checks the parts of a Slayer bundle, joins and unpacks them: sh unpack.sh [FOLDER]
# Needs sha256sum, cat, gzip and tar; what is unpacked needs bash, awk and sed besides.
set -eu

fail() {
    printf 'unpack.sh: %s\n' "$1" >&2
    exit 1
}

parts=$(cd "$(dirname "$0")" && pwd)
folder=${1:-slayer-bundle}
for tool in sha256sum cat gzip tar; do
    command -v "$tool" >/dev/null || fail "$tool is not here and is needed."
done
[ ! -e "$folder" ] || fail "$folder exists; name a folder that does not: sh unpack.sh FOLDER"

wrong=$(cd "$parts" && sha256sum -c SHA256SUMS 2>&1 | grep -v ': OK$') || true
[ -z "$wrong" ] || fail "the bundle is not whole; copy these files again:
$wrong"

mkdir -p "$folder"
cat "$parts"/slayer-bundle.tar.gz.part-* | gzip -dc | (cd "$folder" && tar -xof -)
[ -x "$folder/slayer" ] || fail "$folder is not complete; is the disk full?"
printf 'Unpacked. Try it: %s/slayer self-test\n' "$folder"
