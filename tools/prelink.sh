#!/bin/bash
# One object in an archive: the given one and what it needs of the archives, with names made local by an option of objcopy.
# Usage: prelink.sh OUTPUT OPTION OBJECT ARCHIVE...
set -eu
output=$1 option=$2 object=$1.o
shift 2
trap 'rm -f "$object"' EXIT
ld -r -o "$object" --start-group "$@" --end-group
objcopy "$option" "$object"
rm -f "$output"
ar rcsD "$output" "$object"
