"""A container's cgroup under davit's own shim: pausing, limits that change, its processes, what it uses, out-of-memory kills."""
import contextlib
import json
import os
import shutil
import subprocess

from lib import ttrpc
from lib.case import Machine, wait_until
from lib.shim_case import Events, ShimCase, processes_of

STOCK = "io.containerd.runc.v2"
ENGINE = """#!/bin/sh
echo " $* " >> "%(log)s"
root=$2 word=$7; shift 7
case $word in
checkpoint)
	mkdir -p "$2"
	case " $* " in *--leave-running*) exit 0 ;; esac
	while [ $# -gt 1 ]; do shift; done
	exec %(engine)s --root "$root" kill "$1" KILL ;;
restore)
	shift 4
	exec %(engine)s --root "$root" run "$1" "$2" "$3" "$4" --detach --no-subreaper "$7" ;;
esac
exec %(engine)s --root "$root" $word "$@"
"""
EATS = "head -c 200000000 /dev/zero | tail"  # tail keeps what it has read


def fields_of_pids(answer):
    """The one process that Pids tells."""
    return ttrpc.fields(answer[1])[1]


def leaves(value, at=""):
    """The path of each value that is there: Go leaves zeros out."""
    if isinstance(value, dict):
        return {leaf for key, v in value.items() for leaf in leaves(v, f"{at}.{key}")}
    if isinstance(value, list):
        return {leaf for v in value for leaf in leaves(v, at + "[]")}
    return {at}


