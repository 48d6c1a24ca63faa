"""The spec that davit writes, run by the engine itself: what is seen from inside, without containerd between."""
import errno
import json
import os
import shutil
import subprocess
import tempfile
import unittest

from lib.case import Machine, tool

IMAGE = {"os": "linux", "config": {"Env": ["A=image", "B=image"], "Cmd": ["true"]}}


class Spec(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="spec.", dir=Machine.work)
        cls.addClassCleanup(shutil.rmtree, cls.folder, ignore_errors=True)
        cls.root = os.path.join(cls.folder, "rootfs")
        os.makedirs(cls.root)
        subprocess.run(["tar", "-xf", Machine.rootfs, "-C", cls.root], check=True)

    def build(self, task, image=IMAGE, netns=None, job=None):
        """(spec, error) of a job with @task."""
        given = {"job": dict(job or {}, tasks=[dict({"image": "busybox"}, **task)]), "image": image}
        done = subprocess.run([tool("spec-tool"), self.root, f"spec-{Machine.ns}"] + ([netns] if netns else []), input=json.dumps(given), text=True,
                              capture_output=True)
        return (json.loads(done.stdout), "") if done.returncode == 0 else (None, done.stderr.strip())

    def run_spec(self, script, image=IMAGE, netns=None, job=None, code=0, **task):
        """What @script writes inside."""
        spec, error = self.build(dict(task, args=["sh", "-c", script]), image, netns, job)
        self.assertEqual(error, "")
        with open(os.path.join(self.folder, "config.json"), "w") as f:
            json.dump(spec, f)
        done = subprocess.run([Machine.engine, "--root", os.path.join(self.folder, "state"), "run", "--bundle", self.folder,
                               f"spec-{os.getpid()}"], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60 * Machine.slow)
        self.assertEqual(done.returncode, code, f"{done.stdout}{done.stderr}")
        return done.stdout.strip()

    def status(self, *keys, **task):
        text = self.run_spec("cat /proc/self/status", **task)
        found = dict(line.split(":\t", 1) for line in text.splitlines() if ":\t" in line)
        return [found[k] for k in keys]

    def bounding(self):
        with open("/proc/self/status") as f:
            return int(next(line.split()[1] for line in f if line.startswith("CapBnd")), 16)


