"""Limits: what the job's cgroup holds, and its process, seen from inside. What the host lacks names its controller."""
import contextlib
import glob
import os
import subprocess

from lib.case import Case, Machine

V2 = os.path.exists("/sys/fs/cgroup/cgroup.controllers")


def block_device():
    """(path, "major:minor") of a disk of this machine."""
    with open("/proc/partitions") as f:
        rows = [line.split() for line in f][2:]
    for major, minor, _, name in rows:
        if os.path.exists("/dev/" + name):
            return "/dev/" + name, f"{major}:{minor}"
    return None, None


def has_file(controller, name):
    """Have jobs a file of that name? Looked for in a cgroup of our own."""
    top = "/sys/fs/cgroup" if V2 else "/sys/fs/cgroup/" + controller
    folder = os.path.join(top, f"look-{os.getpid()}")
    os.mkdir(folder)
    try:
        return os.path.exists(os.path.join(folder, name))
    finally:
        os.rmdir(folder)


class Cgroup(Case):
    def held(self, v1, v2, *flags):
        """Lines of the file of either version: CONTROLLER/FILE, or FILE."""
        path = "/sys/fs/cgroup/" + (v2 if V2 else v1)
        return self.run_sh(f"cat {path}", *flags).out.strip()

    def test_quota_and_period(self):
        flags = ("--cpu-quota", "20000", "--cpu-period", "50000")
        self.assertEqual(self.held("cpu/cpu.cfs_quota_us", "cpu.max", *flags).split()[0], "20000")
        self.assertEqual(self.held("cpu/cpu.cfs_period_us", "cpu.max", *flags).split()[-1], "50000")
        self.assertEqual(self.held("cpu/cpu.cfs_quota_us", "cpu.max", "--cpu-quota", "30000").split()[0], "30000")

    def test_quota_is_enforced(self):
        out = self.run_sh("for i in $(seq 100); do cat /sys/fs/cgroup/cpu/cpu.stat /sys/fs/cgroup/cpu.stat 2>/dev/null | grep 'nr_throttled [1-9]' && break; "
                          "j=0; while [ $j -lt 2000 ]; do j=$((j+1)); done; done; true", "--cpu-quota", "5000", "--cpu-period", "100000", timeout=120).out
        self.assertRegex(out, "^nr_throttled [1-9]")

    def test_quota_and_cpus_are_one(self):
        self.fails("run", "--cpus", "1", "--cpu-quota", "20000", Machine.image, "true", says="conflicting options: cpus and cpu-quota")
        self.fails("run", "--cpus", "1", "--cpu-period", "20000", Machine.image, "true", says="conflicting options: cpus and cpu-period")

    def test_shares(self):
        self.assertEqual(self.held("cpu/cpu.shares", "cpu.weight", "--cpu-shares", "512"), "20" if V2 else "512")

    def test_processors_and_memory_nodes(self):
        self.assertEqual(self.held("cpuset/cpuset.cpus", "cpuset.cpus", "--cpuset-cpus", "0"), "0")
        self.assertEqual(self.held("cpuset/cpuset.mems", "cpuset.mems", "--cpuset-mems", "0"), "0")
        self.assertEqual(self.run_sh("grep Cpus_allowed_list /proc/self/status", "--cpuset-cpus", "0").out.split(), ["Cpus_allowed_list:", "0"])
        self.fails("run", "--network", "none", "--cpuset-cpus", "0,999", Machine.image, "true",
                   says=["cpuset-cpus 0,999", 'controller "cpuset"', "it has 0"])
        self.fails("run", "--network", "none", "--cpuset-mems", "63", Machine.image, "true",
                   says=["cpuset-mems 63", 'controller "cpuset"', "it has 0"])

    def test_swap(self):
        if not has_file("memory", "memory.swap.max" if V2 else "memory.memsw.limit_in_bytes"):
            self.fails("run", "--network", "none", "-m", "64m", "--memory-swap", "96m", Machine.image, "true", says=['controller "memory"'])
            self.skipTest("this kernel does not count swap")
        whole = {"96m": 96 << 20, "128m": 128 << 20, "-1": None}
        for flags, total in ((["--memory-swap", "96m"], "96m"), ([], "128m"), (["--memory-swap", "-1"], "-1")):
            out = self.held("memory/memory.memsw.limit_in_bytes", "memory.swap.max", "-m", "64m", *flags)
            if whole[total] is None:
                self.assertTrue(out == "max" or int(out) > 1 << 60, out)
            else:
                self.assertEqual(int(out), whole[total] - (64 << 20 if V2 else 0))

    def test_swappiness(self):
        if V2:
            self.fails("run", "--network", "none", "--memory-swappiness", "7", Machine.image, "true",
                       says=['memory-swappiness: the cgroup controller "memory" of version 2 has no such limit'])
        else:
            self.assertEqual(self.held("memory/memory.swappiness", "", "--memory-swappiness", "7"), "7")
            self.assertEqual(self.held("memory/memory.swappiness", "", "--memory-swappiness", "0"), "0")


