#!/bin/bash
# The page of a running service in Chromium: simulated with a right policy, refused with another, undecided without an
# attestation service. OUT: where screenshots go. Needs the pinned Node in PATH and web/node_modules. Prints TAP.
set -u
cd "$(dirname "$0")/../.." || exit 1
. tests/e2e/service.sh
attest_port=$(free_ports 1)
attestation=http://127.0.0.1:$attest_port
config_more="attestation = $attestation"
service_start || { echo "1..$number"; exit 1; }
log=$dir/log

attestd_start() {
    "$BUILD/sotto-attestd" --listen "127.0.0.1:$attest_port" --state "$dir/attestd" --policies "$dir/policies" \
        --default-policy demo --collateral "$dir/collateral" --issuer "$attestation" --allowed-origin "$base,$tls" \
        2>"$dir/attestd.log" &
    pids+=($!)
    attestd=$!
    await 10 curl -fsS "$attestation/jwks.json"
}
# what the browser's script says, each line as one of ours
page() { # ADDRESS LOOK WORDS
    local line
    BASE_URL=$1 LOOK=$2 OUT=${OUT:-$dir/screenshots} web/test/browser.sh >"$log" 2>&1
    [ $? = 0 ] || grep -q '^not ok' "$log"
    ok $? "$3: the browser's script ran"
    while read -r line; do
        [ "${line%% *}" = ok ]
        ok $? "$3: ${line#* - }"
    done < <(grep -E '^(not )?ok ' "$log")
}

mkdir "$dir/policies" && cp "$policy" "$dir/policies/demo.json"
attestd_start
ok $? 'the attestation service runs'
curl -fsS "$base/sotto/page.json" | jq -e --arg a "$attestation" '. == {attestation: $a}' >/dev/null
ok $? 'the service names it to the page'
page "$base" simulated 'plain'
page "$tls" simulated 'TLS'
jq --arg x "$(printf '0%.0s' {1..96})" '.service.program = [$x]' "$policy" >"$dir/policies/demo.json"
page "$base" refused 'another program'
kill -TERM "$attestd"
await 20 sh -c "! curl -s $attestation/jwks.json"
page "$base" undecided 'no attestation service'

# what is embedded is what was built, in each of its two forms
while read -r path; do
    name=${path#/}
    curl -fsS -H 'Accept: text/html' "$base$path" | cmp - "web/dist/${name:-index.html}" >"$log" 2>&1 &&
        curl -fsS -H 'Accept: text/html' --compressed "$base$path" | cmp - "web/dist/${name:-index.html}" >"$log" 2>&1
    ok $? "$path is the file that was built"
done < <(grep -o '^PAGE_FILE([0-9]*, "[^"]*"' web/dist/page.inc | cut -d'"' -f2)
etag=$(curl -fsSI -H 'Accept: text/html' "$base/icon.svg" | tr -d '\r' | sed -n 's/^[Ee][Tt]ag: //p')
[ "$(curl -s -o "$log" -w '%{http_code}' -H "If-None-Match: $etag" "$base/icon.svg")" = 304 ]
ok $? 'a file that did not change is not sent again'
echo "1..$number"
exit $((failed > 0))
