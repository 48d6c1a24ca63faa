"""Tasks of containerd-driver from their start to their end, without a Nomad: what its agent would ask for, plugins that die and clients that go among it."""
import json
import os
import shutil
import subprocess
import time

from lib.case import Machine, wait_until
from lib.driver_plugin import DriverCase, Failed, Task


def sh(script, **more):
    return dict({"image": Machine.image, "command": "/bin/sh", "args": ["-c", script], "host_network": True}, **more)


class TaskCase(DriverCase):
    def fails(self, task, conf, text, recoverable=False, **fields):
        with self.assertRaises(Failed) as failed:
            task.start(conf, **fields)
        self.assertIn(text, failed.exception.message)
        self.assertEqual(bool(failed.exception.recoverable), recoverable, failed.exception)
        return failed.exception.message

    def output(self, conf, **fields):
        """Of a task that ends by itself, and well."""
        task = Task(self)
        task.start(conf, **fields)
        self.assertEqual(task.wait()["exit_code"], 0, task.output("stderr"))
        task.close()
        return task.output()

    def running(self):
        return self.davit("--namespace", Machine.ns, "ps", "-q").out.split()


class Start(TaskCase):
    def test_a_task_that_ends(self):
        task = Task(self)
        task.start(sh("exit 7"))
        self.assertEqual(task.wait(), {"exit_code": 7, "signal": 0, "oom_killed": False})
        task.destroy()
        task.destroy()

    def test_output_and_the_folders_of_the_allocation(self):
        task = Task(self)
        with open(os.path.join(task.dir, "local", "in"), "w") as f:
            f.write("given")
        task.start(sh("echo out $NOMAD_ALLOC_DIR $(cat /local/in); echo err >&2; touch /alloc/data/x /secrets/y; touch /alloc/logs/z"))
        self.assertEqual(task.wait()["exit_code"], 1)
        task.close()
        self.assertEqual(task.output(), "out /alloc given\n")
        self.assertIn("err\n", task.output("stderr"))
        self.assertIn("Read-only file system", task.output("stderr"))
        self.assertTrue(os.path.exists(os.path.join(task.alloc_dir, "alloc/data/x")))
        self.assertTrue(os.path.exists(os.path.join(task.dir, "secrets/y")))

    def test_the_answer_has_all_of_the_task(self):
        task = Task(self)
        config = task.config(sh("sleep 1000"))
        handle = task.start(sh("sleep 1000"))["handle"]
        self.assertEqual((handle["version"], handle["state"]), (1, "RUNNING"))
        self.assertTrue(handle["driver_state"])
        for key, value in config.items():
            if not isinstance(value, dict):
                self.assertEqual(handle["config"][key], value)
        self.assertEqual(handle["config"]["env"], config["env"])

    def test_what_cannot_be_started_leaves_nothing(self):
        task = Task(self)
        self.fails(task, sh("true", image="127.0.0.1:1/none:1"), "127.0.0.1:1", recoverable=True)
        self.fails(task, sh("true", mounts=[{"type": "bind", "source": "local/none", "target": "/x"}]), "local/none: No such file")
        self.fails(task, {"image": Machine.image, "command": "/no/such", "host_network": True}, "/no/such: not found in the image")
        self.fails(task, sh("true", sysctl=[{"vm.x": "1"}]), 'invalid sysctl "vm.x"')
        self.fails(task, sh("true"), "nobody-such", user="nobody-such")
        self.assertEqual(self.davit("--namespace", Machine.ns, "ps", "-aq").out, "")

    def test_the_shim_and_the_engine_are_the_operators(self):
        runtime, engine = self.runtime_of(self.start_task())
        self.assertEqual((runtime, engine), (Machine.shim or "io.containerd.runc.v2", Machine.engine))

    def test_a_task_names_another_engine(self):
        for name in filter(shutil.which, ("runc", "crun")):
            self.assertEqual(self.runtime_of(self.start_task(config={"runtime": name})), ("io.containerd.runc.v2", name))

    def runtime_of(self, handle):
        """The shim, as containerd has it, and the engine by what it keeps of a container: crun has a file `status` of it, runc state.json."""
        name = self.inspect(handle)["driver"]["attributes"]["containerName"]
        info = json.loads(Machine.containerd.ctr("containers", "info", name, ns=Machine.ns).stdout)
        kept = set(os.listdir(f"/run/containerd/runc/{Machine.ns}/{name}"))
        return info["Runtime"]["Name"], "crun" if "status" in kept else "runc" if "state.json" in kept else kept

    def test_an_id_that_is_known(self):
        task = Task(self)
        task.start(sh("sleep 1000"))
        self.fails(task, sh("sleep 1000"), "is known already")
        self.assertEqual(len(self.running()), 1)

    def test_the_user_and_his_limits(self):
        text = self.output(sh("id -u; pwd; ulimit -n; touch /x /tmp/y 2>&1; hostname", cwd="/home/redis", ulimit=[{"nofile": "100:200"}], readonly_rootfs=True,
                              tmpfs=["/tmp"], hostname="box", host_network=False, network_mode="none"), user="1000:1000")
        self.assertEqual(text.splitlines(), ["1000", "/home/redis", "100", "touch: /x: Read-only file system", "box"])

    def test_a_terminal(self):
        self.assertEqual(self.output(sh("tty", tty=True)), "/dev/pts/0\r\n")

    def test_privileges(self):
        both = "grep -c '^Seccomp:.0' /proc/self/status; ls /dev | grep -c '^kmsg$'"
        self.assertEqual(self.output(sh(both, privileged=True)), "1\n1\n")
        task = Task(self)
        task.start(sh(both))
        task.wait()
        task.close()
        self.assertEqual(task.output(), "0\n0\n")


