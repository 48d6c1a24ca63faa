#!/bin/bash
# A terminal has its size when the process starts, not some moments later: 20 times with run -it, and 20 times with exec -it.
# crun sets the size of an exec's terminal beside the process that it has let go, so there exec cannot tell.
DAVIT=${DAVIT:-davit}
scratch=$(mktemp -d) image=ttycase:$$ job=ttycase-$$
cleanup() { "$DAVIT" rm -f $job; "$DAVIT" image rm $image; rm -rf "$scratch"; }
trap 'cleanup >/dev/null 2>&1' EXIT
skip() { echo "skip: $*"; exit 77; }

mkdir -p "$scratch"/root/{bin,etc,tmp,proc,sys,dev}
cp "$(command -v busybox)" "$scratch/root/bin/busybox" || skip "no busybox"
for applet in sh sleep stty; do ln -s busybox "$scratch/root/bin/$applet"; done
tar -C "$scratch/root" -cf "$scratch/root.tar" .
"$DAVIT" image import --cmd sh "$scratch/root.tar" $image >/dev/null 2>&1 || skip "no image"
cat >"$scratch/sizes.py" <<'PY'
import fcntl, os, pty, struct, subprocess, sys, termios

wrong = 0
for _ in range(20):
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 41, 62, 0, 0))
    process = subprocess.Popen(sys.argv[1:], stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True,
                               preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))
    os.close(theirs)
    seen = b""
    try:
        while more := os.read(ours, 4096):
            seen += more
    except OSError:
        pass
    process.wait()
    os.close(ours)
    wrong += seen.split() != [b"41", b"62"]
print(wrong)
PY
sizes() { python3 "$scratch/sizes.py" "$(command -v "$DAVIT")" "$@" stty size; }

"$DAVIT" run -d --network none --name $job $image sleep 600 >/dev/null || skip "no job"
wrong=$(sizes run -it --rm --network none $image)
[ "$wrong" = 0 ] || { echo "wrong: $wrong of 20 times run -it did not see the size 41 62"; exit 1; }
wrong=$(sizes exec -it $job)
if [ "$wrong" = 0 ]; then
	echo "right: 20 of 20 saw 41 62 with run and with exec"
elif "$DAVIT" inspect $job | grep -q '"runtime": "crun"'; then
	echo "right: 20 of 20 saw 41 62 with run; crun was late for $wrong of 20 with exec"
else
	echo "wrong: $wrong of 20 times exec -it did not see the size 41 62"
	exit 1
fi
