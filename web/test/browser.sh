#!/bin/bash
# The page's browser tests, as TAP. OUT: where screenshots go (default build/screenshots). With BASE_URL the page of a
# running service is driven; without it, the committed bundle against a small server of the test.
cd "$(dirname "$0")/.." || exit 1
if [ -n "${BASE_URL:-}" ]; then
    exec node test/browser/real.mjs
fi
exec node test/browser/page.mjs
