"""Memory, processor time and what is told about them."""
import glob
import os
import re

from lib.case import Machine, wait_until
from lib.nomad_case import NomadCase, info, spec
from lib.nomad_cgroup import V2

MIB = 1 << 20


class ResourceCase(NomadCase):
    """Its tasks have no network, which takes most of a start on a slow machine."""

    def job(self, *args, config=None, **kw):
        return super().job(*args, config={"network_mode": "none", **(config or {})}, **kw)


class Memory(ResourceCase):
    def of(self, job):
        """(limit, reservation) in bytes; None: there is none."""
        with open(f"/proc/{job.pid()}/cgroup") as f:
            rows = dict(line.strip().split(":", 2)[1:] for line in f)
        if "memory" in rows:
            folder, names = "/sys/fs/cgroup/memory" + rows["memory"], ("memory.limit_in_bytes", "memory.soft_limit_in_bytes")
        else:
            folder, names = "/sys/fs/cgroup" + rows[""], ("memory.max", "memory.low")
        values = []
        for name in names:
            with open(os.path.join(folder, name)) as f:
                text = f.read().strip()
            values.append(None if text == "max" or int(text) > 1 << 60 else int(text))
        return tuple(values)

    def test_a_limit(self):
        self.assertEqual(self.of(self.job(memory=64).running())[0], 64 * MIB)

    def test_oversubscription(self):
        self.assertEqual(self.of(self.job(memory=64, resources="memory_max = 96").running()), (96 * MIB, 64 * MIB))

    def test_oversubscription_without_a_limit(self):
        self.assertEqual(self.of(self.job(memory=64, resources="memory_max = -1").running()), (None, 64 * MIB))

    def test_out_of_memory_is_told(self):
        job = self.sh_job("echo begun; tail /dev/zero", memory=32).failed(60)
        self.assertRegex("\n".join(job.says()), "(?i)oom|out of memory")
        self.assertEqual(job.exit_code(), 137)

    def test_137_is_not_out_of_memory(self):
        job = self.sh_job("sh -c 'kill -KILL $$'; exit $?").failed()  # the first process of a namespace takes no SIGKILL of its own
        self.assertNotRegex("\n".join(job.says()), "(?i)oom|out of memory")
        self.assertEqual(job.exit_code(), 137)

    def test_a_child_out_of_memory(self):
        """The task goes on."""
        job = self.sh_job("sh -c 'tail /dev/zero'; echo child $?; sleep 1000", memory=32).running()
        job.waits_for_log("child 137")
        job.running()


class Processors(ResourceCase):
    def group(self, job, controller):
        with open(f"/proc/{job.pid()}/cgroup") as f:
            rows = dict(line.strip().split(":", 2)[1:] for line in f)
        return f"/sys/fs/cgroup/{controller}{rows[controller]}" if controller in rows else "/sys/fs/cgroup" + rows[""]

    def read(self, path):
        with open(path) as f:
            return f.read().strip()

    def test_shares(self):
        job = self.job(cpu=200).running()
        # a weight is what runc 1.1 and crun make of shares, or later ones
        file, values = ("cpu.weight", ("8", "28", "29")) if V2 else ("cpu.shares", ("200",))
        self.assertIn(self.read(f"{self.group(job, 'cpu')}/{file}"), values)

    def test_a_hard_limit(self):
        job = self.job(cpu=800, config={"cpu_hard_limit": True}).running()
        folder = self.group(job, "cpu")
        if os.path.exists(folder + "/cpu.cfs_quota_us"):
            quota, period = (int(self.read(f"{folder}/cpu.cfs_{n}_us")) for n in ("quota", "period"))
        else:
            quota, period = map(int, self.read(folder + "/cpu.max").split())
        # 800 of the 16000 that the agent says the machine has
        self.assertAlmostEqual(quota / period, os.cpu_count() * 800 / 16000, delta=0.01)

    def test_cores_of_its_own(self):
        job = self.job(resources="cores = 1", cpu=None).running()
        allowed = re.search(r"Cpus_allowed_list:\s+(\S+)", job.run("cat", "/proc/self/status"))[1]
        self.assertRegex(allowed, r"^\d+$")
        shared = self.job().running()
        wait_until("the other's cores", lambda: allowed not in re.search(
            r"Cpus_allowed_list:\s+(\S+)", shared.run("cat", "/proc/1/status"))[1].replace("-", ",").split(","), 20)

    def test_processes(self):
        job = self.job(config={"pids_limit": 20}).running()
        self.assertRegex(job.sh("for i in $(seq 40); do sleep 30 & done 2>&1; echo end", code=None), "(?i)fork|end")
        folder = self.group(job, "pids")
        self.assertEqual(self.read(folder + "/pids.max"), "20")


