"""davit run: its flags, one by one, seen from inside the container."""
import fcntl
import hashlib
import json
import os
import resource
import subprocess

from lib.case import Case, Machine, wait_until


class Process(Case):
    def test_cidfile_on_a_full_disk(self):
        disk = os.path.join(self.folder, "disk")
        os.mkdir(disk)
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4k", "none", disk], check=True)
        self.addCleanup(subprocess.run, ["umount", disk])
        with open(os.path.join(disk, "full"), "w") as f:
            f.write("x" * 4096)
        path = os.path.join(disk, "id")
        self.fails("run", "--rm", "--cidfile", path, "--network", "none", Machine.image, "true",
                   says=[f"cidfile {path}: No space left on device"])
        self.assertFalse(os.path.exists(path))
        self.fails("run", "--rm", "--cidfile", os.path.join(disk, "full"), "--network", "none", Machine.image, "true",
                   says=["File exists", "name another"])

    def test_prints_and_passes_the_exit_code_on(self):
        for code in (0, 1, 3, 42, 255):
            result = self.run_sh(f"echo out; echo err >&2; exit {code}", code=code)
            self.assertEqual((result.out, result.err), ("out\n", "err\n"))

    def test_a_signal_is_128_and_its_number(self):
        process = self.start("run", "--rm", "--name", "victim", "--network", "none", Machine.image, "sleep", "100")
        wait_until("the job", lambda: self.state("victim") == "running")
        self.davit("kill", "victim")  # process 1 of a pid namespace dies of KILL only
        self.assertEqual(process.wait(20 * Machine.slow), 137)

    def test_reads_standard_input(self):
        data = os.urandom(300000).hex()
        result = self.davit("run", "--rm", "-i", "--network", "none", Machine.image, "md5sum", input=data)
        self.assertEqual(result.out.split()[0], hashlib.md5(data.encode()).hexdigest())

    def test_without_i_input_is_empty(self):
        self.assertEqual(self.davit("run", "--rm", "--network", "none", Machine.image, "cat", input="not for it").out, "")

    def test_much_output_comes_whole(self):
        out = self.run_sh("i=0; while [ $i -lt 20000 ]; do echo line $i; i=$((i+1)); done").out.splitlines()
        self.assertEqual(len(out), 20000)
        self.assertEqual(out[-1], "line 19999")

    def test_binary_output(self):
        self.assertEqual(self.run_sh(r"printf 'a\000b\377' | od -An -tx1").out.split(), ["61", "00", "62", "ff"])

    def test_the_image_s_own_command(self):
        self.assertEqual(self.davit("run", "--rm", "-i", "--network", "none", Machine.image, input="echo from sh").out, "from sh\n")

    def test_entrypoint(self):
        self.assertEqual(self.davit("run", "--rm", "--network", "none", "--entrypoint", "echo", Machine.image, "a", "b").out, "a b\n")

    def test_environment(self):
        with open(os.path.join(self.folder, "env"), "w") as f:
            f.write("# a comment\nFILE=from file\nBOTH=file\n\nHOSTVAR\nUNSETVAR\n")
        out = self.davit("run", "--rm", "--network", "none", "--env-file", "env", "-e", "BOTH=flag", "-e", "HOSTVAR", "-e", "EMPTY=",
                         "-e", "NOTSET", Machine.image, "env", env={"HOSTVAR": "from host"}).out.splitlines()
        for line in ("FILE=from file", "BOTH=flag", "HOSTVAR=from host", "EMPTY="):
            self.assertIn(line, out)
        self.assertFalse([x for x in out if x.startswith(("NOTSET", "UNSETVAR"))])
        self.assertTrue([x for x in out if x.startswith("PATH=")])

    def test_thousands_of_variables(self):
        with open(os.path.join(self.folder, "many"), "w") as f:
            f.writelines(f"FILE{i}=some value of it {i}\n" for i in range(5000))
        flags = [word for i in range(5000) for word in ("-e", f"FLAG{i}={i}")]
        self.assertEqual(self.run_sh("env | grep -c ^FILE; echo $FILE4999", "--env-file", "many").out, "5000\nsome value of it 4999\n")
        self.assertEqual(self.run_sh("env | grep -c ^FLAG; echo $FLAG4999", *flags).out, "5000\n4999\n")
        name = self.job("--env-file", "many")
        self.assertEqual(self.davit("exec", *flags, name, "sh", "-c", "env | grep -c -e ^FLAG -e ^FILE").out, "10000\n")

    def test_an_empty_command_is_not_found(self):
        self.fails("run", "--rm", "--network", "none", Machine.image, "", code=127, says=['command "": not found in the image'])
        self.fails("run", "--rm", "--network", "none", Machine.image, "", "x", code=127, says=['command "": not found in the image'])

    def test_folder_and_user(self):
        self.assertEqual(self.run_sh("pwd", "-w", "/www").out, "/www\n")
        self.assertEqual(self.run_sh("pwd", "-w", "/made/for/it").out, "/made/for/it\n")
        for user, want in (("nobody", "65534 65534"), ("web", "1000 1001"), ("web:audio", "1000 29"), ("12:34", "12 34"), ("0", "0 0")):
            self.assertEqual(self.run_sh("echo $(id -u) $(id -g)", "-u", user).out.strip(), want, user)
        self.assertIn("29", self.run_sh("id -G", "-u", "web").out.split())  # a member of audio

    def test_home_is_the_user_s(self):
        self.assertEqual(self.run_sh("echo $HOME", "-u", "web").out, "/www\n")

    def test_hostname(self):
        self.assertEqual(self.run_sh("hostname; cat /etc/hostname", "--hostname", "boat").out, "boat\nboat\n")

    def test_labels(self):
        name = self.job("-l", "tier=front", "-l", "empty")
        text = json.dumps(self.json("inspect", name))
        self.assertIn('"tier": "front"', text)
        self.assertTrue(self.rows("ps", "--filter", "label=tier=front"))
        self.assertFalse(self.rows("ps", "--filter", "label=tier=back"))

    def test_flags_of_the_command_are_its_own(self):
        self.assertEqual(self.davit("run", "--rm", "--network", "none", Machine.image, "echo", "-n", "--rm", "--help").out, "--rm --help")


