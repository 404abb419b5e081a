#!/bin/bash
# libsotto-verify: what it exports, what it stands on, the example beside it, and the same sources as a WebAssembly module. Prints TAP.
# BUILD: the folder of sotto, sotto-sim and the library; NODE: node's path.
set -u
cd "$(dirname "$0")/../.." || exit 1
BUILD=${BUILD:-build}
node=${NODE:-$(tools/node.sh)/node}
dir=$(mktemp -d)
sim= count=0 failed=0
trap 'if [ -n "$sim" ]; then kill "$sim" 2>/dev/null; wait "$sim" 2>/dev/null; fi; rm -rf "$dir"' EXIT
is() { # name, command: it succeeds
    local name=$1; shift; count=$((count + 1))
    if "$@" >"$dir/log" 2>&1; then echo "ok $count - $name"; else echo "not ok $count - $name"; failed=1; head -n 20 "$dir/log" | sed 's/^/# /'; fi
}
same() { diff -u "$1" "$2"; }
code() { local want=$1; shift; "$@" >"$dir/stdout"; local got=$?; [ $got = "$want" ] || { echo "exit $got, not $want"; cat "$dir/stdout"; return 1; }; }

library=$BUILD/include
sed -n 's/^ *\(sotto_[a-z_]*\);$/\1/p' include/sotto-verify.map | sort >"$dir/api"
is 'the interface has at most a dozen functions' test "$(wc -l <"$dir/api")" -le 12
grep -o 'sotto_[a-z_]*(' include/sotto/verify.h | tr -d '(' | sort >"$dir/header"
is 'the header declares exactly those' same "$dir/api" "$dir/header"
nm -D --defined-only "$library/libsotto-verify.so" | awk '$2 != "A" {sub("@.*", "", $3); print $3}' | sort >"$dir/shared"
is 'the shared library exports exactly those' same "$dir/api" "$dir/shared"
nm -g --defined-only "$library/libsotto-verify.a" | awk 'NF == 3 {print $3}' | sort >"$dir/static"
is 'the static library exports exactly those' same "$dir/api" "$dir/static"
readelf -dW "$library/libsotto-verify.so" | sed -n 's/.*(\(NEEDED\|SONAME\)).*\[\(.*\)\]/\1 \2/p' | sort >"$dir/needs"
printf '%s\n' 'NEEDED libc.so.6' 'NEEDED libcrypto.so.3' 'SONAME libsotto-verify.so.0' >"$dir/want"
is 'it has a soname, and needs libcrypto and libc alone' same "$dir/want" "$dir/needs"
nm -u "$library/libsotto-verify.a" | awk '{print $2}' | grep -xE '(f?printf|puts|fopen|open|read|write|socket|connect|time|clock_gettime|getenv|exit|abort|getrandom|mmap)' >"$dir/calls"
is 'it calls nothing that reads a clock, a file or the environment' test ! -s "$dir/calls"

"$BUILD/sotto-sim" init "$dir/sim" >"$dir/log" 2>&1
"$BUILD/sotto-sim" run "$dir/sim" --listen 127.0.0.1:0 2>"$dir/sim.log" &
sim=$!
for _ in {1..600}; do grep -q 'address=' "$dir/sim.log" && break; kill -0 "$sim" 2>/dev/null || break; sleep 0.05; done
is 'a simulated quote' "$BUILD/sotto" quote --device "sim:$dir/sim" -o "$dir/quote"
is 'and its collateral' "$BUILD/sotto-sim" collateral "$dir/sim" "$dir/collateral"
now=$(date +%s)
root=$("$BUILD/sotto-sim" show "$dir/sim" | sed -n 's/^root_sha256 *//p')
printf '{"v":1,"anchors":{"simulated":["%s"]}}' "$root" >"$dir/policy"
given=("$dir/quote" "$dir/policy" "$now" "$dir"/collateral/*)

warnings='-std=c17 -Wall -Wextra -Wpedantic -Werror'
is 'the header is C++ too' g++ -x c++ -std=c++11 -Wall -Wextra -Werror -fsyntax-only include/sotto/verify.h
is 'the example has at most 40 lines' test "$(wc -l <examples/verify_quote.c)" -le 40
# shellcheck disable=SC2086
is 'the example, linked to the shared library' gcc $warnings -Iinclude examples/verify_quote.c -L"$library" -lsotto-verify -o "$dir/shared-example"
# shellcheck disable=SC2086
is 'the example, linked to the static library' gcc $warnings -Iinclude examples/verify_quote.c "$library/libsotto-verify.a" -lcrypto -o "$dir/static-example"
"$BUILD/sotto" verify "$dir/quote" -c "$dir/collateral" -p "$dir/policy" -t "$now" --verbose | grep -v '^  tee ' >"$dir/text"
"$BUILD/sotto" verify "$dir/quote" -c "$dir/collateral" -p "$dir/policy" -t "$now" --json >"$dir/json"
for kind in shared static; do
    export LD_LIBRARY_PATH=$library
    is "$kind: the quote is simulated" code 10 "$dir/$kind-example" "${given[@]}"
    sed '$ {/^$/d}' "$dir/stdout" >"$dir/printed"
    is "$kind: the words of sotto verify" same "$dir/text" "$dir/printed"
    is "$kind: refused a year later" code 11 "$dir/$kind-example" "$dir/quote" "$dir/policy" $((now + 365 * 86400)) "$dir"/collateral/*
    is "$kind: undecided without collateral" code 12 "$dir/$kind-example" "$dir/quote" "$dir/policy" "$now"
    is "$kind: a malformed quote is refused" code 11 "$dir/$kind-example" "$dir/policy" "${given[@]:1}"
    is "$kind: a malformed policy is none" code 1 "$dir/$kind-example" "$dir/quote" "$dir/quote" "$now"
done
unset LD_LIBRARY_PATH

is 'sotto bench verify measures it' code 0 "$BUILD/sotto" bench verify "$dir/quote" -c "$dir/collateral" -p "$dir/policy" -t "$now" --rounds 2 --json
# Not how large they are: a busy machine would decide.
is 'a simulated quote, and ratios in order' jq -e '.result == 10 and ([.cold_ratio, .warm_ratio] | all(length == 3 and .[0] > 0 and .[0] <= .[1] and .[1] <= .[2]))' "$dir/stdout"

is 'the module for wasm32 is built, and asks its host for hashes and signature checks alone' tools/wasm.sh "$BUILD" "$dir/verify.wasm"
is 'it gives the same verdict' code 10 "$node" tests/wasm/verify.mjs "$dir/verify.wasm" "${given[@]}"
is 'byte for byte' same "$dir/json" "$dir/stdout"
is 'and refuses a year later' code 11 "$node" tests/wasm/verify.mjs "$dir/verify.wasm" "$dir/quote" "$dir/policy" $((now + 365 * 86400)) "$dir"/collateral/*
echo "1..$count"
exit $failed
