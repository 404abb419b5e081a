#!/bin/bash
# Thoughts and tools through Ollama's and OpenAI's own clients, with a model of random weights. Prints TAP.
set -u
cd "$(dirname "$0")/../.." || exit 1
. tests/e2e/service.sh
node=${NODE:-$(tools/node.sh)/node}
PATH=$(dirname "$node"):$PATH
(cd tests/peers-js && npm ci --ignore-scripts --no-audit --no-fund --prefer-offline) >"$dir/log" 2>&1 ||
    { ok 1 'the clients are installed'; echo 1..1; exit 1; }
cat >"$dir/chat" <<'J'
{% if tools %}<|im_start|>system
{{ tools | tojson }}
Call one as {"name": ..., "parameters": ...}.<|im_end|>
{% endif %}
{% for m in messages %}
<|im_start|>{{ m.role }}
{{ m.content }}{% for c in m.tool_calls %}{{ {"name": c.function.name, "parameters": c.function.arguments} | tojson }}{% endfor %}<|im_end|>
{% endfor %}
<|im_start|>assistant
{% if enable_thinking %}<think>
{% endif %}
J
model=random:tiny MODEL=$dir/random.gguf
"$BUILD/tests/gen_model" qwen3 Q8_0 "$MODEL" "$dir/chat" 2>"$dir/log" || { ok 1 'a model of random weights'; echo 1..1; exit 1; }
service_start || { echo 1..$number; exit 1; }
BASE_URL=$base MODEL_NAME=$model THINKS=1 "$node" tests/e2e/clients.mjs