class Cgroups(ResourceCase):
    """A task is in the cgroup that Nomad has made for it, and nothing is left of it."""

    def folders(self, job):
        """Of the allocation, in whatever hierarchy."""
        return glob.glob(f"/sys/fs/cgroup/*/*/*{job.alloc}.t*") + glob.glob(f"/sys/fs/cgroup/*/*{job.alloc}.t*")

    def cpus(self, job):
        with open(f"/proc/{job.pid()}/status") as f:
            text = re.search(r"Cpus_allowed_list:\s+(\S+)", f.read())[1]
        found = set()
        for part in text.split(","):
            first, _, last = part.partition("-")
            found |= set(range(int(first), int(last or first) + 1))
        return found

    def test_it_is_nomad_s(self):
        job = self.job().running()
        with open(f"/proc/{job.pid()}/cgroup") as f:
            rows = dict(line.strip().split(":", 2)[1:] for line in f)
        if V2:
            self.assertEqual(rows[""], f"/nomad.slice/share.slice/{job.alloc}.t.scope")
        else:
            for controller in ("freezer", "cpu", "memory"):
                self.assertTrue(rows[controller].endswith(f"/nomad/{job.alloc}.t"), rows)
        self.assertTrue(self.folders(job))
        job.stop()
        wait_until("the end of its cgroups", lambda: not self.folders(job), 20)

    def test_one_that_fails_and_starts_again_is_in_it_again(self):
        again = 'restart {\nattempts = 2\ndelay = "1s"\ninterval = "10m"\nmode = "fail"\n}\nreschedule {\nattempts = 0\nunlimited = false\n}'
        job = self.sh_job("echo begun; sleep 1; exit 3", once=again)
        job.failed(60)
        self.assertEqual(job.logs().count("begun"), 3)
        wait_until("the end of its cgroups", lambda: not self.folders(job), 20)

    def test_a_plugin_that_was_killed_goes_on_following(self):
        """What tasks without cores share is theirs at once, and again once cores are free, by whichever plugin."""
        shared = self.job().running()
        before = self.cpus(shared)
        if len(before) < 2:
            self.skipTest("one processor")
        self.new_plugin(self.kill_plugin())
        own = self.job(resources="cores = 1", cpu=None).running()
        wait_until("fewer", lambda: self.cpus(shared) == before - self.cpus(own), 20)
        self.assertEqual(len(self.cpus(own)), 1)
        own.stop()
        wait_until("all", lambda: self.cpus(shared) == before, 20)


class Usage(ResourceCase):
    def test_statistics(self):
        job = self.sh_job("dd if=/dev/zero of=/dev/shm/x bs=1M count=20 2>/dev/null; while :; do :; done", memory=64).running()

        def used():
            stats = (self.agent.stats(job.alloc).get("Tasks") or {}).get("t") or {}
            use = stats.get("ResourceUsage") or {}
            memory, cpu = use.get("MemoryStats") or {}, use.get("CpuStats") or {}
            return memory.get("Usage", 0) > 18 * MIB and cpu.get("Percent", 0) > 5 and cpu.get("TotalTicks", 0) > 0
        wait_until("statistics", used, 40)
        use = self.agent.stats(job.alloc)["Tasks"]["t"]["ResourceUsage"]
        self.assertLessEqual(use["CpuStats"]["Percent"], 100.0 * (os.cpu_count() or 1) * 1.2)
        self.assertTrue(use["MemoryStats"]["Measured"] and use["CpuStats"]["Measured"])

    def test_the_node_says_which_containerd(self):
        attributes = self.agent.node()["Attributes"]
        self.assertEqual(attributes.get("driver.containerd-driver"), "1")
        self.assertRegex(attributes.get("driver.containerd.containerd_version", ""), r"\d+\.\d+")

    def test_labels_tell_whose_it_is(self):
        job = self.job().running()
        self.assertIn(job.alloc, str(self.labels(job)))

    def labels(self, job):
        return info(job.containers()[0])["Labels"]

    def test_the_shim_is_the_operators(self):
        job = self.job().running()
        self.assertEqual(info(job.containers()[0])["Runtime"]["Name"], Machine.shim or "io.containerd.runc.v2")

    def test_the_cgroup_is_where_nomad_looks(self):
        job = self.job().running()
        self.assertIn("/nomad", spec(job.containers()[0])["linux"]["cgroupsPath"])
