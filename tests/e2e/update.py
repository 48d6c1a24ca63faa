"""update: other limits for jobs that run, and for later starts; another restart policy, with the monitor that it asks for."""
import json
import os
import signal

from e2e.restart import monitors
from lib.case import Case, Machine, wait_until

V2 = os.path.exists("/sys/fs/cgroup/cgroup.controllers")
FILES = {  # v1: controller and file; v2: file
    "memory": ("memory/memory.limit_in_bytes", "memory.max"),
    "swap": ("memory/memory.memsw.limit_in_bytes", "memory.swap.max"),
    "reservation": ("memory/memory.soft_limit_in_bytes", "memory.low"),
    "quota": ("cpu/cpu.cfs_quota_us", "cpu.max"),
    "period": ("cpu/cpu.cfs_period_us", "cpu.max"),
    "shares": ("cpu/cpu.shares", "cpu.weight"),
    "cpus": ("cpuset/cpuset.cpus", "cpuset.cpus"),
    "pids": ("pids/pids.max", "pids.max"),
}
MIB = 1 << 20


class Base(Case):
    def setUp(self):
        super().setUp()
        self.names = []
        self.addCleanup(lambda: wait_until("the end of all monitors", lambda: not [pid for name in self.names for pid in monitors(name)]))

    def make(self, name, *flags, command=("sleep", "1000")):
        self.names.append(name)
        return self.job(*flags, name=name, command=command)

    def pid(self, name):
        return self.json("inspect", name)[0]["state"].get("pid", 0)

    def held(self, pid, what):
        """What the kernel says; None for no limit."""
        v1, v2 = FILES[what]
        with open(f"/proc/{pid}/cgroup", encoding="utf-8") as f:
            rows = [line.rstrip("\n").split(":", 2) for line in f]
        if V2:
            path = "/sys/fs/cgroup" + rows[-1][2] + "/" + v2
        else:
            controller = v1.split("/")[0]
            path = "/sys/fs/cgroup/" + controller + next(r[2] for r in rows if controller in r[1].split(",")) + "/" + v1.split("/")[1]
        with open(path, encoding="utf-8") as f:
            text = f.read().split()[-1 if V2 and what == "period" else 0]
        if what == "cpus":
            return text
        return None if text in ("max", "-1") or int(text) > 1 << 60 or (what, text) in (("pids", "4194304"), ("quota", "6553600000")) else int(text)

    def has_swap(self, pid):
        try:
            self.held(pid, "swap")
        except FileNotFoundError:
            return False
        return True

    def holds(self, pid, **wanted):
        self.assertEqual({what: self.held(pid, what) for what in wanted}, wanted)


