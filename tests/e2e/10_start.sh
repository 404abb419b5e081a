#!/bin/bash
# The measured start: what stops it, by name; that nothing listens before; a second start in one boot; a register that
# no log explains; no prompt in any log. Prints TAP.
set -u
cd "$(dirname "$0")/../.." || exit 1
. tests/e2e/service.sh
service_start || { echo 1..$number; exit 1; }
log=$dir/log

verified() { "$sotto" verify "$tls" --policy "$policy" --json >"$log" 2>&1; [ $? = 10 ]; }
verified
ok $? 'the evidence verifies: simulated'
jq -e '[.facts[] | select(.required and .state != "affirmed")] == []' "$log" >/dev/null
ok $? 'every required fact is affirmed'
jq -e '.facts[] | select(.name == "nonce") | .state == "affirmed"' "$log" >/dev/null
ok $? 'it was made for the nonce of the one who asked'

"$sotto" verify "$base" --policy "$policy" --json >"$log" 2>&1
[ $? = 10 ] && jq -e '[.facts[] | select(.name == "nonce" or .name == "connection") | .state] == ["affirmed", "unknown"]' "$log" >/dev/null
ok $? 'over plain HTTP the evidence is the same, and no word on the connection'

# docs/formats.md, section 7: each another one, each with a reason of its own
x=$(printf '0%.0s' {1..96})
while IFS='|' read -r change reason name; do
    jq "$change" "$policy" >"$dir/changed.json"
    "$sotto" verify "$tls" --policy "$dir/changed.json" --json >"$log" 2>&1
    code=$?
    [ $code = 11 ] && jq -e --arg r "$reason" '.facts[] | select(.state == "refuted") | .reason == $r' "$log" >/dev/null
    ok $? "$name is refused: $reason"
done <<C
.service.program = ["$x"]|PROGRAM_MISMATCH|another program
.service.config = ["$x"]|CONFIG_MISMATCH|another configuration
.service.web = ["$x"]|WEB_MISMATCH|another page
.service.model = ["$x"]|MODEL_MISMATCH|another model
.td.mrtd = ["$x"]|MRTD_MISMATCH|another MRTD
.td.rtmr1 = ["$x"]|RTMR_MISMATCH|another kernel
C
"$sotto" verify "$tls" >"$log" 2>&1
code=$?
[ $code = 11 ] || [ $code = 12 ]
ok $? 'without a policy nothing is verified'

# no route puts a caller's bytes into report data
chosen=$(printf 'ab%.0s' {1..64})
half=${chosen:0:64}
given=0
for path in "/.well-known/sotto/evidence?nonce=$chosen" "/.well-known/sotto/evidence?nonce=$half&report_data=$chosen" \
    "/.well-known/sotto/evidence?report_data=$chosen" "/api/v1/tee/quote?nonce=$half&report_data=$chosen" \
    "/api/v1/tee/quote?nonce=$chosen" "/api/v1/tee/quote?report_data=$chosen" "/metrics?report_data=$chosen" \
    "/api/version?report_data=$chosen" "/readyz?report_data=$chosen"; do
    curl -sS "$base$path" -H "Report-Data: $chosen" >"$dir/answer"
    python3 - "$dir/answer" <<'P' || given=1
import base64, json, sys
text = open(sys.argv[1], "rb").read()
quote = b""
try:
    v = json.loads(text)
    if isinstance(v, dict) and isinstance(v.get("quote"), str):
        q = v["quote"]
        quote = bytes.fromhex(q) if all(c in "0123456789abcdef" for c in q) else base64.b64decode(q)
except ValueError:
    pass
sys.exit(1 if b"\xab" * 32 in quote else 0)
P
done
ok $given 'no route puts chosen bytes into a quote'
[ "$(curl -s -o "$log" -w '%{http_code}' "$base/.well-known/sotto/evidence")" = 400 ] && grep -q NONCE_FORM "$log"
ok $? 'evidence without a nonce: 400'
[ "$(curl -s -o "$log" -w '%{http_code}' "$base/.well-known/sotto/evidence?nonce=abcd")" = 400 ]
ok $? 'evidence for a nonce of another size: 400'

# many at once: one quote serves them, each gets a path of its own
for i in {1..16}; do
    curl -sS "$base/.well-known/sotto/evidence?nonce=$(printf '%064x' "$i")" -o "$dir/many.$i" &
    waiting[i]=$!
done
wait "${waiting[@]}"
good=0
for i in {1..16}; do
    "$sotto" verify "$dir/many.$i" --policy "$policy" --json >"$log" 2>&1
    [ $? = 10 ] || good=1
done
ok $good 'sixteen askers at once, each with evidence that verifies'

