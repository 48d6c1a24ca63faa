"""davit, containerd and shims that end when they should not. Nothing stays that prune does not find; running jobs go on."""
import fcntl
import glob
import os
import shutil
import signal
import subprocess
import time

from lib import leaks
from lib.case import Case, Machine, freeze, get, wait_for_delivery, wait_until

RUN = ("run", "--name", "struck")


class Sweep(Case):
    """A signal after every few milliseconds of a run, so that each step is hit."""

    def strike(self, sig, flags, delays):
        bystander = self.job()
        for delay in delays:
            process = self.start(*RUN, *flags, Machine.image, "sleep", "30")
            time.sleep(delay)
            process.send_signal(sig)
            process.communicate(timeout=60 * Machine.slow)
            yield delay, process
        wait_until("the end of plugins that were still at work", self.pruned)
        self.assertEqual(self.state(bystander), "running")

    def pruned(self):
        self.davit("prune")
        return not [x for x in leaks.everything(Machine.containerd) - self.before if "struck" in x]

    def delays(self, steps=24):
        """From nothing to the whole of a start, measured."""
        began = time.monotonic()
        self.davit("run", "-d", "--name", "measured", "--network", "none", Machine.image, "sleep", "30")
        whole = time.monotonic() - began
        self.davit("rm", "-f", "measured")
        return [1.3 * whole * i / steps for i in range(steps)]

    def test_killed_then_pruned(self):
        for delay, _ in self.strike(signal.SIGKILL, ["--network", "none"], self.delays()):
            with self.subTest(delay=delay):
                self.davit("prune")
                self.davit("rm", "-f", "struck", code=None)
                self.davit("run", "--rm", "--name", "struck", "--network", "none", Machine.image, "true")

    def test_killed_with_a_network_then_pruned(self):
        self.need_network()
        for delay, _ in self.strike(signal.SIGKILL, ["-p", "18099:80"], [d * 3 for d in self.delays(16)]):
            with self.subTest(delay=delay):
                self.davit("prune")
                self.davit("rm", "-f", "struck", code=None)

    def test_killed_with_a_volume_then_pruned(self):
        before = self.davit("volume", "ls").out
        for delay, _ in self.strike(signal.SIGKILL, ["--network", "none", "-v", "/vol"], self.delays(16)):
            with self.subTest(delay=delay):
                self.davit("prune")
                self.davit("rm", "-f", "-v", "struck", code=None)
                self.assertEqual(self.davit("volume", "ls").out, before)

    def test_killed_then_run_again(self):
        for delay, _ in self.strike(signal.SIGKILL, ["--network", "none"], self.delays(12)):
            with self.subTest(delay=delay):
                again = self.davit("run", "--rm", "--name", "struck", "--network", "none", Machine.image, "echo", "again", code=None)
                if again.code:  # the job had been started: it runs, and its name is taken
                    self.assertIn("struck", again.err)
                    self.davit("rm", "-f", "struck")
                else:
                    self.assertEqual(again.out, "again\n")

    def test_killed_then_removed(self):
        for delay, _ in self.strike(signal.SIGKILL, ["--network", "none"], self.delays(12)):
            with self.subTest(delay=delay):
                self.davit("rm", "-f", "struck", code=None)  # not found is fine when nothing was made yet

    def test_interrupted_rolls_back(self):
        for delay, process in self.strike(signal.SIGINT, ["--network", "none", "-d"], self.delays()):
            with self.subTest(delay=delay):
                if process.returncode == 0:
                    self.davit("rm", "-f", "struck")
                else:
                    self.assertIn(process.returncode, (130, 125, -signal.SIGINT))
                    self.gone("struck")