class Update(Base):
    def test_what_runs_has_them_at_once_and_a_later_start_too(self):
        name = self.make("u-runs", "-m", "64m", "--pids-limit", "50")
        pid = self.pid(name)
        self.assertEqual(self.davit("update", "-m", "96m", "--pids-limit", "77", "--cpus", "0.5", name).out, name + "\n")
        shown = {"memory": 96 * MIB, "pids": 77, "quota": 50000, "period": 100000}
        self.holds(pid, **shown)
        if self.has_swap(pid):
            self.assertEqual(self.held(pid, "swap"), (96 if V2 else 192) * MIB)
        self.davit("restart", "-t", "1", name)
        self.assertNotEqual(self.pid(name), pid)
        self.holds(self.pid(name), **shown)
        own = self.json("inspect", name)[0]
        self.assertEqual(own["job"]["tasks"][0]["memory"], 96 * MIB)

    def test_up_and_down_and_none(self):
        name = self.make("u-none", "-m", "64m", "--memory-reservation", "32m", "--pids-limit", "50", "--cpus", "1", "--cpu-shares", "512")
        pid = self.pid(name)
        for size in ("256m", "32m", "128m"):
            self.davit("update", "--memory", size, name)
            self.assertEqual(self.held(pid, "memory"), int(size[:-1]) * MIB)
        self.davit("update", "--memory", "0", "--memory-reservation", "0", "--pids-limit", "-1", "--cpus", "0", "--cpu-shares", "0", name)
        self.holds(pid, memory=None, pids=None, quota=None, shares=39 if V2 else 1024)
        self.assertIn(self.held(pid, "reservation"), (None, 0))
        task = self.json("inspect", name)[0]["job"]["tasks"][0]
        self.assertEqual([key for key in ("memory", "memory_reservation", "cpus", "cpu_shares") if key in task], [])
        self.davit("restart", "-t", "1", name)
        self.holds(self.pid(name), memory=None, pids=None, quota=None)

    def test_quota_instead_of_cpus_and_back(self):
        name = self.make("u-quota", "--cpus", "1")
        pid = self.pid(name)
        self.davit("update", "--cpu-quota", "30000", "--cpu-period", "60000", name)
        self.holds(pid, quota=30000, period=60000)
        self.davit("update", "--cpus", "0.25", name)
        self.holds(pid, quota=25000, period=100000)

    def test_processors(self):
        name = self.make("u-set")
        self.davit("update", "--cpuset-cpus", "0", name)
        self.assertEqual(self.held(self.pid(name), "cpus"), "0")
        self.fails("update", "--cpuset-cpus", "0,999", name, says=["update job u-set: cpuset-cpus 0,999", "it has 0"])
        self.assertEqual(self.held(self.pid(name), "cpus"), "0")

    def test_one_that_does_not_run_and_one_that_is_frozen(self):
        self.davit("create", "--name", "u-new", "--network", "none", Machine.image, "sleep", "1000")
        self.addCleanup(self.davit, "rm", "-f", "u-new", code=None)
        self.davit("update", "--memory", "48m", "u-new")
        self.davit("start", "u-new")
        self.holds(self.pid("u-new"), memory=48 * MIB)
        self.davit("pause", "u-new")
        self.davit("update", "--memory", "64m", "--pids-limit", "9", "u-new")
        self.holds(self.pid("u-new"), memory=64 * MIB, pids=9)
        self.assertEqual(self.state("u-new"), "paused")

    def test_tasks(self):
        path = os.path.join(self.folder, "crew.json")
        with open(path, "w", encoding="utf-8") as f:
            json.dump({"name": "u-crew", "network": "none", "tasks": [
                {"name": task, "image": Machine.image, "args": ["sleep", "1000"], "stop_timeout": 1, "pids_limit": 20} for task in ("one", "two")]}, f)
        self.addCleanup(self.davit, "rm", "-f", "u-crew", code=None)
        self.davit("run", "-d", "-f", path)
        one, two = self.pid("u-crew.one"), self.pid("u-crew.two")
        self.davit("update", "--pids-limit", "30", "u-crew.two")
        self.holds(one, pids=20)
        self.holds(two, pids=30)
        self.davit("update", "--memory", "80m", "u-crew")
        self.holds(one, memory=80 * MIB, pids=20)
        self.holds(two, memory=80 * MIB, pids=30)
        self.davit("restart", "-t", "1", "u-crew")
        self.holds(self.pid("u-crew.two"), memory=80 * MIB, pids=30)

    def test_less_than_it_uses(self):
        name = self.make("u-full", "-m", "200m", "--pids-limit", "50", command=("awk", (
            'BEGIN { for (i = 0; i < 600000; i++) a[i] = "01234567890123456789012345678901234567890123456789" i; '
            'print "full"; fflush(); while (1) system("sleep 1000") }')))
        wait_until("its use", lambda: "full" in self.davit("logs", name).out)
        pid = self.pid(name)
        self.fails("update", "-m", "16m", "--pids-limit", "60", name, says=["update job u-full: memory 16384k: it uses"])
        self.holds(pid, memory=200 * MIB, pids=50)
        self.assertEqual(self.state(name), "running")

    def test_refusals(self):
        name = self.make("u-no", "-m", "64m")
        self.fails("update", name, says=["nothing is to be changed"])
        self.fails("update", "--memory", "1m", name, says=["memory"])
        self.fails("update", "--memory", "much", name, says=["memory"])
        self.fails("update", "--memory-swap", "32m", name, says=["update job u-no: memory-swap", "less than memory"])
        self.fails("update", "--memory-reservation", "128m", name, says=["memory-reservation"])
        self.fails("update", "--memory", "64m", says=["update"])
        self.fails("update", "--memory", "64m", "no-such", says=["no-such"])
        self.fails("update", "--restart", "sometimes", name, says=["restart"])
        self.fails("update", "--volume", "/a:/b", name, says=["--volume"])
        gone = self.make("u-rm", "--rm")
        self.fails("update", "--restart", "always", gone, says=["--rm"])
        self.holds(self.pid(name), memory=64 * MIB)

    def test_events_tell_of_it(self):
        name, path = self.make("u-told"), os.path.join(self.folder, "events")
        with open(path, "w", encoding="utf-8") as out:
            self.start_until("events are listened to", "events", "--format", "json", "--filter", "job=" + name, stdout=out)
        self.davit("update", "--pids-limit", "40", name)

        def heard():
            with open(path, encoding="utf-8") as f:
                return [json.loads(line)["event"] for line in f]
        wait_until("the event", lambda: heard() == ["update"])


class Policy(Base):
    def test_it_gets_one_and_loses_it(self):
        name = self.make("u-policy")
        first = self.pid(name)
        self.assertEqual(monitors(name), [])
        self.davit("update", "--restart", "always", name)
        wait_until("a monitor", lambda: len(monitors(name)) == 1)
        os.kill(first, signal.SIGKILL)
        wait_until("another", lambda: self.pid(name) not in (0, first))
        self.davit("update", "--restart", "no", name)
        wait_until("no monitor", lambda: not monitors(name))
        os.kill(self.pid(name), signal.SIGKILL)
        wait_until("its end", lambda: self.state(name) == "exited")
        self.assertEqual(monitors(name), [])

    def test_another_policy(self):
        name = self.make("u-other", "--restart", "always", command=("sh", "-c", "exit 3"))
        self.davit("update", "--restart", "on-failure:1", name)
        wait_until("its end", lambda: self.state(name) == "exited" and not monitors(name))

    def test_one_that_has_ended_stays_so(self):
        name = self.make("u-ended", command=("true",))
        self.davit("wait", name)
        self.davit("update", "--restart", "always", name)
        self.davit("ps", "-a")
        self.assertEqual(self.state(name), "exited")
        self.assertEqual(monitors(name), [])
        self.davit("start", name)
        wait_until("restarts", lambda: self.json("inspect", name)[0].get("restarts", 0) >= 1)

    def test_one_that_waits_for_its_start(self):
        name = self.make("u-waits", "--restart", "always", command=("sh", "-c", "exit 3"))
        wait_until("a long pause", lambda: self.state(name) == "restarting" and self.json("inspect", name)[0].get("restarts", 0) >= 4)
        self.davit("update", "--restart", "no", name)
        wait_until("no monitor", lambda: not monitors(name))
        self.assertEqual(self.state(name), "exited")

