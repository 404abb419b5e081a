#!/bin/bash
# sotto-sim, sotto quote, sotto inspect quote and log, as an operator uses them. Prints TAP. BUILD: the programs.
set -u
cd "$(dirname "$0")/../.." || exit 1
BUILD=${BUILD:-build}
sotto=$BUILD/sotto simulator=$BUILD/sotto-sim
dir=$(mktemp -d)
sim=
stop() { if [ -n "$sim" ]; then kill "-${1:-TERM}" "$sim" 2>/dev/null; wait "$sim" 2>/dev/null; fi; sim=; }
trap 'stop; rm -rf "$dir"' EXIT
n=0
ok() { n=$((n + 1)); if [ "$1" = 0 ]; then echo "ok $n - $2"; else echo "not ok $n - $2"; sed 's/^/# /' "$dir/out" "$dir/log" | tail -n 30; fi; }
# EXIT REASON NAME COMMAND...: ends so, and names the reason on its last line
refused() {
    local want=$1 reason=$2 name=$3 code; shift 3
    "$@" >"$dir/out" 2>"$dir/log"
    code=$?
    [ $code = "$want" ] && tail -n 1 "$dir/log" | grep -qw "$reason"
    ok $? "$name: exit $want, $reason"
}
start() {
    "$simulator" run "$dir/sim" --listen 127.0.0.1:0 2>"$dir/log" &
    sim=$!
    for _ in {1..600}; do ! grep -q address= "$dir/log" || return 0; sleep 0.05; done
    return 1
}
# One request on td.sock: KIND PAYLOAD; prints the answer's payload, all in hexadecimal.
ask() {
    python3 - "$dir/sim/td.sock" "$1" "$2" <<'P'
import socket, struct, sys
s = socket.socket(socket.AF_UNIX)
s.connect(sys.argv[1])
payload = bytes.fromhex(sys.argv[3])
s.sendall(struct.pack('<HHI', 1, int(sys.argv[2]), len(payload)) + payload)
f = s.makefile('rb')
_, _, size = struct.unpack('<HHI', f.read(8))
print(f.read(size).hex())
P
}
rtmr3() { "$simulator" show "$dir/sim" --json | jq -r .rtmr_3; }
zero=$(printf '%096d' 0)
data=$(printf '%0128d' 5)

b=0
echo 1..66
"$simulator" init "$dir/sim" >"$dir/out" 2>"$dir/log"
ok $? 'init'
[ "$(stat -c %a "$dir/sim/secret") $(stat -c %s "$dir/sim/secret")" = '600 32' ]
ok $? 'the secret is 32 bytes and its owner'\''s'
refused 1 SIM_STATE 'init again' "$simulator" init "$dir/sim"
refused 1 NO_QUOTE_DEVICE 'no simulator runs' "$sotto" quote --device "sim:$dir/sim"
refused 1 SIM_STATE 'a folder without a platform' "$simulator" show "$dir"
refused 2 ADDRESS_PLAIN 'an address that is not loopback' "$simulator" run "$dir/sim" --listen 0.0.0.0:0
refused 2 USAGE 'quotes of version 6' "$simulator" run "$dir/sim" --quote-version 6
start
ok $? 'run'

"$sotto" quote --device "sim:$dir/sim" --report-data "$data" -o "$dir/quote" >"$dir/out" 2>"$dir/log"
ok $? 'quote'
"$sotto" inspect quote "$dir/quote" --json >"$dir/out" 2>"$dir/log" &&
    jq -e --arg d "$data" '.quote_version == 4 and .report_data == $d and .td_attributes == "0000001000000000"' "$dir/out" >/dev/null
ok $? 'inspect quote: the report data that was asked for, SEPT_VE_DISABLE and nothing else'
"$simulator" show "$dir/sim" --json >"$dir/log" && jq -e --slurpfile s "$dir/log" '.mr_td == $s[0].mr_td and .rtmr_2 == $s[0].rtmr_2' "$dir/out" >/dev/null
ok $? 'the measurements are those that show prints'
"$sotto" quote --device "sim:$dir/sim" 2>"$dir/log" | "$sotto" inspect quote - >"$dir/out" 2>>"$dir/log" && grep -q ^mr_td: "$dir/out"
ok $? 'hexadecimal through a pipe'
"$sotto" quote --device "sim:$dir/sim" --json 2>"$dir/log" | jq -r .quote | "$sotto" inspect quote - >"$dir/out" 2>>"$dir/log"
ok $? 'base64 through a pipe'
refused 2 USAGE 'report data of 1 byte' "$sotto" quote --device "sim:$dir/sim" --report-data 00
refused 2 USAGE 'report data and nonce' "$sotto" quote --device "sim:$dir/sim" --report-data "$data" --nonce
refused 1 NO_QUOTE_DEVICE 'the simulator is never chosen by itself' "$sotto" quote
refused 1 DEVICE_HELD 'while somebody owns the device' flock "$dir/sim/device.lock" "$sotto" quote --device "sim:$dir/sim"
head -c 700 "$dir/quote" >"$dir/cut"
refused 1 BYTES_SHORT 'a quote that is cut' "$sotto" inspect quote "$dir/cut"
"$sotto" inspect quote "$dir/cut" --json 2>/dev/null >"$dir/out"
jq -e '.error.reason == "BYTES_SHORT" and .error.offset == 636' "$dir/out" >/dev/null
ok $? 'and where it is cut, as JSON'

