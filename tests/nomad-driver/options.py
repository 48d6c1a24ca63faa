"""Values that are wrong, and what the operator does not permit: an event says what to change, and nothing else happens."""
from lib import nomad_images
from lib.case import wait_until
from lib.nomad_case import NomadCase

# the config's lines, and what the event says: the option, and what it should be
WRONG = (
    ('shm_size = "many"', "shm_size"),
    ('ulimit = { nofile = "two" }', "nofile|ulimit"),
    ('ulimit = { nosuch = "1:2" }', "nosuch"),
    ('sysctl = { "kernel.panic" = "1" }', "kernel.panic|sysctl"),
    ('cap_add = ["CAP_NO_SUCH"]', "CAP_NO_SUCH|NO_SUCH"),
    ('pid_mode = "sometimes"', "pid_mode"),
    ('ipc_mode = "perhaps"', "ipc_mode"),
    ('mounts = [{ type = "bind", source = "/no/such/path", target = "/x" }]', "/no/such/path"),
    ('mounts = [{ type = "magic", source = "/tmp", target = "/x" }]', "magic|type"),
    ('devices = ["/dev/no-such"]', "/dev/no-such"),
    ('extra_hosts = ["nocolon"]', "extra_hosts|nocolon"),
    ('extra_hosts = ["name:not-an-address"]', "not-an-address|extra_hosts"),
    ('hostname = "-bad-"', "hostname|-bad-"),
    ('cwd = "relative"', "cwd|relative"),
    ('security_opt = ["magic=1"]', "magic|security_opt"),
    ('seccomp_profile = "/no/such.json"', "/no/such.json"),
    ('runtime = "io.containerd.no-such.v2"', "runtime"),
    ('pids_limit = -5', "pids_limit"),
    ('image_pull_timeout = "soon"', "image_pull_timeout"),
    ('cpu_hard_limit = true\n cpu_cfs_period = 5', "cpu_cfs_period"),
    ('group_add = ["nobody-knows-it"]', "nobody-knows-it|group_add"),
    ('no_such_option = 1', "no_such_option"),
    ('command = 5\n args = "text"', "args|list"),
    ('image = ":::"', ":::|image"),
)


class Wrong(NomadCase):
    def test_values(self):
        """All at once: each allocation fails with an event that names its option."""
        jobs = [(lines, says, self.sh_job("sleep 1000", raw=lines, config={"image": None} if lines.startswith("image =") else
                                          {"command": None, "args": None} if lines.startswith("command") else None)) for lines, says in WRONG]
        for lines, says, job in jobs:
            with self.subTest(lines):
                job.failed(90)
                self.assertRegex("\n".join(job.says()), says)
                self.assertEqual(job.state()["Restarts"], 0)
        self.assertTrue(self.agent.driver()["Healthy"])

    def test_no_image(self):
        job = self.sh_job("true", config={"image": None}).failed()
        self.assertIn("image", "\n".join(job.says()))

    def test_an_entrypoint_of_nothing(self):
        """What took Roblox's plugin down: it is none, so that the image's own is run."""
        plugin = self.agent.plugin_pid()
        job = self.job(None, config={"entrypoint": []}, image=nomad_images.REDIS).running()
        self.assertEqual(job.run("cat", "/proc/1/cmdline").split("\0")[:2], ["sleep", "100000"])
        self.assertEqual(self.agent.plugin_pid(), plugin)


class Policy(NomadCase):
    options = {"allow_privileged": False, "allow_caps": ["CHOWN", "KILL", "NET_BIND_SERVICE"], "allow_runtimes": ["io.containerd.runc.v2"],
               "volumes": {"enabled": False}, "allowed_modes": {"pid": [], "ipc": [], "network": []}, "pids_limit": 100}

    def refused(self, option, **kw):
        job = self.job(**kw).failed()
        self.assertIn(option, "\n".join(job.says()))
        self.assertEqual(job.containers(), [])

    def test_privileged(self):
        self.refused("allow_privileged", config={"privileged": True})

    def test_capabilities(self):
        self.refused("allow_caps", config={"cap_add": ["CAP_NET_ADMIN"]})
        job = self.job().running()
        self.assertEqual(int(job.sh("grep CapBnd /proc/1/status").split()[1], 16), 1 << 0 | 1 << 5 | 1 << 10)

    def test_runtimes(self):
        self.refused("allow_runtimes", config={"runtime": "io.containerd.kata.v2"})

    def test_namespaces_of_the_host(self):
        self.refused("allowed_modes", config={"pid_mode": "host"})
        self.refused("allowed_modes", config={"ipc_mode": "host"})
        self.refused("allowed_modes", config={"host_network": True})

    def test_paths_of_the_host(self):
        self.refused("volumes", config={"mounts": [{"type": "bind", "source": "/etc", "target": "/x", "options": ["rbind", "ro"]}]})

    def test_processes(self):
        job = self.job().running()
        self.assertIn("100", job.sh("cat /sys/fs/cgroup/pids/pids.max /sys/fs/cgroup/pids.max 2>/dev/null", code=None) or self.pids_max(job))
        self.refused("pids_limit", config={"pids_limit": 1000})

    def pids_max(self, job):
        from lib.nomad_case import spec
        return str(spec(job.containers()[0])["linux"]["resources"].get("pids"))


class Configuration(NomadCase):
    def test_a_wrong_value_is_the_drivers_reason(self):
        """The agent starts all the same."""
        self.agent.stop()
        self.agent.options = dict(self.agent.usual, stats_interval="sometimes")
        self.addCleanup(self.ensure_agent)
        self.agent.start(ready=False)
        wait_until("the agent", self.agent.api.answers, 60)
        wait_until("the reason", lambda: "stats_interval" in (self.agent.driver().get("HealthDescription") or ""), 60)
        self.assertFalse(self.agent.driver()["Healthy"])
        self.agent.stop()

    def test_disabled(self):
        self.agent.stop()
        self.agent.options = dict(self.agent.usual, enabled=False)
        self.addCleanup(self.ensure_agent)
        self.agent.start(ready=False)
        wait_until("the agent", self.agent.api.answers, 60)
        wait_until("an undetected driver", lambda: not self.agent.driver().get("Detected", True), 60)  # the server knew another before
        self.agent.stop()
