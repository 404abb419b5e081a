#!/bin/bash
# `sotto run`: verified before the question leaves, and refused by name where it must be. Prints TAP.
set -u
cd "$(dirname "$0")/../.." || exit 1
. tests/e2e/service.sh
node=${NODE:-$(tools/node.sh)/node}
echo 1..18
service_start || exit 1
out=$dir/out log=$dir/log question='Name a colour.'
export XDG_CONFIG_HOME=$dir/none # no policy of whoever runs this
unset SOTTO_POLICY SOTTO_URL
# POLICY ARGUMENTS...: stdout in $out, stderr in $log, the exit code in $code
run() {
    local p=$1; shift
    "$sotto" run "$model" "$@" --url "$tls" ${p:+--policy "$p"} --seed 7 --num-predict 16 >"$out" 2>"$log"
    code=$?
}
asked() { curl -fsS "$base/metrics" | awk '/^sotto_answers_total /{print $2}'; }
changed() { jq "$1" "$policy" >"$dir/changed.json"; }

run "$policy" "$question"
ok $code 'an answer'
[ -s "$out" ]
ok $? 'the answer is on standard output'
grep -qi simulated "$log"
ok $? 'the verdict says that it is simulated'
cp "$out" "$dir/first"
run "$policy" "$question"
cmp -s "$out" "$dir/first"
ok $? 'the same seed gives the same answer'
run "$policy" "$question" -v
grep -q event_log "$log" && grep -q quote_signature "$log" && grep -q tokens/s "$log"
ok $? '-v lists every fact'
run "$policy" "$question" --json
jq -e '.verdict.result == "simulated" and (.answer | length > 0) and .eval_count > 0' "$out" >/dev/null
ok $? '--json has verdict and answer'
printf 'Name a colour.\n/?\nAnd another one.\n/bye\nnever asked\n' | "$sotto" run "$model" --url "$tls" --policy "$policy" --num-predict 8 >"$out" 2>"$log"
[ $? = 0 ] && [ -s "$out" ] && grep -q /clear "$log"
ok $? 'a chat ends with /bye'

before=$(asked)
run '' "$question"
# A build with sanitizers maps libraries from the disk, which is refused without a policy that allows it.
{ [ $code = 12 ] || { [ $code = 11 ] && grep -q PROGRAM_BACKING "$log"; }; } && [ ! -s "$out" ]
ok $? 'without a policy: undecided, 12'
x=$(printf '0%.0s' {1..96})
while IFS='|' read -r change reason name; do
    changed "$change"
    run "$dir/changed.json" "$question"
    [ $code = 11 ] && [ ! -s "$out" ] && grep -q "$reason" "$log"
    ok $? "$name: refused, 11, $reason"
done <<T
.td.mrtd = ["$x"]|MRTD_MISMATCH|another MRTD
.service.program = ["$x"]|PROGRAM_MISMATCH|another program
.service.config = ["$x"]|CONFIG_MISMATCH|another configuration
.service.model = ["$x"]|MODEL_MISMATCH|another model
.service.web = ["$x"]|WEB_MISMATCH|another page
.anchors.simulated = ["${x:32}"]|ROOT_UNTRUSTED|another root
T

openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$dir/relay.key" -out "$dir/relay.crt" \
    -subj /CN=localhost -days 2 2>/dev/null
: >"$dir/seen"
"$node" tests/e2e/relay.mjs "${tls##*:}" "$dir/relay.key" "$dir/relay.crt" "$dir/seen" >"$dir/relay.port" 2>"$dir/relay.log" &
pids+=($!)
await 10 test -s "$dir/relay.port"
"$sotto" run "$model" "$question" --url "https://127.0.0.1:$(cat "$dir/relay.port")" --policy "$policy" >"$out" 2>"$log"
[ $? = 11 ] && grep -q KEYSET_SPKI "$log"
ok $? 'a relay with another certificate: refused, 11, KEYSET_SPKI'
grep -q sotto/evidence "$dir/seen" && ! grep -aqE "POST|$question" "$dir/seen"
ok $? 'the relay saw a request for evidence, and no question'
"$sotto" run "$model" "$question" --url "$base" --policy "$policy" >"$out" 2>"$log"
code=$?
[ $code = 12 ] || [ $code = 11 ]
ok $? 'without TLS nothing is sent'
[ "$(asked)" = "$before" ]
ok $? 'the engine was asked nothing in all of these'
exit $((failed > 0))