curl -sS "$base/api/generate" -d "{\"model\":\"$model\",\"prompt\":\"canary-5f1e77\",\"options\":{\"num_predict\":8}}" >"$dir/answer"
! grep -rqa canary-5f1e77 "$dir/serve.log" "$dir/sim.log" "$dir/service"
ok $? 'no prompt is in a log or in the state folder'
! curl -sS "$base/metrics" | grep -qa canary
ok $? 'no prompt is in the metrics'

# a second service on the same state folder
read -r p1 p2 < <(free_ports 2)
"$sotto" serve --config "$dir/sotto.conf" --listen "127.0.0.1:$p1" --tls-listen "127.0.0.1:$p2" 2>"$log"
[ $? != 0 ] && grep -q DEVICE_HELD "$log"
ok $? 'a second service on the same log is refused: DEVICE_HELD'

# SIGTERM, then a second start in the same boot
kill -TERM "$service"
wait "$service"
ok $? 'SIGTERM ends it with 0'
start_again() { # [OPTION...]: whether it is ready within a minute
    "$sotto" serve --config "$dir/sotto.conf" "$@" 2>"$dir/serve.log" &
    service=$!
    pids+=("$service")
    await 60 sh -c "curl -fsS $base/readyz || ! kill -0 $service" && kill -0 "$service" 2>/dev/null
}
start_again
ok $? 'a second start in the same boot'
verified
ok $? 'and it verifies'
[ "$(grep -ao '"kind":"start"' "$dir/service/event_log" | wc -l)" = 2 ]
ok $? 'both starts are in the log'
kill -TERM "$service"
wait "$service"

# what stops a start
refused() { # REASON NAME OPTION...
    local reason=$1 name=$2; shift 2
    timeout 60 "$sotto" serve --config "$dir/sotto.conf" "$@" 2>"$log" &
    local p=$!
    local listened=1
    while kill -0 $p 2>/dev/null; do
        (exec 3<>"/dev/tcp/127.0.0.1/${base##*:}") 2>/dev/null && listened=0
        sleep 0.02
    done
    wait $p
    [ $? != 0 ] && [ $listened = 1 ] && grep -q "($reason" "$log"
    ok $? "$name stops the start, and nothing listened: $reason"
}
jq ".service.program = [\"$x\"]" "$policy" >"$dir/other.json"
refused PROGRAM_MISMATCH 'another program than the policy names' --policy "$dir/other.json"
# a policy event of another policy is in the log now, but policies are not demanded; the program's own is.
refused CONFIG_MISMATCH 'another configuration than the policy names' --context 512
refused POLICY_ABSENT 'no policy' --policy ''
refused MODEL_ABSENT 'no such model' --model nothing:here
refused CONFIG_FORM 'a number that is none' --context many
refused ADDRESS_PLAIN 'plain HTTP on a public address' --listen 0.0.0.0:0
refused NO_QUOTE_DEVICE 'no quote device' --device auto

# the other configuration is in the register now, until the next boot
start_again && false
[ $? != 0 ] && grep -q CONFIG_MISMATCH "$dir/serve.log"
ok $? 'a start that was measured cannot be taken back'
kill -TERM "${pids[0]}"
wait "${pids[0]}"
"$BUILD/sotto-sim" reboot "$dir/sim" >"$log" 2>&1
rm -f "$dir/sim/"*.sock
"$BUILD/sotto-sim" run "$dir/sim" --listen 127.0.0.1:0 2>"$dir/sim.log" &
pids+=($!)
await 10 test -S "$dir/sim/td.sock" -a -S "$dir/sim/qgs.sock"
start_again
ok $? 'after a reboot it starts'
kill -TERM "$service"
wait "$service"
mv "$dir/service/event_log" "$dir/event_log.gone"
refused REGISTER_UNEXPLAINED 'a register that no log explains'
head -c 300 "$dir/event_log.gone" >"$dir/service/event_log"
refused BYTES_SHORT 'a damaged log'
mv "$dir/event_log.gone" "$dir/service/event_log"
start_again && verified
ok $? 'with its log back it starts, and verifies'
kill -TERM "$service"
wait "$service"

# without a TEE
start_again --tee none
ok $? 'tee = none serves'
[ "$(curl -s -o "$log" -w '%{http_code}' "$base/.well-known/sotto/evidence?nonce=$half")" = 503 ] && grep -q NO_QUOTE_DEVICE "$log"
ok $? 'and says NO_QUOTE_DEVICE where evidence is asked for'
"$sotto" verify "$tls" --policy "$policy" >"$log" 2>&1
code=$?
[ $code != 0 ] && [ $code != 10 ]
ok $? 'which no client of ours takes for a verdict'
echo "1..$number"
[ $failed = 0 ]
