#!/bin/bash
# A model in several files: put into the store, served, verified; and what does not belong together. Prints TAP.
set -u
cd "$(dirname "$0")/../.." || exit 1
. tests/e2e/service.sh
whole=$MODEL log=$dir/log
python3 tests/e2e/split_gguf.py "$whole" "$dir/m" 3
MODEL=$dir/m-00001-of-00003.gguf
service_start || { echo 1..$number; exit 1; }

# the very files that `inspect` sees are those of the manifest in the measured event
"$sotto" inspect model "$MODEL" --json >"$dir/inspected" 2>"$log"
curl -sS "$base/.well-known/sotto/evidence?nonce=$(printf '%064x' 1)" >"$dir/document" 2>"$log"
python3 - "$dir/inspected" "$dir/document" >"$dir/manifest" 2>"$log" <<'P'
import base64, hashlib, json, sys
seen, document = (json.load(open(p)) for p in sys.argv[1:])
log = base64.b64decode(document["event_log"])
at = log.index(b'{"kind":"model"')
manifest = json.JSONDecoder().raw_decode(log[at:].decode("utf-8", "replace"))[0]["manifest"]
digests = lambda files: [{k: f[k] for k in ("length", "sha256", "tree_root", "file_id")} for f in files]
assert len(manifest["files"]) == 3
assert digests(manifest["files"]) == digests(seen["files"])
for member in ("model_id", "tokenizer_sha256", "template_sha256"):
    assert manifest[member] == seen["identity"][member], member
for f, n in zip(manifest["files"], (1, 2, 3)):
    assert hashlib.sha256(open(sys.argv[1].replace("inspected", f"m-0000{n}-of-00003.gguf"), "rb").read()).hexdigest() == f["sha256"]
ids = [bytes.fromhex(f["file_id"]) for f in manifest["files"]]
h = hashlib.sha384(bytes([18]) + b"sotto/model-set/v1" + b"".join(len(i).to_bytes(8, "little") + i for i in ids))
assert h.hexdigest() == manifest["model_id"]
print(manifest["model_id"])
P
ok $? 'the measured manifest has the three files, with the digests that inspect reports'
"$sotto" inspect model "$model" --json | jq -S '.identity, [.files[] | del(.name)]' >"$dir/stored" 2>"$log"
jq -S '.identity, [.files[] | del(.name)]' "$dir/inspected" | cmp - "$dir/stored" >"$log" 2>&1
ok $? 'inspect says the same of the model in the store'
"$sotto" verify "$tls" --policy "$policy" --json >"$log" 2>&1
[ $? = 10 ] && jq -e '[.facts[] | select(.required and .state != "affirmed")] == []' "$log" >/dev/null
ok $? 'the service verifies, with the policy that names this model'
"$sotto" create whole --from "$whole" 2>"$log"
jq --argjson r "$(sed 's/^model = .*/model = whole/' "$dir/sotto.conf" >"$dir/whole.conf"; "$sotto" serve --config "$dir/whole.conf" --print-reference)" \
    '.service.model = $r.model' "$policy" >"$dir/changed.json"
"$sotto" verify "$tls" --policy "$dir/changed.json" --json >"$log" 2>&1
[ $? = 11 ] && jq -e '.facts[] | select(.name == "model") | .state == "refuted" and .reason == "MODEL_MISMATCH"' "$log" >/dev/null
ok $? 'the same model in one file is another one: MODEL_MISMATCH'
"$BUILD/sotto-sim" show "$dir/sim" --json | "$sotto" policy new --config "$dir/sotto.conf" --platform - -o "$dir/new.json" 2>"$log" &&
    jq -e --argjson p "$(cat "$policy")" '.service.model == $p.service.model' "$dir/new.json" >/dev/null 2>>"$log"
ok $? 'policy new names it'

size=$(($(cat "$dir"/m-*.gguf | wc -c)))
curl -sS "$base/api/tags" >"$log" &&
    jq -e --arg m "$model" --argjson s "$size" '.models[] | select(.name == $m) | .size > $s and .size < $s + 4096' "$log" >/dev/null
ok $? '/api/tags has the size of all files'
"$sotto" show "$model" --json >"$dir/a" 2>"$log"; "$sotto" show whole --json >"$dir/b" 2>>"$log"
[ "$(jq .parameter_count "$dir/a")" = "$(jq .parameter_count "$dir/b")" ] && [ "$(jq .details "$dir/a")" = "$(jq .details "$dir/b")" ]
ok $? 'show counts the weights of all files'
"$sotto" inspect tensor "$model" output_norm.weight -o "$dir/norm" 2>"$log" && "$sotto" inspect tensor whole output_norm.weight -o "$dir/norm1" 2>>"$log" &&
    cmp "$dir/norm" "$dir/norm1" >>"$log" 2>&1
