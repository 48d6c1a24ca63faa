"""Memory, processor time and what is told about them."""
import glob
import os
import re

from lib.case import wait_until
from lib.nomad_case import NomadCase, spec

MIB = 1 << 20


class Memory(NomadCase):
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


class Processors(NomadCase):
    def group(self, job, controller):
        with open(f"/proc/{job.pid()}/cgroup") as f:
            rows = dict(line.strip().split(":", 2)[1:] for line in f)
        return f"/sys/fs/cgroup/{controller}{rows[controller]}" if controller in rows else "/sys/fs/cgroup" + rows[""]

    def read(self, path):
        with open(path) as f:
            return f.read().strip()

    def test_shares(self):
        job = self.job(cpu=200).running()
        found = glob.glob(self.group(job, "cpu") + "/cpu.shares")
        self.assertEqual([self.read(p) for p in found], ["200"] if found else [])

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


class Usage(NomadCase):
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
        from lib.nomad_case import info
        return info(job.containers()[0])["Labels"]

    def test_the_cgroup_is_where_nomad_looks(self):
        job = self.job().running()
        self.assertIn("/nomad", spec(job.containers()[0])["linux"]["cgroupsPath"])