class Security(Spec):
    DEFAULT = 0xA80425FB

    def test_root_has_the_usual_capabilities(self):
        usual = self.DEFAULT & self.bounding()
        bounding, effective, permitted, inherited, ambient = self.status("CapBnd", "CapEff", "CapPrm", "CapInh", "CapAmb")
        self.assertEqual([int(x, 16) for x in (bounding, effective, permitted, inherited, ambient)], [usual, usual, usual, 0, 0])

    def test_filtered_and_without_new_privileges(self):
        self.assertEqual(self.status("NoNewPrivs", "Seccomp"), ["1", "2"])

    def test_user_has_no_effective_capabilities(self):
        bounding, effective, permitted, nnp, seccomp = self.status("CapBnd", "CapEff", "CapPrm", "NoNewPrivs", "Seccomp", user="1000:1000")
        self.assertEqual(int(bounding, 16), self.DEFAULT & self.bounding())
        self.assertEqual([int(effective, 16), int(permitted, 16), nnp, seccomp], [0, 0, "1", "2"])

    def test_privileged_has_what_there_is(self):
        bounding, seccomp = self.status("CapBnd", "Seccomp", privileged=True)
        self.assertEqual((int(bounding, 16), seccomp), (self.bounding(), "0"))
        self.assertTrue(self.run_spec("grep ' /sys ' /proc/mounts", privileged=True).split()[3].startswith("rw"))
        self.assertNotEqual(self.run_spec("cat /proc/keys | wc -c", privileged=True), "0")

    def test_dropped_and_added(self):
        (bounding,) = self.status("CapBnd", cap_drop=["ALL"], cap_add=["chown", "CAP_KILL"])
        self.assertEqual(int(bounding, 16), 1 | 1 << 5)
        (bounding,) = self.status("CapBnd", cap_drop=["all"])
        self.assertEqual(int(bounding, 16), 0)

    def test_missing_capability_is_an_error(self):
        missing = [n for n in (24, 16, 22) if not self.bounding() >> n & 1]
        if not missing:
            self.skipTest("this machine has every capability")
        name = {24: "SYS_RESOURCE", 16: "SYS_MODULE", 22: "SYS_BOOT"}[missing[0]]
        _, error = self.build({"cap_add": [name]})
        self.assertIn(f"capability {name}: davit does not have it itself", error)

    def test_unconfined_has_no_filter(self):
        self.assertEqual(self.status("Seccomp", seccomp="unconfined"), ["0"])

    def test_new_privileges_when_asked(self):
        self.assertEqual(self.status("NoNewPrivs", no_new_privileges=False), ["0"])

    def test_filter_keeps_namespaces_and_mounts_away(self):
        text = self.run_spec("unshare -U true 2>&1; mount -t tmpfs x /tmp 2>&1; chroot / true 2>&1; echo end")
        self.assertEqual(text.lower().count("not permitted") + text.lower().count("permission denied"), 2, text)
        self.assertTrue(text.endswith("end"))
        # even with the capability in hand: what SYS_ADMIN opens, it opens only when named
        self.run_spec("mount -t tmpfs x /tmp && unshare -m true", cap_add=["SYS_ADMIN"])

    def sockets(self, *families, **task):
        """{(way, family): errno} of every way to make a socket."""
        shutil.copy(tool("sockets"), os.path.join(self.root, "sockets"))
        text = self.run_spec("/sockets " + " ".join(map(str, families)), **task)
        return {tuple(line.split(": ")[0].split(" ")): int(line.split(": ")[1]) for line in text.splitlines()}

    def test_families_that_no_way_opens(self):
        """Neither with bits that the kernel cuts off, nor by the calls of 32-bit programs, nor behind a pointer."""
        if os.uname().machine != "x86_64":
            self.skipTest("the program knows the ways of x86-64")
        for added in ([], ["NET_ADMIN", "SYS_ADMIN"]):
            found = self.sockets(38, 40, 3, 46, 300, cap_add=added)
            made = {way: number for way, number in found.items() if number not in (errno.EPERM, errno.ENOSYS)}
            self.assertEqual(made, {})
            self.assertEqual({found[way] for way in found if way[0] in ("socket", "wide", "negative", "pair", "wide-pair")}, {errno.EPERM})
            self.assertEqual({found[way] for way in found if way[0].startswith("socketcall")}, {errno.ENOSYS})

    def test_families_that_programs_use(self):
        if os.uname().machine != "x86_64":
            self.skipTest("the program knows the ways of x86-64")
        found = self.sockets(1, 2, 10, 16)
        for family in ("1", "2", "10", "16"):
            made = found["socket", family]
            self.assertNotIn(made, (errno.EPERM, errno.ENOSYS))
            self.assertEqual(found["wide", family], made)  # as the kernel has it
            self.assertNotEqual(found["i386", family], errno.EPERM)
        self.assertEqual((found["pair", "1"], found["wide-pair", "1"], found["socketcall", "2"]), (0, 0, errno.ENOSYS))
        self.assertEqual(self.sockets(40, seccomp="unconfined")["socket", "40"] == errno.EPERM, False)

    def test_personalities(self):
        text = self.run_spec("linux32 uname -m; linux64 uname -m; setarch x86_64 -R true 2>/dev/null || echo refused")
        if os.uname().machine == "x86_64":
            self.assertEqual(text, "i686\nx86_64\nrefused")

    def test_profile_of_a_file(self):
        path = os.path.join(self.folder, "profile.json")
        with open(path, "w") as f:
            json.dump({"defaultAction": "SCMP_ACT_ALLOW", "archMap": [{"architecture": "SCMP_ARCH_X86_64", "subArchitectures": ["SCMP_ARCH_X86"]}],
                       "syscalls": [{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 28},
                                    {"names": ["rmdir"], "action": "SCMP_ACT_ERRNO", "includes": {"caps": ["CAP_SYS_ADMIN"]}}]}, f)
        self.assertIn("No space left", self.run_spec("mkdir /tmp/x 2>&1 || true", seccomp=path))

    def test_hidden_and_read_only_paths(self):
        self.assertEqual(self.run_spec("cat /proc/keys /proc/timer_list | wc -c; ls /sys/firmware | wc -l"), "0\n0")
        self.assertEqual(self.run_spec("echo 1 > /proc/sys/kernel/panic", code=1), "")
        self.assertNotEqual(self.run_spec("cat /proc/keys | wc -c", masked_paths=[]), "0")


