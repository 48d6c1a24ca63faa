"""Each option of containerd-driver's tasks, looked at from inside the container: encoded as Nomad does it, by the driver's own schema."""
import base64
import json
import os
import shutil
import re
import subprocess

from lib.case import Machine, wait_until
from lib.driver_plugin import Failed
from lib.options_case import MODES, OptionsCase

CAP = "sed -n 's/CapBnd:\\t//p' /proc/self/status"
CGROUP = "cat /sys/fs/cgroup/{0}/{1} 2>/dev/null || cat /sys/fs/cgroup/{2}"
LIMIT = CGROUP.format("memory", "memory.limit_in_bytes", "memory.max")
KEPT = CGROUP.format("memory", "memory.soft_limit_in_bytes", "memory.low")
SWAP = "cat /sys/fs/cgroup/memory/memory.memsw.limit_in_bytes 2>/dev/null || echo $((67108864 + $(cat /sys/fs/cgroup/memory.swap.max)))"
QUOTA = ("cat /sys/fs/cgroup/cpu/cpu.cfs_quota_us /sys/fs/cgroup/cpu/cpu.cfs_period_us 2>/dev/null || tr ' ' '\\n' </sys/fs/cgroup/cpu.max")
MASKED = "grep -cE ' /proc/(sys|kcore|bus|irq) ' /proc/self/mountinfo"
NETWORK = "readlink /proc/self/ns/net; ls /sys/class/net"
CPUS = os.sysconf("SC_NPROCESSORS_ONLN")


def namespace(kind):
    return os.readlink(f"/proc/self/ns/{kind}")


def job_of(record):
    """What davit has noted of it, of its one task."""
    return json.loads(base64.b64decode(record["Extensions"]["davit.job"]["value"]))["tasks"][0]


# a quarter of the machine
RESOURCES = {"allocated_resources": {"cpu": {"cpu_shares": 100}, "memory": {"memory_mb": 64}},
             "linux_resources": {"cpu_shares": 100, "memory_limit_bytes": 64 << 20, "percent_ticks": 0.25}}

