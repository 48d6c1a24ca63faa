"""Tasks of containerd-driver in cgroups as Nomad's client makes them, of whichever version this kernel has: limits, what is used, whose end it was."""
import base64
import glob
import os
import re
import time
import unittest

from lib.case import Machine, wait_until
from lib.driver_plugin import DriverCase, Failed
from lib.nomad_cgroup import ROOT, V2, NomadCgroups, read

MIB = 1 << 20
TICK = os.sysconf("SC_CLK_TCK")


class CgroupCase(DriverCase):
    def setUp(self):
        self.cgroups = NomadCgroups()
        self.addCleanup(self._parent_goes)
        super().setUp()

    def _parent_goes(self):
        def gone():
            self.cgroups.remove()
            return not glob.glob(f"{ROOT}/{self.cgroups.parent}") + glob.glob(f"{ROOT}/*/{self.cgroups.parent}")
        wait_until("the end of " + self.cgroups.parent, gone)

    def task(self, script="sleep 1000", config=None, memory=0, memory_max=0, cores="", cpu=100, percent=0.0, **more):
        said = super().task(script, dict({"network_mode": "none"}, **(config or {})), memory, **more)
        resources = said["resources"]
        resources["allocated_resources"]["memory"]["memory_max_mb"] = memory_max
        resources["linux_resources"].update(self.cgroups.make(said["alloc_id"], cores=cores), cpu_shares=cpu, percent_ticks=percent)
        return said

    def alloc(self, handle):
        return handle["config"]["alloc_id"]

    def get(self, file, handle, cores=""):
        return self.cgroups.get(file, self.alloc(handle), cores)

    def paths(self, pid):
        """{controller: path}; of version 2 the controller is ""."""
        return dict(line.split(":", 2)[1:] for line in read(f"/proc/{pid}/cgroup").splitlines())

    def cpus(self, pid):
        return re.search(r"Cpus_allowed_list:\s+(\S+)", read(f"/proc/{pid}/status"))[1]

    def stats(self, handle, ms=500):
        return self.session.begin("TaskStats", task_id=handle["config"]["id"], collection_interval={"nanos": ms * 1000000})

    def ended(self, handle, code, **more):
        result = self.wait_task(handle).next(60)["result"]
        self.assertEqual({k: result[k] for k in ("exit_code", *more)}, {"exit_code": code, **more})

    def two_processors(self):
        if not re.match(r"0(-|,1\b)", self.cgroups.cpus) or self.cpus(os.getpid()) != self.cgroups.cpus:
            self.skipTest(f"of the processors {self.cgroups.cpus} 0 and 1 are not both ours")


class Place(CgroupCase):
    def is_there(self, pid, path):
        found = self.paths(pid)
        controllers = ("",) if V2 else ("freezer", "cpu", "memory")
        self.assertEqual({c: found[c] for c in controllers}, {c: path for c in controllers})

    def test_it_is_nomad_s(self):
        """Each process of it, one that is executed in it too; after DestroyTask nothing of it is left."""
        handle = self.start_task("sleep 1000 & wait")
        path = self.cgroups.path(self.alloc(handle))
        pid = self.pid_of(handle)
        self.is_there(pid, path)
        wait_until("its child", lambda: len(str(self.get("cgroup.procs", handle)).split()) == 2)
        for process in self.get("cgroup.procs", handle).split():
            self.is_there(process, path)
        said = self.session.ask("ExecTask", task_id=handle["config"]["id"], command=["cat", "/proc/self/cgroup"], timeout={"seconds": 60})
        self.assertIn(":/\n" if V2 else f":freezer:{path}\n", base64.b64decode(said["stdout"]).decode())
        self.destroy(handle["config"]["id"])
        wait_until("the end of its cgroup", lambda: self.cgroups.folders(self.alloc(handle)) == [])

    def test_one_that_starts_again_is_in_it_again(self):
        """As Nomad does it: another id in the same allocation, and folders that are made where they are missing."""
        task = self.task("exit 3")
        for i in range(2):
            self.cgroups.make(task["alloc_id"])
            task["id"] = f"{task['alloc_id']}/t/{i:08x}"
            self.made.append(task["id"])
            handle = self.session.ask("StartTask", task=task)["handle"]
            self.ended(handle, 3, oom_killed=False)
            self.destroy(handle["config"]["id"])
        wait_until("the end of its cgroup", lambda: self.cgroups.folders(task["alloc_id"]) == [])

    def test_one_that_cannot_start_leaves_none(self):
        task = self.task(config={"command": "/no/such"})
        with self.assertRaises(Failed):
            self.session.ask("StartTask", task=task)
        self.cgroups.take_away(task["alloc_id"])
        wait_until("the end of its cgroup", lambda: self.cgroups.folders(task["alloc_id"]) == [])


