#!/bin/bash
# ./try as a newcomer runs it: the answer and the verdict, then what can be in the way. Prints TAP.
set -u
cd "$(dirname "$0")/../.." || exit 1
out=$(mktemp -d)
busy=
up=
model=.cache/model/SmolLM2-135M-Instruct.Q4_1.gguf
trap '[ -z "$up" ] || kill -TERM "$up" 2>/dev/null; [ -z "$busy" ] || kill "$busy" 2>/dev/null; [ ! -f "$out/model" ] || mv "$out/model" "$model"; rm -rf "$out"' EXIT
n=0
ok() { n=$((n + 1)); if [ "$1" = 0 ]; then echo "ok $n - $2"; else echo "not ok $n - $2"; sed 's/^/# /' "$out/log" | tail -n 40; fi; }

# Four free ports, asked of the kernel at once.
read -r p1 p2 p3 p4 < <(python3 -c 'import socket
s = [socket.socket() for _ in range(4)]
for x in s: x.bind(("127.0.0.1", 0))
print(*(x.getsockname()[1] for x in s))')
ports=(--port "$p1" --tls-port "$p2" --attest-port "$p3" --sim-port "$p4")
left() { pgrep -f "$PWD/.cache/try|127.0.0.1:$p4" >"$out/left"; }

echo 1..16
./try --once "${ports[@]}" --question 'What is the capital of France?' >"$out/log" 2>&1
ok $? 'try --once ends with 0'
grep -q 'verdict: SIMULATED' "$out/log"
ok $? 'the verdict says that it is simulated'
awk '/^question:/ {seen = 1; next} /verdict:/ {seen = 0} seen && NF {found = 1} END {exit !found}' "$out/log"
ok $? 'there is an answer'
! left
ok $? 'nothing is left running'
# Of its own work: processor time, which other programs on this machine do not lengthen much. OLLAMA_HOST and the like are not its.
TIMEFORMAT='%U %S'
{ time OLLAMA_HOST=0.0.0.0:1 SOTTO_POLICY=/none http_proxy=http://127.0.0.1:1 ./try --once "${ports[@]}" >"$out/log" 2>&1; } 2>"$out/time"
ok $? 'a second run ends with 0, whatever the environment says'
awk '{print "# processor time: " $1 + $2 " s"; exit !($1 + $2 < 5)}' "$out/time"
ok $? 'and takes under 5 seconds of its own work'

# It stays up until a signal comes: INT as Ctrl-C sends it, to the whole group; KILL to it alone. SIGNAL: the exit code in $code.
stays_up() {
    local i
    : >"$out/log"
    setsid -w env --default-signal=INT ./try "${ports[@]}" >"$out/log" 2>&1 &
    busy=$!
    for i in {1..600}; do grep -q 'Ctrl-C ends it' "$out/log" && break; sleep 0.1; done
    up=$(pgrep -f "^/bin/bash ./try --port $p1 ")
    [ -n "$up" ] && curl -fsS "http://127.0.0.1:$p1/api/version" >>"$out/log" || return 1
    if [ "$1" = INT ]; then kill -INT -- "-$up"; else kill -"$1" "$up"; fi
    wait $busy 2>/dev/null
    code=$?
    busy='' up=''
}
stays_up INT && [ $code = 130 ] && ! left
ok $? 'it stays up until Ctrl-C, and leaves nothing running'
stays_up KILL && [ $code = 137 ] && for i in {1..120}; do left || break; sleep 0.1; done && ! left
ok $? 'if it is killed its programs end too'
./try --once "${ports[@]}" >"$out/log" 2>&1
ok $? 'and the next run ends with 0'
./try --once "${ports[@]}" --tls-port "$p1" >"$out/log" 2>&1
[ $? = 2 ] && grep -q 'must differ' "$out/log"
ok $? 'one port for two: a usage error'
./try --port 65536 >"$out/log" 2>&1
[ $? = 2 ]
ok $? 'a port that none can be: a usage error'

python3 -c 'import socket, sys, time
s = socket.socket(); s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
s.bind(("127.0.0.1", int(sys.argv[1]))); s.listen(); time.sleep(60)' "$p2" &
busy=$!
for _ in {1..200}; do (exec 3<>"/dev/tcp/127.0.0.1/$p2") 2>/dev/null && break; sleep 0.1; done
./try --once "${ports[@]}" >"$out/log" 2>&1
code=$?
kill $busy
wait $busy 2>/dev/null
busy=
{ [ $code != 0 ] && grep -q "port $p2 is in use" "$out/log" && ! left; }
ok $? 'a port in use: a clear message, nothing left running'

cp "$model" "$out/model"
printf x | dd of="$model" bs=1 seek=1000000 conv=notrunc status=none
./try --once "${ports[@]}" >"$out/log" 2>&1
code=$?
mv "$out/model" "$model"
{ [ $code != 0 ] && grep -q MODEL_DIGEST "$out/log" && ! left; }
ok $? 'a damaged model file: a clear message, nothing left running'

./try --port many >"$out/log" 2>&1
[ $? = 2 ]
ok $? 'a wrong option is a usage error'

# A build folder that Meson set up elsewhere, or not to its end, is not used; one of this checkout is.
setup() { # SOURCE
    rm -rf "$out/build"
    mkdir -p "$out/build/meson-info"
    printf '{"directories": {"source": "%s"}}' "$1" >"$out/build/meson-info/meson-info.json"
    touch "$out/build/build.ninja"
}
setup "$(pwd -P)" && tools/build_fresh.sh "$out/build" && [ -d "$out/build" ] && rm "$out/build/build.ninja" && tools/build_fresh.sh "$out/build" && [ ! -e "$out/build" ]
ok $? 'a build folder that was set up to its end is used, no other'
setup "$(pwd -P)/elsewhere" && tools/build_fresh.sh "$out/build" && [ ! -e "$out/build" ]
ok $? 'a build folder of a checkout that was elsewhere is not used'
