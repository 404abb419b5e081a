#!/bin/bash
# The model store and the readers of model files, as commands: create, list, show, inspect. Prints TAP.
# MODEL: the demo model's file; BUILD: the folder of sotto.
set -u
cd "$(dirname "$0")/../.." || exit 1
sotto=$(realpath "${BUILD:-build}")/sotto
MODEL=${MODEL:-.cache/model/SmolLM2-135M-Instruct.Q4_1.gguf}
sha256=b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
export SOTTO_MODELS=$dir/models
number=0
ok() { # status text
    number=$((number + 1))
    if [ "$1" = 0 ]; then echo "ok $number - $2"; else echo "not ok $number - $2"; sed 's/^/# /' "$dir/log" 2>/dev/null | tail -n 5; fi
}
refused() { # code reason text command...
    local code=$1 reason=$2 text=$3
    shift 3
    "$@" >"$dir/out" 2>"$dir/log"
    [ $? = "$code" ] && tail -n 1 "$dir/log" | grep -q "$reason"
    ok $? "$text: $reason"
}

"$sotto" list --json | jq -e '.models == []' >"$dir/log" 2>&1
ok $? 'a store that is not there is empty'
refused 1 MODEL_ABSENT 'a model that is not there' "$sotto" show smollm2:135m
refused 1 FILE_ABSENT 'a file that is not there' "$sotto" create x --from "$dir/none.gguf"
refused 1 GGUF_MAGIC 'a file that is no model' "$sotto" create x --from "$sotto"
refused 1 MODEL_DIGEST 'another digest' "$sotto" create x --from "$MODEL" --sha256 "${sha256%?}0"
refused 1 MODEL_NAME 'a name that leads out of the store' "$sotto" create ../x --from "$MODEL"
refused 2 USAGE 'no file' "$sotto" create x
"$sotto" list --json | jq -e '.models == []' >"$dir/log" 2>&1
ok $? 'nothing of that is kept'
"$sotto" create smollm2:135m --from "$MODEL" --sha256 $sha256 2>"$dir/log" && [ "$(tail -n 1 "$dir/log")" = success ]
ok $? 'create --from'
printf '# a comment\nFROM %s\n' "$(realpath "$MODEL")" >"$dir/Modelfile"
"$sotto" create Other -f "$dir/Modelfile" 2>"$dir/log"
ok $? 'create -f'
printf 'FROM x\nPARAMETER seed 1\n' >"$dir/Modelfile"
refused 1 MODELFILE_FORM 'a Modelfile with a parameter' "$sotto" create Other -f "$dir/Modelfile"
"$sotto" list | awk 'NR == 1 { exit !($1 == "NAME" && $2 == "ID") }' && [ "$("$sotto" list | wc -l)" = 3 ]
ok $? 'list'
"$sotto" show SmolLM2:135M --json >"$dir/log" && jq -e '.details.quantization_level == "Q4_1" and .context_length == 8192' "$dir/log" >/dev/null
ok $? 'show, whatever the case'
find "$SOTTO_MODELS" -name '.sotto-*' | grep -q . && leftovers=1 || leftovers=0
ok $leftovers 'no temporary file is left'

"$sotto" inspect model smollm2:135m --json >"$dir/log" &&
    jq -e --arg d $sha256 '.identity.sha256 == $d and (.tensors | length) == 272 and .metadata["general.architecture"] == "llama" and .numerics >= 1' "$dir/log" >/dev/null
ok $? 'inspect model'
printf 'hello \xff\x00 there <|im_end|>\n' >"$dir/text"
"$sotto" inspect tokens smollm2:135m <"$dir/text" >"$dir/ids" && ! grep -qw 2 "$dir/ids"
ok $? 'inspect tokens: a control token is text'
"$sotto" inspect tokens smollm2:135m --control <"$dir/text" | grep -qw 2
ok $? 'inspect tokens --control'
printf 'hello there <|im_end|>\n' >"$dir/text"
"$sotto" inspect tokens "$MODEL" <"$dir/text" | "$sotto" inspect text "$MODEL" | cmp - "$dir/text" >"$dir/log" 2>&1
ok $? 'inspect text is the reverse'
echo '{"messages":[{"role":"user","content":"<|im_end|>"}],"add_generation_prompt":true}' >"$dir/chat"
"$sotto" inspect chat smollm2:135m --segments <"$dir/chat" >"$dir/log" &&
    jq -e 'any(.[]; .[1] and .[0] == "<|im_end|>") and any(.[]; (.[1] | not) and (.[0] | startswith("<|im_end|>")))' "$dir/log" >/dev/null
ok $? 'inspect chat --segments'
echo '{% include "x" %}' >"$dir/template"
refused 1 TEMPLATE_UNSUPPORTED 'another template' "$sotto" inspect chat --template "$dir/template" <"$dir/chat"
"$sotto" inspect tensor smollm2:135m output_norm.weight -o "$dir/tensor" 2>"$dir/log" && [ "$(stat -c %s "$dir/tensor")" = 2304 ]
ok $? 'inspect tensor'
[ "$(printf '\0\0\1\2' | "$sotto" inspect blocks BF16 | od -An -tx1 | tr -d ' \n')" = 0000000000000102 ]
ok $? 'inspect blocks'
head -c 5000000 "$MODEL" >"$dir/cut.gguf"
refused 1 REQUEST_FORM 'no ids' "$sotto" inspect logits smollm2:135m -o "$dir/logits" </dev/null
refused 1 GGUF_TENSOR_RANGE 'a model file that is cut' "$sotto" inspect model "$dir/cut.gguf"
"$sotto" list >/dev/full 2>"$dir/log"
[ $? = 1 ] && grep -q FILE_IO "$dir/log"
ok $? 'a result that cannot be written to standard output: 1, FILE_IO'
"$sotto" inspect models 2>"$dir/log"
[ $? = 2 ] && grep -q 'no reader models' "$dir/log"
ok $? 'a reader that is not there: 2'
truncate -s 1000 "$SOTTO_MODELS/blobs/sha256-$sha256"
refused 1 STORE_FORM 'a blob that is cut' "$sotto" show smollm2:135m
echo 1..$number
