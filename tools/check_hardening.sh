#!/bin/bash
# The release programs have what their flags ask for: position independent, relocations read-only and bound at the start, no
# executable stack, stack protector, fortified calls, marked branch targets, no path of the machine that built them; `sotto`
# needs no library.
# Usage: check_hardening.sh BUILD
set -u
build=$1
source=$(realpath "$(dirname "$0")/..")
failed=0
need() { # what, status
    [ "$2" = 0 ] || { echo "$program: $1"; failed=1; }
}
for program in "$build"/sotto "$build"/sotto-attestd "$build"/sotto-sim "$build"/sotto-fetch; do
    head=$(readelf -hW "$program") && segments=$(readelf -lW "$program") && dynamic=$(readelf -dW "$program") || exit 1
    # Code of ours that is in all of them; a library's code says nothing of how ours was compiled.
    code=$(objdump -d --disassemble=args_parse --no-show-raw-insn "$program") || exit 1
    grep -q 'Type:.*DYN' <<<"$head"; need 'is not position independent' $?
    grep -q GNU_RELRO <<<"$segments"; need 'has no RELRO' $?
    grep -q 'FLAGS.*BIND_NOW' <<<"$dynamic"; need 'does not bind at its start' $?
    grep -q 'GNU_STACK.* RW ' <<<"$segments"; need 'has an executable stack' $?
    ! grep -q 'LOAD.* RWE ' <<<"$segments"; need 'has memory that is both writable and executable' $?
    grep -q 'call.*__stack_chk_fail' <<<"$code"; need 'has no stack protector' $?
    grep -q 'call.*__snprintf_chk' <<<"$code"; need 'has no fortified call' $?
    grep -q endbr64 <<<"$code"; need 'has no branch targets' $?
    ! grep -aqF "$source" "$program"; need 'holds the path of its build' $?
done
program=$build/sotto
! readelf -lW "$program" | grep -q INTERP && ! readelf -dW "$program" | grep -q NEEDED; need 'is not static' $?
exit $failed
