#!/bin/bash
# The simulator's quotes and collateral in a verifier of other people. Prints TAP.
# NODE: node's path; BUILD: the folder of sotto and sotto-sim.
set -u
cd "$(dirname "$0")/../.." || exit 1
BUILD=${BUILD:-build}
node=${NODE:-$(tools/node.sh)/node}
PATH=$(dirname "$node"):$PATH
dir=$(mktemp -d)
sim=
stop() { if [ -n "$sim" ]; then kill "$sim" 2>/dev/null; wait "$sim" 2>/dev/null; fi; sim=; }
trap 'stop; rm -rf "$dir"' EXIT
fail() { echo "not ok 1 - $1"; sed 's/^/# /' "$dir"/log* | tail -n 30; echo 1..1; exit 1; }
start() { # of quotes of this version
    : >"$dir/log-sim"
    "$BUILD/sotto-sim" run "$dir/sim" --listen 127.0.0.1:0 --quote-version "$1" 2>>"$dir/log-sim" &
    sim=$!
    address=
    for _ in {1..600}; do
        address=$(sed -n 's/.*address="\([^"]*\)".*/\1/p' "$dir/log-sim")
        [ -z "$address" ] || return 0
        kill -0 "$sim" 2>/dev/null || break
        sleep 0.05
    done
    fail 'the simulator starts'
}

(cd tests/peers-js && npm ci --ignore-scripts --no-audit --no-fund --prefer-offline) >"$dir/log" 2>&1 || fail 'the verifier is installed'
for name in sim other; do "$BUILD/sotto-sim" init "$dir/$name" >"$dir/log" 2>&1 || fail "a platform is set up"; done
"$BUILD/sotto-sim" show "$dir/sim" --root "$dir/root.der" >"$dir/log" 2>&1 || fail 'the root is written'
"$BUILD/sotto-sim" show "$dir/other" --root "$dir/other-root.der" >"$dir/log" 2>&1 || fail 'the other root is written'
"$BUILD/sotto-sim" collateral "$dir/sim" "$dir/collateral" >"$dir/log" 2>&1 || fail 'collateral is written'
for version in 5 4; do
    stop
    start $version
    "$BUILD/sotto" quote --device "sim:$dir/sim" -o "$dir/quote$version.bin" 2>"$dir/log" || fail "a version $version quote"
done
"$node" tests/peers-js/dcap-qvl.mjs "$dir" "http://$address"
