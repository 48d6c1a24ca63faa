"""The eleven scenarios of nomad-driver-containerd's own suite: a job that was written for it runs unchanged."""
import os
import time

from lib import nomad_images, services
from lib.case import Machine, wait_until
from lib.nomad_agent import Refused
from lib.nomad_case import NomadCase, spec

AUTH_PORT = 5001


class Scenarios(NomadCase):
    def cgroup(self, job, controller, file):
        """A value of the task's cgroup, seen from the host."""
        with open(f"/proc/{job.pid()}/cgroup") as f:
            rows = dict(line.strip().split(":", 2)[1:] for line in f)
        with open(f"/sys/fs/cgroup/{controller}{rows[controller]}/{file}") as f:
            return f.read().strip()

    def caps(self, job, kind="CapBnd"):
        return int(job.sh(f"grep {kind} /proc/1/status").split()[1], 16)

    def test_001_redis(self):
        job = self.job(None, image=nomad_images.REDIS, config={"hostname": "foobar", "seccomp": True, "cwd": "/home/redis"}, memory=256,
                       resources="memory_max = 512", head="").running()
        self.assertEqual(job.run("pwd").strip(), "/home/redis")
        self.assertEqual(job.run("hostname").strip(), "foobar")
        self.assertIn("Seccomp:\t2", job.run("cat", "/proc/1/status"))
        if os.path.exists("/sys/fs/cgroup/memory"):
            self.assertEqual(self.cgroup(job, "memory", "memory.soft_limit_in_bytes"), str(256 << 20))
            self.assertEqual(self.cgroup(job, "memory", "memory.limit_in_bytes"), str(512 << 20))
        job.stop()
        self.assertEqual(self.agent.api.get(f"job/{job.name}")["Status"], "dead")
        self.agent.stop_job(job.name, purge=True)
        with self.assertRaises(Refused) as e:
            self.agent.api.get(f"job/{job.name}")
        self.assertEqual(e.exception.code, 404)

    def test_002_signal(self):
        job = self.job(None, image=nomad_images.SIGNALS).running()
        job.waits_for_log("ready")
        with self.assertRaises(Refused) as e:
            self.agent.signal(job.alloc, "t", "INVALID")
        self.assertIn("nvalid signal", e.exception.text)
        for name in ("SIGHUP", "SIGUSR1"):
            self.agent.signal(job.alloc, "t", name)
            job.waits_for_log("got " + name[3:])

    def test_003_capabilities(self):
        job = self.job(("sleep", "600s"), image=nomad_images.UBUNTU, config={
            "readonly_rootfs": True, "cap_add": ["CAP_SYS_ADMIN", "CAP_IPC_OWNER", "CAP_IPC_LOCK"],
            "cap_drop": ["CAP_CHOWN", "CAP_SYS_CHROOT", "CAP_DAC_OVERRIDE"]}).running()
        caps = self.caps(job)
        for bit in (21, 15, 14):
            self.assertTrue(caps >> bit & 1, f"capability {bit} is missing in {caps:x}")
        for bit in (0, 18, 1):
            self.assertFalse(caps >> bit & 1, f"capability {bit} is in {caps:x}")
        self.assertIn("Read-only file system", job.sh("touch /tmp/file.txt 2>&1", code=1))

    def test_004_privileged(self):
        source = os.path.join(self.folder, "s1")
        os.mkdir(source)
        with open(source + "/bind.txt", "w") as f:
            f.write("hello")
        devices = [d for d in ("/dev/loop0", "/dev/loop1", "/dev/fuse") if os.path.exists(d)][:2]
        job = self.job(("sleep", "600s"), image=nomad_images.UBUNTU, config={
            "privileged": True, "devices": devices,
            "mounts": [{"type": "bind", "source": source, "target": "/tmp/t1", "options": ["rbind", "ro"]}]}).running()
        with open("/proc/self/status") as f:
            ours = int(next(line for line in f if line.startswith("CapBnd")).split()[1], 16)
        self.assertEqual(self.caps(job) & ours, ours)
        self.assertEqual(job.run("cat", "/tmp/t1/bind.txt"), "hello")
        for device in devices:
            job.run("stat", device)

    def test_005_volume_mount(self):
        folder = os.path.join(Machine.work, "volumes/s1")
        with open(folder + "/bind.txt", "w") as f:
            f.write("hello")
        self.addCleanup(lambda: [os.unlink(os.path.join(folder, n)) for n in os.listdir(folder)])
        volumes = """
            volume "rw" {
              type = "host"
              source = "s1"
            }
            volume "ro" {
              type = "host"
              source = "s1"
              read_only = true
            }"""
        job = self.job(("sleep", "600s"), image=nomad_images.UBUNTU, group=volumes, more="""
            volume_mount {
              volume = "rw"
              destination = "/tmp/t1"
            }
            volume_mount {
              volume = "ro"
              destination = "/tmp/read_only_target"
              read_only = true
            }""").running()
        for target in ("/tmp/t1", "/tmp/read_only_target"):
            self.assertEqual(job.run("cat", target + "/bind.txt"), "hello")
        self.assertIn("Read-only file system", job.sh("touch /tmp/read_only_target/no 2>&1", code=1))
        self.assertFalse(os.path.exists(folder + "/no"))
        job.sh("touch /tmp/t1/yes")
        self.assertTrue(os.path.exists(folder + "/yes"))

    def test_006_dns(self):
        network = """
            network {
              dns {
                servers = ["127.0.0.1", "127.0.0.2"]
                searches = ["internal.corp"]
                options = ["ndots:2"]
              }
            }"""
        job = self.job(("sleep", "600s"), image=nomad_images.UBUNTU, group=network,
                       config={"sysctl": {"net.core.somaxconn": "16384", "net.ipv4.ip_forward": "1"}}).running()
        said = job.run("cat", "/etc/resolv.conf")
        for line in ("nameserver 127.0.0.1", "nameserver 127.0.0.2", "search internal.corp", "options ndots:2"):
            self.assertIn(line, said)
        self.assertEqual(job.run("cat", "/proc/sys/net/core/somaxconn", "/proc/sys/net/ipv4/ip_forward").split(), ["16384", "1"])

    def test_007_extra_hosts(self):
        job = self.job(("sleep", "600s"), image=nomad_images.UBUNTU,
                       config={"host_network": True, "extra_hosts": ["postgres:127.0.1.1", "redis:127.0.1.2"]}).running()
        said = job.run("cat", "/etc/hosts")
        self.assertIn("127.0.1.1\tpostgres\n", said)
        self.assertIn("127.0.1.2\tredis\n", said)
        mounts = [m["destination"] for m in spec(job.containers()[0])["mounts"]]
        self.assertEqual(mounts.count("/etc/hosts"), 1)

    def test_008_entrypoint(self):
        job = self.job(None, image=nomad_images.UBUNTU, config={
            "entrypoint": ["/bin/bash"], "args": ["-c", "while :; do echo container1; echo container2; sleep 0.2; done"]}).running()
        job.waits_for_log("container1")
        job.waits_for_log("container2")

    def test_009_auth(self):
        if not Machine.host:
            self.skipTest("no docker-registry program")
        registry = services.Registry(self.folder, AUTH_PORT, auth=True)
        self.addCleanup(registry.stop)
        began = time.monotonic()
        job = self.job(None, image=registry.host + "/shm32/hello-world:private").failed(20)
        self.assertLess(time.monotonic() - began, 20 * Machine.slow)
        self.assertRegex("\n".join(job.says()), "(?i)denied|unauthori[sz]ed|authori[sz]ation|password")
        self.assertEqual(job.state()["Restarts"], 0)

    def test_010_template(self):
        job = self.job(("sleep", "600s"), image=nomad_images.UBUNTU, config={
            "mounts": [{"type": "bind", "source": "local/mosquitto.conf", "target": "/mosquitto/config/mosquitto.conf", "options": ["rbind", "rw"]}]},
            more="""
            template {
              destination = "local/mosquitto.conf"
              data = <<EOT
bind_address 0.0.0.0
allow_anonymous true
EOT
            }""").running()
        self.assertEqual(job.run("cat", "/mosquitto/config/mosquitto.conf"), "bind_address 0.0.0.0\nallow_anonymous true\n")


class Privileged(NomadCase):
    options = {"allow_privileged": False}

    def test_011_privileged_not_allowed(self):
        job = self.job(image=nomad_images.UBUNTU, config={"privileged": True}).failed()
        job.waits_for_event("(?i)privileged.*allow")
        self.assertIn("allow_privileged", "\n".join(job.says()))
        wait_until("no container", lambda: not job.containers())
