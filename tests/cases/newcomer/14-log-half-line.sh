#!/bin/bash
# What a full disk cut off does not stay in a log as if it were a line. Needs the image busybox:1, which image.sh beside the
# original makes; here it is made where it is missing.
DAVIT=${DAVIT:-davit}
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
skip() { echo "skip: $*"; exit 77; }

if ! "$DAVIT" image inspect busybox:1 >/dev/null 2>&1; then
	mkdir -p "$scratch"/root/{bin,etc,tmp,proc,sys,dev}
	cp "$(command -v busybox)" "$scratch/root/bin/busybox" || skip "no busybox"
	ln -s busybox "$scratch/root/bin/sh"
	ln -s busybox "$scratch/root/bin/seq"
	tar -C "$scratch/root" -cf "$scratch/root.tar" .
	"$DAVIT" image import --cmd sh "$scratch/root.tar" busybox:1 >/dev/null 2>&1 || skip "no image"
fi
export DAVIT scratch
# shellcheck disable=SC2016 # the inner shell's
unshare -m bash -c 'mkdir -p /var/lib/davit/logs && mount -t tmpfs -o size=64k tmpfs /var/lib/davit/logs &&
	"$DAVIT" run --network host --name c14 busybox:1 seq 50000 >/dev/null; "$DAVIT" logs c14 >"$scratch/log"; "$DAVIT" rm -f c14 >/dev/null'
[ -s "$scratch/log" ] || skip "no log"
bad=$(grep -nE '^[0-9]+$' "$scratch/log" | awk -F: '$1 != $2 { print; exit }')
[ -z "$bad" ] || { echo "wrong: at a full disk a cut line stays in the log as a whole one (line:text $bad)"; exit 1; }
echo "right: each whole line is what was written ($(wc -l <"$scratch/log") lines)"