class Disks(Case):
    def setUp(self):
        super().setUp()
        self.device, self.numbers = block_device()
        if not self.device:
            self.skipTest("no block device here")

    def test_throttles(self):
        rows = [("--device-read-bps", "1m", "read_bps_device", "rbps", 1 << 20), ("--device-write-bps", "2m", "write_bps_device", "wbps", 2 << 20),
                ("--device-read-iops", "300", "read_iops_device", "riops", 300), ("--device-write-iops", "400", "write_iops_device", "wiops", 400)]
        flags = [w for flag, value, *_ in rows for w in (flag, f"{self.device}:{value}")]
        out = self.run_sh("cd /sys/fs/cgroup; grep . blkio/blkio.throttle.*_device io.max 2>/dev/null; true", *flags).out
        for _, _, v1, v2, value in rows:
            self.assertIn(f"{v2}={value}" if V2 else f"blkio.throttle.{v1}:{self.numbers} {value}\n", out)

    def test_a_throttle_is_enforced(self):
        """Four MiB at one MiB a second, past the page cache; the file system of the job must be on a disk of ours."""
        here = os.stat(self.folder).st_dev
        if f"{os.major(here)}:{os.minor(here)}" != self.numbers:
            self.skipTest("the tests' folder is on no disk of its own")
        out = self.run_sh("time dd if=/dev/zero of=/mnt/file bs=1M count=4 oflag=direct 2>&1", "-v", f"{self.folder}:/mnt",
                          "--device-write-bps", f"{self.device}:1m").out
        self.assertGreaterEqual(float(out.split("real")[1].split("m")[1].split("s")[0]), 2.0)

    def test_weight(self):
        files = ("io.weight", "io.bfq.weight") if V2 else ("blkio.weight", "blkio.bfq.weight")
        if not V2 and not any(has_file("blkio", f) for f in files):
            self.fails("run", "--network", "none", "--blkio-weight", "300", Machine.image, "true", says=['blkio-weight: the cgroup controller "blkio"'])
            self.skipTest("this kernel weighs no disks")
        if not V2 and Machine.engine == "crun" and not has_file("blkio", "blkio.weight"):  # crun 1.8 knows no other name of the file
            self.fails("run", "--network", "none", "--blkio-weight", "300", Machine.image, "true",
                       says=['limit of the cgroup controller "blkio"', "blkio.weight", "--runtime"])
            return
        out = self.run_sh("cd /sys/fs/cgroup; cat blkio/blkio.weight blkio/blkio.bfq.weight io.bfq.weight io.weight 2>/dev/null; true",
                          "--blkio-weight", "300").out
        self.assertTrue({"300", "2930"} & set(out.split()), out)  # 2930: of io.weight's ten thousand; where bfq is loaded its own file has it

    @contextlib.contextmanager
    def loop(self, scheduler):
        """A disk of our own under a scheduler."""
        path = os.path.join(self.folder, "disk")
        with open(path, "wb") as f:
            f.truncate(4 << 20)
        done = subprocess.run(["losetup", "--show", "-f", path], capture_output=True, text=True)
        if done.returncode:
            self.skipTest("no loop devices here: " + done.stderr.strip())
        device = done.stdout.strip()
        queue = f"/sys/block/{os.path.basename(device)}/queue/scheduler"
        with open(queue) as f:
            before = f.read().split("[")[1].split("]")[0]
        try:
            with open(queue, "w") as f:
                f.write(scheduler)
            number = os.stat(device).st_rdev
            yield device, f"{os.major(number)}:{os.minor(number)}"
        except OSError as why:
            self.skipTest(f"no scheduler {scheduler}: {why}")
        finally:
            with open(queue, "w") as f:
                f.write(before)
            subprocess.run(["losetup", "-d", device], check=True)

    def test_weight_of_a_device(self):
        with self.loop("bfq") as (device, numbers):
            if not V2 and Machine.engine == "crun" and not has_file("blkio", "blkio.weight_device"):
                self.fails("run", "--network", "none", "--blkio-weight-device", f"{device}:200", Machine.image, "true",
                           says=['limit of the cgroup controller "blkio"', "blkio.weight_device"])
            else:
                out = self.run_sh("cd /sys/fs/cgroup; cat blkio/blkio.*weight_device io.bfq.weight 2>/dev/null; true", "--blkio-weight-device",
                                  f"{device}:200").out
                self.assertIn(f"{numbers} 200", out)
        with self.loop("none") as (device, _):
            self.fails("run", "--network", "none", "--blkio-weight-device", f"{device}:200", Machine.image, "true",
                       says=[f"blkio-weight-device {device}", "cgroup controller", "scheduler bfq"])

    def test_no_device(self):
        self.fails("run", "--network", "none", "--device-read-bps", "/dev/null:1m", Machine.image, "true",
                   says=["device-read-bps /dev/null: not a block device", "lsblk"])
        self.fails("run", "--network", "none", "--device-write-iops", "/dev/nothing:5", Machine.image, "true",
                   says=["device-write-iops /dev/nothing: no such file"])