class Security(Case):
    def status(self, *flags, user=None):
        out = self.run_sh("cat /proc/self/status", *flags, *(["-u", user] if user else [])).out
        return dict(line.split(":\t", 1) for line in out.splitlines() if ":\t" in line)

    def test_defaults(self):
        status = self.status()
        self.assertEqual(status["NoNewPrivs"], "1")
        self.assertEqual(status["Seccomp"], "2")
        self.assertEqual(bin(int(status["CapBnd"], 16)).count("1"), 14)
        self.assertEqual(int(status["CapInh"], 16), 0)

    def test_an_ordinary_user_has_no_capabilities(self):
        self.assertEqual(int(self.status(user="nobody")["CapEff"], 16), 0)

    def test_capabilities(self):
        self.assertEqual(int(self.status("--cap-drop", "ALL")["CapEff"], 16), 0)
        only = int(self.status("--cap-drop", "all", "--cap-add", "net_bind_service")["CapEff"], 16)
        self.assertEqual(only, 1 << 10)
        self.assertTrue(int(self.status("--cap-add", "CAP_SYS_PTRACE")["CapEff"], 16) & 1 << 19)

    def test_unconfined(self):
        status = self.status("--security-opt", "seccomp=unconfined", "--security-opt", "no-new-privileges=false")
        self.assertEqual((status["Seccomp"], status["NoNewPrivs"]), ("0", "0"))

    def test_seccomp_forbids(self):
        self.run_sh("mount -t tmpfs none /tmp", code=1)
        self.run_sh("unshare -U true", code=1)

    def test_masked_and_read_only_paths(self):
        self.assertEqual(self.run_sh("cat /proc/kcore /proc/interrupts | wc -c; ls /proc/acpi 2>/dev/null | wc -l").out.split(), ["0", "0"])
        self.run_sh("echo 1 > /proc/sys/kernel/panic", code=1)
        self.run_sh("echo 1 > /proc/sysrq-trigger", code=1)

    def test_privileged(self):
        status = self.status("--privileged")
        with open("/proc/self/status") as f:
            bounding = next(line for line in f if line.startswith("CapBnd")).split()[1]
        self.assertEqual(status["CapEff"], bounding)
        self.assertEqual(status["Seccomp"], "0")
        self.run_sh("mount -t tmpfs none /tmp && ls -d /dev/null", "--privileged")

    def test_read_only(self):
        self.run_sh("touch /file", "--read-only", code=1)
        self.run_sh("touch /file")

    def test_namespaces_are_private(self):
        self.assertLess(int(self.run_sh("ps | wc -l").out), 6)  # the shell and its pipe
        for kind in ("pid", "mnt", "uts", "ipc", "net"):
            host = os.readlink(f"/proc/self/ns/{kind}")
            self.assertNotEqual(self.run_sh(f"readlink /proc/self/ns/{kind}").out.strip(), host, kind)

    def test_an_unknown_capability(self):
        self.fails("run", "--rm", "--cap-add", "FLY", Machine.image, "true", says=["FLY"])