class Limits(CgroupCase):
    def test_memory(self):
        """The limit, and what it keeps when the host is short of it; swap is none."""
        for memory_max, limits in ((0, (64 * MIB, None)), (96, (96 * MIB, 64 * MIB)), (-1, (None, 64 * MIB))):
            with self.subTest(memory_max=memory_max):
                handle = self.start_task(memory=64, memory_max=memory_max)
                self.assertEqual((self.get("memory.max", handle), self.get("memory.low", handle) or None), limits)
                with self.subTest("swap"):
                    self.swap(handle, limits[0])
                self.destroy(handle["config"]["id"])

    def swap(self, handle, limit):
        try:
            found = self.get("memory.swap.max", handle)
        except FileNotFoundError:
            return  # this kernel counts none
        self.assertEqual(found, limit if not V2 or limit is None else 0)

    def test_processor_time(self):
        """Two of the client's four GHz are 1000 MHz; a weight of MHz, and the tenth of all that it may use at most."""
        handle = self.start_task(cpu=1000, percent=0.1, config={"cpu_hard_limit": True, "cpu_cfs_period": 50000})
        path = self.cgroups.path(self.alloc(handle))
        quota = int(50000 * 0.1 * os.cpu_count())
        if V2:
            self.assertIn(read(f"{ROOT}{path}/cpu.weight"), ("39", "98"))  # as runc 1.1 and crun make it of shares, and as later ones do
            self.assertEqual(read(f"{ROOT}{path}/cpu.max"), f"{quota} 50000")
        else:
            self.assertEqual([read(f"{ROOT}/cpu{path}/cpu.{name}") for name in ("shares", "cfs_quota_us", "cfs_period_us")], ["1000", str(quota), "50000"])

    def test_processor_time_without_a_hard_limit(self):
        handle = self.start_task(cpu=100, percent=0.1)
        path = self.cgroups.path(self.alloc(handle))
        self.assertIn(read(f"{ROOT}{path}/cpu.max" if V2 else f"{ROOT}/cpu{path}/cpu.cfs_quota_us"), ("max 100000", "-1"))

    def test_the_share_changes(self):
        """What tasks without cores share is written anew as tasks with cores come and go: theirs at once, also by a plugin that came later."""
        self.two_processors()
        handle = self.start_task()
        pid, all = self.pid_of(handle), self.cpus(os.getpid())
        self.assertEqual(self.cpus(pid), all)
        self.cgroups.share("0")
        wait_until("the smaller share", lambda: self.cpus(pid) == "0")
        later = self.start_task()
        self.assertEqual(self.cpus(self.pid_of(later)), "0")
        self.cgroups.share(self.cgroups.cpus)
        wait_until("the whole share", lambda: {self.cpus(pid), self.cpus(self.pid_of(later))} == {all})
        self.plugin.kill()
        self.cgroups.share("1")
        self.new_plugin()
        self.recover(handle)
        self.recover(later)
        wait_until("what changed meanwhile", lambda: {self.cpus(pid), self.cpus(self.pid_of(later))} == {"1"})
        self.cgroups.share("0")
        wait_until("what changed since", lambda: {self.cpus(pid), self.cpus(self.pid_of(later))} == {"0"})

    def test_cores_of_its_own(self):
        self.two_processors()
        own = self.start_task(cores="1")
        pid = self.pid_of(own)
        self.assertEqual((self.cpus(pid), self.get("cpuset.cpus", own, "1")), ("1", 1))
        self.cgroups.share("0")
        self.assertEqual(self.cpus(pid), "1")
        if V2:
            self.assertEqual(self.paths(pid)[""], self.cgroups.path(self.alloc(own), cores="1"))
        self.destroy(own["config"]["id"])
        self.cgroups.take_away(self.alloc(own), "1")  # of version 1 the engine knows nothing of reserve/
        wait_until("the end of its cgroup", lambda: self.cgroups.folders(self.alloc(own)) == [])


