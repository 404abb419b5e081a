#!/bin/bash
# An archive of one object, whose hidden names are local. Usage: prelink.sh ARCHIVE OUTPUT
set -eu
object=$2.o
trap 'rm -f "$object"' EXIT
ld -r --whole-archive "$1" -o "$object"
objcopy --localize-hidden "$object"
rm -f "$2"
ar rcsD "$2" "$object"
