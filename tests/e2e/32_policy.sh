#!/bin/bash
# `sotto policy`, bundles, and the verdict as people read it. Prints TAP.
set -u
cd "$(dirname "$0")/../.." || exit 1
. tests/e2e/service.sh
echo 1..53
service_start || exit 1
out=$dir/out log=$dir/log
unset SOTTO_POLICY SOTTO_URL
# EXIT NAME COMMAND...: ends so; stdout in $out, stderr in $log
ends() {
    local want=$1 name=$2 code; shift 2
    "$@" >"$out" 2>"$log"
    code=$?
    [ $code = "$want" ]
    ok $? "$name: exit $want"
}
refused() { # EXIT REASON NAME COMMAND...: ends so, naming the reason
    local want=$1 reason=$2 name=$3 code; shift 3
    "$@" >"$out" 2>"$log"
    code=$?
    [ $code = "$want" ] && grep -qw "$reason" "$log"
    ok $? "$name: exit $want, $reason"
}

# ---- sotto policy ----
"$BUILD/sotto-sim" show "$dir/sim" --json >"$dir/platform.json" 2>"$log"
ends 0 'new' "$sotto" policy new --config "$dir/sotto.conf" --platform "$dir/platform.json" -o "$dir/new.json"
cmp -s <(jq -S . "$dir/new.json") <(jq -S 'del(.service.backing)' "$policy")
ok $? 'it demands the programs, the configuration, the page, the model and the boot chain of this installation'
grep -q POLICY_SIMULATED "$log" && ! grep -q POLICY_BOOT "$log" && ! grep -q POLICY_SERVICE "$log"
ok $? 'and says what it leaves open'
"$sotto" policy new --config "$dir/sotto.conf" --platform - <"$dir/platform.json" 2>"$log" | cmp -s - "$dir/new.json"
ok $? 'the same on standard output, from standard input'
refused 2 USAGE 'a simulator without its root' "$sotto" policy new --config "$dir/sotto.conf" -o "$dir/none.json"
[ ! -e "$dir/none.json" ]
ok $? 'then nothing is written'
sed 's/^device.*/device = auto/' "$dir/sotto.conf" >"$dir/real.conf"
refused 2 USAGE 'a simulator'\''s root for real hardware' "$sotto" policy new --config "$dir/real.conf" --platform "$dir/platform.json"
"$sotto" policy new --config "$dir/real.conf" >"$out" 2>"$log" && jq -e '.anchors == {intel: true} and .td == {}' "$out" >/dev/null && grep -q POLICY_BOOT "$log"
ok $? 'real hardware: under Intel'\''s root alone, and the boot chain is left open by name'
curl -fsS "$base/.well-known/sotto/evidence?nonce=$(printf '0%.0s' {1..64})" >"$dir/document.json"
refused 1 JSON_UNKNOWN 'a service'\''s word is no set-up' "$sotto" policy new --config "$dir/sotto.conf" --platform "$dir/document.json"
refused 2 USAGE 'new without a configuration' "$sotto" policy new --platform "$dir/platform.json"
ends 0 'check' "$sotto" policy check "$dir/new.json"
grep -q POLICY_PLATFORM "$out" && grep -q 'to do' "$out" && ! awk 'length > 80' "$out" | grep -q .
ok $? 'what is open, by reason and with what to do, within 80 columns'
"$sotto" policy check "$dir/new.json" --json >"$out" 2>"$log" &&
    jq -e --arg d "$(sha384sum <"$dir/new.json" | cut -d' ' -f1)" '.sha384 == $d and all(.open[]; .reason and .todo != "") and (.demands | length > 10)' "$out" >/dev/null
ok $? 'check --json'
jq '.td.attributes = {mask: "ff00000000000000", value: "0000000000000000", masque: ""}' "$dir/new.json" >"$dir/bad.json"
refused 1 JSON_UNKNOWN 'an unknown member' "$sotto" policy check "$dir/bad.json"
grep -q 'bad.json: td.attributes.masque: ' "$log"
ok $? 'by its path'
ends 0 'explain' "$sotto" policy explain "$dir/new.json"
grep -q 'MRTD' "$out" && ! awk 'length > 80' "$out" | grep -q .
ok $? 'in sentences, within 80 columns'
"$sotto" policy show "$dir/new.json" >"$out" 2>"$log" && head -n 1 "$out" | cmp -s - <(jq -Sc . "$dir/new.json") &&
    [ "$(tail -n 1 "$out")" = "sha384 $(sha384sum <"$dir/new.json" | cut -d' ' -f1)" ]
