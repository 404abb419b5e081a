#!/bin/bash
# The page's unit tests, as TAP. Needs the pinned Node in PATH and web/node_modules (tools/web_check.sh makes it).
cd "$(dirname "$0")/.." || exit 1
exec node node_modules/vitest/vitest.mjs run --reporter=tap-flat --dir test/unit
