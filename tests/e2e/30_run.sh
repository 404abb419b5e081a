#!/bin/bash
# `sotto run`: verified before the question leaves, and refused by name where it must be. Prints TAP.
set -u
cd "$(dirname "$0")/../.." || exit 1
. tests/e2e/service.sh
node=${NODE:-$(tools/node.sh)/node}
echo 1..36
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
"$sotto" run "${model^^}" "$question" --url "$tls" --policy "$policy" --seed 7 --num-predict 16 2>"$log" | cmp -s - "$dir/first"
ok $? 'the name of the model, whatever its case'
run "$policy" "$question" --json
jq -e '.verdict.result == "simulated" and (.answer | length > 0) and .eval_count > 0' "$out" >/dev/null
ok $? '--json has verdict and answer'
printf '{"enum":["red","green"]}' >"$dir/schema.json"
run "$policy" "$question" --format "$dir/schema.json"
[ $code = 0 ] && grep -qxE '"(red|green)"' "$out"
ok $? '--format: an answer of the schema in a file'
run "$policy" "$question" --format json --json
jq -e '.answer | startswith("{")' "$out" >/dev/null
ok $? '--format json: the beginning of an object'
run "$policy" "$question" --think true
[ $code = 1 ] && grep -q 'does not support thinking' "$log"
ok $? '--think of a model that does not'
run "$policy" "$question" --think perhaps
[ $code = 2 ] && grep -q 'USAGE' "$log"
ok $? '--think knows its words'
printf 'Name a colour.\n/?\nAnd another one.\n/bye\nnever asked\n' | "$sotto" run "$model" --url "$tls" --policy "$policy" --num-predict 8 >"$out" 2>"$log"
[ $? = 0 ] && [ -s "$out" ] && grep -q /clear "$log"
ok $? 'a chat ends with /bye'
printf 'Name a colour.\r\n/bye\r\nnever asked\r\n' | "$sotto" run "$model" --url "$tls" --policy "$policy" --num-predict 8 --json >"$out" 2>"$log"
[ $? = 0 ] && [ "$(jq -s length "$out")" = 1 ] && ! grep -q /clear "$log"
ok $? 'and so it does where lines end in CR LF'
long=$(printf 'sky %.0s' {1..2200})
printf '%s\n%s\n' "$long" "$long" | "$sotto" run "$model" --url "$tls" --policy "$policy" --num-predict 2 >"$out" 2>"$log"
[ $? = 0 ] && [ "$(grep -c 'a part of it was left out' "$log")" = 1 ]
ok $? 'a chat that the context does not hold: it is said that some of it was left out'
printf '%s\n%s\n' "$long" "$long" | "$sotto" run "$model" --url "$tls" --policy "$policy" --num-predict 2 --json >"$out" 2>"$log"
[ "$(jq -c '.truncated // false' "$out" | tr '\n' ' ')" = 'false true ' ]
ok $? 'and with --json'
python3 tests/e2e/terminal.py "$sotto" run "$model" --url "$tls" --policy "$policy" >"$log" 2>&1
ok $? 'on a terminal: Ctrl-C ends the answer, the chat goes on, Ctrl-D ends it'
cancelled() { curl -fsS "$base/metrics" | awk '/^sotto_answers_cancelled_total /{print $2}'; }
before=$(cancelled)
"$sotto" run "$model" 'Tell a very long story.' --url "$tls" --policy "$policy" --seed 1 --num-predict 2000 2>"$log" | head -c 1 >"$out"
await 10 eval '[ "$(cancelled)" -gt "$before" ]'
ok $? 'an answer that nobody reads any more is not computed to its end'
run "$policy" "$question" --temperature -1
[ $code = 1 ] && [ ! -s "$out" ] && tail -n 1 "$log" | grep -q '(OPTION_RANGE)'
ok $? "an absurd option: 1, the service's reason by name"
run "$policy" "$question" --options '{"mirostat":7}'
[ $code = 1 ] && [ ! -s "$out" ] && tail -n 1 "$log" | grep -q 'mirostat is 7.*(OPTION_RANGE)'
ok $? 'options as the API has them: read by the service'
"$sotto" run "$model" "$question" --url "$tls" --policy "$policy" --num-predict 1.5 >"$out" 2>"$log"
[ $? = 2 ] && grep -q USAGE "$log"
ok $? 'half a token: 2, USAGE'
"$sotto" run "$model" "$question" --url "$tls" --policy "$dir/none.json" >"$out" 2>"$log"
[ $? = 1 ] && grep -q FILE_ABSENT "$log"
ok $? 'a policy that is not there: 1, FILE_ABSENT'
"$sotto" run "$model" "$question" --url https://127.0.0.1:1 --policy "$policy" >"$out" 2>"$log"
[ $? = 1 ] && grep -q 'CONNECT_FAILED); check' "$log"
ok $? 'no service there: 1, CONNECT_FAILED, and what to do'
"$sotto" run "$model" "$question" --url "https${base#http}" --policy "$policy" >"$out" 2>"$log"
[ $? = 1 ] && grep -q 'TLS_FAILED); check' "$log"
ok $? 'no TLS there: 1, TLS_FAILED, and what to do'

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
[ $? = 12 ] && [ ! -s "$out" ] && tail -n 1 "$log" | grep -q https
ok $? 'without TLS nothing is sent: 12, and what to do'
for q in '' "$question"; do
    echo "$question" | "$sotto" run other:1b ${q:+"$q"} --url "$tls" --policy "$policy" >"$out" 2>"$log"
    [ $? = 1 ] && [ ! -s "$out" ] && tail -n 1 "$log" | grep -q "$model, not other:1b.*(MODEL_ABSENT)"
    ok $? "a model that the service does not serve: 1, MODEL_ABSENT${q:+, also for one question}"
done
[ "$(asked)" = "$before" ]
ok $? 'the engine was asked nothing in all of these'
exit $((failed > 0))
