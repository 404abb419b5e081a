#!/bin/bash
# Builds the verification library's sources for wasm32, without OpenSSL and without an operating system, to prove that nothing
# else is needed: what the module asks of its host is exactly crypto/'s hashes and signature check, and not one system call.
# Usage: wasm.sh BUILD OUTPUT.wasm    BUILD is any build folder: it says which the sources are.
set -eu
cd "$(dirname "$0")/.."
build=$1 output=$2
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
mapfile -t sources < <(python3 tools/closure.py "$build" --sources | grep -vx -e src/crypto/hash.c -e src/crypto/sig.c)
[ ${#sources[@]} -gt 20 ] || { echo 'no sources'; exit 1; }
for source in "${sources[@]}"; do
    clang --target=wasm32-wasi -std=gnu17 -O2 -Wall -Wextra -Werror -D_GNU_SOURCE -DSOTTO_VERSION='"wasm"' \
        -fvisibility=hidden -Isrc -Iinclude -c "$source" -o "$folder/$(tr / _ <<<"${source%.c}").o"
done
imports='hash_size hash_bytes hash_init hash_add hash_end sig_check'
tr ' ' '\n' <<<"$imports" >"$folder/imports"
clang --target=wasm32-wasi -nostartfiles -fuse-ld=lld -Wl,--no-entry -Wl,--export-dynamic -Wl,--export=malloc -Wl,--export=free \
    -Wl,--allow-undefined-file="$folder/imports" -Wl,-z,stack-size=1048576 "$folder"/*.o -lc-printscan-long-double -o "$output"
python3 tools/wasm_names.py "$output" >"$folder/names"
cat "$folder/names"
for name in $(sed -n 's/^import env\.//p' "$folder/names"); do
    grep -qwF "$name" <<<"$imports" || { echo "the module needs $name"; exit 1; }
done
! grep '^import' "$folder/names" | grep -v '^import env\.' || { echo 'the module needs a system'; exit 1; }
