"""Each option of containerd-driver's tasks, looked at from inside the container: encoded as Nomad does it, by the driver's own schema."""
import os
import re

from lib.case import Machine
from lib.driver_plugin import DriverCase, Failed

CAP = "sed -n 's/CapBnd:\\t//p' /proc/self/status"
CGROUP = "cat /sys/fs/cgroup/{0}/{1} 2>/dev/null || cat /sys/fs/cgroup/{2}"


def namespace(kind):
    return os.readlink(f"/proc/self/ns/{kind}")


# options, what runs, what it says (a pattern)
INSIDE = {
    "work_dir": ({"work_dir": "/tmp"}, "pwd", r"^/tmp$"),
    "working_dir": ({"working_dir": "/tmp"}, "pwd", r"^/tmp$"),
    "cwd that is not there": ({"cwd": "/made/here"}, "pwd", r"^/made/here$"),
    "hostname": ({"hostname": "foobar"}, "hostname; cat /etc/hosts", r"^foobar\n(.*\n)*.*\bfoobar\b"),
    "capabilities": ({}, CAP, r"^00000000a80425fb$|^00000000a80405fb$"),
    "cap_add": ({"cap_add": ["CAP_NET_ADMIN"]}, CAP, r"^00000000a804[0-9a-f]5fb$|^00000000a80435fb$"),
    "cap_add short": ({"cap_add": ["net_admin"]}, CAP, r"^00000000a80415fb$|^00000000a80435fb$"),
    "cap_drop": ({"cap_drop": ["CAP_CHOWN", "KILL"]}, CAP, r"^00000000a804[02]5da$"),
    "cap_drop all": ({"cap_drop": ["all"]}, CAP, r"^0000000000000000$"),
    "privileged": ({"privileged": True}, CAP + "; grep Seccomp: /proc/self/status", r"^[0-9a-f]*[1-9a-f][0-9a-f]{8}\nSeccomp:\t0$"),
    "seccomp by itself": ({}, "grep Seccomp: /proc/self/status", r"2$"),
    "seccomp off": ({"security_opt": ["seccomp=unconfined"]}, "grep Seccomp: /proc/self/status", r"0$"),
    "no new privileges": ({"security_opt": ["no-new-privileges"]}, "grep NoNewPrivs /proc/self/status", r"1$"),
    "devices as texts": ({"devices": ["/dev/full:/dev/other"]}, "ls -l /dev/other", r"^c.* 1, +7 "),
    "devices as blocks": ({"devices": [{"host_path": "/dev/full", "container_path": "/dev/other", "cgroup_permissions": "r"}]}, "ls -l /dev/other",
                          r"^c.* 1, +7 "),
    "mounts of the task's folder": ({"mounts": [{"type": "bind", "source": "local", "target": "/m", "options": ["rbind", "ro"]}]},
                                    "ls -d /m; touch /m/x 2>&1", r"^/m\n.*Read-only"),
    "mounts of a host's": ({"mounts": [{"type": "bind", "source": "{folder}", "target": "/h", "options": ["rbind", "rw"]}]}, "cat /h/given", r"^given$"),
    "mount of a tmpfs": ({"mount": [{"type": "tmpfs", "target": "/t", "tmpfs_options": {"size": 1 << 20}}]}, "df -k /t | tail -1", r"^tmpfs +1024 "),
    "mount readonly": ({"mount": [{"type": "bind", "source": "local", "target": "/m", "readonly": True}]}, "touch /m/x 2>&1", "Read-only"),
    "volumes": ({"volumes": ["local:/v:ro", "{folder}:/h"]}, "cat /h/given; touch /v/x 2>&1", r"^given\n.*Read-only"),
    "tmpfs": ({"tmpfs": ["/scratch:size=2m"]}, "df -k /scratch | tail -1", r"^tmpfs +2048 "),
    "sysctl": ({"sysctl": {"net.core.somaxconn": "16384"}, "network_mode": "none"}, "cat /proc/sys/net/core/somaxconn", r"^16384$"),
    "ulimit": ({"ulimit": {"nofile": "1024:2048"}}, "ulimit -n; ulimit -Hn", r"^1024\n2048$"),
    "pids_limit": ({"pids_limit": 57}, CGROUP.format("pids", "pids.max", "pids.max"), r"^57$"),
    "shm_size": ({"shm_size": "32M"}, "df -k /dev/shm | tail -1", r" 32768 "),
    "shm_size by itself": ({}, "df -k /dev/shm | tail -1", r" 65536 "),
    "readonly_rootfs": ({"readonly_rootfs": True}, "touch /x 2>&1; touch /local/x && echo local", r"Read-only.*\nlocal$"),
    "extra_hosts": ({"extra_hosts": ["postgres:127.0.1.1", "redis:127.0.1.2"]}, "cat /etc/hosts", r"(?m)^127\.0\.1\.1\tpostgres$\n127\.0\.1\.2\tredis$"),
    "dns": ({"dns_servers": ["127.0.0.7"], "dns_search_domains": ["internal.corp"], "dns_options": ["ndots:2"]}, "cat /etc/resolv.conf",
            r"(?s)(?=.*nameserver 127\.0\.0\.7)(?=.*search internal\.corp)(?=.*options ndots:2)"),
    "group_add": ({"group_add": ["1234"]}, "id -G", r"\b1234\b"),
    "init": ({"init": True}, "cat /proc/1/cmdline | tr '\\0' ' '", r"init"),
    "oom_score_adj": ({"oom_score_adj": 100}, "cat /proc/self/oom_score_adj", r"^100$"),
    "pid_mode": ({"pid_mode": "host"}, "readlink /proc/self/ns/pid", "{pid}"),
    "uts_mode": ({"uts_mode": "host"}, "readlink /proc/self/ns/uts", "{uts}"),
    "ipc_mode": ({"ipc_mode": "host"}, "readlink /proc/self/ns/ipc", "{ipc}"),
    "host_network": ({"host_network": True}, "readlink /proc/self/ns/net", "{net}"),
    "no network of its own": ({"network_mode": "none"}, "ip -o link 2>/dev/null || ls /sys/class/net", r"\blo\b"),
    "a network of its own by itself": ({}, "readlink /proc/self/ns/net; ls /sys/class/net", r"\nlo$"),
    "args alone": ({"command": None, "entrypoint": ["/bin/sh", "-c"], "args": ["echo entry >/local/out"]}, None, r"^entry$"),
    "entrypoint as a text": ({"command": "entry", "entrypoint": "/bin/echo", "args": ["of", "words"]}, None, None),
    "tty": ({"tty": True}, "[ -t 2 ] && echo a terminal", r"^a terminal$"),
    "user": ({}, "id -u", r"^0$"),
    "runtime": ({"runtime": "io.containerd.runc.v2"}, "echo ok", r"^ok$"),
}

