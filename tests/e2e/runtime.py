"""Runtimes and their options: what shim and engine are given. Kata's shim has a stand-in (lib/kata_stand_in.py)."""
import json
import os
import shutil
import signal

from lib import kata_stand_in, reboot
from lib.case import Case, Machine, get, wait_until
from lib.restarting import kill_monitor, monitor_of, monitors, read, wait_for_one_monitor

ENGINE = """#!/bin/sh
# Notes how it is called, and does for --systemd-cgroup what systemd would: a scope in its slice.
echo "$*" >> "%(log)s"
for word in "$@"; do
	shift
	case $word in --systemd-cgroup|--criu=*) ;; --criu) skip=1 ;; *) [ -z "$skip" ] && set -- "$@" "$word"; skip= ;; esac
done
case " $* " in *" create "*)
	echo "streams $(stat -L -c '%%u %%g' /proc/$$/fd/1)" >> "%(log)s"
	grep -o '"cgroupsPath":"[^"]*"' config.json >> "%(log)s"
	sed -i 's|"cgroupsPath":"\\([^:"]*\\):\\([^:"]*\\):\\([^"]*\\)"|"cgroupsPath":"/\\1/\\2-\\3.scope"|' config.json ;;
esac
exec %(engine)s "$@"
"""


class Options(Case):
    def setUp(self):
        super().setUp()
        self.log = os.path.join(self.folder, "log")
        self.engine = os.path.join(self.folder, "engine")
        with open(self.engine, "w") as f:
            f.write(ENGINE % {"log": self.log, "engine": shutil.which(Machine.engine)})
        os.chmod(self.engine, 0o755)

    def flags(self, *options):
        return [w for o in (f"BinaryName={self.engine}", *options) for w in ("--runtime-option", o)]

    def start_job(self, *options):
        return self.job("--runtime", "runc", *self.flags(*options))

    def noted(self):
        with open(self.log) as f:
            return f.read()

    def test_engine(self):
        name = self.start_job()
        self.assertIn("create", self.noted())
        self.assertEqual(self.davit("exec", name, "echo", "in").out, "in\n")
        self.assertIn("exec", self.noted())
        inspected = json.loads(self.davit("inspect", name).out)
        inspected = inspected[0] if isinstance(inspected, list) else inspected
        self.assertEqual(inspected["job"]["runtime_options"], {"BinaryName": self.engine})

    def test_words_for_the_engine(self):
        self.start_job("NoPivotRoot=true", "no_new_keyring=true")
        noted = self.noted()
        self.assertIn("--no-pivot", noted)
        self.assertIn("--no-new-keyring", noted)

    def test_root(self):
        root = os.path.join("/run", "engines-" + os.path.basename(self.folder))
        self.addCleanup(shutil.rmtree, root, ignore_errors=True)
        name = self.start_job(f"Root={root}")
        job_id = self.rows("ps")[0]
        job_id = next(v for k, v in job_id.items() if k.lower() == "id")
        self.assertEqual(os.listdir(os.path.join(root, Machine.ns)), [job_id])
        self.davit("rm", "-f", name)
        self.assertEqual(os.listdir(os.path.join(root, Machine.ns)), [])

    def test_shim_cgroup(self):
        """One that is there: shims make none."""
        group = "/davit-shims-" + os.urandom(3).hex()
        self.addCleanup(self.remove_groups, group)
        for top in self.hierarchies():
            os.mkdir(top + group)
            for name in ("cpuset.cpus", "cpuset.mems"):
                if os.path.exists(f"{top}{group}/{name}") and not top.endswith("/cgroup"):
                    shutil.copyfile(f"{top}/{name}", f"{top}{group}/{name}")
        self.start_job(f"ShimCgroup={group}")
        shims = [p for p in os.listdir("/proc") if p.isdigit() and self.is_shim(p)]
        with open(f"/proc/{shims[0]}/cgroup") as f:
            self.assertIn(group, f.read())

    @staticmethod
    def hierarchies():
        if os.path.exists("/sys/fs/cgroup/cgroup.controllers"):
            return ["/sys/fs/cgroup"]
        return [e.path for e in os.scandir("/sys/fs/cgroup") if e.is_dir(follow_symlinks=False) and os.path.exists(e.path + "/cgroup.procs")]

    @staticmethod
    def is_shim(pid):
        try:
            with open(f"/proc/{pid}/cmdline") as f:
                words = f.read().split("\0")
            return "containerd-shim-runc-v2" in words[0] and Machine.ns in words and "start" not in words
        except OSError:
            return False

    def remove_groups(self, group):
        def gone():
            for top in (top for top in self.hierarchies() if os.path.isdir(top + group)):
                try:
                    os.rmdir(top + group)
                except OSError:
                    return False
            return True
        wait_until("the end of the shims' group", gone)

    def test_owner_of_its_streams(self):
        """Of the pipes between shim and engine, as the engine gets them: both give them to the process's user later."""
        self.davit("run", "--rm", "--runtime", "runc", "--network", "none", *self.flags("IoUid=1234", "IoGid=4321"), Machine.image, "true")
        self.assertIn("streams 1234 4321\n", self.noted())

    def test_cgroups_of_systemd(self):
        """No machine of ours runs systemd: the engine is told to ask it, and a stand-in makes the scope that it would make."""
        name = self.start_job("SystemdCgroup=true")
        job_id = next(v for k, v in self.rows("ps")[0].items() if k.lower() == "id")
        noted = self.noted()
        self.assertIn("--systemd-cgroup", noted)
        self.assertIn(f'"cgroupsPath":"system.slice:davit-{Machine.ns}-:{job_id}"', noted)
        scope = f"system.slice/davit-{Machine.ns}--{job_id}.scope"
        places = [p for p in (f"/sys/fs/cgroup/pids/{scope}", f"/sys/fs/cgroup/{scope}") if os.path.isdir(p)]
        self.assertEqual(len(places), 1)
        with open(places[0] + "/cgroup.procs") as f:
            self.assertTrue(f.read().split())
        self.davit("rm", "-f", name)
        self.assertFalse(os.path.exists(places[0]))

    def test_wrong_ones(self):
        table = [
            (["BinaryName=/no/such/engine"], "binaryname /no/such/engine: there is no such program"), (["BinaryName"], "not NAME=VALUE"),
            (["ConfigPath=/etc/x.toml"], "configpath"), (["Binary=x"], "did you mean \"binaryname\""), (["IoUid=x"], "not a number"),
            (["SystemdCgroup=maybe"], "neither true nor false"), (["Root=here"], "not an absolute path"),
        ]
        for options, says in table:
            with self.subTest(options=options):
                self.fails("run", "--rm", "--network", "none", "--runtime", "runc", *[w for o in options for w in ("--runtime-option", o)], Machine.image,
                           "true", says=[says])
        if shutil.which("crun"):
            self.fails("run", "--network", "none", "--runtime", "crun", "--runtime-option", "BinaryName=runc", Machine.image, "true",
                       says=["runtime crun is crun", "--runtime runc"])


