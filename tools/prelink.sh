#!/bin/bash
# One object of whole archives, in an archive, with names made local by an option of objcopy. Usage: prelink.sh OUTPUT OPTION ARCHIVE...
set -eu
output=$1 option=$2 object=$1.o
shift 2
trap 'rm -f "$object"' EXIT
ld -r --whole-archive "$@" -o "$object"
objcopy "$option" "$object"
rm -f "$output"
ar rcsD "$output" "$object"