# what is refused, and by which words
REFUSED = {
    "no reference": ({"image": "/::/"}, "image"),
    "an unknown capability": ({"cap_add": ["CAP_FLY"]}, "cap_add"),
    "a wrong size": ({"shm_size": "much"}, "shm_size"),
    "a mount without a target": ({"mounts": [{"type": "bind", "source": "local", "target": ""}]}, "target"),
    "a source that is not there": ({"mounts": [{"type": "bind", "source": "nothing", "target": "/m"}]}, "nothing"),
    "a source that climbs": ({"volumes": ["../../../../etc:/m"]}, ""),
    "a wrong ulimit": ({"ulimit": {"nofile": "x"}}, "ulimit"),
    "a command that is not there": ({"command": "/nothing", "args": []}, "/nothing"),
    "a wrong host": ({"extra_hosts": ["x"]}, "extra_hosts"),
    "a wrong device": ({"devices": ["/dev/nothing"]}, "/dev/nothing"),
    "a wrong sysctl": ({"sysctl": {"kernel.shm_rmid_forced": "1", "vm.swappiness": "1"}}, "vm.swappiness"),
}

POLICY = {
    "allow_privileged": ({"allow_privileged": False}, {"privileged": True}, "allow_privileged"),
    "allow_caps": ({"allow_caps": ["CHOWN"]}, {"cap_add": ["NET_ADMIN"]}, "allow_caps"),
    "allow_runtimes": ({"allow_runtimes": ["runc"]}, {"runtime": "io.containerd.kata.v2"}, "allow_runtimes"),
    "volumes": ({"volumes": {"enabled": False}}, {"volumes": ["/etc:/m"]}, "volumes"),
    "pids_limit": ({"pids_limit": 10}, {"pids_limit": 100}, "pids_limit"),
}


