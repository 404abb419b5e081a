# Sourced by the scenarios: a service on a simulated platform of its own, with the demo model, on free ports of
# 127.0.0.1. BUILD: the programs (default build); MODEL: the model file.
#
#     . tests/e2e/service.sh
#     service_start || exit 1       # sets dir, sotto, base (plain), tls, policy; everything ends when the script does
#
# config_more: further lines of the configuration, set before.
# ok STATUS NAME prints a line of TAP; $dir/log is shown where it is not 0.
BUILD=${BUILD:-build}
MODEL=${MODEL:-.cache/model/SmolLM2-135M-Instruct.Q4_1.gguf}
model=smollm2:135m
sotto=$BUILD/sotto
dir=$(mktemp -d)
pids=()
number=0
failed=0
service_stop() {
    local i p
    for ((i = ${#pids[@]} - 1; i >= 0; i--)); do
        p=${pids[i]}
        kill -TERM "$p" 2>/dev/null
        for _ in {1..100}; do kill -0 "$p" 2>/dev/null || break; sleep 0.05; done
        kill -KILL "$p" 2>/dev/null
        wait "$p" 2>/dev/null
    done
    rm -rf "$dir"
}
trap service_stop EXIT
ok() {
    number=$((number + 1))
    if [ "$1" = 0 ]; then
        echo "ok $number - $2"
    else
        failed=$((failed + 1))
        echo "not ok $number - $2"
        tail -n 40 "$dir/log" 2>/dev/null | sed 's/^/# /'
    fi
}
# as many free ports as are asked for
free_ports() {
    python3 -c 'import socket, sys
s = [socket.socket() for _ in range(int(sys.argv[1]))]
for x in s: x.bind(("127.0.0.1", 0))
print(*(x.getsockname()[1] for x in s))' "$1"
}
# SECONDS COMMAND...: until it succeeds
await() {
    local tenths=$(($1 * 10)); shift
    until "$@" >/dev/null 2>&1; do
        ((tenths-- > 0)) || return 1
        sleep 0.1
    done
}
service_start() {
    local port tls_port sim_port reference platform
    read -r port tls_port sim_port < <(free_ports 3)
    base=http://127.0.0.1:$port tls=https://127.0.0.1:$tls_port policy=$dir/policy.json
    export SOTTO_MODELS=$dir/models
    {
        "$sotto" create "$model" --from "$MODEL" &&
            "$BUILD/sotto-sim" init "$dir/sim" &&
            "$BUILD/sotto-sim" collateral "$dir/sim" "$dir/collateral"
    } >"$dir/log" 2>&1 || { ok 1 'the platform and the model are set up'; return 1; }
    "$BUILD/sotto-sim" run "$dir/sim" --listen "127.0.0.1:$sim_port" 2>"$dir/sim.log" &
    pids+=($!)
    await 10 test -S "$dir/sim/td.sock" -a -S "$dir/sim/qgs.sock" || { ok 1 'the platform runs'; return 1; }
    cat >"$dir/sotto.conf" <<C
tee = tdx
device = sim:$dir/sim
model = $model
listen = 127.0.0.1:$port
tls_listen = 127.0.0.1:$tls_port
state = $dir/service
policy = $policy
collateral = $dir/collateral
${config_more:-}
C
    reference=$("$sotto" serve --config "$dir/sotto.conf" --print-reference 2>"$dir/log") || { ok 1 'reference values'; return 1; }
    platform=$("$BUILD/sotto-sim" show "$dir/sim" --json 2>"$dir/log") || { ok 1 'the platform shows itself'; return 1; }
    jq -n --argjson r "$reference" --argjson p "$platform" '{v: 1,
        anchors: {intel: false, simulated: [$p.root_sha256]},
        td: {mrtd: [$p.mr_td], rtmr0: [$p.rtmr_0], rtmr1: [$p.rtmr_1], rtmr2: [$p.rtmr_2]},
        service: ($r + {backing: ["memfd", "verity", "disk"]})}' >"$policy"
    "$sotto" serve --config "$dir/sotto.conf" 2>"$dir/serve.log" &
    pids+=($!)
    service=$!
    await 60 curl -fsS "$base/readyz" || { cp "$dir/serve.log" "$dir/log"; ok 1 'the service is ready'; return 1; }
}