ok $? 'inspect tensor finds what lies in another file'

# what the engine computes is what it computes of the model in one file
prompt='The capital of France is'
curl -sS "$base/api/generate" -d "{\"model\":\"$model\",\"prompt\":\"$prompt\",\"raw\":true,\"stream\":false,\"options\":{\"temperature\":0,\"repeat_penalty\":1,\"num_predict\":8}}" >"$dir/answer"
printf '%s' "$prompt" | "$sotto" inspect tokens "$whole" | "$sotto" inspect greedy "$whole" -n 8 2>"$log" | "$sotto" inspect text "$whole" >"$dir/greedy"
[ -s "$dir/greedy" ] && jq -j .response "$dir/answer" | cmp - "$dir/greedy" >>"$log" 2>&1
ok $? 'asked, it answers as the model in one file does'
"$sotto" run "$model" 'Name a colour.' --url "$tls" --policy "$policy" --seed 7 --num-predict 8 >"$dir/out" 2>"$log" && [ -s "$dir/out" ]
ok $? 'sotto run verifies and asks'

refused() { # code reason text command...
    local code=$1 reason=$2 text=$3
    shift 3
    "$@" >"$dir/out" 2>"$log"
    [ $? = "$code" ] && tail -n 1 "$log" | grep -q "$reason"
    ok $? "$text: $reason"
}
# FIRST SECOND THIRD: a set of parts in $dir/s
set_of() {
    rm -rf "$dir/s"; mkdir "$dir/s"
    local n=0 f
    for f in "$@"; do n=$((n + 1)); [ "$f" = none ] || ln -s "$dir/$f" "$dir/s/x-0000$n-of-00003.gguf"; done
}
first=$dir/s/x-00001-of-00003.gguf
a=m-00001-of-00003.gguf b=m-00002-of-00003.gguf c=m-00003-of-00003.gguf
set_of $a $c $b
refused 1 GGUF_SPLIT 'parts in another order' "$sotto" create x --from "$first"
set_of $a $b $b
refused 1 GGUF_SPLIT 'a part twice' "$sotto" create x --from "$first"
set_of $a $b none
refused 1 'x-00003-of-00003.gguf.*FILE_ABSENT' 'a part that is missing' "$sotto" create x --from "$first"
refused 1 GGUF_SPLIT 'a part alone' "$sotto" create x --from "$dir/$b"
cp "$dir/$a" "$dir/alone.gguf"
refused 1 GGUF_SPLIT 'the first part under another name' "$sotto" create x --from "$dir/alone.gguf"
"$BUILD/tests/gen_model" llama Q8_0 "$dir/other.gguf" && python3 tests/e2e/split_gguf.py "$dir/other.gguf" "$dir/o" 3
set_of $a $b o-00003-of-00003.gguf
refused 1 GGUF_SPLIT 'a part of another model' "$sotto" create x --from "$first"
set_of m-00001-of-00003.gguf
mv "$first" "$dir/s/x-00001-of-99999.gguf"
refused 1 'GGUF_SPLIT' 'more parts than may be' "$sotto" create x --from "$dir/s/x-00001-of-99999.gguf"
refused 1 MODEL_ABSENT 'nothing of that is kept' "$sotto" show x

# the disk belongs to the host: a part that is another one than the manifest names is not served
blob=$SOTTO_MODELS/blobs/sha256-$(sha256sum "$dir/$b" | cut -d' ' -f1)
chmod u+w "$blob" && printf 'x' | dd of="$blob" bs=1 seek=20000000 conv=notrunc status=none
refused 1 'file 2 of 3.*MODEL_DIGEST' 'reference values of a model whose second file was changed' "$sotto" serve --config "$dir/sotto.conf" --print-reference
kill -TERM "$service"; wait "$service" 2>/dev/null
refused 1 'file 2 of 3.*MODEL_DIGEST' 'a start with it' timeout 60 "$sotto" serve --config "$dir/sotto.conf"
truncate -s -1 "$blob"
refused 1 STORE_FORM 'a start with a second file that is cut' timeout 60 "$sotto" serve --config "$dir/sotto.conf"
rm "$blob"
refused 1 STORE_FORM 'a start without the second file' timeout 60 "$sotto" serve --config "$dir/sotto.conf"
echo 1..$number
[ $failed = 0 ]
