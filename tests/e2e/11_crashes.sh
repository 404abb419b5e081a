#!/bin/bash
# Each process is killed while it works: its clients get a clean error, it is started anew, evidence verifies again.
# Prints TAP.
set -u
cd "$(dirname "$0")/../.." || exit 1
. tests/e2e/service.sh
service_start || { echo 1..$number; exit 1; }
log=$dir/log

verified() { "$sotto" verify "$tls" --policy "$policy" --json >"$log" 2>&1; [ $? = 10 ]; }
role() { # NAME: its process id
    local p
    for p in $(cat "/proc/$service/task/$service/children"); do
        tr '\0' ' ' <"/proc/$p/cmdline" | grep -q -- "--role=$1" && echo "$p"
    done
}
role_runs() { [ -n "$(role "$1")" ]; }
replaced() { # NAME PID: it runs, as another process
    local now
    now=$(role "$1")
    [ -n "$now" ] && [ "$now" != "$2" ]
}
ask() { # [TOKENS [-N]]
    curl -sS ${2:-} --max-time 120 "$base/api/generate" -d "{\"model\":\"$model\",\"prompt\":\"Tell me a story.\",\"options\":{\"num_predict\":${1:-8},\"seed\":1}}"
}
# An answer of thousands of tokens on any machine: greedy, without a penalty, it repeats itself until it is stopped.
endless() { # in the background only: its process id is curl's
    exec curl -sSN --max-time 120 "$base/api/generate" -d "{\"model\":\"$model\",\"prompt\":\"1 1 1 1 1 1 1 1 1 1\",\"raw\":true,
        \"options\":{\"num_predict\":4000,\"temperature\":0,\"repeat_penalty\":1}}"
}
answered() { ask | tail -n 1 | jq -e .done >"$log" 2>&1; }

answered
ok $? 'an answer'
for name in keeper engine gateway; do
    old=$(role $name)
    [ -n "$old" ]
    ok $? "the $name is a process of its own"
    [ "$name" != engine ] || { endless >"$dir/cut" & asking=$!; await 30 test -s "$dir/cut"; }
    kill -KILL "$old"
    if [ "$name" = engine ]; then
        wait $asking
        cp "$dir/cut" "$log"
        head -n 1 "$dir/cut" | jq -e '.done == false' >/dev/null && tail -n 1 "$dir/cut" | grep -q ENGINE_GONE
        ok $? 'whoever waited for the engine is told so: ENGINE_GONE'
    fi
    await 60 replaced "$name" "$old" && await 60 curl -fsS "$base/readyz"
    ok $? "kill -9 of the $name: another process, and ready again"
    answered
    ok $? "and the next question is answered"
    verified
    ok $? 'and the evidence verifies again'
done
grep -q 'died="keeper"' "$dir/serve.log" && grep -q 'died="engine"' "$dir/serve.log" && grep -q 'died="gateway"' "$dir/serve.log"
ok $? 'the log says what died'
cp "$dir/serve.log" "$log"
grep -aq '"kind":"key-epoch"' "$dir/service/event_log"
ok $? "a gateway's new keys are an event"

# the keeper at random moments of its work, which a gateway that is started anew gives it
bad=0
for i in {1..6}; do
    old=$(role gateway)
    kill -KILL "$old"
    sleep "0.0$((RANDOM % 10))"
    k=$(role keeper)
    [ -z "$k" ] || kill -KILL "$k"
    await 60 replaced gateway "$old" && await 60 replaced keeper "${k:-0}" && await 60 curl -fsS "$base/readyz" && verified || bad=1
done
ok $bad 'keeper and gateway killed at random moments: evidence verifies each time'