ok $? 'show: the canonical form, and the digest of the file as it is'
refused 2 USAGE 'no such verb' "$sotto" policy burn "$dir/new.json"

# MAX_AGE: how often a chat with two questions, more than two seconds apart, has to be verified
verdicts() {
    jq ".max_age = $1" "$policy" >"$dir/aged.json"
    { echo 'Name a colour.'; sleep 2.2; printf 'And another one.\n/bye\n'; } |
        "$sotto" run "$model" --url "$tls" --policy "$dir/aged.json" --num-predict 4 2>"$log" >"$out" && grep -c '^SIMULATED' "$log"
}
[ "$(verdicts 1) $(verdicts 3600)" = '2 1' ]
ok $? 'max_age: a client asks again when it is over, and not before'

# ---- bundles ----
"$sotto" verify "$tls" --policy "$policy" --json --bundle "$dir/bundle.json" >"$dir/first.json" 2>"$log"
[ $? = 10 ]
ok $? 'a service is verified, and archived'
claimed=$(jq -r .claims.sotto_policy_sha384 "$dir/first.json")
[ "$claimed" = "$(sha384sum <"$policy" | cut -d' ' -f1)" ]
ok $? 'the verdict carries the digest that show prints'
jq -r .policy "$dir/bundle.json" | base64 -d | cmp -s - "$policy" && jq -r .verdict "$dir/bundle.json" | base64 -d | jq -e '.result == "simulated"' >/dev/null
ok $? 'with its policy and verdict'
kill "$service"; wait "$service" 2>/dev/null
mv "$dir/collateral" "$dir/collateral.gone"
"$sotto" verify "$dir/bundle.json" --policy "$policy" --time bundle --json >"$dir/later.json" 2>"$log"
[ $? = 10 ]
ok $? 'without the service and its collateral: the same result'
facts='[.facts[] | select(.name != "nonce" and .name != "connection" and .name != "archived_verdict")]'
cmp -s <(jq -S "$facts" "$dir/first.json") <(jq -S "$facts" "$dir/later.json") && jq -e '.claims.time_source == "bundle"' "$dir/later.json" >/dev/null
ok $? 'the same facts, which say whose time it was'
jq -e '.facts[] | select(.name == "archived_verdict") | .state == "affirmed" and (.required | not)' "$dir/later.json" >/dev/null
ok $? 'the stored verdict was reproduced'
"$sotto" verify "$dir/bundle.json" --time bundle >"$out" 2>"$log"
code=$?
# A build with sanitizers maps libraries from the disk, which is refused without a policy that allows it.
[ $code = 12 ] || { [ $code = 11 ] && grep -q PROGRAM_BACKING "$out"; }
ok $? 'the bundle'\''s own policy does not count: undecided'
ends 11 'nor does its time without --time bundle' "$sotto" verify "$dir/bundle.json" --policy "$policy" --time 2031-01-01
jq --arg p "$(printf '{"v":1,"anchors":{"intel":true},"service":{}}' | base64 -w0)" --arg v "$(printf '{"v":1,"result":"verified","facts":[{"name":"form","state":"affirmed"}]}' | base64 -w0)" \
    '.policy = $p | .verdict = $v' "$dir/bundle.json" >"$dir/forged.json"