class Process(Spec):
    def test_users_of_the_image(self):
        self.assertEqual(self.run_spec("id; echo $HOME", user="web"), "uid=1000(web) gid=1001(webs) groups=29(audio),1001(webs)\n/www")
        self.assertEqual(self.run_spec("id -u; id -g; id -G; echo $HOME", user="4000:50", group_add=["audio", "77"]), "4000\n50\n50 29 77\n/")
        self.assertEqual(self.run_spec("id -u; echo $HOME"), "0\n/root")

    def test_environment(self):
        image = {"os": "linux", "config": {"Env": ["A=image", "B=image", "PATH=/bin"], "Cmd": ["true"]}}
        text = self.run_spec("echo $A $B $C $HOSTNAME $PATH $HOME; hostname", image=image, env=["B=job", "C=job"], job={"hostname": "box"})
        self.assertEqual(text, "image job job box /bin /root\nbox")
        self.assertIn("/usr/local/bin", self.run_spec("echo $PATH"))

    def test_working_folder(self):
        self.assertEqual(self.run_spec("pwd"), "/")
        self.assertEqual(self.run_spec("pwd", cwd="/www/../data"), "/data")

    def test_open_files(self):
        with open("/proc/self/limits") as f:
            own = next(line.split()[4] for line in f if line.startswith("Max open files"))
        want = str(min(int(own), 1048576))
        self.assertEqual(self.run_spec("ulimit -Sn; ulimit -Hn"), f"{want}\n{want}")
        limits = [{"name": "nofile", "soft": 64, "hard": 128}, {"name": "core", "soft": 0, "hard": 0}]
        self.assertEqual(self.run_spec("ulimit -Sn; ulimit -Hn; ulimit -Hc", ulimits=limits), "64\n128\n0")

    def test_open_files_above_our_own(self):
        if self.bounding() >> 24 & 1:
            self.skipTest("this machine has CAP_SYS_RESOURCE")
        _, error = self.build({"ulimits": [{"name": "nofile", "soft": 9999999, "hard": 9999999}]})
        self.assertRegex(error, "ulimit nofile 9999999: above davit's own hard limit of [0-9]+")

    def test_oom_score(self):
        self.assertEqual(self.run_spec("cat /proc/self/oom_score_adj", oom_score_adj=500), "500")

    def test_no_command(self):
        _, error = self.build({}, image={"os": "linux"})
        self.assertEqual(error, "no command: image busybox has none")