# the roles hold what they need and nothing else
sockets() { ls -l "/proc/$1/fd" 2>/dev/null | grep -c socket:; }
[ "$(sockets "$(role engine)")" -le 3 ]
ok $? 'the engine holds its channels alone'
! ls -l "/proc/$(role engine)/fd" | grep -q "$dir/models"
ok $? 'the engine holds no file of the model'
grep -q '^Seccomp:.*2' "/proc/$(role engine)/status" && grep -q '^Seccomp:.*2' "/proc/$(role keeper)/status" && grep -q '^Seccomp:.*2' "/proc/$(role gateway)/status"
ok $? 'seccomp is on in all of them'
grep -q '^NoNewPrivs:.*1' "/proc/$(role gateway)/status"
ok $? 'no new privileges'
case $(readlink "/proc/$(role engine)/exe") in /memfd:sotto*) true ;; *) false ;; esac
ok $? 'they run from the sealed copy'

# a client that hangs up stops its computation
endless >"$dir/left" & asking=$!
await 30 test -s "$dir/left"
kill $asking
wait $asking
begun=$(date +%s%N)
ask 1 >"$log"
[ $((($(date +%s%N) - begun) / 1000000)) -lt 20000 ]
ok $? 'a client that hung up does not hold up the next one'

# SIGTERM lets an answer finish
ask 12 -N >"$dir/last" & asking=$!
await 30 test -s "$dir/last"
kill -TERM "$service"
wait $asking
tail -n 1 "$dir/last" | jq -e '.done == true' >"$log" 2>&1
ok $? 'SIGTERM lets an answer finish'
wait "$service"
ok $? 'and ends with 0'

# killed at random moments of a start: the next one explains the register and verifies
begin() {
    "$sotto" serve --config "$dir/sotto.conf" 2>"$dir/serve.log" &
    service=$!
    pids+=("$service")
}
for i in {1..8}; do
    begin
    sleep "0.$((RANDOM % 8))$((RANDOM % 10))"
    k=$(role keeper 2>/dev/null)
    [ -z "$k" ] || kill -KILL "$k"
    [ $((i % 2)) = 0 ] || sleep 0.1
    kill -KILL "$service" 2>/dev/null
    wait "$service" 2>/dev/null
done
begin
await 60 curl -fsS "$base/readyz" && verified
ok $? 'killed at random moments of eight starts: the next one verifies'
kill -TERM "$service"
wait "$service"
for name in keeper engine gateway; do
    begin
    await 60 role_runs $name
    kill -KILL "$(role $name)"
    await 90 curl -fsS "$base/readyz" && verified
    ok $? "kill -9 of the $name during a start: the start goes on, and verifies"
    kill -TERM "$service"
    wait "$service"
done
begin
await 60 curl -fsS "$base/readyz"
children=$(cat "/proc/$service/task/$service/children")
kill -KILL "$service"
wait "$service" 2>/dev/null
gone() { # a zombie waits for whoever adopted it
    local k
    for k in $children; do
        [ ! -d "/proc/$k" ] || grep -q '^State:.Z' "/proc/$k/status" || return 1
    done
}
await 20 gone
ok $? 'kill -9 of the parent leaves no process behind'

# a damaged model file
blob=$(ls "$dir"/models/blobs/sha256-b179*)
begin
await 60 curl -fsS "$base/readyz"
printf x | dd of="$blob" bs=1 seek=50000000 conv=notrunc 2>/dev/null
kill -KILL "$(role engine)"
wait "$service"
code=$?
cp "$dir/serve.log" "$log"
[ $code != 0 ] && tail -n 1 "$log" | grep -q '(MODEL_DIGEST' && [ "$(grep -c 'died="engine"' "$log")" = 9 ]
ok $? 'an engine that cannot come back ends the service, after eight tries: MODEL_DIGEST'
begin
wait "$service"
[ $? != 0 ] && grep -q MODEL_DIGEST "$dir/serve.log"
ok $? 'a damaged model file stops the start: MODEL_DIGEST'
"$sotto" doctor --config "$dir/sotto.conf" --json >"$log" && jq -e '.well and ([.checks[] | select(.name == "quote-device") | .state] == ["ok"])' "$log" >/dev/null
ok $? 'doctor finds nothing wrong with the machine'
"$sotto" doctor --device none >"$log" 2>&1
[ $? = 2 ]
ok $? 'doctor: an option that it does not have is a usage error'
echo "1..$number"
[ $failed = 0 ]