class Limits(Case):
    def cgroup(self, controller, v1, v2, *flags):
        script = f"cat /sys/fs/cgroup/{controller}/{v1} 2>/dev/null || cat /sys/fs/cgroup/{v2}"
        return self.run_sh(script, *flags).out.strip()

    def test_memory(self):
        self.assertEqual(self.cgroup("memory", "memory.limit_in_bytes", "memory.max", "-m", "64m"), str(64 << 20))

    def test_memory_reservation(self):
        self.assertEqual(self.cgroup("memory", "memory.soft_limit_in_bytes", "memory.low", "-m", "64m", "--memory-reservation", "32m"),
                         str(32 << 20))

    def test_cpus(self):
        out = self.cgroup("cpu", "cpu.cfs_quota_us", "cpu.max", "--cpus", "0.5")
        self.assertEqual(out.split()[0], "50000")

    def test_pids(self):
        self.assertEqual(self.cgroup("pids", "pids.max", "pids.max", "--pids-limit", "17"), "17")
        result = self.run_sh("for i in 1 2 3 4 5 6 7 8; do sleep 1 & done; wait", "--pids-limit", "4", code=None)
        self.assertIn("fork", result.err)

    def test_ulimits(self):
        self.assertEqual(self.run_sh("ulimit -n; ulimit -Hn", "--ulimit", "nofile=100:200").out.split(), ["100", "200"])
        self.assertEqual(self.run_sh("ulimit -c", "--ulimit", "core=0").out.strip(), "0")

    def test_open_files_by_default(self):
        hard = min(resource.getrlimit(resource.RLIMIT_NOFILE)[1], 1048576)
        self.assertEqual(self.run_sh("ulimit -n").out.strip(), str(hard))

    def test_memory_is_enforced(self):
        result = self.run_sh("tail /dev/zero", "-m", "16m", code=None)
        self.assertIn(result.code, (137, 1))


class Plan(Case):
    def test_dry_run_changes_nothing(self):
        out = self.davit("run", "--dry-run", "--name", "planned", "-p", "18080:8080", Machine.image, "true").out
        self.assertGreater(len(out.splitlines()), 4)
        for word in ("snapshot", "network", "task"):
            self.assertIn(word, out.lower())
        self.gone("planned")

    def test_spec(self):
        spec = json.loads(self.davit("run", "--dry-run", "--format", "spec", "--network", "none", "-e", "A=b", "-w", "/www", Machine.image,
                                     "echo", "x").out)
        self.assertEqual(spec["process"]["args"], ["echo", "x"])
        self.assertIn("A=b", spec["process"]["env"])
        self.assertEqual(spec["process"]["cwd"], "/www")
        self.assertTrue(spec["linux"]["seccomp"]["syscalls"])

    def test_job(self):
        job = json.loads(self.davit("run", "--dry-run", "--format", "json", "--name", "j", "-m", "1g", Machine.image, "true").out)
        self.assertIn(str(1 << 30), json.dumps(job))

    def test_timing(self):
        result = self.davit("run", "--rm", "--timing", "--network", "none", Machine.image, "true")
        self.assertRegex(result.out + result.err, r"(?m)snapshot.*\d")

    def test_names(self):
        name = self.job(name="a-name.of_mine")
        self.assertIn(name, self.davit("ps").out)
        given = self.davit("run", "-d", "--network", "none", Machine.image, "sleep", "100").out.strip()
        self.addCleanup(lambda: self.davit("rm", "-f", given))
        self.assertTrue(given)


class Remove(Case):
    def test_who_waits_for_the_end_keeps_nothing_of_ours(self):
        """A shell's flock, the folder one stood in, signals."""
        if Machine.shim:
            self.skipTest("davit's own shim waits itself")
        path = os.path.join(self.folder, "lock")
        with open(path, "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            process = self.start("run", "-d", "--rm", "--name", "watched", "--network", "none", Machine.image, "sleep", "1000",
                                 pass_fds=(lock.fileno(),))
            process.communicate(timeout=60)
        self.addCleanup(lambda: self.davit("rm", "-f", "watched", code=None))
        self.assertEqual(process.returncode, 0)
        wait_until("the lock", lambda: self.lockable(path))  # the watcher lets go of it beside the end of davit
        watchers = [p for p in os.listdir("/proc") if p.isdigit() and b"watched" in self.cmdline(p) and b"-d" in self.cmdline(p)]
        wait_until("the folder", lambda: [os.readlink(f"/proc/{p}/cwd") for p in watchers] == ["/"])
        os.kill(int(watchers[0]), 15)
        wait_until("its end by SIGTERM", lambda: not self.cmdline(watchers[0]))
        self.davit("stop", "-t", "0", "watched")
        self.gone("watched")

    @staticmethod
    def lockable(path):
        with open(path) as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return False
        return True

    @staticmethod
    def cmdline(pid):
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as f:
                return f.read() if os.path.basename(os.readlink(f"/proc/{pid}/exe")) == "davit" else b""
        except OSError:
            return b""

    def test_rm_leaves_nothing(self):
        for script, code in (("exit 0", 0), ("exit 7", 7)):
            self.run_sh(script, "--name", "shortlived", code=code)
            self.gone("shortlived")

    def test_detached_with_rm(self):
        self.davit("run", "-d", "--rm", "--name", "brief", "--network", "none", Machine.image, "sleep", "0.3")
        wait_until("its removal", lambda: "brief" not in self.davit("ps", "-a").out.split())

    def test_without_rm_it_stays(self):
        self.davit("run", "--name", "stays", "--network", "none", Machine.image, "sh", "-c", "echo kept; exit 4", code=4)
        self.addCleanup(lambda: self.davit("rm", "stays"))
        self.assertEqual(self.state("stays"), "exited")
        self.assertEqual(self.davit("logs", "stays").out, "kept\n")
        self.assertEqual(self.davit("wait", "stays").out.strip(), "4")
