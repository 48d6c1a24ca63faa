"""Each option of containerd-driver itself: it is told by SetConfig, and a task that is started then has it, or the plugin says so."""
import base64
import json
import os
import subprocess
import uuid

from lib.case import Machine
from lib.driver_plugin import Failed
from lib.options_case import OptionsCase

PIDS = "cat /sys/fs/cgroup/pids/pids.max 2>/dev/null || cat /sys/fs/cgroup/pids.max"

# the plugin's options, those of the task, what runs, what it says (a pattern)
INSIDE = {
    "pids_limit": ({"pids_limit": 57}, {}, PIDS, r"^57$"),
    "pids_limit of a task below it": ({"pids_limit": 57}, {"pids_limit": 20}, PIDS, r"^20$"),
    "oom_score_adj": ({"oom_score_adj": 123}, {}, "cat /proc/self/oom_score_adj", r"^123$"),
    "oom_score_adj of a task": ({"oom_score_adj": 123}, {"oom_score_adj": 45}, "cat /proc/self/oom_score_adj", r"^45$"),
    "dns_servers": ({"dns_servers": ["127.0.0.9"]}, {}, "grep nameserver /etc/resolv.conf", r"^nameserver 127\.0\.0\.9$"),
    "dns_servers of a task": ({"dns_servers": ["127.0.0.9"]}, {"dns_servers": ["127.0.0.8"]}, "grep nameserver /etc/resolv.conf",
                              r"^nameserver 127\.0\.0\.8$"),
    "allow_caps": ({"allow_caps": ["chown", "net_admin"]}, {"cap_add": ["net_admin"]}, "sed -n 's/CapBnd:\\t//p' /proc/self/status", r"^0000000000001001$"),
    "allow_runtimes": ({"allow_runtimes": ["runc"]}, {"runtime": "runc"}, "echo ok", r"^ok$"),
    "allow_privileged": ({"allow_privileged": True}, {"privileged": True}, "grep Seccomp: /proc/self/status", r"0$"),
    "volumes": ({"volumes": {"enabled": True}}, {"volumes": ["{folder}:/m"]}, "ls -d /m", r"^/m$"),
    "what is passed over": ({"auth": {"email": "a@b.example", "tls_verify": True}, "logging": {"type": "nomad", "config": [{"max-file": "2"}]},
                             "infra_image": "x", "infra_image_pull_timeout": "1m", "container_exists_attempts": 3, "client_http_timeout": "1m"}, {},
                            "echo ok", r"^ok$"),
    "logging of podman's": ({"logging": {"driver": "json-file", "options": [{"max-size": "1"}]}}, {}, "echo ok", r"^ok$"),
    "containerd_runtime": ({"containerd_runtime": "runc"}, {}, "echo ok", r"^ok$"),
    "containerd_addr": ({"containerd_addr": "unix:///run/containerd/containerd.sock"}, {}, "echo ok", r"^ok$"),
    "containerd_address": ({"containerd_address": "/run/containerd/containerd.sock"}, {}, "echo ok", r"^ok$"),
}

# the plugin's options, the place in containerd's record of a task, what is there
RECORD = {
    "snapshotter": ({"snapshotter": "native"}, lambda r: r["Snapshotter"], "native"),
    "containerd_runtime": ({"containerd_runtime": "runc"}, lambda r: r["Runtime"]["Name"], "io.containerd.runc.v2"),
    "extra_labels": ({"extra_labels": ["job_*", "node_id"]}, lambda r: sorted(k.split(".")[-1] for k in r["Labels"] if k.startswith("com.hashicorp.nomad.")),
                     ["alloc_id", "job_id", "job_name", "node_id", "task_id"]),
    "volumes": ({"volumes": {"enabled": True, "selinuxlabel": "z"}}, lambda r: next(m["options"] for m in job_of(r)["mounts"] if m["target"] == "/m"),
                ["create-src", "z"]),
}

# a namespace of the host's: what the operator says, what the task
MODE_OPTIONS = {"pid": {"pid_mode": "host"}, "ipc": {"ipc_mode": "host"}, "uts": {"uts_mode": "host"}, "userns": {"userns_mode": "host"},
                "network": {"network_mode": "host"}, "cgroup": {"cgroupns": "host"}}


