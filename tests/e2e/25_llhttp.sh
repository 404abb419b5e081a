#!/bin/bash
# Our reader of HTTP against Node's. Prints TAP.
set -u
cd "$(dirname "$0")/../.." || exit 1
exec "${NODE:-$(tools/node.sh)/node}" tests/e2e/llhttp.mjs "${BUILD:-build}/tests/peers/http1_print"