class Hugepages(Case):
    def test_limit(self):
        pools = glob.glob("/sys/kernel/mm/hugepages/hugepages-2048kB")
        if not pools or not (V2 or os.path.ismount("/sys/fs/cgroup/hugetlb")):
            self.skipTest("no huge pages of 2 MB, or no controller for them")
        out = self.run_sh("cd /sys/fs/cgroup; cat hugetlb/hugetlb.2MB.limit_in_bytes hugetlb.2MB.max 2>/dev/null; true", "--hugepages", "2MB=6m").out
        self.assertEqual(out.strip(), str(6 << 20))

    def test_a_size_that_is_not_there(self):
        self.fails("run", "--network", "none", "--hugepages", "3MB=6m", Machine.image, "true", says=["hugepages 3MB: this host has no pages", "it has"])


class Process(Case):
    def test_rlimits(self):
        out = self.run_sh("cat /proc/self/limits", "--ulimit", "nproc=50:60", "--ulimit", "stack=1048576", "--ulimit", "cpu=unlimited",
                          "--ulimit", "nice=0").out
        rows = {line[:26].strip(): line[26:].split()[:2] for line in out.splitlines()}
        self.assertEqual([rows[k] for k in ("Max processes", "Max stack size", "Max cpu time", "Max nice priority")],
                         [["50", "60"], ["1048576", "1048576"], ["unlimited", "unlimited"], ["0", "0"]])

    def test_oom_score(self):
        self.assertEqual(self.run_sh("cat /proc/self/oom_score_adj", "--oom-score-adj", "321").out.strip(), "321")

    def test_sysctl(self):
        out = self.run_sh("cat /proc/sys/kernel/msgmax /proc/sys/net/core/somaxconn /proc/sys/fs/mqueue/msg_max /proc/sys/kernel/shm_rmid_forced",
                          "--sysctl", "kernel.msgmax=4242", "--sysctl", "net.core.somaxconn=77", "--sysctl", "fs.mqueue.msg_max=11",
                          "--sysctl", "kernel.shm_rmid_forced=1").out
        self.assertEqual(out.split(), ["4242", "77", "11", "1"])

    def test_without_the_capability_to_raise(self):
        """davit itself without CAP_SYS_RESOURCE: it says so before anything is made."""
        lame = ["capsh", "--drop=cap_sys_resource", "--", "-c", 'exec "$0" "$@"']
        if subprocess.run(["capsh", "--print"], capture_output=True).returncode:
            self.skipTest("no capsh (package libcap2-bin)")
        for flags, says in ((["--ulimit", "nofile=99999999"], "ulimit nofile 99999999: above davit's own hard limit"),
                            (["--oom-score-adj", "-5"], "oom-score-adj -5: lowering it takes cap_sys_resource")):
            done = subprocess.run(lame + self.command(["run", "--rm", "--network", "none", *flags, Machine.image, "true"]), capture_output=True,
                                  text=True, cwd=self.folder)
            self.assertEqual(done.returncode, 125, done.stderr)
            self.assertIn(says, done.stderr.lower().replace("davit's", "davit's"))


class WrongValues(Case):
    def test_each_says_what_is_allowed(self):
        table = [
            ("--cpu-quota", "10", "cpu-quota"), ("--cpu-quota", "-1", "cpu-quota"), ("--cpu-period", "999", "cpu-period"),
            ("--cpu-period", "1000001", "cpu-period"), ("--cpu-shares", "1", "cpu-shares"), ("--memory-swappiness", "101", "memory-swappiness"),
            ("--blkio-weight", "9", "blkio-weight"), ("--blkio-weight", "1001", "blkio-weight"),
            ("--blkio-weight-device", "/dev/vda", "blkio-weight-device"),
            ("--blkio-weight-device", "/dev/vda:5", "weight"), ("--device-read-bps", "/dev/vda:x", "device-read-bps"),
            ("--device-read-bps", "vda:1m", "device-read-bps"), ("--device-write-bps", "/dev/vda:0", "rate"),
            ("--device-write-iops", ":5", "device-write-iops"),
            ("--hugepages", "2MB", "hugepages"), ("--hugepages", "2m=1m", "huge page size"), ("--hugepages", "2MB=x", "hugepages"),
            ("--cpuset-cpus", "a", "cpuset-cpus"), ("--cpuset-mems", "3-1", "cpuset-mems"), ("--pids-limit", "-2", "pids-limit"),
            ("--oom-score-adj", "1001", "oom-score-adj"), ("--sysctl", "vm.swappiness=1", "vm.swappiness"), ("--ulimit", "x=1", "ulimit"),
        ]
        for flag, value, says in table:
            with self.subTest(flag=flag, value=value):
                self.fails("run", "--rm", "--network", "none", flag, value, Machine.image, "true", says=[says])