class WithKata(Case):
    def setUp(self):
        super().setUp()
        self.kata = os.path.join(Machine.work, "kata")
        self.shim = kata_stand_in.install(self.kata)
        kata_stand_in.forget(self.kata)
        self.config = os.path.join(self.folder, "kata.toml")
        open(self.config, "w").close()

    def run_kata(self, *flags, script="true", env=None, network="none", **kw):
        return self.davit("run", "--rm", "--network", network, "--runtime", self.shim, *flags, Machine.image, "sh", "-c", script, env=env, **kw)

    def noted(self, what):
        return [n for n in kata_stand_in.notes(self.kata) if n["what"] == what]


class Kata(WithKata):
    def test_config_of_the_option(self):
        self.assertEqual(self.run_kata("--runtime-option", f"ConfigPath={self.config}", script="echo ran").out, "ran\n")
        (made,) = self.noted("create")
        self.assertEqual(made["options"], {"type": "runtimeoptions.v1.Options", "options": {"config_path": self.config}})

    def test_config_of_the_environment(self):
        self.run_kata(env={"KATA_CONF_FILE": self.config})
        self.assertEqual(self.noted("create")[0]["options"]["options"], {"config_path": self.config})
        self.assertIn("there is no such file", self.run_kata(env={"KATA_CONF_FILE": "/no/such.toml"}, code=125).err)

    def test_config_at_its_usual_place(self):
        self.assertIn("no configuration.toml in /etc/kata-containers", self.run_kata(code=125).err)
        os.makedirs("/etc/kata-containers")
        self.addCleanup(shutil.rmtree, "/etc/kata-containers")
        shutil.copy(self.config, "/etc/kata-containers/configuration.toml")
        self.run_kata()
        self.assertEqual(self.noted("create")[0]["options"]["options"], {"config_path": "/etc/kata-containers/configuration.toml"})

    def test_annotations(self):
        self.run_kata("--runtime-option", f"ConfigPath={self.config}", "--annotation", "io.katacontainers.config.hypervisor.default_vcpus=2")
        self.assertEqual(self.noted("create")[0]["annotations"]["io.katacontainers.config.hypervisor.default_vcpus"], "2")

    def test_the_network_is_there_first(self):
        self.need_network()
        self.run_kata("--runtime-option", f"ConfigPath={self.config}", network="davit")
        self.assertIn("eth0", self.noted("create")[0]["interfaces"])

    def test_no_devices_of_the_host(self):
        self.run_kata("--runtime-option", f"ConfigPath={self.config}", "--privileged")
        self.assertEqual(self.noted("create")[0]["devices"], [])

    def test_what_is_the_host_s_is_refused(self):
        self.assertIn("vm runtime", self.run_kata("--runtime-option", f"ConfigPath={self.config}", network="host", code=125).err.lower())
        self.assertIn("not one of", self.run_kata("--runtime-option", "BinaryName=runc", code=125, env={"KATA_CONF_FILE": self.config}).err)


    def test_no_guest_can_be_made(self):
        """What is missing and what to do comes before Kata's own words."""
        lacks = [(d, remedy) for d, remedy in (("/dev/kvm", "modprobe kvm_intel || modprobe kvm_amd"), ("/dev/vhost-vsock", "modprobe vhost_vsock"))
                 if not os.path.exists(d)]
        if not lacks:
            self.skipTest("this machine has all that Kata needs")
        mark = os.path.join(self.kata, kata_stand_in.NO_GUEST)
        open(mark, "w").close()
        self.addCleanup(os.unlink, mark)
        said = self.run_kata("--runtime-option", f"ConfigPath={self.config}", code=125).err
        self.assertIn(f"no {lacks[0][0]}, without which Kata starts nothing", said)
        self.assertIn("Could not access KVM", said)
        self.assertIn(f"({lacks[0][1]})", said)

    def test_by_its_name(self):
        """--runtime kata, of a shim that containerd finds by its type."""
        flags = ("run", "--rm", "--network", "none", "--runtime", "kata", Machine.image, "echo", "ran")
        self.assertIn("its shim is not installed", self.davit(*flags, code=125).err)
        path = os.path.join(Machine.containerd.more_programs, kata_stand_in.NAME)
        with open(path, "w") as f:
            f.write(f'#!/bin/sh\nexec {self.shim} "$@"\n')
        os.chmod(path, 0o755)
        self.addCleanup(os.unlink, path)
        env = {"KATA_CONF_FILE": self.config, "PATH": os.environ["PATH"] + ":" + os.path.dirname(path)}
        self.assertEqual(self.davit(*flags, env=env).out, "ran\n")
        self.assertEqual(self.noted("create")[0]["options"]["options"], {"config_path": self.config})


