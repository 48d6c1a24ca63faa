"""nomad-driver-containerd's own suite: its eleven scenarios, and its other examples, by job files of their shape that are submitted as they stand."""
import contextlib
import glob
import json
import os
import shutil
import signal
import time

from lib import services
from lib.case import Machine, wait_until
from lib.nomad_agent import Refused
from lib.nomad_case import Job, NomadCase, spec
from lib.nomad_cgroup import V2

AUTH_PORT = 5001
JOBS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "jobs")
FOLDER = "/var/lib/s1"  # of the host, in jobs
DENIED = "pull access denied, repository does not exist or may require authorization"
NO_MKDIR = {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO"}]}


class Example(Job):
    """Its task is called NAME-task."""

    def state(self, task=None):
        return super().state(task or self.name + "-task")

    def says(self, task=None):
        return super().says(task or self.name + "-task")

    def waits_for_event(self, pattern, task=None, seconds=30.0):
        return super().waits_for_event(pattern, task or self.name + "-task", seconds)

    def exec(self, *command, task=None, tty=False, seconds=30.0):
        return super().exec(*command, task=task or self.name + "-task", tty=tty, seconds=seconds)

    def run(self, *command, task=None, code=0, seconds=30.0):
        return super().run(*command, task=task or self.name + "-task", code=code, seconds=seconds)

    def logs(self, task=None, kind="stdout"):
        return super().logs(task or self.name + "-task", kind)

    def waits_for_log(self, pattern, task=None, kind="stdout", seconds=20.0):
        return super().waits_for_log(pattern, task or self.name + "-task", kind, seconds)

    def cut(self):
        """Stopped; a `sleep` that hears no SIGTERM is not waited for."""
        with contextlib.suppress(Refused):
            self.agent.stop_job(self.name)
        allocs = [a["ID"] for a in self.allocs()]
        for row in Machine.containerd.ctr("tasks", "ls", ns="nomad").stdout.splitlines()[1:]:
            name, pid, status = row.split()
            if status == "RUNNING" and any(a in name for a in allocs):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(int(pid), signal.SIGKILL)


class Examples(NomadCase):
    def example(self, name):
        with open(os.path.join(JOBS, name + ".nomad")) as f:
            job = Example(self, self.agent.submit(f.read()))
        self.jobs.append(job)
        self.addCleanup(job.cut)
        return job

    def host_folder(self):
        os.makedirs(FOLDER)
        self.addCleanup(shutil.rmtree, FOLDER)
        with open(FOLDER + "/bind.txt", "w") as f:
            f.write("hello")


class Scenarios(Examples):
    def cgroup(self, job, controller, file):
        """A value of the task's cgroup, seen from the host."""
        with open(f"/proc/{job.pid()}/cgroup") as f:
            rows = dict(line.strip().split(":", 2)[1:] for line in f)
        with open(f"/sys/fs/cgroup{'/' + controller + rows[controller] if controller in rows else rows['']}/{file}") as f:
            return f.read().strip()

    def caps(self, job, kind="CapBnd"):
        return int(job.sh(f"grep {kind} /proc/1/status").split()[1], 16)

    def test_001_redis(self):
        job = self.example("redis").running()
        self.assertEqual(job.run("pwd").strip(), "/home/redis")
        self.assertEqual(job.run("hostname").strip(), "foobar")
        self.assertIn("Seccomp:\t2", job.run("cat", "/proc/1/status"))
        low, most = ("memory.low", "memory.max") if V2 else ("memory.soft_limit_in_bytes", "memory.limit_in_bytes")
        self.assertEqual(self.cgroup(job, "memory", low), str(256 << 20))
        self.assertEqual(self.cgroup(job, "memory", most), str(512 << 20))
        job.cut()
        job.ended()
        self.assertEqual(self.agent.api.get(f"job/{job.name}")["Status"], "dead")
        self.agent.stop_job(job.name, purge=True)
        with self.assertRaises(Refused) as e:
            self.agent.api.get(f"job/{job.name}")
        self.assertEqual(e.exception.code, 404)

    def test_002_signal(self):
        job = self.example("signal").running()
        job.waits_for_log("ready")
        with self.assertRaises(Refused) as e:
            self.agent.signal(job.alloc, "signal-task", "INVALID")
        self.assertIn("nvalid signal", e.exception.text)
        for name in ("SIGHUP", "SIGUSR1"):
            self.agent.signal(job.alloc, "signal-task", name)
            job.waits_for_log("got " + name[3:])

    def test_003_capabilities(self):
        job = self.example("capabilities").running()
        caps = self.caps(job)
        for bit in (21, 15, 14):
            self.assertTrue(caps >> bit & 1, f"capability {bit} is missing in {caps:x}")
        for bit in (0, 18, 1):
            self.assertFalse(caps >> bit & 1, f"capability {bit} is in {caps:x}")
        self.assertIn("Read-only file system", job.sh("touch /tmp/file.txt 2>&1", code=1))
        self.assertEqual(job.sh("touch /run/sleep.pid; ls /run; cat /run/of-image").split(), ["of-image", "sleep.pid", "kept"])

    def test_004_privileged(self):
        if not os.path.exists("/dev/loop1"):
            self.skipTest("no loop devices")
        self.host_folder()
        job = self.example("privileged").running()
        with open("/proc/self/status") as f:
            ours = int(next(line for line in f if line.startswith("CapBnd")).split()[1], 16)
        self.assertEqual(self.caps(job) & ours, ours)
        self.assertIn("NoNewPrivs:\t0", job.run("cat", "/proc/1/status"))
        self.assertEqual(job.run("cat", "/tmp/t1/bind.txt"), "hello")
        for device in ("/dev/loop0", "/dev/loop1"):
            job.run("stat", device)
        self.assertIn("Read-only file system", job.sh("touch /tmp/t1/no 2>&1", code=1))

    def test_005_volume_mount(self):
        folder = os.path.join(Machine.work, "volumes/s1")
        with open(folder + "/bind.txt", "w") as f:
            f.write("hello")
        self.addCleanup(lambda: [os.unlink(os.path.join(folder, n)) for n in os.listdir(folder)])
        job = self.example("volume_mount").running()
        for target in ("/tmp/t1", "/tmp/read_only_target"):
            self.assertEqual(job.run("cat", target + "/bind.txt"), "hello")
        self.assertIn("Read-only file system", job.sh("touch /tmp/read_only_target/no 2>&1", code=1))
        self.assertFalse(os.path.exists(folder + "/no"))
        job.sh("touch /tmp/t1/yes")
        self.assertTrue(os.path.exists(folder + "/yes"))

    def test_006_dns(self):
        with open("/proc/sys/net/core/somaxconn") as f:
            before = f.read()
        job = self.example("dns").running()
        said = job.run("cat", "/etc/resolv.conf")
        for line in ("nameserver 127.0.0.1", "nameserver 127.0.0.2", "search internal.corp", "options ndots:2"):
            self.assertIn(line, said)
        self.assertEqual(job.run("cat", "/proc/sys/net/core/somaxconn", "/proc/sys/net/ipv4/ip_forward").split(), ["16384", "1"])
        self.assertNotEqual(job.run("readlink", "/proc/self/ns/net").strip(), os.readlink("/proc/self/ns/net"))
        with open("/proc/sys/net/core/somaxconn") as f:
            self.assertEqual(f.read(), before)

    def test_007_extra_hosts(self):
        job = self.example("extra_hosts").running()
        said = job.run("cat", "/etc/hosts")
        self.assertIn("127.0.1.1\tpostgres\n", said)
        self.assertIn("127.0.1.2\tredis\n", said)
        mounts = [m["destination"] for m in spec(job.containers()[0])["mounts"]]
        self.assertEqual((mounts.count("/etc/hosts"), mounts.count("/etc/resolv.conf")), (1, 1))
        self.assertEqual(job.run("readlink", "/proc/self/ns/net").strip(), os.readlink("/proc/self/ns/net"))

    def test_008_entrypoint(self):
        self.example("entrypoint").running().waits_for_log("container1 container2")

    def test_009_auth(self):
        if not Machine.host:
            self.skipTest("no docker-registry program")
        registry = services.Registry(self.folder, AUTH_PORT, auth=True)
        self.addCleanup(registry.stop)
        hosts = "/etc/containerd/certs.d/docker.io"  # which is out of reach here
        os.makedirs(hosts)
        self.addCleanup(shutil.rmtree, hosts)
        with open(hosts + "/hosts.toml", "w") as f:
            f.write(f'server = "http://{registry.host}"\n')
        began = time.monotonic()
        job = self.example("auth").failed(20)
        self.assertLess(time.monotonic() - began, 20 * Machine.slow)
        self.assertIn(DENIED, "\n".join(job.says()))
        self.assertEqual(job.state()["Restarts"], 0)

    def test_010_template(self):
        job = self.example("template").running()
        self.assertEqual(job.run("cat", "/mosquitto/config/mosquitto.conf"), "bind_address 0.0.0.0\nallow_anonymous true\n")


    def test_the_other_examples(self):
        hello, stress = self.example("hello"), self.example("stress")
        hello.running().waits_for_log("Hello world: sleeping for 3 seconds")
        stress.running().waits_for_log("stress: info")

    def test_the_other_options(self):
        """Mounts of its default type, which is volume; host_dns = false; a profile of the host's."""
        self.host_folder()
        with open(FOLDER + "/seccomp.json", "w") as f:
            json.dump(NO_MKDIR, f)
        job = self.example("options").running()
        self.assertEqual(job.sh("cat /target/t1/bind.txt; touch /target/t1/no 2>/dev/null || touch /target/t2/yes"), "hello")
        self.assertEqual(sorted(os.listdir(FOLDER)), ["bind.txt", "seccomp.json", "yes"])
        self.assertIn(" 1024 ", job.sh("df -k /target/t3"))
        self.assertEqual(job.sh("cd /target/t3; printf '#!/bin/sh\necho runs\n' >x; chmod +x x; ./x"), "runs\n")
        self.assertIn("not permitted", job.sh("mkdir /x 2>&1", code=1))
        self.assertEqual(job.sh("grep -c /etc/resolv.conf /proc/mounts", code=1), "0\n")
        self.assertIn(" 131072 ", job.sh("df -k /dev/shm"))

    def test_all_are_here(self):
        with open(__file__) as f:
            tests = f.read()
        for path in glob.glob(JOBS + "/*.nomad"):
            self.assertIn(f'self.example("{os.path.basename(path)[:-len(".nomad")]}")', tests, "a job that no test runs")


class Privileged(Examples):
    options = {"allow_privileged": False}

    def test_011_privileged_not_allowed(self):
        job = self.example("privileged_not_allowed").failed()
        job.waits_for_event("Running privileged jobs are not allowed")
        self.assertIn("allow_privileged", "\n".join(job.says()))
        wait_until("no container", lambda: not job.containers())