class Left(Case):
    @staticmethod
    def heirs(davit):
        """Its children that would do what is left to be done."""
        with open(f"/proc/{davit}/task/{davit}/children") as f:
            return [int(pid) for pid in f.read().split()]

    def test_ps_says_what_prune_would_remove(self):
        if Machine.shim:
            self.skipTest("davit's own shim has it removed")
        self.assertEqual(self.davit("ps", "-a").err, "")
        process = self.start("run", "--rm", "--name", "victim", "--network", "none", Machine.image, "sh", "-c", "echo up; sleep 2")
        self.assertEqual(process.stdout.readline(), "up\n")
        for pid in self.heirs(process.pid) + [process.pid]:
            os.kill(pid, signal.SIGKILL)
        wait_until("its end", lambda: "davit prune" in self.davit("ps", "-a").err)
        self.assertEqual(len(self.davit("ps", "-a").err.splitlines()), 1)
        self.assertIn("victim", self.davit("prune").out)
        self.assertEqual(self.davit("ps", "-a").err, "")

    def test_folders_that_no_job_has(self):
        name = self.job()
        log = os.path.dirname(next(iter(glob.glob(f"/var/lib/davit/logs/{Machine.ns}/{name}-*/log"))))
        gone = [f"/var/lib/davit/{kind}/{Machine.ns}/gone-0a0b0c0d" for kind in ("logs", "files")]
        other = f"/var/lib/davit/logs/{Machine.ns}/not a job's"
        for path in (*gone, other):
            os.makedirs(path)
        self.addCleanup(os.rmdir, other)
        notes = self.notes("gone-0a0b0c0d.health", "gone-0a0b0c0d.lost", "gone-0a0b0c0d.health.XyZ012", "task-t0020a0b.1.lost")
        kept = self.notes(*(os.path.basename(os.path.dirname(log)) + end for end in (".health", ".lost")), "not a job's.lost")
        self.assertIn("gone-0a0b0c0d", self.davit("prune", "--dry-run").out)
        self.assertTrue(os.path.isdir(gone[0]))
        self.assertIn("gone-0a0b0c0d", self.davit("prune").out)
        self.assertEqual([path for path in gone if os.path.exists(path)], [])
        self.assertTrue(os.path.isdir(log) and os.path.isdir(other))
        self.assertEqual([path for path in (*notes, *kept) if os.path.exists(path)], kept)
        self.assertEqual(self.davit("prune").out, "")

    def notes(self, *names):
        paths = [f"/run/davit/{Machine.ns}/{name}" for name in names]
        for path in paths:
            with open(path, "w"):
                pass
            self.addCleanup(lambda path=path: os.path.exists(path) and os.unlink(path))
        return paths

    def test_files_of_one_that_is_being_made(self):
        note, lock = self.notes("made-0a0b0c0d.lost", "made.lock")
        with open(lock) as held:
            fcntl.flock(held, fcntl.LOCK_EX)
            self.assertEqual(self.davit("prune").out, "")
            self.assertTrue(os.path.exists(note))
        self.assertIn("made-0a0b0c0d", self.davit("prune").out)
        self.assertFalse(os.path.exists(note))

    def test_labels_of_davit_are_its_own(self):
        self.fails("run", "--rm", "--label", "davit.remove=1", Machine.image, "true", says=["davit.remove", "reserved", "choose"])
        path = os.path.join(self.folder, "labels")
        with open(path, "w") as f:
            f.write("davit.complete=1\n")
        self.fails("run", "--rm", "--label-file", path, Machine.image, "true", says=["davit.complete", "reserved"])