class WithPods(WithKata):
    """A job of several tasks under a VM runtime."""

    def setUp(self):
        super().setUp()
        self.addCleanup(lambda: self.davit("rm", "-f", "pod", code=None))

    def task(self, name, script="trap 'exit 0' TERM; while :; do sleep 0.1; done", **more):
        return {"name": name, "image": Machine.image, "args": ["sh", "-c", script], "stop_timeout": 2, **more}

    def file(self, *tasks, network="none", **more):
        path = os.path.join(self.folder, "pod.json")
        with open(path, "w") as f:
            json.dump({"name": "pod", "tasks": list(tasks), "network": network, "runtime": self.shim,
                       "runtime_options": {"ConfigPath": self.config}, **more}, f)
        return path

    def order(self, *what):
        return [(n["what"], n["id"]) for n in kata_stand_in.notes(self.kata) if n["what"] in what]


class Pods(WithPods):
    def test_one_machine(self):
        self.need_network()
        self.davit("run", "-d", "-f", self.file(self.task("a"), self.task("b"), network="davit"))
        job = self.json("inspect", "pod")[0]
        sandbox, *others = self.noted("create")
        self.assertEqual(sandbox["id"], job["id"])
        self.assertEqual(sandbox["annotations"], {"io.kubernetes.cri.container-type": "sandbox", "io.kubernetes.cri.sandbox-id": job["id"],
                                                  "io.kubernetes.cri.sandbox-name": "pod"})
        self.assertIn("eth0", sandbox["interfaces"])
        self.assertEqual({n["annotations"]["io.kubernetes.cri.container-name"] for n in others}, {"a", "b"})
        for n in others:
            self.assertEqual(n["annotations"]["io.kubernetes.cri.container-type"], "container")
            self.assertEqual(n["annotations"]["io.kubernetes.cri.sandbox-id"], job["id"])
        self.assertEqual(self.order("create", "start-task")[:2], [("create", job["id"]), ("start-task", job["id"])])
        for name in ("a", "b"):
            self.assertIn("sh", self.davit("exec", "pod." + name, "cat", "/proc/1/cmdline").out)
        self.davit("stop", "pod")
        self.assertEqual(self.order("kill-task")[-1], ("kill-task", job["id"]))
        self.davit("start", "pod")
        self.assertEqual(self.davit("exec", "pod.b", "echo", "again").out, "again\n")
        self.davit("rm", "-f", "pod")
        self.assertNotIn("pod", self.davit("ps", "-a").out)

    def test_it_ends_with_its_tasks(self):
        result = self.davit("run", "-f", self.file(self.task("a", "echo one"), self.task("b", "sleep 0.5; echo two; exit 3"), remove=True), code=3)
        self.assertEqual(sorted(line.split()[-1] for line in result.out.splitlines()), ["one", "two"])
        wait_until("the pod has gone", lambda: "pod" not in self.davit("ps", "-a").out)
        self.davit("run", "-d", "-f", self.file(self.task("a", "echo one"), self.task("b", "sleep 0.5; echo two")))
        wait_until("the sandbox has ended", lambda: "Up" not in self.davit("ps", "-a", "--filter", "name=^pod$").out)
        self.assertEqual(sorted(line.split()[-1] for line in self.davit("logs", "pod").out.splitlines()), ["one", "two"])

    def test_signals_spare_the_sandbox(self):
        polite = "trap 'exit 0' TERM; echo ready; while :; do sleep 0.1; done"
        self.davit("run", "-d", "-f", self.file(self.task("a", polite), self.task("b", polite)))
        wait_until("the traps", lambda: self.davit("logs", "pod").out.count("ready") == 2)
        self.davit("kill", "-s", "TERM", "pod.a")
        self.assertEqual(self.davit("wait", "pod.a").out, "0\n")
        self.assertEqual(self.davit("exec", "pod.b", "echo", "there").out, "there\n")
        self.davit("kill", "-s", "TERM", "pod")
        wait_until("the sandbox has ended", lambda: "Up" not in self.davit("ps", "-a", "--filter", "name=^pod$").out)
        self.assertEqual(self.order("kill-task")[-1], ("kill-task", self.noted("create")[0]["id"]))

    def test_the_third_fails(self):
        self.davit("run", "-d", "-f", self.file(self.task("a"), self.task("b"), {**self.task("c"), "args": ["/none/such"]}), code=127)
        self.assertNotIn("pod", self.davit("ps", "-a").out)
        self.davit("run", "-d", "-f", self.file(self.task("a"), self.task("b")))
        row = self.rows("ps", "--filter", "name=^pod$")[0]
        self.assertIn("busybox", get(row, "image"))

    def test_the_same_again(self):
        path = self.file(self.task("a"), self.task("b"))
        self.davit("run", "-d", "-f", path)
        self.assertNotIn("sandbox", self.davit("plan", "-f", path).out)
        job = self.json("inspect", "pod")[0]["job"]
        self.davit("rm", "-f", "pod")
        with open(path, "w") as f:
            json.dump(job, f)
        kata_stand_in.forget(self.kata)
        self.davit("run", "-d", "-f", path)
        self.assertEqual(len(self.noted("create")), 3)
        self.davit("rm", "-f", "pod")
        job.pop("runtime_options")
        with open(path, "w") as f:
            json.dump({**job, "runtime": "runc"}, f)
        self.davit("run", "-d", "-f", path)
        self.assertEqual([t["name"] for t in self.json("inspect", "pod")[0]["tasks"]], ["pod.a", "pod.b"])

    def test_what_cannot_be(self):
        for tasks, says in (([self.task("sandbox"), self.task("b")], "task sandbox: "), ([self.task("a"), self.task("b", pid="task:a")], "kernel of its own"),
                            ([self.task("a"), self.task("b", lifecycle="poststop")], "lifecycle poststop: ")):
            self.assertIn(says, self.davit("run", "-d", "-f", self.file(*tasks), code=125).err)