class OutOfMemory(CgroupCase):
    def test_of_the_first_process(self):
        self.ended(self.start_task("exec tail /dev/zero", memory=24), 137, signal=9, oom_killed=True)

    def test_of_a_child(self):
        """Right before the end it is the cause of it; one that the task bore and ended well is none."""
        self.ended(self.start_task("tail /dev/zero; exit 3", memory=24), 3, oom_killed=True)
        self.ended(self.start_task("tail /dev/zero; exit 0", memory=24), 0, oom_killed=False)

    def test_a_kill_is_none(self):
        handle = self.start_task("sh -c 'kill -KILL $$'; exit $?", memory=24)
        self.ended(handle, 137, oom_killed=False)

    def test_it_is_told_by_a_plugin_that_came_later(self):
        handle = self.start_task("until [ -e /local/go ]; do sleep 0.1; done; tail /dev/zero", memory=24)
        self.plugin.kill()
        with open(os.path.join(handle["config"]["alloc_dir"], "t/local/go"), "w"):
            pass
        wait_until("its end", lambda: not self.get("cgroup.procs", handle))
        self.new_plugin()
        self.recover(handle)
        self.ended(handle, 137, oom_killed=True)

    def test_one_before_it_in_the_same_cgroup(self):
        """A kill of the task's last run is none of this one's."""
        task = self.task("tail /dev/zero; exit 3", memory=24)
        again = dict(task, id=f"{task['alloc_id']}/t/00000002",
                     msgpack_driver_config=super().task("exit 4", {"network_mode": "none"})["msgpack_driver_config"])
        for one, code, oom in ((task, 3, True), (again, 4, False)):
            self.made.append(one["id"])
            handle = self.session.ask("StartTask", task=one)["handle"]
            self.ended(handle, code, oom_killed=oom)
            self.destroy(one["id"])
            self.cgroups.make(task["alloc_id"])
        self.cgroups.take_away(task["alloc_id"])


class Usage(CgroupCase):
    ALLOWED = 0.2

    def near(self, found, wanted, what):
        self.assertAlmostEqual(found, wanted, delta=wanted * self.ALLOWED, msg=what)

    def test_memory(self):
        """32 MiB of a process of its own, 16 of files."""
        handle = self.start_task("dd if=/dev/zero of=/dev/shm/x bs=1M count=16 2>/dev/null; dd if=/dev/zero bs=32M count=1 2>/dev/null | sleep 1000",
                                 config={"shm_size": 32 * MIB}, memory=128)
        stats, memory = self.stats(handle), {}

        def there():
            memory.update(stats.next()["stats"]["agg_resource_usage"]["memory"])
            return memory["rss"] > 31 * MIB
        wait_until("its memory", there, 60)
        self.near(memory["rss"], 32 * MIB, "RSS")
        self.near(memory["cache"], 16 * MIB, "cache")
        self.assertGreater(memory["usage"], 47 * MIB)
        self.assertLess(memory["usage"], 64 * MIB)
        self.assertLessEqual({"RSS", "CACHE", "USAGE"}, set(memory["measured_fields"]))

    def used(self, pid):
        """Seconds of the processor, (user, system)."""
        return tuple(int(x) / TICK for x in read(f"/proc/{pid}/stat").rsplit(")", 1)[1].split()[11:13])

    def test_processor_time(self):
        """Of what the payload's own clock has: a second of it is 2000 MHz of this client."""
        handle = self.start_task("while :; do :; done")
        stats, pid = self.stats(handle, 1000), self.pid_of(handle)
        before, at = None, None
        total = {"percent": 0.0, "user_mode": 0.0, "system_mode": 0.0, "total_ticks": 0.0}
        while before is None or sum(self.used(pid)) - sum(before) < 4:
            said = stats.next()["stats"]
            now = said["timestamp"]["seconds"] + said["timestamp"].get("nanos", 0) / 1e9
            if at is not None:
                for key in total:
                    total[key] += said["agg_resource_usage"]["cpu"][key] * (now - at)
            before, at = before or self.used(pid), now
        user, system = (b - a for a, b in zip(before, self.used(pid)))
        self.near(total["percent"] / 100, user + system, "percent")
        self.near(total["user_mode"] / 100, user, "user")
        self.assertAlmostEqual(total["system_mode"] / 100, system, delta=0.2 * (user + system))
        self.near(total["total_ticks"], 2000 * (user + system), "ticks")

    def test_throttling(self):
        handle = self.start_task("while :; do :; done", percent=0.05, config={"cpu_hard_limit": True})
        stats = self.stats(handle)

        def throttled():
            cpu = stats.next()["stats"]["agg_resource_usage"]["cpu"]
            return cpu["throttled_periods"] > 2 and cpu["throttled_time"] > 1e8 and "THROTTLED_TIME" in cpu["measured_fields"]
        wait_until("its throttling", throttled, 60)