# options, what runs, what it says (a pattern; {net} is the host's namespace of that kind), and fields of the task
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
    "seccomp with a colon": ({"security_opt": ["seccomp:unconfined"]}, "grep Seccomp: /proc/self/status", r"0$"),
    "no new privileges by itself": ({}, "grep NoNewPrivs /proc/self/status", r"1$"),
    "no new privileges of a privileged one": ({"privileged": True}, "grep NoNewPrivs /proc/self/status", r"0$"),
    "no new privileges": ({"privileged": True, "security_opt": ["no-new-privileges"]}, "grep NoNewPrivs /proc/self/status", r"1$"),
    "new privileges": ({"security_opt": ["no-new-privileges=false"]}, "grep NoNewPrivs /proc/self/status", r"0$"),
    "masked paths by themselves": ({}, MASKED, r"^[1-9]\d*$"),
    "masked paths": ({"security_opt": ["systempaths=unconfined"]}, MASKED, r"^0$"),
    "devices as texts": ({"devices": ["/dev/full:/dev/other"]}, "ls -l /dev/other", r"^c.* 1, +7 "),
    "devices as blocks": ({"devices": [{"host_path": "/dev/full", "container_path": "/dev/other", "cgroup_permissions": "r"}]}, "ls -l /dev/other",
                          r"^c.* 1, +7 "),
    "mounts of the task's folder": ({"mounts": [{"type": "bind", "source": "local", "target": "/m", "options": ["rbind", "ro"]}]},
                                    "ls -d /m; touch /m/x 2>&1", r"^/m\n.*Read-only"),
    "mounts of a host's": ({"mounts": [{"type": "bind", "source": "{folder}", "target": "/h", "options": ["rbind", "rw"]}]}, "cat /h/given", r"^given$"),
    "mount of a tmpfs": ({"mount": [{"type": "tmpfs", "target": "/t", "tmpfs_options": {"size": 1 << 20}}]}, "df -k /t | tail -1", r"^tmpfs +1024 "),
    "mount readonly": ({"mount": [{"type": "bind", "source": "local", "target": "/m", "readonly": True}]}, "touch /m/x 2>&1", "Read-only"),
    "volumes": ({"volumes": ["local:/v:ro", "{folder}:/h"]}, "cat /h/given; touch /v/x 2>&1", r"^given\n.*Read-only"),
    "tmpfs that begins with the image's": ({"tmpfs": ["/bin:tmpcopyup,exec"]}, "touch /bin/x && echo ok", r"^ok$"),
    "tmpfs": ({"tmpfs": ["/scratch:size=2m"]}, "df -k /scratch | tail -1", r"^tmpfs +2048 "),
    "sysctl": ({"sysctl": {"net.core.somaxconn": "16384"}, "network_mode": "none"}, "cat /proc/sys/net/core/somaxconn", r"^16384$"),
    "ulimit": ({"ulimit": {"nofile": "1024:2048"}}, "ulimit -n; ulimit -Hn", r"^1024\n2048$"),
    "pids_limit": ({"pids_limit": 57}, CGROUP.format("pids", "pids.max", "pids.max"), r"^57$"),
    "shm_size": ({"shm_size": "32M"}, "df -k /dev/shm | tail -1", r" 32768 "),
    "shm_size by itself": ({}, "df -k /dev/shm | tail -1", r" 65536 "),
    "readonly_rootfs": ({"readonly_rootfs": True}, "touch /x 2>&1; touch /local/x && echo local; touch /run/x && echo run", r"Read-only.*\nlocal\nrun$"),
    "extra_hosts": ({"extra_hosts": ["postgres:127.0.1.1", "redis:127.0.1.2"]}, "cat /etc/hosts", r"(?m)^127\.0\.1\.1\tpostgres$\n127\.0\.1\.2\tredis$"),
    "dns": ({"dns_servers": ["127.0.0.7"], "dns_search_domains": ["internal.corp"], "dns_options": ["ndots:2"]}, "cat /etc/resolv.conf",
            r"(?s)(?=.*nameserver 127\.0\.0\.7)(?=.*search internal\.corp)(?=.*options ndots:2)"),
    "host_dns by itself": ({}, "grep -c resolv.conf /proc/mounts; cat /etc/resolv.conf", r"^1\n(.*\n)*.*nameserver"),
    "host_dns = false": ({"host_dns": False}, "grep -c resolv.conf /proc/mounts; cat /etc/resolv.conf 2>&1", r"^0\n(?!.*nameserver)"),
    "seccomp_profile of the task's": ({"seccomp_profile": "/local/p.json"}, "mkdir /x 2>&1; mkdir -p /local/x 2>&1; grep Seccomp: /proc/self/status",
                                      r"^mkdir: .*not permitted\nmkdir: .*not permitted\nSeccomp:\t2$"),
    "seccomp_profile of the host": ({"seccomp": True, "seccomp_profile": "{folder}/p.json"}, "mkdir /x 2>&1", r"not permitted$"),
    "mounts without a type": ({"mounts": [{"source": "{folder}", "target": "/h", "options": ["rbind", "ro"]}]}, "cat /h/given; touch /h/x 2>&1",
                              r"^given\n.*Read-only"),
    "mounts of a volume that is a folder": ({"mounts": [{"type": "volume", "source": "local", "target": "/h", "options": ["bind", "defaults"]}]},
                                            "touch /local/seen; ls /h", r"\bseen\b"),
    "group_add": ({"group_add": ["1234"]}, "id -G", r"\b1234\b"),
    "init": ({"init": True}, "cat /proc/1/cmdline | tr '\\0' ' '", r"init"),
    "oom_score_adj": ({"oom_score_adj": 100}, "cat /proc/self/oom_score_adj", r"^100$"),
    "pid_mode": ({"pid_mode": "host"}, "readlink /proc/self/ns/pid", r"^{pid}$"),
    "uts_mode": ({"uts_mode": "host"}, "readlink /proc/self/ns/uts", r"^{uts}$"),
    "ipc_mode": ({"ipc_mode": "host"}, "readlink /proc/self/ns/ipc", r"^{ipc}$"),
    "host_network": ({"host_network": True}, "readlink /proc/self/ns/net", r"^{net}$"),
    "no network of its own": ({"network_mode": "none"}, NETWORK, r"^(?!{net}\n)net:\[\d+\]\nlo$"),
    "a network of its own by itself": ({}, NETWORK, r"^(?!{net}\n)net:\[\d+\]\neth0\nlo$"),
    "args alone": ({"command": None, "entrypoint": ["/bin/sh", "-c"], "args": ["echo entry >/local/out"]}, None, r"^entry$"),
    "entrypoint as a text": ({"command": "entry", "entrypoint": "/bin/echo", "args": ["of", "words"]}, None, None),
    "tty": ({"tty": True}, "[ -t 2 ] && echo a terminal", r"^a terminal$"),
    "user by itself": ({}, "id -u; id -g", r"^0\n0$"),
    "user": ({}, "id -u; id -g", r"^1000\n1001$", {"user": "1000:1001"}),
    "runtime": ({"runtime": "io.containerd.runc.v2"}, "echo ok", r"^ok$"),
    "userns_mode": ({"userns_mode": "private"}, "cat /proc/self/uid_map", r"^ *0 +[1-9]"),
    "userns": ({"userns": "private"}, "cat /proc/self/uid_map", r"^ *0 +[1-9]"),
    "cgroupns": ({"cgroupns": "host"}, "readlink /proc/self/ns/cgroup", r"^{cgroup}$"),
    "cgroupns of its own": ({"cgroupns": "private"}, "readlink /proc/self/ns/cgroup", r"^(?!{cgroup}$)cgroup:\[\d+\]$"),
    "seccomp": ({"seccomp": False}, "grep Seccomp: /proc/self/status", r"0$"),
    "mount of a tmpfs with a mode": ({"mount": [{"type": "tmpfs", "target": "/t", "tmpfs_options": {"mode": 0o751}}]}, "stat -c %a /t", r"^751$"),
    "memory by itself": ({}, f"{LIMIT}; {SWAP}", r"^67108864\n67108864$"),
    "memory_hard_limit": ({"memory_hard_limit": 100}, f"{LIMIT}; {KEPT}", r"^104857600\n67108864$"),
    "memory_reservation": ({"memory_reservation": "32m"}, f"{LIMIT}; {KEPT}", r"^67108864\n33554432$"),
    "memory_swap": ({"memory_swap": "128m"}, f"{LIMIT}; {SWAP}", r"^67108864\n134217728$"),
    "memory_swap without limit": ({"memory_swap": "-1"}, "cat /sys/fs/cgroup/memory/memory.memsw.limit_in_bytes || cat /sys/fs/cgroup/memory.swap.max",
                                  r"^92233720368547\d+$|^max$"),
    "memory_swappiness": ({"memory_swappiness": 7}, "if [ -d /sys/fs/cgroup/memory ]; then cat /sys/fs/cgroup/memory/memory.swappiness; else echo 7; fi",
                          r"^7$"),
    "cpu_hard_limit": ({"cpu_hard_limit": True}, QUOTA, rf"^{CPUS * 25000}\n100000$"),
    "cpu_cfs_period": ({"cpu_hard_limit": True, "cpu_cfs_period": 20000}, QUOTA, rf"^{CPUS * 5000}\n20000$"),
    "what is passed over": ({"init_path": "/x", "container_exists_attempts": 3, "socket": "default",
                             "auth": {"email": "a@b.example", "tls_verify": True}, "logging": {"type": "json-file", "config": {"max-file": "2"}},
                             "mounts": [{"type": "tmpfs", "target": "/t", "volume_options": {"labels": {"a": "b"}}}]}, "echo ok", r"^ok$"),
    "logging of podman's": ({"logging": {"driver": "nomad", "options": {"max-size": "1"}}}, "echo ok", r"^ok$"),
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