class PodsAgain(WithPods):
    """A task that ends is started again by itself, in the machine that is there; the sandbox's end is the machine's, and so of all."""

    def setUp(self):
        super().setUp()
        self.addCleanup(lambda: wait_until("the end of its monitor", lambda: not monitors("pod")))
        self.addCleanup(lambda: self.davit("rm", "-f", "pod", code=None))

    def up(self, policy="always", network="none", **more):
        """As it was begun: the processes of its tasks."""
        restart = {"policy": policy, **more}
        self.davit("run", "-d", "-f", self.file(self.task("a", restart=restart), self.task("b", restart=restart), network=network))
        return self.pids()

    def pids(self):
        return {t["name"].split(".")[1]: t["state"].get("pid", 0) for t in self.json("inspect", "pod")[0]["tasks"]}

    def strike(self, *pids):
        for pid in pids:
            os.kill(pid, signal.SIGKILL)

    def another(self, before):
        """One whole other life of it, nothing of the last, and each container made once for it."""
        wait_until("another life", lambda: all(pid and pid not in before.values() for pid in self.pids().values()), 30)
        now = self.pids()
        self.assertEqual(len(now), 3)
        self.assertEqual([pid for pid in before.values() if os.path.exists(f"/proc/{pid}")], [])
        wait_for_one_monitor("pod")
        return now

    def made(self):
        """Which containers, by turns, since the last look."""
        names = [n["annotations"].get("io.kubernetes.cri.container-name", "sandbox") for n in self.noted("create")]
        kata_stand_in.forget(self.kata)
        return names

    def all_made(self):
        names = self.made()
        self.assertEqual((names[0], sorted(names)), ("sandbox", ["a", "b", "sandbox"]))

    def test_a_task_alone(self):
        before = self.up()
        self.all_made()
        self.strike(before["a"])
        wait_until("another", lambda: self.pids()["a"] not in (0, before["a"]))
        now = self.pids()
        self.assertEqual({t for t in now if now[t] != before[t]}, {"a"})
        self.assertEqual(self.made(), ["a"])
        self.assertEqual(self.davit("exec", "pod.a", "echo", "there").out, "there\n")

    def test_the_machine(self):
        """Whatever it leaves of the others, and when its shim ends with it."""
        self.need_network()
        life = self.up(network="davit")
        address = next(r["ip"] for r in self.rows("ps") if r["name"] == "pod")
        for struck in (("sandbox",), ("sandbox", "a", "b"), ("b", "sandbox")):
            self.made()
            self.strike(*(life[task] for task in struck))
            life = self.another(life)
            self.all_made()
        shim = int(read(f"/proc/{life['sandbox']}/stat").rpartition(b")")[2].split()[1])
        self.strike(shim, *life.values())
        life = self.another(life)
        self.all_made()
        self.assertEqual({os.readlink(f"/proc/{pid}/ns/net") for pid in life.values()}, {os.readlink(f"/proc/{life['sandbox']}/ns/net")})
        self.assertTrue(next(r["ip"] for r in self.rows("ps") if r["name"] == "pod").startswith(address.rsplit(".", 1)[0]))
        self.davit("stop", "-t", "0", "pod")
        self.assertEqual(self.state("pod"), "exited")
        self.assertEqual(self.made(), [])

    def test_so_many_times(self):
        life = self.another_after_sandbox(self.up("on-failure", attempts=1))
        self.strike(life["sandbox"])
        wait_until("its end", lambda: self.state("pod") == "exited" and not monitors("pod"))
        self.assertEqual(self.davit("wait", "pod").out, "137\n")
        self.assertEqual([pid for pid in life.values() if os.path.exists(f"/proc/{pid}")], [])

    def another_after_sandbox(self, life):
        self.strike(life["sandbox"])
        return self.another(life)

    def test_with_no_policy(self):
        life = self.up("no")
        self.strike(life["sandbox"])
        wait_until("the end of all", lambda: not [pid for pid in life.values() if os.path.exists(f"/proc/{pid}")])
        self.assertEqual(self.davit("wait", "pod").out, "137\n")

    def test_stopped_and_removed_in_a_pause(self):
        life = self.up(delay=600)
        for verb, flag in (("stop", "-t0"), ("rm", "-f")):
            self.strike(life["sandbox"])
            wait_until("the pause", lambda: self.state("pod") == "restarting")
            self.fails("rm", "pod", says=["restarting"])
            self.davit(verb, flag, "pod")
            wait_until("the end of its monitor", lambda: not monitors("pod"))
            if verb == "stop":
                self.assertEqual(self.state("pod"), "exited")
                self.davit("start", "pod")
                life = self.pids()
        self.gone("pod")

    def test_a_monitor_or_a_start_that_is_killed(self):
        life = self.up()
        self.made()
        kill_monitor(monitor_of("pod"))
        self.strike(life["sandbox"])
        self.davit("ps")
        life = self.another(life)
        self.all_made()
        for reached in ("create", "start-task"):
            self.strike(life["sandbox"])
            wait_until("a start that has come so far", lambda reached=reached: self.noted(reached))
            for pid in self.starting():
                self.strike(pid)
            life = self.another(life)
            self.made()

    @staticmethod
    def starting():
        """`davit start --again` of the pod."""
        found = ((int(p), read(f"/proc/{p}/cmdline").split(b"\0")) for p in os.listdir("/proc") if p.isdigit())
        return [pid for pid, words in found if b"--again" in words and words[-2].startswith(b"pod-") and Machine.ns.encode() in words]

    def test_over_a_boot(self):
        self.up()
        self.addCleanup(reboot.real_boot)
        reboot.reboot(Machine.containerd)
        Machine.containerd.start()
        self.made()
        self.assertIn(("start", "pod"), [(r["part"], r["job"]) for r in self.rows("reconcile", "--boot")])
        self.all_made()
        self.another_after_sandbox(self.pids())
