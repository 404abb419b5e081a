#!/bin/bash
# The committed page is what its sources give: installs the locked packages, checks the types, builds in another folder,
# compares every byte with web/dist. Prints TAP. Needs the pinned Node in PATH (tools/node.sh).
set -u
cd "$(dirname "$0")/../web" || exit 1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
n=0
failed=0
step() {
    local name=$1; shift
    n=$((n + 1))
    if "$@" >"$work/log" 2>&1; then
        echo "ok $n - $name"
    else
        echo "not ok $n - $name"
        tail -n 30 "$work/log" | sed 's/^/#   /'
        failed=1
    fi
}
no_hosts() { ! grep -nE '"resolved"|https?://registry' package-lock.json; }
exact() { ! sed -n '/ependencies"/,/}/p' package.json | grep -E '": "[^"]*[^0-9.".]'; }
rebuild() { # in a copy elsewhere, so that no path of this machine can be in the bundle
    mkdir "$work/web" &&
        cp -r index.html package.json package-lock.json tsconfig.json vite.config.ts public src tools "$work/web" &&
        ln -s "$PWD/node_modules" "$work/web/node_modules" &&
        (cd "$work/web" && npm run build)
}
step 'the lock file names no host' no_hosts
step 'versions are exact' exact
step 'the locked packages' npm ci
step 'types' node_modules/.bin/tsc --noEmit
step 'build' rebuild
step 'the build is web/dist, byte for byte' diff -r "$work/web/dist" dist
step 'no sink for HTML in the sources' sh -c '! grep -rnE "innerHTML|outerHTML|dangerouslySet|insertAdjacentHTML|document\.write|eval\(|new Function" src'
echo "1..$n"
exit $failed
