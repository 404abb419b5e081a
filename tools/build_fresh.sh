#!/bin/sh
# Removes a build folder of this checkout that Meson did not set up wholly, or set up when the checkout was elsewhere: such a
# one cannot be mended, and the paths in it would end up in the programs.
# Usage: build_fresh.sh DIR
set -eu
[ -e "$1" ] || exit 0
here=$(cd "$(dirname "$0")/.." && pwd -P)
source=$(python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))["directories"]["source"])' \
    "$1/meson-info/meson-info.json" 2>/dev/null) || source=
if [ "$source" != "$here" ] || [ ! -f "$1/build.ninja" ]; then
    rm -rf "$1"
fi
