"""What davit's own shim does without an engine, or has kept of what one has done: the result is that of the long way."""
import contextlib
import json
import os
import shutil
import subprocess
import tempfile
import unittest

from lib.case import Case, Machine, wait_until

BUNDLES = "/run/containerd/io.containerd.runtime.v2.task"
# lines of /proc/PID/status that the engine decides
SECURITY = ("NoNewPrivs", "Seccomp", "Seccomp_filters", "Speculation_Store_Bypass", "SpeculationIndirectBranch", "CapInh", "CapPrm", "CapEff",
            "CapBnd", "CapAmb", "Uid", "Gid", "Groups")


def read(path):
    with open(path, "rb") as f:
        return f.read()


def security(pid):
    rows = dict(line.split(":", 1) for line in read(f"/proc/{pid}/status").decode().splitlines())
    return {key: rows.get(key) for key in SECURITY}


@unittest.skipUnless(Machine.shim, "davit's own shim is not asked for")
class ShortCuts(Case):
    engines = [e for e in ("crun", "runc") if shutil.which(e)]

    def run_detached(self, after, name, engine, *flags):
        """Its bundle, and the engine's folder of it."""
        self.davit("run", "-d", "--name", name, "--runtime-option", f"BinaryName={engine}", "--network", "none", *flags, Machine.image,
                   "sleep", "1000")
        after.callback(self.davit, "rm", "-f", name, code=None)
        bundle = next(d for d in self.bundles() if os.path.basename(d).startswith(name))
        with open(os.path.join(bundle, "davit-shim.json")) as f:
            return bundle, os.path.join(json.load(f)["root"], os.path.basename(bundle))

    @staticmethod
    def bundles():
        folder = os.path.join(BUNDLES, Machine.ns)
        return [os.path.join(folder, name) for name in os.listdir(folder)]

    def start_long(self, after, engine, bundle):
        """The same container again, made and started by @engine itself. Its folder, and its process."""
        there = tempfile.mkdtemp(dir=self.folder)
        root = os.path.join(there, "root")
        with open(os.path.join(bundle, "config.json")) as f:
            spec = json.load(f)
        spec["linux"]["cgroupsPath"] += "-long"
        spec["root"]["path"] = os.path.join(bundle, "rootfs")
        with open(os.path.join(there, "config.json"), "w") as f:
            json.dump(spec, f)
        pid_file = os.path.join(there, "pid")
        own = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "check": True}
        subprocess.run([engine, "--root", root, "create", "--bundle", there, "--pid-file", pid_file, "long"], **own)
        after.callback(subprocess.run, [engine, "--root", root, "delete", "--force", "long"], **own)
        subprocess.run([engine, "--root", root, "start", "long"], **own)
        return os.path.join(root, "long"), int(read(pid_file))

    @staticmethod
    def shim_of(id):
        for pid in filter(str.isdigit, os.listdir("/proc")):
            with contextlib.suppress(OSError):
                if id.encode() in read(f"/proc/{pid}/cmdline").split(b"\0") and b"shim" in read(f"/proc/{pid}/comm"):
                    return pid
        raise AssertionError(f"no shim of {id}")

    def test_the_shim_stays_where_it_is(self):
        """It moves to where it is already, before an engine moves others: of that nothing stays, neither a thread nor another place."""
        with contextlib.ExitStack() as after:
            bundle, _ = self.run_detached(after, "stays", self.engines[0])
            shim = self.shim_of(os.path.basename(bundle))
            for _ in range(3):
                self.davit("exec", "stays", "true")
            wait_until("the end of its thread", lambda: len(os.listdir(f"/proc/{shim}/task")) == 1)
            self.assertEqual(read(f"/proc/{shim}/cgroup"), read(f"/proc/{Machine.containerd.process.pid}/cgroup"))

    def test_what_a_start_leaves(self):
        """The engine's folder says that the container runs, and the process is the same, whoever let it go."""
        shutil.rmtree("/run/davit-shim", ignore_errors=True)
        for engine in self.engines:
            for turn in ("first", "again"):  # with crun it has compiled its seccomp program, or is given it
                with self.subTest(engine=engine, turn=turn), contextlib.ExitStack() as after:
                    self.compare(after, engine, turn)

    def compare(self, after, engine, turn):
        bundle, short = self.run_detached(after, f"{turn}-{engine}", engine)
        long, pid = self.start_long(after, engine, bundle)
        self.assertEqual(sorted(os.listdir(short)), sorted(os.listdir(long)))
        mine = int(read(os.path.join(bundle, "init.pid")))
        wait_until("the process", lambda: read(f"/proc/{pid}/cmdline") == read(f"/proc/{mine}/cmdline"))
        self.assertEqual(security(mine), security(pid))
        state = subprocess.run([engine, "--root", os.path.dirname(short), "state", os.path.basename(short)], capture_output=True, text=True)
        self.assertEqual(json.loads(state.stdout)["status"], "running")
        self.assertEqual(os.path.exists(os.path.join(bundle, "davit-config.json")), engine == "crun" and turn == "again")
        if engine == "crun":
            self.assertEqual(read(os.path.join(short, "seccomp.bpf")), read(os.path.join(long, "seccomp.bpf")))

    def test_each_profile_has_its_program(self):
        """The program of one profile is never another's, and what it forbids is forbidden the second time as well."""
        profile = os.path.join(self.folder, "profile.json")
        with open(profile, "w") as f:
            json.dump({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO"}]}, f)
        for _ in range(2):
            for flags, code in (([], 0), (["--security-opt", f"seccomp={profile}"], 1), (["--security-opt", "seccomp=unconfined"], 0)):
                self.davit("run", "--rm", "--network", "none", *flags, Machine.image, "mkdir", "/made", code=code)

    def test_a_poststart_hook_is_called(self):
        """By the engine, which `start` is left to. A hook that does not read its state ends crun by SIGPIPE."""
        log = os.path.join(self.folder, "hooked")
        spec = {"ociVersion": "1.0.2", "process": {"args": ["true"], "cwd": "/", "user": {"uid": 0, "gid": 0}, "env": ["PATH=/bin"]},
                "root": {"path": "rootfs"}, "hooks": {"poststart": [{"path": "/bin/sh", "args": ["sh", "-c", f"cat >/dev/null; echo called >>{log}"]}]},
                "linux": {"namespaces": [{"type": t} for t in ("pid", "mount", "ipc")], "cgroupsPath": f"/{Machine.ns}/hooked"},
                "mounts": [{"destination": "/proc", "type": "proc", "source": "proc"}]}
        config = os.path.join(self.folder, "spec.json")
        rootfs = os.path.join(self.folder, "rootfs")
        os.makedirs(rootfs)
        subprocess.run(["tar", "-xf", Machine.rootfs, "-C", rootfs], check=True)
        spec["root"]["path"] = rootfs
        with open(config, "w") as f:
            json.dump(spec, f)
        done = Machine.containerd.ctr("run", "--rm", "--runtime", Machine.shim, "--config", config, "hooked", ns=Machine.ns, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(read(log), b"called\n")