class Keeper(CgroupCase):
    """Nomad kills what is in the cgroup, and removes it, when it has given up to wait for a driver, or without ever asking it."""

    def gone(self, handle):
        self.destroy(handle["config"]["id"])
        wait_until("the end of its cgroup", lambda: self.cgroups.folders(self.alloc(handle)) == [])
        self.assertNotIn(self.alloc(handle), Machine.containerd.ctr("containers", "ls", "-q", ns=Machine.ns).stdout)

    def test_it_kills(self):
        handle = self.start_task("trap : TERM INT; sleep 1000 & while :; do sleep 1; done")
        stats = self.stats(handle)
        stats.next()
        self.cgroups.kill(self.alloc(handle))
        self.ended(handle, 137, signal=9, oom_killed=False)
        while stats.next():
            pass
        self.gone(handle)

    def test_it_kills_and_removes(self):
        handle = self.start_task("trap : TERM INT; while :; do sleep 1; done")
        call = self.wait_task(handle)
        self.cgroups.kill(self.alloc(handle))
        self.cgroups.take_away(self.alloc(handle))
        self.assertEqual(call.next()["result"], {"exit_code": 137, "signal": 9, "oom_killed": False})
        self.gone(handle)

    def test_it_does_while_there_is_no_plugin(self):
        handle = self.start_task()
        self.plugin.kill()
        self.cgroups.kill(self.alloc(handle))
        self.cgroups.take_away(self.alloc(handle))
        self.new_plugin()
        self.recover(handle)
        self.ended(handle, 137, signal=9, oom_killed=False)
        self.gone(handle)

    def test_it_does_while_it_is_stopped(self):
        """StopTask ends as soon as the task does, be it by another hand."""
        handle = self.start_task("trap '' TERM; while :; do sleep 1; done")
        began = time.monotonic()
        call = self.session.begin("StopTask", task_id=handle["config"]["id"], timeout={"seconds": 600})
        call.waits(0.5)
        self.cgroups.kill(self.alloc(handle))
        self.cgroups.take_away(self.alloc(handle))
        call.next(120)
        self.assertLess(time.monotonic() - began, 300)
        self.gone(handle)

    @unittest.skipUnless(V2, "cgroup version 1 has a folder for each controller")
    def test_it_is_there_no_more_at_the_start(self):
        """Removed between its making and the start: the engine makes it again, and it goes with the task."""
        task = self.task()
        self.cgroups.take_away(task["alloc_id"])
        self.made.append(task["id"])
        handle = self.session.ask("StartTask", task=task)["handle"]
        self.destroy(handle["config"]["id"])
        wait_until("the end of its cgroup", lambda: self.cgroups.folders(task["alloc_id"]) == [])
