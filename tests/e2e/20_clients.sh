#!/bin/bash
# Ollama's and OpenAI's own clients, unmodified. Prints TAP.
set -u
cd "$(dirname "$0")/../.." || exit 1
. tests/e2e/service.sh
node=${NODE:-$(tools/node.sh)/node}
PATH=$(dirname "$node"):$PATH
(cd tests/peers-js && npm ci --ignore-scripts --no-audit --no-fund --prefer-offline) >"$dir/log" 2>&1 ||
    { ok 1 'the clients are installed'; echo 1..1; exit 1; }
service_start || { echo 1..$number; exit 1; }
BASE_URL=$base MODEL_NAME=$model "$node" tests/e2e/clients.mjs
