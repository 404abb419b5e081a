#!/bin/sh
# Installs the Debian packages of a list that are missing, as root or through sudo, and says which.
# Usage: install.sh LIST
set -eu
list=$1
missing=
for p in $(cat "$list"); do
    dpkg-query -W -f '${Status}' "$p" 2>/dev/null | grep -q 'ok installed' || missing="$missing $p"
done
[ -n "$missing" ] || exit 0
if ! command -v apt-get >/dev/null; then
    echo "these packages are missing, and there is no apt-get to install them:$missing" >&2
    exit 1
fi
as_root=
if [ "$(id -u)" != 0 ]; then
    if ! command -v sudo >/dev/null; then
        echo "these packages are missing:$missing" >&2
        echo "run as root, or install them first: apt-get install$missing" >&2
        exit 1
    fi
    as_root=sudo
fi
echo "installing:$missing"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
lock='-o DPkg::Lock::Timeout=120' # a fresh machine may be at its own updates
if ! { $as_root apt-get $lock update && $as_root env DEBIAN_FRONTEND=noninteractive \
       apt-get $lock install -y --no-install-recommends $missing; } >"$log" 2>&1; then
    tail -n 15 "$log" >&2
    echo "apt-get could not install:$missing (is there a network?)" >&2
    exit 1
fi