class Network(TaskCase):
    SHOW = "hostname; cat /etc/hosts /etc/resolv.conf; readlink /proc/self/ns/net; cat /proc/sys/net/core/somaxconn; "

    def test_that_of_the_group(self):
        name = f"group-{os.getpid()}"
        subprocess.run(["ip", "netns", "add", name], check=True)
        self.addCleanup(subprocess.run, ["ip", "netns", "del", name], check=True)
        text = self.output({"image": Machine.image, "command": "/bin/sh", "args": ["-c", self.SHOW], "hostname": "box",
                            "sysctl": [{"net.core.somaxconn": "16384"}]},
                           network_isolation_spec={"mode": "GROUP", "path": f"/var/run/netns/{name}"},
                           dns={"servers": ["127.0.0.1", "127.0.0.2"], "searches": ["internal.corp"], "options": ["ndots:2"]})
        self.assertIn("nameserver 127.0.0.1\nnameserver 127.0.0.2\nsearch internal.corp\noptions ndots:2\n", text)
        self.assertIn("\tbox ", text)
        self.assertIn(f"net:[{os.stat(f'/var/run/netns/{name}').st_ino}]\n16384\n", text)
        self.fails(Task(self), sh("true"), "option host_network", network_isolation_spec={"mode": "GROUP", "path": f"/var/run/netns/{name}"})

    def test_one_of_its_own_with_ports(self):
        if not Machine.network:
            self.skipTest("no CNI plugins")
        task = Task(self)
        resources = {"allocated_resources": {"memory": {"memory_mb": 64}}, "linux_resources": {"cpu_shares": 100, "memory_limit_bytes": 64 << 20},
                     "ports": [{"label": "http", "value": 18081, "to": 80, "host_ip": "127.0.0.1"}]}
        conf = {"image": Machine.image, "ports": ["http"], "command": "/bin/sh", "extra_hosts": ["db:10.1.2.3"],
                "args": ["-c", self.SHOW + "mkdir /w; echo hello >/w/index.html; httpd -p 80 -h /w; echo ready; sleep 1000"]}
        network = task.start(conf, resources=resources)["network_override"]
        self.assertEqual(network["port_map"], {"http": 80})
        wait_until("the server", lambda: "ready" in task.output())
        self.assertIn(f"{network['addr']}\t", task.output())
        self.assertIn("10.1.2.3\tdb\n", task.output())
        done = subprocess.run(["curl", "-s", "http://127.0.0.1:18081/"], capture_output=True, text=True, timeout=20)
        self.assertEqual(done.stdout, "hello\n")


class Stop(TaskCase):
    def test_with_a_signal(self):
        task = Task(self)
        task.start(sh("trap 'echo got; exit 3' INT; echo ready; while :; do sleep 0.1; done"))
        wait_until("its trap", lambda: "ready" in task.output())
        with self.assertRaises(Failed) as refused:
            self.session.ask("SignalTask", task_id=task.id, signal="INVALID")
        self.assertIn("Invalid signal: INVALID", refused.exception.message)
        began = time.monotonic()
        task.stop("SIGINT", 120)
        self.assertLess(time.monotonic() - began, 20 * Machine.slow)
        self.assertEqual(task.wait()["exit_code"], 3)
        task.stop()

    def test_a_signal_alone(self):
        task = Task(self)
        task.start(sh("trap 'echo got' HUP; echo ready; while :; do sleep 0.1; done"))
        wait_until("its trap", lambda: "ready" in task.output())
        self.session.ask("SignalTask", task_id=task.id, signal="SIGHUP")
        wait_until("the signal", lambda: "got" in task.output())

    def test_one_that_does_not_heed_it(self):
        task = Task(self)
        task.start(sh("trap '' TERM; echo ready; while :; do sleep 0.1; done"))
        wait_until("its trap", lambda: "ready" in task.output())
        began = time.monotonic()
        task.stop(seconds=1)
        self.assertGreaterEqual(time.monotonic() - began, 1)
        self.assertLess(time.monotonic() - began, 10 * Machine.slow)
        self.assertEqual(task.wait(), {"exit_code": 137, "signal": 9, "oom_killed": False})

    def test_many_side_by_side(self):
        """Each takes its two seconds, and all of them together little more."""
        tasks = [Task(self) for _ in range(20)]
        for call in [t.begin(sh("trap '' TERM; echo ready; while :; do sleep 0.2; done")) for t in tasks]:
            call.next(120)
        for t in tasks:
            wait_until("its trap", lambda t=t: "ready" in t.output())
        began = time.monotonic()
        for call in [self.session.begin("StopTask", task_id=t.id, timeout={"seconds": 2}) for t in tasks]:
            call.next(120)
        self.assertLess(time.monotonic() - began, 2 + 8 * Machine.slow)
        for call in [self.session.begin("DestroyTask", task_id=t.id, force=True) for t in tasks]:
            call.next(120)

    def test_destroy(self):
        task = Task(self)
        task.start(sh("sleep 1000"))
        with self.assertRaises(Failed) as refused:
            task.destroy(force=False)
        self.assertIn("cannot destroy running task", refused.exception.message)
        waits = self.session.begin("WaitTask", task_id=task.id)
        task.destroy()
        self.assertEqual(waits.next()["result"]["exit_code"], 137)
        self.session.ask("DestroyTask", task_id="nobody/knows/00000000", force=True)
        self.session.ask("StopTask", task_id="nobody/knows/00000000")


