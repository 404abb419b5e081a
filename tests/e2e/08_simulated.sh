#!/bin/bash
# Every TCB status and every revocation that sotto-sim can be asked for, as sotto verify judges them. Prints TAP. BUILD: the programs.
set -u
cd "$(dirname "$0")/../.." || exit 1
BUILD=${BUILD:-build}
sotto=$BUILD/sotto simulator=$BUILD/sotto-sim
dir=$(mktemp -d)
sim=
trap '[ -z "$sim" ] || { kill "$sim"; wait "$sim"; } 2>/dev/null; rm -rf "$dir"' EXIT
n=0
ok() { n=$((n + 1)); if [ "$1" = 0 ]; then echo "ok $n - $2"; else echo "not ok $n - $2"; sed 's/^/# /' "$dir/out" "$dir/log" | tail -n 30; fi; }
# EXIT FACT REASON OPTIONS...: of the quote with collateral made so
judged() {
    local want=$1 fact=$2 reason=$3 code; shift 3
    rm -rf "$dir/files"
    "$simulator" collateral "$dir/sim" "$dir/files" "$@" >"$dir/out" 2>"$dir/log" &&
        "$sotto" verify "$dir/quote" --collateral "$dir/files" --policy "$dir/policy" --json >"$dir/out" 2>"$dir/log"
    code=$?
    [ $code = "$want" ] && jq -e --arg f "$fact" --arg r "$reason" '.facts[] | select(.name == $f) | .reason == $r' "$dir/out" >/dev/null
    ok $? "${*:-as it is}: exit $want, $fact $reason"
}

echo 1..17
"$simulator" init "$dir/sim" >"$dir/out" 2>"$dir/log"
"$simulator" run "$dir/sim" --listen 127.0.0.1:0 2>"$dir/log" &
sim=$!
for _ in {1..600}; do ! grep -q address= "$dir/log" || break; sleep 0.05; done
"$sotto" quote --device "sim:$dir/sim" -o "$dir/quote" >"$dir/out" 2>"$dir/log"
ok $? 'quote'
root=$("$simulator" show "$dir/sim" --json | jq -r .root_sha256)
echo "{\"v\":1,\"anchors\":{\"simulated\":[\"$root\"]}}" >"$dir/policy"

judged 10 tcb_status OK
for status in UpToDate SWHardeningNeeded; do judged 10 tcb_status OK --tcb-status $status; done
for status in ConfigurationNeeded ConfigurationAndSWHardeningNeeded OutOfDate OutOfDateConfigurationNeeded; do
    judged 11 tcb_status TCB_STATUS --tcb-status $status
done
judged 11 tcb_status TCB_REVOKED --tcb-status Revoked
judged 11 tcb_status TCB_STATUS --module-status OutOfDate
judged 11 tcb_status TCB_REVOKED --module-status Revoked
judged 11 tcb_status TCB_STATUS --qe-status OutOfDate
judged 11 tcb_status TCB_REVOKED --qe-status Revoked
judged 11 pck_crl CERT_REVOKED --revoke pck
judged 11 root_crl CERT_REVOKED --revoke ca
judged 11 root_crl CERT_REVOKED --revoke signer
"$simulator" collateral "$dir/sim" "$dir/files" --tcb-status uptodate >"$dir/out" 2>"$dir/log"
[ $? = 2 ] && tail -n 1 "$dir/log" | grep -qw USAGE
ok $? 'a status that Intel has not: exit 2, USAGE'