ends 10 'another policy and verdict in it change nothing' "$sotto" verify "$dir/forged.json" --policy "$policy" --time bundle --json
jq -e '.facts[] | select(.name == "archived_verdict") | .state == "refuted" and .reason == "ARCHIVED_VERDICT"' "$out" >/dev/null
ok $? 'except that the verdict was not reproduced'
jq '.anchors.simulated = ["'"$(printf '0%.0s' {1..64})"'"]' "$policy" >"$dir/other.json"
ends 11 'by another policy than that of the day' "$sotto" verify "$dir/bundle.json" --policy "$dir/other.json" --time bundle
refused 2 USAGE 'a bundle of a bundle' "$sotto" verify "$dir/bundle.json" --policy "$policy" --time bundle --bundle "$dir/twice.json"
head -c 100 "$dir/bundle.json" | tr '{' 'x' >"$dir/garbage"
refused 2 USAGE 'a bundle of nothing' "$sotto" verify "$dir/garbage" --policy "$policy" --bundle "$dir/twice.json"
[ ! -e "$dir/twice.json" ]
ok $? 'neither is written'

jq 'del(.service)' "$policy" >"$dir/quotes.json"
jq -r .quote "$dir/document.json" | base64 -d >"$dir/quote"
ends 10 'a bare quote' "$sotto" verify "$dir/quote" --policy "$dir/quotes.json" --collateral "$dir/collateral.gone" --bundle "$dir/bare.json"
ends 10 'its bundle' "$sotto" verify "$dir/bare.json" --policy "$dir/quotes.json" --time bundle
ends 10 'the collateral of a bundle, for another quote' "$sotto" verify "$dir/quote" --policy "$dir/quotes.json" --collateral "$dir/bare.json"
jq '.collateral = null' "$dir/bare.json" >"$dir/empty.json"
refused 1 COLLATERAL_ABSENT 'a bundle without any' "$sotto" verify "$dir/quote" --policy "$dir/quotes.json" --collateral "$dir/empty.json"
refused 1 COLLATERAL_FORM 'no bundle' "$sotto" verify "$dir/quote" --policy "$dir/quotes.json" --collateral "$dir/quote"
refused 2 USAGE '--time bundle for what is none' "$sotto" verify "$dir/quote" --policy "$dir/quotes.json" --time bundle

# ---- the text ----
"$sotto" verify "$dir/bundle.json" --policy "$dir/other.json" --time bundle -v >"$out" 2>"$log"
! awk 'length > 80' "$out" | grep -q . && ! grep -q $'\033' "$out" && grep -q '^  refuted   root  *ROOT_UNTRUSTED$' "$out"
ok $? 'a line a fact with its reason, within 80 columns, without colours where there is no terminal'
"$sotto" verify "$dir/garbage" --policy "$policy" >"$out" 2>"$log"
[ "$(wc -l <"$out")" -lt 12 ] && grep -q '^  refuted   form ' "$out" && grep -q 'more could not be checked' "$out"
ok $? 'what could not be checked for want of another fact is counted'
at() { "$sotto" verify "$dir/bare.json" --policy "$dir/quotes.json" --json --time "$1" 2>"$log" | jq .time; }
[ "$(at 2026-11-24T12:00:00Z) $(at 2026-11-24T12:00:00.5Z) $(at 2026-11-24T14:00:00+02:00) $(at 2026-11-24T06:30:00-05:30) $(at 1795521600) $(at 2026-11-24)" = \
    '1795521600 1795521600 1795521600 1795521600 1795521600 1795478400' ]
ok $? 'one instant, in every spelling'
for t in '' now 2026-11-24T12:00:00 2026-13-24 2026-11-24T12:00:00+25:00 2026-11-24T12:00:00+2:00 +02:00 1e9; do
    refused 2 USAGE "no time: '$t'" "$sotto" verify "$dir/bare.json" --time "$t"
done
# VARIABLES...: what a terminal gets
on_terminal() { env "$@" python3 -c 'import pty, sys; pty.spawn(sys.argv[1:])' "$sotto" verify "$dir/bare.json" --policy "$dir/other.json" --time bundle; }
on_terminal TERM=xterm NO_COLOR= >"$out" 2>"$log" </dev/null
grep -q $'\033\\[1;31mREFUSED' "$out"
ok $? 'with colours on a terminal'
on_terminal TERM=xterm NO_COLOR=1 >"$out" 2>"$log" </dev/null
grep -q REFUSED "$out" && ! grep -q $'\033' "$out"
ok $? 'unless NO_COLOR is set'
exit $((failed > 0))