for text in 040002 'not a quote'; do
    printf '%s' "$text" | "$sotto" verify - --json >"$dir/out" 2>"$dir/log"
    [ $? = 11 ] && jq -e '.result == "refused" and .facts[0].name == "form" and .facts[0].state == "refuted"' "$dir/out" >/dev/null
    ok $? "verify, of \"$text\": refused, and not an error"
done

# The same quote with certification data of type 2, which only say which platform it is of, and its PCK chain beside it.
python3 - "$dir/quote" "$dir/bare" "$dir/pck.pem" <<'END'
import struct, sys
quote = open(sys.argv[1], 'rb').read()
at = quote.index(b'-----BEGIN')
head = quote[:at - 6] + struct.pack('<HI', 2, 276) + bytes(276)
data = 48 + 584  # version 4: the signature data's length
head = head[:data] + struct.pack('<I', len(head) - data - 4) + head[data + 4:]
head = head[:data + 4 + 128 + 2] + struct.pack('<I', len(head) - data - 4 - 128 - 6) + head[data + 4 + 128 + 6:]
open(sys.argv[2], 'wb').write(head)
open(sys.argv[3], 'wb').write(quote[at:].rstrip(b'\0'))
END
pck_fact() { "$sotto" verify "$dir/bare" --json "$@" 2>"$dir/log" | tee "$dir/out" | jq -r '.facts[] | select(.name == "qe_report_signature") | .state'; }
[ "$(pck_fact)" = unknown ] && [ "$(pck_fact --pck "$dir/pck.pem")" = affirmed ]
ok $? 'verify --pck: the certificate that the quote lacks'
refused 1 FILE_ABSENT 'a PCK certificate that is not there' "$sotto" verify "$dir/bare" --pck "$dir/nowhere.pem"

for time in 1795000000 2026-11-18 2026-11-18T12:26:40Z 2026-11-18T12:26:40+00:00; do
    "$sotto" verify "$dir/quote" --time $time --json 2>"$dir/log" | jq .time
done >"$dir/out"
[ "$(echo $(cat "$dir/out"))" = '1795000000 1794960000 1795004800 1795004800' ]
ok $? 'verify --time: seconds, a day, an instant in two spellings'

before=$(rtmr3)
after=$(ask 3 "03$(printf '%096d' 1)")
[ "$before" = "$zero" ] && [ "${#after}" = 96 ] && [ "$after" = "$(rtmr3)" ]
ok $? 'an extension is on the disk when it is answered'
refused 1 DEVICE_HELD 'reboot of a running platform' "$simulator" reboot "$dir/sim"
stop KILL
start && [ "$(ask 2 03)" = "$after" ]
ok $? 'kill -9: the register is as it was'
ask 4 '' | python3 -c 'import sys; sys.stdout.buffer.write(bytes.fromhex(sys.stdin.read()))' >"$dir/bootlog"
"$sotto" inspect log "$dir/bootlog" --json >"$dir/out" 2>"$dir/log" &&
    jq -e --slurpfile s <("$simulator" show "$dir/sim" --json) '.registers.rtmr_0 == $s[0].rtmr_0 and .registers.rtmr_1 == $s[0].rtmr_1 and
        .registers.rtmr_2 == $s[0].rtmr_2 and (.events | length) == 8 and all(.events[]; .covered)' "$dir/out" >/dev/null