class ContainerdRestart(Case):
    def restart(self, sig=signal.SIGTERM):
        Machine.containerd.restart(sig)

    def test_jobs_go_on(self):
        name = self.job(command=("sh", "-c", "i=0; while :; do i=$((i+1)); echo $i; sleep 0.1; done"))
        wait_until("a line", lambda: self.davit("logs", name).out)
        self.restart(signal.SIGKILL)
        self.assertEqual(self.state(name), "running")
        before = len(self.davit("logs", name).out)
        wait_until("more lines", lambda: len(self.davit("logs", name).out) > before)
        self.davit("exec", name, "true")

    def test_waits_survive(self):
        name = self.job("-v", f"{self.folder}:/c", command=("sh", "-c", "until [ -e /c/end ]; do sleep 0.1; done; exit 11"))
        wait = self.start_until("Tasks/Wait", "wait", name)
        self.restart()
        open(os.path.join(self.folder, "end"), "w").close()
        out, err = wait.communicate(timeout=60 * Machine.slow)
        self.assertEqual((wait.returncode, out.strip()), (0, "11"), err)

    def test_foreground_survives(self):
        process = self.start("run", "--rm", "--network", "none", "-v", f"{self.folder}:/c", Machine.image, "sh", "-c",
                             "echo a; until [ -e /c/end ]; do sleep 0.1; done; echo b; exit 12")
        self.assertEqual(process.stdout.readline(), "a\n")
        self.restart()
        open(os.path.join(self.folder, "end"), "w").close()
        out, err = process.communicate(timeout=60 * Machine.slow)
        self.assertEqual((process.returncode, out), (12, "b\n"), err)

    def test_a_long_outage(self):
        """Longer than anybody should bear it. Output is copied meanwhile, exits are known, and a live job keeps its network."""
        self.once()
        kept = self.start("run", "-d", "--rm", "--name", "kept", *(() if Machine.network else ("--network", "none")), Machine.image,
                          "sleep", "1000")
        self.addCleanup(lambda: self.davit("rm", "-f", "kept", code=None))
        kept.communicate(timeout=60 * Machine.slow)
        namespace = "/run/netns/" + next(get(row, "id") for row in self.rows("ps") if get(row, "name") == "kept")
        foreground = self.start("run", "--rm", "--network", "none", Machine.image, "sh", "-c",
                                "i=0; while [ ! -e /tmp/end ]; do i=$((i+1)); echo $i; sleep 1; done; exit 12")
        self.assertEqual(foreground.stdout.readline(), "1\n")
        name = self.job(command=("sh", "-c", "while [ ! -e /tmp/end ]; do sleep 0.1; done; exit 11"))
        wait = self.start_until("Tasks/Wait", "wait", name)
        Machine.containerd.stop(signal.SIGKILL)
        began = time.monotonic()
        for i in range(2, 34):
            self.assertEqual(foreground.stdout.readline(), f"{i}\n")
        self.assertGreater(time.monotonic() - began, 30)
        Machine.containerd.start()
        self.assertTrue(os.path.exists(namespace))
        self.assertEqual(self.state("kept"), "running")
        others = [get(row, "name") for row in self.rows("ps") if get(row, "name") not in ("kept", name)]
        for job in (name, *others):
            self.davit("exec", job, "touch", "/tmp/end")
        out, err = wait.communicate(timeout=60 * Machine.slow)
        self.assertEqual((wait.returncode, out.strip()), (0, "11"), err)
        foreground.communicate(timeout=60 * Machine.slow)
        self.assertEqual(foreground.returncode, 12)
        self.davit("stop", "-t", "1", "kept")
        wait_until("its removal", lambda: not os.path.exists(namespace))

    def test_exit_while_it_is_down(self):
        name = self.job("-v", f"{self.folder}:/c", command=("sh", "-c", "until [ -e /c/end ]; do sleep 0.1; done; exit 13"))
        pid = int(next(get(row, "pid") for row in self.rows("ps") if get(row, "name") == name))
        Machine.containerd.stop(signal.SIGKILL)
        open(os.path.join(self.folder, "end"), "w").close()
        wait_until("its end", lambda: not os.path.exists(f"/proc/{pid}"))
        Machine.containerd.start()
        result = self.davit("wait", name, code=None)
        # From 1.7 on containerd deletes, when it comes back, the shim of a task that ended meanwhile, and its exit with it.
        if result.code == 125 and not Machine.containerd.version().startswith("1.6."):
            self.assertIn("exit is not known", result.err)
        else:
            self.assertEqual((result.code, result.out.strip()), (0, "13"))


class Reboot(Case):
    def test_a_job_starts_again(self):
        """A reboot takes processes, mounts and /run; containerd's store and CNI's files stay."""
        self.need_network()
        name = self.job("-p", "18098:80", network="davit")
        pid = int(next(get(row, "pid") for row in self.rows("ps") if get(row, "name") == name))
        shims = [int(x.split()[1]) for x in leaks.processes() if "containerd-shim-" in x and "-namespace " + Machine.ns in x]
        Machine.containerd.stop(signal.SIGKILL)
        for victim in (*shims, pid):
            os.kill(victim, signal.SIGKILL)
        wait_until("the end of the job", lambda: not os.path.exists(f"/proc/{pid}"))
        for path in glob.glob("/run/netns/*"):
            subprocess.run(["umount", "-l", path], check=True)
            os.unlink(path)
        for path in glob.glob("/run/davit/*/*") + glob.glob(f"/run/containerd/runc/{Machine.ns}/*"):
            shutil.rmtree(path, ignore_errors=True)
        for table in ("nat", "filter"):
            for what in ("-F", "-X"):
                subprocess.run(["iptables", "-t", table, what], check=True)
        Machine.containerd.start()
        self.assertEqual(self.state(name), "exited")
        self.davit("start", name)
        self.assertEqual(self.state(name), "running")
        self.davit("rm", "-f", name)