class Gone(TaskCase):
    MOMENTS = (0, 5, 10, 20, 40, 60, 80, 100, 150)  # ms

    def test_a_client_at_any_moment(self):
        """What was answered before it went is a task that runs, though nobody heard of it; all else is undone."""
        tasks = []
        for ms in self.MOMENTS:
            task = Task(self)
            call = task.begin(sh("sleep 1000"))
            time.sleep(ms / 1000)
            call.cancel()
            tasks.append(task)
        wait_until("the end of all others", lambda: len(self.running()) == sum(self.is_known(t) for t in tasks), 20)
        self.assertFalse(self.is_known(tasks[0]), "it went at once")
        for task in tasks:
            task.destroy()
        wait_until("the end of all", lambda: not self.running(), 20)

    def is_known(self, task):
        try:
            self.session.ask("InspectTask", task_id=task.id)
        except Failed:
            return False
        return True

    def test_one_that_is_destroyed_at_any_moment(self):
        for ms in self.MOMENTS:
            task = Task(self)
            call = task.begin(sh("sleep 1000"))
            time.sleep(ms / 1000)
            task.destroy()
            try:
                call.next(60)
            except Failed as refused:
                self.assertFalse(refused.recoverable, refused)
            self.assertEqual(self.running(), [])

    def test_a_plugin_at_any_moment(self):
        """Nomad asks once more, for the same id: one that runs is taken over, another is not started beside it."""
        for ms in self.MOMENTS:
            task = Task(self)
            task.begin(sh("echo $$ >>/alloc/data/runs; sleep 1000"))
            time.sleep(ms / 1000 * Machine.slow)
            self.plugin.kill()
            self.new_plugin()
            task.start(sh("echo $$ >>/alloc/data/runs; sleep 1000"))
            wait_until("its run", lambda task=task: os.path.exists(os.path.join(task.alloc_dir, "alloc/data/runs")))
            self.assertEqual(len(self.running()), 1)
            task.destroy()

    def test_containerd(self):
        task = Task(self)
        Machine.containerd.stop()
        try:
            self.fails(task, sh("true"), "containerd at", recoverable=True)
        finally:
            Machine.containerd.start()
        task.start(sh("true"))
        self.assertEqual(task.wait()["exit_code"], 0)


class Policy(TaskCase):
    conf = {"allow_privileged": False, "volumes": {"enabled": False}, "allow_caps": ["CHOWN"], "allow_runtimes": ["runc"], "pids_limit": 100}

    def test_what_the_operator_does_not_permit(self):
        task = Task(self)
        os.symlink("/etc", os.path.join(task.dir, "local", "etc"))
        for more, text, remedy in (
                ({"privileged": True}, "Running privileged jobs are not allowed", "allow_privileged = true"),
                ({"mounts": [{"type": "bind", "source": "/etc", "target": "/x"}]}, "cannot mount /etc", "volumes { enabled = true }"),
                ({"volumes": ["local/etc:/x"]}, "a link in it leads out of the allocation's folder", "enabled = true"),
                ({"cap_add": ["NET_ADMIN"]}, "does not allow the following capabilities: NET_ADMIN", "allow_caps"),
                ({"runtime": "kata"}, 'requested runtime "kata" is not allowed', "allow_runtimes"),
                ({"pids_limit": 200}, "cannot be greater than the plugin's pids_limit: 100", "pids_limit")):
            self.assertIn(remedy, self.fails(task, sh("true", **more), text))

    def test_what_a_task_has_by_itself_is_within_it_too(self):
        self.assertEqual(self.output(sh("grep CapBnd /proc/self/status")), "CapBnd:\t0000000000000001\n")