ok $? 'inspect log: the boot log replays to the registers'
head -c 100 "$dir/bootlog" >"$dir/cut"
refused 1 BYTES_SHORT 'a log that is cut' "$sotto" inspect log "$dir/cut"
# The same events of the agent's text and of dstack's JSON, and what Python makes of them.
python3 - "$dir" <<'P'
import hashlib, json, sys
h = lambda b: hashlib.sha384(b).digest()
fold = lambda digests: __import__('functools').reduce(lambda r, d: h(r + d), digests, bytes(48)).hex()
lines = ['INIT sha384/' + '0' * 96, 'example.org load {"name":"a b"}', 'example.org ready']
v2 = json.dumps({'name': 'app', 'payload': '00ff', 'type': 0x08000001}, separators=(',', ':')).encode()
v1 = (0x08000001).to_bytes(4, 'little') + b':app:\x00\xff'
event = {'imr': 3, 'event_type': 0x08000001, 'event': 'app', 'event_payload': '00FF'}
events = [event, dict(event, version=2), dict(event, digest=h(b'').hex())]
open(sys.argv[1] + '/aael', 'w').write('\n'.join(lines))
open(sys.argv[1] + '/aael.want', 'w').write(fold([h(l.encode()) for l in lines]))
open(sys.argv[1] + '/dstack', 'w').write(json.dumps({'quote': '', 'event_log': json.dumps(events)}))
open(sys.argv[1] + '/dstack.want', 'w').write(fold([h(v1), h(v2), h(b'')]))
P
for form in aael dstack; do
    "$sotto" inspect log "$dir/$form" --json >"$dir/out" 2>"$dir/log" &&
        jq -e --arg form $form --arg want "$(cat "$dir/$form.want")" '.format == $form and .registers.rtmr_3 == $want and
            [.events[].covered] == [true, true, $form == "aael"]' "$dir/out" >/dev/null
    ok $? "inspect log: $form"
done
printf '[{' >"$dir/cut"
refused 1 JSON_FORM 'a JSON log that is cut' "$sotto" inspect log "$dir/cut"

# Logs beside a quote, whose RTMR3 was extended once: the firmware's as it is, and RTMR3's event in dstack's form.
"$sotto" quote --device "sim:$dir/sim" --report-data "$data" -o "$dir/quote" >"$dir/out" 2>"$dir/log"
"$simulator" collateral "$dir/sim" "$dir/collateral" >"$dir/out" 2>"$dir/log"
"$simulator" show "$dir/sim" --json | jq '{v: 1, anchors: {simulated: [.root_sha256]}}' >"$dir/policy"
"$sotto" inspect log "$dir/bootlog" --json >"$dir/boot.json"
python3 - "$dir" <<'P'
import base64, json, sys
at = sys.argv[1]
quote, log = open(at + '/quote', 'rb').read(), open(at + '/bootlog', 'rb').read()
b64 = lambda b: base64.b64encode(b).decode()
last = {'imr': 3, 'event_type': 1, 'digest': '%096d' % 1, 'event': 'x', 'event_payload': ''}
events = [{'imr': int(e['register'][-1]), 'event_type': e['type'], 'digest': e['digest'], 'event': '', 'event_payload': e['data'] or ''}
          for e in json.load(open(at + '/boot.json'))['events']] + [last]
lines = [b64(quote)[i:i + 64] for i in range(0, len(b64(quote)), 64)]
other = dict(events[0], digest='%096d' % 7)
for name, content in {
        'f.hex': '0x' + quote.hex().upper(), 'f.base64': '\n'.join(lines), 'f.url': base64.urlsafe_b64encode(quote).decode().rstrip('='),
        'f.pem': '-----BEGIN TDX QUOTE-----\n' + '\n'.join(lines) + '\n-----END TDX QUOTE-----\n', 'f.ita': json.dumps({'tdx': {'quote': b64(quote), 'event_log': ''}}),
        'dstack': json.dumps({'quote': quote.hex(), 'event_log': json.dumps(events), 'report_data': '05', 'vm_config': '{}'}),
        'dstack-list': json.dumps({'quote': quote.hex(), 'event_log': events}),
        'dstack-other': json.dumps({'quote': quote.hex(), 'event_log': json.dumps([other] + events[1:])}),
        'trustee': json.dumps({'cc_eventlog': b64(log), 'quote': b64(quote), 'aa_eventlog': None}),
        'last': json.dumps([last]), 'none': '', 'neither': '{"answer": 42}'}.items():
    open(at + '/' + name, 'w').write(content)