class Neighbour(Case):
    SCRIPT = """set -e
for d in /run/containerd /run/davit /var/lib/davit "$ROOT"; do mount -t tmpfs tmpfs "$d"; done
"$CONTAINERD" --config "$CONFIG" >/dev/null 2>&1 &
until "$CTR" version >/dev/null 2>&1; do sleep 0.1; done
"$DAVIT" image import --cmd sh "$TAR" busybox:local >/dev/null 2>&1
"$DAVIT" run -d --name neighbour --network none busybox:local sleep 1000
read -r line
"$DAVIT" ps
"$DAVIT" rm -f neighbour
kill $!
wait $! || true
"""

    def test_its_jobs_are_left_alone(self):
        """A containerd with the same address and namespace, in a mount namespace of its own: a container, a sandbox."""
        outer = Machine.containerd
        env = dict(os.environ, ROOT=outer.root, CONTAINERD=outer.program, CONFIG=outer.config, CTR=outer.ctr_program, DAVIT=Machine.davit,
                   TAR=Machine.rootfs, PATH=os.path.dirname(outer.program) + ":" + os.environ["PATH"])
        inner = subprocess.Popen(["unshare", "--mount", "--propagation", "private", "sh", "-c", self.SCRIPT], env=env, text=True,
                                 stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.addCleanup(self._end, inner)
        self.assertEqual(inner.stdout.readline(), "neighbour\n")
        self.assertEqual(self.davit("prune").out, "")
        out, err = inner.communicate("go on\n", timeout=60 * Machine.slow)
        self.assertEqual(inner.returncode, 0, err)
        self.assertRegex(out, r"neighbour .*Up ")


def shims():
    """Those that jobs of these tests have now."""
    program = f"{Machine.shim or 'containerd-shim-runc-v2'} "
    return [int(x.split()[1]) for x in leaks.processes() if program in x and "-namespace " + Machine.ns in x]


class Shim(Case):
    def test_killed(self):
        name = self.job()
        pids = shims()
        self.assertTrue(pids)
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
        wait_until("its end", lambda: self.state(name) != "running")
        self.davit("rm", "-f", name)


class Concurrency(Case):
    def test_twenty_runs_at_once(self):
        processes = [self.start("run", "--rm", "--network", "none", Machine.image, "sh", "-c", f"echo {i}; exit {i}") for i in range(20)]
        for i, process in enumerate(processes):
            out, err = process.communicate(timeout=120 * Machine.slow)
            self.assertEqual((process.returncode, out), (i, f"{i}\n"), err)

    def test_one_name_is_won_by_one(self):
        processes = [self.start("run", "-d", "--name", "coveted", "--network", "none", Machine.image, "sleep", "100") for _ in range(8)]
        results = []
        for process in processes:
            _, err = process.communicate(timeout=120 * Machine.slow)
            results.append((process.returncode, err))
        self.addCleanup(lambda: self.davit("rm", "-f", "coveted"))
        self.assertEqual(sorted(code for code, _ in results), [0] + [125] * 7, results)
        self.assertEqual(self.state("coveted"), "running")

    def test_networks_at_once(self):
        self.need_network()
        processes = [self.start("run", "--rm", Machine.image, "sh", "-c", "ip -o -4 addr show eth0") for _ in range(8)]
        addresses = []
        for process in processes:
            out, err = process.communicate(timeout=120 * Machine.slow)
            self.assertEqual(process.returncode, 0, err)
            addresses.append(out.split()[3])
        self.assertTrue(addresses)

    def test_stop_and_rm_at_once(self):
        names = [self.job() for _ in range(4)]
        processes = [self.start("rm", "-f", name) for name in names for _ in range(2)]
        for process in processes:
            process.communicate(timeout=60 * Machine.slow)
        for name in names:
            self.gone(name)


class Hanging(Case):
    """Engines and shims that do not answer: a job ends all the same, and leaves nothing."""

    def setUp(self):
        super().setUp()
        self.engine = shutil.which(Machine.engine)
        self.wrapped = False

    def freeze_shims(self):
        pids = shims()
        self.assertTrue(pids)
        for pid in pids:
            freeze(pid)

        def go_on():
            for pid in pids:
                try:
                    os.kill(pid, signal.SIGCONT)
                except ProcessLookupError:
                    pass
        self.addCleanup(go_on)

    def hang_engine(self, *verbs):
        """The engine of every containerd here sleeps where it should do one of @verbs."""
        if not self.wrapped:
            self.wrap_engine()
        for verb in verbs:
            open(f"{self.folder}/hang.{verb}", "w").close()

    def wrap_engine(self):
        """Before a job that is to see it hang: davit's shim has the engine of its job open."""
        real, wrapper = os.path.join(self.folder, Machine.engine), os.path.join(self.folder, "wrapper")
        shutil.copy2(self.engine, real)
        with open(wrapper, "w") as f:
            f.write("#!/bin/sh\nfor a in \"$@\"; do case $a in\n"
                    f"exec) [ -e {self.folder}/hang.exec ] && sleep 1234 ;;\n"
                    f"*) [ -e {self.folder}/hang.$a ] && exec sleep 1234 ;;\nesac; done\nexec {real} \"$@\"\n")
        os.chmod(wrapper, 0o755)
        subprocess.run(["mount", "--bind", wrapper, self.engine], check=True)
        self.wrapped = True
        self.addCleanup(self.mend_engine)

    def test_killed_in_the_middle_of_a_delete(self):
        """containerd has forgotten the task, and does not end its shim any more since its client has gone."""
        for i in range(12):
            with self.subTest(i=i):
                self.strike_after_delete(i * 0.001)
                if i % 3 == 1:
                    self.assertIn("struck", self.davit("prune", "-a").out)
                elif i % 3 == 2:
                    self.davit("start", "struck")
                if i % 3 != 1:
                    self.davit("rm", "-f", "struck")
                wait_until("the shim's end", lambda: not shims())

    def strike_after_delete(self, seconds):
        """A davit that is killed so long after its job's engine has deleted what it had."""
        real, wrapper, pid, go = (os.path.join(self.folder, x) for x in (Machine.engine, "wrapper", "davit.pid", "go"))
        shutil.copy2(self.engine, real)
        with open(wrapper, "w") as f:
            f.write(f"#!/bin/sh\n{real} \"$@\"; code=$?\ncase \" $* \" in *' delete '*) sleep {seconds}; kill -9 $(cat {pid}) ;; esac\nexit $code\n")
        os.chmod(wrapper, 0o755)
        subprocess.run(["mount", "--bind", wrapper, self.engine], check=True)
        self.addCleanup(self.mend_engine)
        process = self.start(*RUN, "--network", "none", "-v", f"{self.folder}:/c", Machine.image, "sh", "-c",
                             "until [ -e /c/go ]; do sleep 0.01; done")
        with open(pid, "w") as f:
            f.write(str(process.pid))
        open(go, "w").close()
        process.wait(60 * Machine.slow)
        self.mend_engine()
        os.unlink(go)

    def mend_engine(self):
        for path in glob.glob(self.folder + "/hang.*"):
            os.unlink(path)
        subprocess.run(["umount", "-l", self.engine], capture_output=True)
        self.wrapped = False

    def pid(self, name):
        return int(next(get(row, "pid") for row in self.rows("ps") if get(row, "name") == name))

    def ended(self, pid):
        self.assertFalse(os.path.exists(f"/proc/{pid}"), "it lives")

    def again(self, name):
        """After a stop the job can be started as any other."""
        self.davit("start", name)
        self.assertEqual(self.state(name), "running")
        self.davit("rm", "-f", name)

    FORKS = ("sh", "-c", "trap '' TERM; while :; do (sleep 0.05 &); done")

    def test_stop_of_a_job_whose_shim_hangs(self):
        name = self.job(command=self.FORKS)
        pid = self.pid(name)
        self.freeze_shims()
        result = self.davit("stop", "-t", "1", name)
        self.assertLess(result.seconds, 30 * Machine.slow)
        self.ended(pid)
        self.assertEqual(self.state(name), "exited")
        self.assertEqual(self.davit("wait", name).out, "137\n")
        self.again(name)

    def test_rm_of_a_job_whose_shim_hangs(self):
        name = self.job(network="davit" if Machine.network else "none")
        pid = self.pid(name)
        self.freeze_shims()
        self.davit("prune")  # nothing says that it has ended
        self.assertTrue(os.path.exists(f"/proc/{pid}"))
        self.assertEqual(self.davit("prune", "-a", code=None).out, "")
        self.davit("rm", "-f", name)
        self.ended(pid)
        self.gone(name)

    def test_engines_that_hang(self):
        alone = Machine.engine == "crun" and not Machine.shim  # one by one in one of the runs
        for verbs in ((("kill",), ("delete",)) if alone else ()) + (("kill", "delete"),):
            with self.subTest(verbs=verbs):
                self.wrap_engine()
                name = self.job(command=self.FORKS)
                pid = self.pid(name)
                self.hang_engine(*verbs)
                result = self.davit("stop", "-t", "1", name)
                self.assertLess(result.seconds, 45 * Machine.slow)
                self.ended(pid)
                self.davit("rm", "-f", name)
                self.gone(name)
                self.mend_engine()

    def test_a_start_that_hangs_is_interrupted(self):
        for verb in ("create",) if Machine.shim else ("create", "start"):  # davit's shim starts without it
            with self.subTest(verb=verb):
                self.hang_engine(verb)
                process = self.start("run", "--rm", "--name", "held", "--network", "none", Machine.image, "sleep", "1000")
                wait_until("the engine", lambda: any("sleep 1234" in x for x in leaks.processes()))
                began = time.monotonic()
                process.send_signal(signal.SIGINT)
                process.communicate(timeout=60 * Machine.slow)
                self.assertLess(time.monotonic() - began, 15 * Machine.slow)
                self.assertEqual(process.returncode, 130)
                self.gone("held")
                self.mend_engine()
                self.davit("prune")

    def test_an_exec_that_hangs_does_not_keep_the_job(self):
        self.wrap_engine()
        name = self.job()
        pid = self.pid(name)
        self.hang_engine("exec")
        process = self.start("exec", name, "true")
        wait_until("the engine", lambda: any("sleep 1234" in x for x in leaks.processes()))
        self.assertLess(self.davit("stop", "-t", "1", name).seconds, 30 * Machine.slow)
        self.ended(pid)
        self.assertEqual(self.state(name), "exited")
        process.communicate(timeout=60 * Machine.slow)
        self.assertNotEqual(process.returncode, 0)

    def test_an_exec_that_hangs_is_interrupted(self):
        self.wrap_engine()
        name = self.job()
        self.hang_engine("exec")
        process = self.start("exec", name, "true")
        wait_until("the engine", lambda: any("sleep 1234" in x for x in leaks.processes()))
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=15 * Machine.slow)
        self.assertEqual(process.returncode, 130)