# options, the place in containerd's record, what is there
RECORD = {
    "labels": ({"labels": {"com.example.a": "1", "b": "two words"}}, lambda r: (r["Labels"].get("com.example.a"), r["Labels"].get("b")), ("1", "two words")),
    "runtime": ({"runtime": "runc"}, lambda r: r["Runtime"]["Name"], "io.containerd.runc.v2"),
    "snapshotter": ({"snapshotter": "native"}, lambda r: r["Snapshotter"], "native"),
    "apparmor_profile": ({"apparmor_profile": "unconfined"}, lambda r: job_of(r)["apparmor"], "unconfined"),
    "apparmor of security_opt": ({"security_opt": ["apparmor=unconfined"]}, lambda r: job_of(r)["apparmor"], "unconfined"),
    "label of security_opt": ({"security_opt": ["label=level:s0:c1,c2", "label:type:t"]}, lambda r: job_of(r)["selinux"], ["level:s0:c1,c2", "type:t"]),
    "selinux_opts": ({"selinux_opts": ["level:s0:c1,c2"]}, lambda r: job_of(r)["selinux"], ["level:s0:c1,c2"]),
    "healthchecks": ({"healthchecks": {"disable": True}}, lambda r: job_of(r)["healthcheck"], {"type": "none"}),
}

