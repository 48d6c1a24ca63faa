#!/usr/bin/env python3
"""record-only.py PROGRAM ALLOWED... -- OTHER...: PROGRAM, which links the record alone, has no symbol of the libraries OTHER, and no
shared library but those named by ALLOWED. Prints its size without symbols."""
import os
import subprocess
import sys
import tempfile


def defined(path):
    out = subprocess.run(["nm", "-g", "--defined-only", path], capture_output=True, text=True, check=True).stdout
    return {words[2] for words in (line.split() for line in out.splitlines()) if len(words) == 3 and words[1] in "TDBR"}


def needed(program):
    out = subprocess.run(["readelf", "-d", program], capture_output=True, text=True, check=True).stdout
    return [line.split("[")[1].rstrip("]") for line in out.splitlines() if "(NEEDED)" in line]


def main():
    cut = sys.argv.index("--")
    program, allowed, others = sys.argv[1], sys.argv[2:cut], sys.argv[cut + 1:]
    has, bad = defined(program), []
    for other in others:
        theirs = {s for s in defined(other) if not s.startswith(("__", "_GLOBAL"))}
        if not theirs:
            bad.append(f"{other}: no symbols: this test could not fail")
        bad += [f"{program}: has {s} of {os.path.basename(other)}" for s in sorted(has & theirs)]
    if "task_look" not in has:
        bad.append(f"{program}: has no task_look: this test could not fail")
    bad += [f"{program}: needs {lib}" for lib in needed(program) if lib.split(".so")[0] not in allowed]
    with tempfile.NamedTemporaryFile() as stripped:
        subprocess.run(["strip", "-o", stripped.name, program], check=True)
        print(f"{program}: {os.path.getsize(stripped.name)} bytes stripped; needs {' '.join(needed(program))}")
    print("\n".join(bad))
    return bool(bad)


sys.exit(main())
