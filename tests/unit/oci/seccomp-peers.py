#!/usr/bin/env python3
"""seccomp-peers.py SECCOMP-TOOL: the default profile beside Docker's and containerd's newest, call by call, argument by argument, for every
machine and capability. What differs stands in docs/security.md with its reason: a difference without a row fails, and so does a row
without a difference. Skipped (77) where the modules cannot be had."""
import json
import os
import subprocess
import sys

TESTS = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, TESTS)
sys.dont_write_bytecode = True
from lib import containerds, seccomp_peers as peers  # noqa: E402 (the path comes first)

DOC = os.path.join(os.path.dirname(TESTS), "docs/security.md")
HEADING = "### System calls that differ"


def documented():
    """{peer: {call: what the row says of it}} where it is not "same"."""
    with open(DOC) as f:
        section = f.read().split(HEADING + "\n", 1)[1].split("\n#", 1)[0]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in section.splitlines() if line.startswith("| `")]
    found = {peers.Docker.name: {}, peers.Containerd.name: {}}
    for names, _, docker, containerd, _ in rows:
        for call in (name.strip(" `") for name in names.split(",")):
            for peer, cell in ((peers.Docker.name, docker), (peers.Containerd.name, containerd)):
                if cell != "same":
                    found[peer][call] = cell
    return found


def own(tool, machine, caps):
    return json.loads(subprocess.run([tool, machine, *sorted(caps)], capture_output=True, text=True, check=True).stdout)


def difference(mine, other, call):
    """The first place where they part, or None."""
    for args in peers.samples((mine, other), call):
        a, b = peers.verdict(mine, call, args), peers.verdict(other, call, args)
        if a != b:
            shown = ", ".join(hex(v) for v in args)
            return f"{call}({shown}): {a} here, {b} there"
    return None


def compare(tool, peer):
    """{call: where it differs first}"""
    found = {}
    caps = sorted(peer.capabilities())
    sets = [[], caps] + [[c] for c in caps]
    for machine in peers.MACHINES:
        for wanted, other in zip(sets, peer.profiles(machine, sets)):
            mine = own(tool, machine, wanted)
            if set(mine["architectures"]) != set(other["architectures"]):
                found.setdefault("architectures", f"{mine['architectures']} here, {other['architectures']} there on {machine}")
            for call in sorted(peers.calls(mine) | peers.calls(other)):
                what = difference(mine, other, call)
                if what:
                    found.setdefault(call, f"{what}, on {machine} with {wanted or 'no capability'}")
    return found


def judge(peer, found, rows):
    bad = 0
    for call, what in sorted(found.items()):
        if call not in rows:
            print(f"{peer.name} {peer.version}: {what}: not in docs/security.md")
            bad += 1
    for call in sorted(set(rows) - set(found)):
        print(f"{peer.name} {peer.version}: {call} is the same, but docs/security.md says \"{rows[call]}\"")
        bad += 1
    print(f"{peer.name} {peer.version}: {len(found)} calls differ")
    return bad


def main():
    rows, bad = documented(), 0
    try:
        for make in (peers.Docker, peers.Containerd):
            peer = make()
            try:
                bad += judge(peer, compare(sys.argv[1], peer), rows[peer.name])
            finally:
                getattr(peer, "close", lambda: None)()
    except containerds.Unavailable as why:
        print(f"skip: {why}")
        return 1 if bad else 77
    return 1 if bad else 0


sys.exit(main())