class Silent(Case):
    """A containerd that is stopped: connections are taken, and nothing is answered."""

    def setUp(self):
        super().setUp()
        self.pid = Machine.containerd.process.pid
        self.addCleanup(os.kill, self.pid, signal.SIGCONT)

    def interrupted(self, process, seconds, code=130):
        began = time.monotonic()
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60 * Machine.slow)
        self.assertLess(time.monotonic() - began, seconds * Machine.slow, err)
        self.assertEqual(process.returncode, code, err)
        return err

    def test_an_interrupt_ends_every_command(self):
        name = self.job()
        freeze(self.pid)
        for args in (("run", "--rm", "--name", "never", "--network", "none", Machine.image, "true"), ("ps",), ("stop", name),
                     ("rm", "-f", name), ("wait", name), ("logs", "-f", name), ("exec", name, "true"), ("prune",), ("images",)):
            with self.subTest(command=args[0]):
                self.interrupted(self.start_until("asks containerd", *args), 2)
        self.go_on()

    def go_on(self):
        """containerd does what was asked of it meanwhile, after those who asked have gone: a claim may come after a prune."""
        os.kill(self.pid, signal.SIGCONT)
        clean = 0

        def settled():
            nonlocal clean
            self.davit("prune")
            clean = 0 if any("never" in x for x in leaks.records(Machine.containerd)) else clean + 1
            return clean == 10
        wait_until("the end of what was asked", settled)

    def test_a_second_interrupt_ends_at_once(self):
        freeze(self.pid)
        process = self.start_until("Leases/Create", "run", "--rm", "--name", "never", "--network", "none", Machine.image, "true")
        process.send_signal(signal.SIGINT)
        wait_for_delivery(process, signal.SIGINT)
        time.sleep(0.3)  # what follows within 0.2 s is the same press of a key
        self.interrupted(process, 0.5)
        self.go_on()

    def test_a_foreground_that_cannot_hand_on_its_signal_detaches(self):
        process = self.start("run", "--name", "held", "--network", "none", Machine.image, "sh", "-c", "echo up; sleep 1000")
        self.addCleanup(lambda: self.davit("rm", "-f", "held", code=None))
        self.assertEqual(process.stdout.readline(), "up\n")
        freeze(self.pid)
        err = self.interrupted(process, 3, code=0)
        self.assertIn("does not answer", err)
        os.kill(self.pid, signal.SIGCONT)
        self.assertEqual(self.state("held"), "running")
