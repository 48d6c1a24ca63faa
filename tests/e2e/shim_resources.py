"""A container's cgroup under davit's own shim: pausing, limits that change, its processes, what it uses, out-of-memory kills."""
import contextlib
import json
import os

from e2e.shim_exits import Events, ShimCase, processes_of
from lib.case import Machine, get, wait_until

STOCK = "io.containerd.runc.v2"
EATS = "head -c 200000000 /dev/zero | tail"  # tail keeps what it has read


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
        """Killed by somebody else: the kernel holds the signal until the freezer lets go, which a resume does."""
        events = Events(self)
        id = self.task(command=("sleep", "1000"))
        pid = next(iter(self.pids(id)))
        self.ctr("tasks", "pause", id)
        os.kill(pid, 9)
        if ("/tasks/exit", id) not in events.of_tasks():
            self.ctr("tasks", "resume", id)
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

    def test_same_stats_as_the_stock_shim(self):
        """Two containers in one cgroup, which stands still: what both shims say of it is the same, each field of it."""
        group = f"/{Machine.ns}/both-{os.urandom(4).hex()}"
        limits = ("--cgroup", group, "--memory-limit", str(64 << 20), "--cpu-quota", "20000", "--cpu-period", "100000")
        busy = ("sh", "-c", "head -c 30000000 /dev/zero > /file; cat /file > /dev/null; while :; do :; done")
        ours = self.task(*limits, command=busy)
        stock = self.task("--runtime", STOCK, *limits, command=("sleep", "1000"))
        wait_until("throttling", lambda: get(get(self.metrics(ours), "cpu"), "throttling").get("throttled_periods"))
        freezer = self.cgroup("freezer", ours) + "/freezer.state"
        with open(freezer, "w") as f:
            f.write("FROZEN")
        try:
            wait_until("the same numbers", lambda: self.metrics(ours) == self.metrics(stock))
        except AssertionError:
            self.assertEqual(self.metrics(ours), self.metrics(stock))
        finally:
            with open(freezer, "w") as f:
                f.write("THAWED")
        said = leaves(self.metrics(stock))
        for part in (".cpu.usage.total", ".cpu.usage.per_cpu[]", ".cpu.throttling.throttled_periods", ".memory.usage.limit", ".memory.total_cache",
                     ".pids.current"):
            self.assertIn(part, said)

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