class DriverOptions(DriverCase):
    def setUp(self):
        super().setUp()
        with open(os.path.join(self.folder, "given"), "w") as f:
            f.write("given\n")

    def filled(self, value):
        if isinstance(value, str):
            return value.replace("{folder}", self.folder)
        if isinstance(value, list):
            return [self.filled(v) for v in value]
        return {k: self.filled(v) for k, v in value.items()} if isinstance(value, dict) else value

    def start_with(self, options, script=None, **fields):
        values = {"image": Machine.image, "command": "sh", "args": ["-c", f"({script}) >/local/out"], **self.filled(options)}
        values = {k: v for k, v in values.items() if v is not None}
        task = self.task(**fields)
        task["msgpack_driver_config"] = self.task_options(values)
        self.made.append(task["id"])
        return self.session.ask("StartTask", task=task)["handle"]

    def said(self, handle):
        result = self.wait_task(handle).next(60)["result"]
        try:
            with open(os.path.join(handle["config"]["alloc_dir"], "t/local/out")) as f:
                return f.read().strip(), result
        except FileNotFoundError:
            return "", result

    def test_inside(self):
        self.configure(allowed_modes={mode: ["host"] for mode in ("pid", "ipc", "uts", "userns", "network", "cgroup")})
        for name, (options, script, wanted) in INSIDE.items():
            with self.subTest(name):
                handle = self.start_with(options, script)
                text, result = self.said(handle)
                if wanted and wanted.startswith("{"):
                    wanted = re.escape(namespace(wanted.strip("{}")))
                if wanted:
                    self.assertRegex(text, wanted, f"{result}")
                else:
                    self.assertEqual(result["exit_code"], 0)
                self.destroy(handle["config"]["id"])

    def test_refused(self):
        for name, (options, words) in REFUSED.items():
            with self.subTest(name):
                with self.assertRaises(Failed) as refused:
                    self.start_with(options, "true")
                self.assertIn(words, refused.exception.message)
                self.assertFalse(refused.exception.recoverable, refused.exception.message)

    def test_policy(self):
        for name, (conf, options, words) in POLICY.items():
            with self.subTest(name):
                self.configure(**conf)
                with self.assertRaises(Failed) as refused:
                    self.start_with(options, "true")
                self.assertIn(words, refused.exception.message)
                self.assertFalse(refused.exception.recoverable, refused.exception.message)

    def test_input(self):
        """`interactive`: input that nobody gives has no end, as docker's; else it is at its end at once. Under the stock shim and under davit's."""
        script = "readlink /proc/self/fd/0; timeout 1 cat; echo ended $?"
        for runtime in ("io.containerd.runc.v2", Machine.own_shim):
            self.configure(containerd_runtime=runtime)
            for options, wanted in (({}, r"^/dev/null\nended 0$"),
                                    ({"interactive": True}, r"^pipe:.*\nended (143|124)$"),
                                    ({"interactive": True, "tty": True}, r"^/dev/(pts/0|console)\nended (143|124)$"),
                                    ({"interactive": True, "logging": {"driver": "none"}}, r"^pipe:.*\nended (143|124)$")):
                with self.subTest(runtime=os.path.basename(runtime), **options):
                    fifo = os.path.join(self.folder, "stdout.fifo")
                    os.mkfifo(fifo)
                    handle = self.start_with(options, script, stdout_path=fifo, stderr_path=fifo)
                    text, result = self.said(handle)
                    self.assertRegex(text, wanted, f"{result}")
                    self.destroy(handle["config"]["id"])
                    os.unlink(fifo)
            with self.assertRaises(Failed):  # and what was made for it goes
                self.start_with({"interactive": True, "command": "/nothing", "args": []}, "true")

    def test_an_image_that_is_not_there(self):
        """Nobody listens at the registry: a later try may do. The event says what is done."""
        events = self.session.begin("TaskEvents")
        with self.assertRaises(Failed) as refused:
            self.start_with({"image": "127.0.0.1:1/nothing:1", "image_pull_timeout": "20s"}, "true")
        self.assertTrue(refused.exception.recoverable, refused.exception.message)
        event = events.next()
        self.assertEqual((event["message"], event["annotations"]["image"]), ("Downloading image", "127.0.0.1:1/nothing:1"))
        events.cancel()

    def test_where_the_task_is(self):
        """Its folders, and what Nomad says of them."""
        handle = self.start_with({}, "echo $NOMAD_TASK_DIR; ls -d /local /secrets /alloc/logs; touch /alloc/logs/x 2>&1; touch /alloc/y",
                                 env={"NOMAD_TASK_DIR": "/local"})
        text, result = self.said(handle)
        self.assertRegex(text, r"^/local\n/alloc/logs\n/local\n/secrets\n.*Read-only")
        self.assertTrue(os.path.exists(os.path.join(handle["config"]["alloc_dir"], "alloc/y")))