class Filesystem(Spec):
    def test_read_only_root(self):
        self.assertEqual(self.run_spec("touch /x", read_only=True, code=1), "")
        self.run_spec("touch /dev/shm/x", read_only=True)

    def test_shared_memory(self):
        self.assertEqual(self.run_spec("df -k /dev/shm | awk 'END { print $2 }'", shm_size="8m"), "8192")

    def test_bind_tmpfs_and_depth(self):
        host = os.path.join(self.folder, "host")
        os.makedirs(os.path.join(host, "in"), exist_ok=True)
        with open(os.path.join(host, "file"), "w") as f:
            f.write("of the host\n")
        mounts = [{"type": "tmpfs", "target": "/m/in", "options": ["size=1m"]},
                  {"source": host, "target": "/m", "read_only": True}]
        script = "cat /m/file; touch /m/x 2>/dev/null || echo ro; touch /m/in/x && df -k /m/in | awk 'END { print $2 }'"
        self.assertEqual(self.run_spec(script, mounts=mounts), "of the host\nro\n1024")
        self.assertEqual(os.listdir(os.path.join(host, "in")), [])

    def test_tmpfs_is_tame_unless_asked(self):
        options = self.run_spec("grep ' /t ' /proc/mounts", mounts=[{"type": "tmpfs", "target": "/t"}]).split()[3].split(",")
        self.assertLessEqual({"noexec", "nosuid", "nodev", "rw"}, set(options))
        options = self.run_spec("grep ' /t ' /proc/mounts", mounts=[{"type": "tmpfs", "target": "/t", "options": ["exec"]}]).split()[3].split(",")
        self.assertNotIn("noexec", options)

        self.assertEqual(self.run_spec("stat -c %a /fresh", mounts=[{"type": "tmpfs", "target": "/fresh", "options": ["mode=700"]}]), "700")

    def test_own_shm_replaces_the_usual(self):
        self.assertEqual(self.run_spec("grep -c ' /dev/shm ' /proc/mounts; df -k /dev/shm | awk 'END { print $2 }'",
                                       mounts=[{"type": "tmpfs", "target": "/dev/shm/", "options": ["size=2m"]}]), "1\n2048")

    def test_cgroup_is_read_only(self):
        script = "cd /sys/fs/cgroup; cd pids 2>/dev/null; mkdir x 2>/dev/null && echo made"
        self.assertEqual(self.run_spec(script, code=1), "")
        self.assertEqual(self.run_spec(script + "; rmdir x", privileged=True), "made")

    def test_devices(self):
        self.assertEqual(self.run_spec("cat /dev/kmsg", code=1), "")
        script = "stat -c '%F %t:%T' /dev/given; head -c 1 /dev/given | wc -c; echo x > /dev/given || echo no"
        self.assertEqual(self.run_spec(script + " 2>/dev/null", devices=[{"host": "/dev/zero", "inside": "/dev/given", "access": "r"}])
                         .splitlines()[:2], ["character special file 1:5", "1"])
        _, error = self.build({"devices": [{"host": "/dev/nothing"}]})
        self.assertEqual(error, "device /dev/nothing: No such file or directory")

    def test_privileged_sees_the_devices_of_the_host(self):
        self.assertEqual(self.run_spec("test -c /dev/kmsg && test -c /dev/full && echo yes", privileged=True), "yes")


class Limits(Spec):
    def limit(self, v1, v2, **task):
        return self.run_spec(f"cat /sys/fs/cgroup/{v1} 2>/dev/null || cat /sys/fs/cgroup/{v2}", **task)

    def test_memory(self):
        self.assertEqual(self.limit("memory/memory.limit_in_bytes", "memory.max", memory="64m"), str(64 << 20))

    def test_processors(self):
        self.assertIn(self.limit("cpu/cpu.cfs_quota_us", "cpu.max", cpus=0.5), ("50000", "50000 100000"))

    def test_processes(self):
        self.assertEqual(self.limit("pids/pids.max", "pids.max", pids_limit=20), "20")

    def test_processors_to_run_on(self):
        self.assertEqual(self.status("Cpus_allowed_list", cpuset_cpus="0"), ["0"])


class Network(Spec):
    def test_joins_its_namespace_and_may_use_low_ports(self):
        path = f"/run/netns/spec-{os.getpid()}"
        subprocess.run(["ip", "netns", "add", os.path.basename(path)], check=True)
        try:
            script = "readlink /proc/self/ns/net; cat /proc/sys/net/ipv4/ip_unprivileged_port_start; cat /proc/sys/net/ipv4/ping_group_range"
            text = self.run_spec(script, netns=path, user="1000").split()
            self.assertEqual(text[0], f"net:[{os.stat(path).st_ino}]")
            self.assertEqual(text[1:], ["0", "0", "2147483647"])
            self.assertEqual(self.run_spec("cat /proc/sys/net/core/somaxconn", netns=path, sysctl={"net.core.somaxconn": "77"}), "77")
        finally:
            subprocess.run(["ip", "netns", "del", os.path.basename(path)], check=True)

    def test_network_of_the_host(self):
        self.assertEqual(self.run_spec("readlink /proc/self/ns/net"), os.readlink("/proc/self/ns/net"))


del Spec  # the base is no case of its own