def job_of(record):
    return json.loads(base64.b64decode(record["Extensions"]["davit.job"]["value"]))["tasks"][0]


class PluginOptions(OptionsCase):
    def health(self):
        call = self.session.begin("Fingerprint")
        said = call.next()
        call.cancel()
        return said.get("health", "UNDETECTED"), said.get("health_description", "")

    def test_inside(self):
        for name, (conf, options, script, wanted) in INSIDE.items():
            with self.subTest(name):
                self.configure(**conf)
                self.assertRegex(self.says(options, script), wanted)

    def test_record(self):
        for name, (conf, place, wanted) in RECORD.items():
            with self.subTest(name):
                self.configure(**conf)
                task = self.task_with({"volumes": ["{folder}:/m"]}, job_name="job", job_id="job-id", node_name="n", task_group_name="g")
                handle = self.session.ask("StartTask", task=task)["handle"]
                self.assertEqual(place(self.container(handle)), wanted)
                self.destroy(task["id"])

    def test_allowed_modes(self):
        """Each by itself opens what it names, and nothing else."""
        for mode, options in MODE_OPTIONS.items():
            with self.subTest(mode):
                self.configure(allowed_modes={m: ["host"] if m == mode else [] for m in MODE_OPTIONS})
                self.says(options, "true")
                self.configure(allowed_modes={m: [] if m == mode else ["*"] for m in MODE_OPTIONS})
                if mode == "userns" or mode == "cgroup" and not os.path.exists("/sys/fs/cgroup/cgroup.controllers"):
                    self.says(options, "true")  # it is the host's anyway
                    continue
                with self.assertRaisesRegex(Failed, rf"allowed_modes \{{ {mode} = "):
                    self.start_with(options)

    def test_enabled(self):
        self.assertEqual(self.health()[0], "HEALTHY")
        self.configure(enabled=False)
        self.assertEqual(self.health()[0], "UNDETECTED")

    def test_containerd_s_address(self):
        for name in ("containerd_addr", "containerd_address"):
            self.configure(**{name: "/run/nobody.sock"})
            health, why = self.health()
            self.assertEqual(health, "UNHEALTHY")
            self.assertIn("/run/nobody.sock", why)
        self.configure()

    def test_containerd_namespace(self):
        other = Machine.ns + "-other"
        self.addCleanup(subprocess.run, ["find", "/sys/fs/cgroup", "-depth", "-type", "d", "-path", f"*/{other}*", "-exec", "rmdir", "{}", ";"],
                        capture_output=True)
        self.addCleanup(lambda: self.davit("--namespace", other, "image", "rm", "-f", Machine.image))
        self.davit("--namespace", other, "image", "import", "--cmd", "sh", Machine.rootfs, Machine.image)
        self.configure(containerd_namespace=other)
        handle = self.start_with({}, "sleep 1000")
        name = self.inspect(handle)["driver"]["attributes"]["containerName"]
        self.assertEqual(Machine.containerd.ctr("tasks", "ls", "-q", ns=other).stdout.split(), [name])
        self.configure()  # what runs stays where it is
        self.session.ask("StopTask", task_id=handle["config"]["id"], timeout={"seconds": 1})
        self.destroy(handle["config"]["id"])
        self.assertEqual(Machine.containerd.ctr("containers", "ls", "-q", ns=other).stdout, "")

    def test_stats_interval(self):
        """It goes before the client's."""
        for conf, seconds, comes in (({"stats_interval": "1s"}, 3600, True), ({"stats_interval": "1h"}, 1, False), ({}, 1, True)):
            self.configure(**conf)
            handle = self.start_with({}, "sleep 1000")
            call = self.session.begin("TaskStats", task_id=handle["config"]["id"], collection_interval={"seconds": seconds})
            if comes:
                call.next()
                call.next()
            else:
                call.waits(3)
            call.cancel()
            self.destroy(handle["config"]["id"])

    def test_disable_log_collection(self):
        def disabled():
            return bool(self.session.ask("Capabilities")["capabilities"].get("disable_log_collection"))
        self.assertFalse(disabled())
        self.configure(disable_log_collection=True)
        self.assertTrue(disabled())

    def test_create_network(self):
        """Two tasks in the namespace that was made for their group, by the answer that an agent hands on to them; and once more by another plugin."""
        alloc, created = str(uuid.uuid4()), []

        def make():
            self.configure(create_network=True)
            self.assertTrue(self.session.ask("Capabilities")["capabilities"]["must_create_network"])
            reply = self.session.ask("CreateNetwork", alloc_id=alloc, hostname="picard")
            created.append(bool(reply.get("created")))
            return reply["isolation_spec"]
        self.addCleanup(subprocess.run, f"umount /var/run/netns/{alloc}; rm -f /var/run/netns/{alloc}", shell=True, stderr=subprocess.DEVNULL)
        spec = make()
        self.assertEqual(spec["path"], f"/var/run/netns/{alloc}")
        its = f"net:[{os.stat(spec['path']).st_ino}]"
        modes = [oct(os.stat(path).st_mode & 0o7777) for path in ("/run/davit/.networks", f"/run/davit/.networks/{alloc}")]
        self.assertEqual(modes, ["0o700", "0o600"])  # as docs/security.md has it
        for _ in range(2):
            text = self.says({}, "hostname; readlink /proc/self/ns/net; cat /etc/hosts", network_isolation_spec=spec)
            self.assertEqual(text.split("\n")[:2], ["picard", its])
            self.assertRegex(text, r"(?m)^\S+\s+picard\b")
        self.plugin.kill()
        self.new_plugin()
        self.assertEqual(make(), spec)
        self.assertEqual(created, [True, True])  # nobody has filled it
        self.session.ask("DestroyNetwork", alloc_id=alloc, isolation_spec=spec)
        self.assertFalse(os.path.exists(spec["path"]))

    def test_gc_container(self):
        """What has ended stays for looking at, and is no one's but who looks; what never came to run does not."""
        self.configure(gc={"container": False})
        handle = self.start_with({}, "echo words; exit 3")
        self.assertEqual(self.wait_task(handle).next(60)["result"]["exit_code"], 3)
        id = handle["config"]["id"]
        name = self.inspect(handle)["driver"]["attributes"]["containerName"]
        self.destroy(id)
        self.assertIn(name, Machine.containerd.ctr("containers", "ls", "-q", ns=Machine.ns).stdout)
        self.assertFalse(os.path.exists(f"/run/netns/{name}"))
        self.assertEqual(Machine.containerd.ctr("tasks", "ls", "-q", ns=Machine.ns).stdout, "")
        half = self.start_with({}, "sleep 1000")
        left = self.inspect(half)["driver"]["attributes"]["containerName"]
        whole = self.start_with({}, "sleep 1000")
        stays = self.inspect(whole)["driver"]["attributes"]["containerName"]
        Machine.containerd.ctr("containers", "label", left, "davit.complete=", ns=Machine.ns)  # as though its start had been cut off
        self.plugin.kill()
        self.conf = {"gc": {"container": False}}
        self.new_plugin()
        for one in (half, whole):
            self.destroy(one["config"]["id"])
        self.assertEqual(sorted(Machine.containerd.ctr("containers", "ls", "-q", ns=Machine.ns).stdout.split()), sorted([name, stays]))
        self.assertEqual(Machine.containerd.ctr("tasks", "ls", "-q", ns=Machine.ns).stdout, "")
        for kept in (name, stays):
            self.davit("--namespace", Machine.ns, "rm", kept)
        self.made.clear()


class Apart(OptionsCase):
    """The plugin in a mount namespace of its own, as PrivateTmp= of the agent's unit makes one."""
    runner = ("unshare", "--mount", "--propagation", "private")

    def test_it_says_so(self):
        call = self.session.begin("Fingerprint")
        said = call.next()
        call.cancel()
        self.assertEqual(said["health"], "UNHEALTHY")
        self.assertRegex(said["health_description"], r"is in another mount namespace.*PrivateTmp=")
        with self.assertRaisesRegex(Failed, r"is in another mount namespace, and does not see /.*; leave PrivateTmp=") as caught:
            self.start_with({})
        self.assertFalse(caught.exception.recoverable)
