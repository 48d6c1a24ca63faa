"""The default seccomp profiles of Docker and containerd, read from their newest Go modules, and what a profile says of a call."""
import json
import os
import re
import shutil
import subprocess
import tempfile

from lib import containerds

MACHINES = ("amd64", "arm64", "riscv64")
DOCKER, CONTAINERD = "github.com/moby/profiles/seccomp", "github.com/containerd/containerd/v2"
DEADLINE = 300  # seconds for one go command

# Prints the profile of each set of capabilities that standard input names, one JSON value a line.
PRINTER = """package main

import (
	"encoding/json"
	"os"

	"github.com/opencontainers/runtime-spec/specs-go"
	"peer/seccomp"
)

func main() {
	var sets [][]string
	if err := json.NewDecoder(os.Stdin).Decode(&sets); err != nil {
		panic(err)
	}
	for _, caps := range sets {
		spec := &specs.Spec{Process: &specs.Process{Capabilities: &specs.LinuxCapabilities{Bounding: caps}}}
		if err := json.NewEncoder(os.Stdout).Encode(seccomp.DefaultProfile(spec)); err != nil {
			panic(err)
		}
	}
}
"""


def _go(folder, *args, **env):
    try:
        done = subprocess.run([containerds.find_go(), *args], cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=DEADLINE,
                              env=dict(os.environ, CGO_ENABLED="0", GOFLAGS="-mod=mod", GOTOOLCHAIN="local", **env))
    except subprocess.TimeoutExpired:
        raise containerds.Unavailable(f"go {args[0]} took longer than {DEADLINE} s") from None
    if done.returncode:
        why = (done.stderr + done.stdout).strip().splitlines() or ["no reason given"]
        raise containerds.Unavailable(f"go {args[0]}: {why[-1]}")
    return done.stdout


def _module(folder, path):
    """(version, folder) of the newest one."""
    found = json.loads(_go(folder, "mod", "download", "-json", path + "@latest"))
    return found["Version"], found["Dir"]


def _fresh(module):
    folder = tempfile.mkdtemp(prefix="seccomp-peers.")
    with open(os.path.join(folder, "go.mod"), "w") as f:
        f.write(f"module {module}\n\ngo 1.23\n")
    return folder


class Docker:
    """Its profile is a file whose rules have conditions."""
    name = "Docker"

    def __init__(self):
        folder = _fresh("peer")
        try:
            self.version, where = _module(folder, DOCKER)
        finally:
            shutil.rmtree(folder)
        with open(os.path.join(where, "default.json")) as f:
            self.profile = json.load(f)

    def profiles(self, machine, sets):
        return [self._profile(machine, set(caps)) for caps in sets]

    def capabilities(self):
        found = set()
        for rule in self.profile["syscalls"]:
            found.update((rule.get("includes") or {}).get("caps") or [], (rule.get("excludes") or {}).get("caps") or [])
        return found

    def _profile(self, machine, caps):
        native = {"amd64": "SCMP_ARCH_X86_64", "arm64": "SCMP_ARCH_AARCH64", "riscv64": "SCMP_ARCH_RISCV64"}[machine]
        row = next((r for r in self.profile["archMap"] if r["architecture"] == native), {})
        rules = [r for r in self.profile["syscalls"] if self._applies(r.get("includes") or {}, r.get("excludes") or {}, machine, caps)]
        return dict(self.profile, syscalls=rules, architectures=[native] + (row.get("subArchitectures") or []))

    @staticmethod
    def _applies(includes, excludes, machine, caps):
        """The kernel is taken as one of today."""
        return (set(includes.get("caps") or []) <= caps and not set(excludes.get("caps") or []) & caps
                and machine in (includes.get("arches") or [machine]) and machine not in (excludes.get("arches") or [])
                and "minKernel" not in excludes)


class Containerd:
    """Its profile is code: run for other machines than this with another answer to the question which one it is."""
    name = "containerd"

    def __init__(self):
        self.folder = _fresh("peer")
        try:
            self.version, where = _module(self.folder, CONTAINERD)
            self.program = self._build(where)
        except BaseException:
            self.close()
            raise

    def close(self):
        shutil.rmtree(self.folder, ignore_errors=True)

    def _build(self, where):
        with open(os.path.join(where, "contrib/seccomp/seccomp_default.go")) as f:
            self.text = f.read()
        os.mkdir(os.path.join(self.folder, "seccomp"))
        text = self.text.replace('"runtime"', '"os"', 1).replace("runtime.GOARCH", 'os.Getenv("MACHINE")')
        for name, content in (("seccomp/default.go", text), ("main.go", PRINTER),
                              ("go.mod", f"module peer\n\ngo 1.23\n\nrequire {CONTAINERD} {self.version}\n")):
            with open(os.path.join(self.folder, name), "w") as f:
                f.write(content)
        program = os.path.join(self.folder, "printer")
        _go(self.folder, "build", "-o", program, ".")
        return program

    def profiles(self, machine, sets):
        done = subprocess.run([self.program], input=json.dumps([sorted(s) for s in sets]), capture_output=True, text=True, check=True,
                              env={"MACHINE": machine})
        return [json.loads(line) for line in done.stdout.splitlines()]

    def capabilities(self):
        return set(re.findall(r'"(CAP_[A-Z_]+)"', self.text))


def calls(profile):
    return {name for rule in profile["syscalls"] for name in rule["names"]}


def _holds(arg, value):
    op, a, b = arg["op"], arg.get("value", 0), arg.get("valueTwo", 0)
    return {"SCMP_CMP_NE": value != a, "SCMP_CMP_LT": value < a, "SCMP_CMP_LE": value <= a, "SCMP_CMP_EQ": value == a,
            "SCMP_CMP_GE": value >= a, "SCMP_CMP_GT": value > a, "SCMP_CMP_MASKED_EQ": value & a == b}[op]


def _answer(action, number):
    return "allowed" if action == "SCMP_ACT_ALLOW" else {1: "EPERM", 38: "ENOSYS"}.get(number, f"{action} {number}")


def verdict(profile, call, args=()):
    """What becomes of @call. A rule without arguments goes before those with some, as libseccomp has it."""
    rules = [r for r in profile["syscalls"] if call in r["names"]]
    for rule in sorted(rules, key=lambda r: bool(r.get("args"))):
        if all(_holds(a, args[a["index"]] if a["index"] < len(args) else 0) for a in rule.get("args") or []):
            return _answer(rule["action"], rule.get("errnoRet", 1))
    return _answer(profile["defaultAction"], profile.get("defaultErrnoRet", 1))


def samples(profiles, call):
    """Arguments that tell the profiles apart: around every value that a rule names, small ones, and each with high bits set."""
    places = {}
    for profile in profiles:
        for rule in profile["syscalls"]:
            for arg in (rule.get("args") or []) if call in rule["names"] else []:
                values = places.setdefault(arg["index"], set(range(64)))
                for v in (arg.get("value", 0), arg.get("valueTwo", 0)):
                    values.update((v + d) % 2**64 for d in (-1, 0, 1))
    found = [()]
    for index, values in places.items():
        for v in sorted(values):
            found += [(0,) * index + (x,) for x in (v, v | 1 << 32, v | 1 << 63, v | 1 << 31)]
    return found