POLICY = {
    "allow_privileged": ({"allow_privileged": False}, {"privileged": True}, "allow_privileged"),
    "allow_privileged of all paths": ({"allow_privileged": False}, {"security_opt": ["systempaths=unconfined"]}, "option security_opt: systempaths=unconfined"),
    "allow_caps": ({"allow_caps": ["CHOWN"]}, {"cap_add": ["NET_ADMIN"]}, "allow_caps"),
    "allow_runtimes": ({"allow_runtimes": ["runc"]}, {"runtime": "io.containerd.kata.v2"}, "allow_runtimes"),
    "volumes": ({"volumes": {"enabled": False}}, {"volumes": ["/etc:/m"]}, "volumes"),
    "volumes that are folders": ({"volumes": {"enabled": False}}, {"mounts": [{"source": "/etc", "target": "/m", "options": ["rbind"]}]},
                                 "option mounts: volumes are not enabled; cannot mount /etc"),
    "seccomp_profile": ({"volumes": {"enabled": False}}, {"seccomp_profile": "{folder}/p.json"}, "option seccomp_profile: volumes are not enabled"),
    "pids_limit": ({"pids_limit": 10}, {"pids_limit": 100}, "pids_limit"),
}


class DriverOptions(OptionsCase):
    def setUp(self):
        super().setUp()
        with open(os.path.join(self.folder, "given"), "w") as f:
            f.write("given\n")
        with open(os.path.join(self.folder, "p.json"), "w") as f:
            json.dump({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 1}]}, f)

    def task_with(self, *args, **kw):
        task = super().task_with(*args, **kw)
        local = os.path.join(task["alloc_dir"], "t/local")
        os.chmod(local, 0o777)  # as Nomad makes it
        shutil.copy(os.path.join(self.folder, "p.json"), local)
        return task

    def test_inside(self):
        self.configure(**MODES)
        for name, (options, script, wanted, *fields) in INSIDE.items():
            with self.subTest(name):
                handle = self.start_with(options, script, resources=RESOURCES, **(fields[0] if fields else {}))
                text, result = self.said(handle)
                if wanted:
                    self.assertRegex(text, re.sub(r"\{([a-z]+)\}", lambda kind: re.escape(namespace(kind[1])), wanted), f"{result}")
                else:
                    self.assertEqual(result["exit_code"], 0)
                self.destroy(handle["config"]["id"])

    def test_record(self):
        for name, (options, place, wanted) in RECORD.items():
            with self.subTest(name):
                handle = self.start_with(options, "sleep 1000")
                self.assertEqual(place(self.container(handle)), wanted)
                self.destroy(handle["config"]["id"])

    def test_named_volumes(self):
        """One stays and is the next task's, too; what the image has there is in a new one, unless no_copy is said."""
        volume = "v-" + os.urandom(4).hex()
        self.addCleanup(self.remove_volumes, volume, volume + "-bare")
        mount = {"type": "volume", "source": volume, "target": "/data"}
        bare = {"type": "volume", "source": volume + "-bare", "target": "/data", "volume_options": {"no_copy": True, "driver_config": {"name": "local"}}}
        self.assertEqual(self.says({"mounts": [mount]}, "cat /data/seed; echo kept >/data/mine"), "from the image")
        self.assertEqual(self.says({"volume_driver": "local", "volumes": [volume + ":/v"]}, "cat /v/seed /v/mine"), "from the image\nkept")
        self.assertEqual(self.says({"mounts": [bare]}, "ls /data; echo end"), "end")
        with self.assertRaisesRegex(Failed, "option mounts.*driver_config: option type is not known"):
            self.start_with({"mounts": [dict(bare, volume_options={"driver_config": {"name": "local", "options": {"type": "sshfs"}}})]})

    def test_propagation(self):
        """What is mounted later: on the host and seen by the task, and the other way."""
        share = os.path.join(self.folder, "share")
        os.makedirs(share + "/host")
        os.makedirs(share + "/task")
        subprocess.run(["mount", "--bind", share, share], check=True)
        self.addCleanup(subprocess.run, ["umount", "-R", share], check=True)
        subprocess.run(["mount", "--make-shared", share], check=True)
        script = "mount -t tmpfs none /m/task; touch /local/ready; while [ ! -e /local/go ]; do sleep 0.1; done; grep -c ' /m/host ' /proc/self/mountinfo"
        for mode, inside, outside in (("rprivate", "0", False), ("rslave", "1", False), ("rshared", "1", True)):
            with self.subTest(mode):
                handle = self.start_with({"mounts": [{"type": "bind", "source": share, "target": "/m", "bind_options": {"propagation": mode}}],
                                          "cap_add": ["sys_admin"], "apparmor_profile": "unconfined"}, script)
                local = os.path.join(handle["config"]["alloc_dir"], "t/local/")
                wait_until("its mount", lambda local=local: os.path.exists(local + "ready"))
                subprocess.run(["mount", "-t", "tmpfs", "none", share + "/host"], check=True)
                with open("/proc/self/mountinfo") as f:
                    self.assertEqual(f" {share}/task " in f.read(), outside)
                open(local + "go", "w").close()
                self.assertEqual(self.said(handle)[0], inside)
                self.destroy(handle["config"]["id"])
                subprocess.run(["umount", share + "/host"], check=True)
                subprocess.run(["umount", share + "/task"], capture_output=True)

    def test_cdi(self):
        os.makedirs("/etc/cdi", exist_ok=True)
        with open("/etc/cdi/tests.json", "w") as f:
            json.dump({"cdiVersion": "0.5.0", "kind": "tests.example/full", "devices": [{"name": "one", "containerEdits": {
                "env": ["GIVEN=by-cdi"], "deviceNodes": [{"path": "/dev/given", "hostPath": "/dev/full"}]}}]}, f)
        self.addCleanup(os.unlink, "/etc/cdi/tests.json")
        self.assertRegex(self.says({"devices": ["tests.example/full=one"]}, "echo $GIVEN; ls -l /dev/given"), r"^by-cdi\nc.* 1, +7 ")

    def output_with(self, **options):
        """What comes to Nomad of a task that writes a line."""
        path = os.path.join(self.folder, "out-" + os.urandom(4).hex())
        os.mkfifo(path)
        reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        handle = self.start_with(dict(options, args=["-c", "echo a line"]), stdout_path=path)
        self.wait_task(handle).next(60)
        self.destroy(handle["config"]["id"])
        text = os.read(reader, 100).decode()
        os.close(reader)
        return text

    def test_logging(self):
        self.assertEqual(self.output_with(logging={"type": "json-file"}), "a line\n")
        self.assertEqual(self.output_with(logging={"driver": "none"}), "")
        self.configure(logging={"type": "none"})
        self.assertEqual(self.output_with(), "")
        self.assertEqual(self.output_with(logging={"config": {"max-file": "2"}}), "")  # it says no type
        self.assertEqual(self.output_with(logging={"type": "nomad"}), "a line\n")

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