class Resources(ShimCase):
    def status(self, id):
        rows = [line.split() for line in self.ctr("tasks", "ls").stdout.splitlines()]
        return next(row[2] for row in rows if row[0] == id)

    def fails_with(self, words, *args):
        done = self.ctr(*args, check=False)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn(words, done.stderr)

    def pids(self, id):
        return {int(line.split()[0]): line.split(None, 1)[1] for line in self.ctr("tasks", "ps", id).stdout.splitlines()[1:]}

    def metrics(self, id):
        return json.loads(self.ctr("tasks", "metrics", "--format", "json", id).stdout)

    def topics(self, events, id):
        return [topic for topic, name in events.of_tasks() if name == id]

    def cgroup(self, controller, id):
        """Its folder; v2 has one for all."""
        pid = next(iter(self.pids(id)))
        with open(f"/proc/{pid}/cgroup") as f:
            rows = [line.rstrip("\n").split(":", 2) for line in f]
        for _, names, path in rows:
            if controller in names.split(","):
                return f"/sys/fs/cgroup/{controller}{path}"
        return "/sys/fs/cgroup" + next(path for _, names, path in rows if not names)

    # -- Pause, Resume

    def test_pause(self):
        events = Events(self)
        id = self.task(command=("sh", "-c", "while :; do echo $((++i)) > /count; sleep 0.02; done"))
        count = lambda: self.ctr("tasks", "exec", "--exec-id", os.urandom(4).hex(), id, "cat", "/count").stdout
        self.fails_with("not paused", "tasks", "resume", id)
        self.ctr("tasks", "pause", id)
        self.assertEqual(self.status(id), "PAUSED")
        self.fails_with("not running", "tasks", "pause", id)
        self.fails_with("paused", "tasks", "exec", "--exec-id", "one", id, "true")
        self.ctr("tasks", "resume", id)
        self.assertEqual(self.status(id), "RUNNING")
        before = count()
        wait_until("it goes on", lambda: count() != before)
        topics = self.topics(events, id)
        self.assertEqual([t for t in topics if t in ("/tasks/paused", "/tasks/resumed")], ["/tasks/paused", "/tasks/resumed"])

    def test_kill_of_a_paused_one(self):
        """v1's freezer holds even those that are to die."""
        for flags in ((), ("--with-ns", "pid:/proc/1/ns/pid")):
            events = Events(self)
            id = self.task(*flags, command=("sh", "-c", "sleep 1000; true"))
            self.ctr("tasks", "pause", id)
            self.ctr("tasks", "kill", "-s", "KILL", id)
            events.wait_exit(id)
            self.assertEqual(self.status(id), "STOPPED")

    def test_end_of_a_paused_one(self):
        """Killed by somebody else: v1's freezer holds the signal until a resume, v2's does not."""
        events = Events(self)
        id = self.task(command=("sleep", "1000"))
        pid = next(iter(self.pids(id)))
        self.ctr("tasks", "pause", id)
        os.kill(pid, 9)
        self.ctr("tasks", "resume", id, check=False)
        events.wait_exit(id)

    # -- Pids

    def test_pids(self):
        mark = os.urandom(4).hex()
        id = self.task(command=("sh", "-c", f"sleep 1000; true {mark}"))
        one = self.exec(id, "one", "sh", "-c", f"sleep 1000; true {mark}")
        wait_until("its processes", lambda: len(self.pids(id)) == 4)
        pids = self.pids(id)
        self.assertTrue(set(processes_of(mark)) < set(pids))
        self.assertEqual([info.count("one") for info in pids.values()].count(1), 1, pids)
        self.ctr("tasks", "kill", "-s", "KILL", id)
        one.communicate(timeout=20 * Machine.slow)

    def test_exit_while_containerd_is_away(self):
        """A containerd that returns takes a shim without processes for one that leaked."""
        id = self.task(command=("sh", "-c", "while [ ! -e /end ]; do sleep 0.05; done; exit 7"))
        pid = next(iter(self.pids(id)))
        Machine.containerd.stop()
        try:
            with open(f"/proc/{pid}/root/end", "w"):
                pass
            wait_until("its end", lambda: not os.path.exists(f"/proc/{pid}"))
        finally:
            Machine.containerd.start()
        self.assertEqual(self.status(id), "STOPPED")
        self.assertIn("code 7", self.ctr("tasks", "delete", id, check=False).stderr)

    # -- Stats

    @contextlib.contextmanager
    def frozen(self, id):
        """Whoever is in its cgroup stands still, whatever its shim believes."""
        folder = self.cgroup("freezer", id)
        v2 = os.path.exists(folder + "/cgroup.freeze")
        file, on, off = (folder + "/cgroup.freeze", "1", "0") if v2 else (folder + "/freezer.state", "FROZEN", "THAWED")

        def put(word):
            with open(file, "w") as f:
                f.write(word)
        put(on)
        try:
            yield
        finally:
            put(off)

    def test_same_stats_as_the_stock_shim(self):
        """Two containers in one cgroup, which stands still: what both shims say of it is the same, each field of it."""
        group = f"/{Machine.ns}/both-{os.urandom(4).hex()}"
        limits = ("--cgroup", group, "--memory-limit", str(64 << 20), "--cpu-quota", "20000", "--cpu-period", "100000")
        busy = ("sh", "-c", "dd if=/dev/zero of=/file bs=1M count=30 conv=fsync; cat /file > /dev/null; while :; do :; done")
        ours = self.task(*limits, command=busy)
        stock = self.task("--runtime", STOCK, *limits, command=("sleep", "1000"))
        wait_until("throttling", lambda: leaves(self.metrics(ours)) & {".cpu.throttling.throttled_periods", ".cpu.nr_throttled"})
        with self.frozen(ours):
            try:
                wait_until("the same numbers", lambda: self.metrics(ours) == self.metrics(stock))
            except AssertionError:
                self.assertEqual(self.metrics(ours), self.metrics(stock))
        said = leaves(self.metrics(stock))
        v1 = {".cpu.usage.total", ".cpu.usage.per_cpu[]", ".memory.usage.limit", ".memory.total_cache", ".pids.current"}
        v2 = {".cpu.usage_usec", ".cpu.nr_throttled", ".memory.usage_limit", ".memory.anon", ".io.usage[].wios", ".pids.current"}
        self.assertTrue(v1 <= said or v2 <= said, said)

    def test_stats_of_one_that_has_gone(self):
        id = self.task(command=("true",))
        wait_until("its end", lambda: self.status(id) == "STOPPED")
        self.ctr("tasks", "metrics", id, check=False)  # whatever it says
        self.assertEqual(self.status(id), "STOPPED")

    # -- OOM

    def test_oom_of_the_init(self):
        events = Events(self)
        id = self.task("--memory-limit", str(16 << 20), command=("sh", "-c", f"exec sh -c '{EATS}'"))
        events.wait_exit(id)
        topics = self.topics(events, id)
        self.assertIn("/tasks/oom", topics)
        self.assertLess(topics.index("/tasks/oom"), topics.index("/tasks/exit"))

    def test_oom_of_an_exec(self):
        events = Events(self)
        id = self.task("--memory-limit", str(16 << 20), command=("sleep", "1000"))
        shim = self.shim_of(id)
        fds = len(os.listdir(f"/proc/{shim}/fd"))
        for n in range(3):
            self.exec(id, f"e{n}", "sh", "-c", EATS).communicate(timeout=60 * Machine.slow)
            wait_until("TaskOOM", lambda n=n: self.topics(events, id).count("/tasks/oom") > n)
        self.assertEqual(self.status(id), "RUNNING")
        wait_until("no more descriptors", lambda: len(os.listdir(f"/proc/{shim}/fd")) <= fds)
        self.ctr("tasks", "kill", "-s", "KILL", id)
        events.wait_exit(id)
        with contextlib.suppress(FileNotFoundError):
            wait_until("its eventfd is closed", lambda: len(os.listdir(f"/proc/{shim}/fd")) < fds)

    # -- Update

    def update(self, id, resources):
        any = [(1, "types.containerd.io/opencontainers/runtime-spec/1/LinuxResources"), (2, json.dumps(resources))]
        self.shim(id).call("Update", (1, id), (2, any))

    def shim(self, id):
        return ttrpc.Shim(f"/run/containerd/io.containerd.runtime.v2.task/{Machine.ns}/{id}")

    def test_update(self):
        id = self.task("--memory-limit", str(64 << 20), command=("sleep", "1000"))
        for limit, state in ((96 << 20, "RUNNING"), (128 << 20, "PAUSED")):
            if state == "PAUSED":
                self.ctr("tasks", "pause", id)
            self.update(id, {"memory": {"limit": limit}, "cpu": {"shares": 512}})
            memory = self.metrics(id)["memory"]
            self.assertEqual(memory["usage_limit"] if "usage_limit" in memory else memory["usage"]["limit"], limit)
        self.ctr("tasks", "resume", id)
        self.assertFalse(os.path.exists(self.shim(id).bundle + "/update.json"))
        with self.assertRaisesRegex(ttrpc.Refused, "OCI runtime update failed: "):
            self.update(id, {"memory": {"limit": 4096 * 3, "swap": 4096}})
        with self.assertRaisesRegex(ttrpc.Refused, "without resources"):
            self.shim(id).call("Update", (1, id))
        with self.assertRaisesRegex(ttrpc.Refused, "not created"):
            self.shim(id).call("Update", (1, "another"))
        self.assertEqual(self.status(id), "RUNNING")

    # -- Checkpoint

    def criu_job(self):
        """Under an engine that notes how it is called, and for a checkpoint and a restore does what is seen of them from outside."""
        self.log, engine = os.path.join(self.folder, "log"), os.path.join(self.folder, "engine")
        with open(engine, "w") as f:
            f.write(ENGINE % {"log": self.log, "engine": shutil.which("runc")})
        os.chmod(engine, 0o755)
        name = self.job("--runtime", Machine.shim, "--runtime-option", f"BinaryName={engine}")
        return next(id for id in self.ctr("containers", "ls", "-q").stdout.split() if id.startswith(name))

    def noted(self, word):
        with open(self.log) as f:
            return next((line.split() for line in f if f" {word} " in line), None)

    def test_checkpoint(self):
        id = self.criu_job()
        shim, image = self.shim(id), os.path.join(self.folder, "image")
        options = [(1, "containerd.runc.v1.CheckpointOptions"), (2, [(2, 1), (5, 1), (6, "network"), (7, "full")])]
        shim.call("Checkpoint", (1, id), (2, image), (3, options))
        words = self.noted("checkpoint")
        self.assertEqual(words[words.index("checkpoint"):],
                         ["checkpoint", "--image-path", image, "--work-path", shim.bundle + "/criu-work", "--leave-running", "--tcp-established",
                          "--file-locks", "--empty-ns", "network", "--manage-cgroups-mode", "full", id])
        self.assertFalse(os.path.exists(shim.bundle + "/criu-work"))
        self.assertEqual(self.status(id), "RUNNING")
        with self.assertRaisesRegex(ttrpc.Refused, "without a path"):
            shim.call("Checkpoint", (1, id))
        self.restore(shim, id, image)
        shim.call("Checkpoint", (1, id), (2, image), (3, [(1, "containerd.runc.v1.CheckpointOptions"), (2, [(1, 1)])]))
        wait_until("its end", lambda: self.status(id) == "STOPPED")
        with self.assertRaisesRegex(ttrpc.Refused, "not running"):
            shim.call("Checkpoint", (1, id), (2, image))

    def restore(self, shim, of, image):
        """A second container in the same shim."""
        id, bundle = of + "r", os.path.join(self.folder, "bundle")
        os.makedirs(bundle + "/rootfs")
        with open(shim.bundle + "/config.json") as f:
            spec = json.load(f)
        spec["root"]["path"], spec["linux"]["cgroupsPath"] = shim.bundle + "/rootfs", f"/{Machine.ns}/{id}"
        with open(bundle + "/config.json", "w") as f:
            json.dump(spec, f)
        options = [(1, "containerd.runc.v1.Options"), (2, [(6, os.path.join(self.folder, "engine"))])]
        self.assertNotIn(1, shim.call("Create", (1, id), (2, bundle), (8, image), (10, options)))  # no process yet
        pid = shim.call("Start", (1, id))[1]
        words = self.noted("restore")
        self.assertEqual(words[words.index("restore"):],
                         ["restore", "--image-path", image, "--work-path", bundle + "/criu-work", "--bundle", bundle, "--pid-file", bundle + "/init.pid",
                          "--detach", "--no-subreaper", id])
        wait_until("its process", lambda: self.command_of(pid) == "sleep\x001000\x00")
        self.assertEqual(fields_of_pids(shim.call("Pids", (1, id))), pid)
        shim.call("Kill", (1, id), (3, 9))
        self.assertEqual(shim.call("Wait", (1, id))[1], 137)
        shim.call("Delete", (1, id))

    @staticmethod
    def command_of(pid):
        with open(f"/proc/{pid}/cmdline") as f:
            return f.read()

    def test_an_engine_without_checkpoints(self):
        crun = shutil.which("crun")
        if not crun or "+CRIU" in subprocess.run([crun, "--version"], capture_output=True, text=True).stdout:
            self.skipTest("no crun without CRIU")
        id = self.task(*self.with_options("BinaryName = 'crun'"), command=("sleep", "1000"))
        with self.assertRaisesRegex(ttrpc.Refused, "a crun without CRIU has none"):
            self.shim(id).call("Checkpoint", (1, id), (2, os.path.join(self.folder, "image")))
        self.assertEqual(self.status(id), "RUNNING")