P
# NAME RESULT BOOT_LOG EVENT_LOG ARGUMENT...: what verify makes of it, under a policy that names the root
judged() {
    local name=$1 want="$2 $3 $4"; shift 4
    "$sotto" verify "$@" --policy "$dir/policy" --json >"$dir/out" 2>"$dir/log"
    local seen; seen=$(jq -r '(.facts | map({(.name): .state}) | add) as $f | "\(.result) \($f.boot_log // "-") \($f.event_log // "-")"' "$dir/out")
    [ "$seen" = "$want" ]
    ok $? "verify, $name: $want"
}
with="--collateral $dir/collateral"
for form in "$dir"/f.*; do judged "a quote as ${form##*/f.}" simulated - - "$form" $with; done
judged 'dstack' simulated affirmed affirmed "$dir/dstack" $with
judged 'dstack, its log a list' simulated affirmed affirmed "$dir/dstack-list" $with
judged 'dstack, another event' refused refuted refuted "$dir/dstack-other" $with
judged 'Trustee, without the log of RTMR3' undecided affirmed unknown "$dir/trustee" $with
judged 'Trustee, and the log of RTMR3' simulated affirmed affirmed "$dir/trustee" --log "$dir/last" $with
judged 'two logs' simulated affirmed affirmed "$dir/quote" -l "$dir/bootlog" -l "$dir/last" $with
judged 'two logs, the later one first' simulated affirmed affirmed "$dir/quote" -l "$dir/last" -l "$dir/bootlog" $with
judged 'a log twice' refused affirmed refuted "$dir/trustee" -l "$dir/last" -l "$dir/last" $with
judged 'an empty log' refused refuted refuted "$dir/quote" -l "$dir/none" $with
judged 'JSON without a quote' refused - - "$dir/neither" $with
judged 'the report data that were asked for' simulated - - "$dir/quote" --report-data "$data" $with
judged 'other report data' refused - - "$dir/quote" --report-data 05 $with
jq -e '[.facts[] | select(.name == "report_data") | .reason] == ["REPORT_DATA_MISMATCH"]' "$dir/out" >/dev/null
ok $? 'and the fact is report_data'
"$sotto" verify "$dir/trustee" -l "$dir/last" $with --policy "$dir/policy" -v >"$dir/out" 2>"$dir/log"
[ $? = 10 ] && grep -q 'log 1: tcg, 8 events' "$dir/out" && [ "$(grep -c '^ *[0-9]*  rtmr_[0-3]  covered  ' "$dir/out")" = 8 ] &&
    grep -q '^ *0  rtmr_3  unknown  ' "$dir/out" && [ "$(wc -L <"$dir/out")" -le 80 ]
ok $? 'verify -v: each event, and whether its digest covers it, within 80 columns'
"$sotto" verify "$dir/trustee" -l "$dir/last" $with --policy "$dir/policy" --json 2>"$dir/log" | jq -e '[.logs[].format] == ["tcg", "dstack"] and
    ([.logs[].events[].covered] | map(select(. == true)) | length) == 8' >"$dir/out"
ok $? 'verify --json: the same'
refused 1 FILE_ABSENT 'a log that is not there' "$sotto" verify "$dir/quote" --log "$dir/nowhere"
refused 2 USAGE 'report data of 65 bytes' "$sotto" verify "$dir/quote" --report-data "${data}00"

# A bundle has all of it; whoever changes it is noticed.
"$sotto" verify "$dir/trustee" -l "$dir/last" --report-data "$data" $with --policy "$dir/policy" --bundle "$dir/bundle" >"$dir/out" 2>"$dir/log"
for change in . 'del(.logs)' '.logs |= reverse' '.logs[0] = .logs[1]' '.time -= 86400 * 365'; do b=$((b + 1)); jq -c "$change" "$dir/bundle" >"$dir/b.$b"; done
judged 'a bundle' simulated affirmed affirmed "$dir/b.1" --time bundle
jq -e 'any(.facts[]; .name == "archived_verdict" and .state == "affirmed") and (.logs | length) == 2' "$dir/out" >/dev/null
ok $? 'and the stored verdict was reproduced'
judged 'a bundle without its logs' simulated - - "$dir/b.2" --time bundle
jq -e 'any(.facts[]; .name == "archived_verdict" and .reason == "ARCHIVED_VERDICT")' "$dir/out" >/dev/null
ok $? 'and that is said'
judged 'a bundle, its logs turned round' simulated affirmed affirmed "$dir/b.3" --time bundle
judged 'a bundle, a log in the place of another' refused unknown refuted "$dir/b.4" --time bundle
judged 'a bundle of another time' refused affirmed affirmed "$dir/b.5" --time bundle
judged 'a bundle, and the report data' simulated affirmed affirmed "$dir/b.1" --time bundle --report-data "$data"
refused 2 USAGE 'a log beside a bundle' "$sotto" verify "$dir/b.1" --log "$dir/last"
stop
[ ! -e "$dir/sim/td.sock" ] && [ ! -e "$dir/sim/qgs.sock" ]
ok $? 'SIGTERM: the sockets are gone'
"$simulator" reboot "$dir/sim" 2>"$dir/log" && [ "$(rtmr3)" = "$zero" ]
ok $? 'reboot clears RTMR3'
truncate -s 100 "$dir/sim/state"
refused 1 JSON_FORM 'a damaged state' "$simulator" show "$dir/sim"
