"""depends_on healthy: what waits for the health of another job, or task, starts after it. The checks themselves are elsewhere: here the
label that says what they say is written."""
import json
import os
import signal
import subprocess
import time

from lib.case import Case, Machine, wait_until
from lib.restarting import monitors, parent, read


def processes(seconds):
    """Those that sleep so long inside of a job here."""
    def is_ours(pid):
        return read(f"/proc/{pid}/cmdline") == b"sleep\0%s\0" % seconds.encode() and Machine.ns.encode() in read(f"/proc/{pid}/cgroup")
    return [int(pid) for pid in filter(str.isdigit, os.listdir("/proc")) if is_ours(pid)]


class Healthy(Case):
    MONITORED = {"policy": "on-failure"}
    CHECK = {"exec": ["true"], "interval": "1h", "start_period": "1h", "start_interval": "1h"}  # none is due while a case runs

    def setUp(self):
        super().setUp()
        self.made = []
        self.addCleanup(lambda: [self.davit("rm", "-f", name, code=None) for name in self.made])

    def task(self, name="", script="exec sleep 1000", **more):
        return {"name": name, "image": Machine.image, "args": ["sh", "-c", script], "stop_timeout": 1, **more}

    def job(self, name, *tasks, **more):
        self.made.append(name)
        return {"name": name, "network": "none", "tasks": list(tasks), **more}

    def begin(self, content):
        path = os.path.join(self.folder, "set.json")
        with open(path, "w") as f:
            json.dump(content, f)
        return self.start("run", "-d", "-f", path, stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def two(self, check=CHECK, script="exec sleep 1000", policy=MONITORED):
        first = self.task(script=script, **({"restart": policy} if policy else {}), **({"healthcheck": check} if check else {}))
        return {"jobs": [self.job("h-first", first), self.job("h-then", self.task(), depends_on=[{"name": "h-first", "condition": "healthy"}])]}

    def pid(self, name):
        state = self.davit("inspect", name, code=None)
        return json.loads(state.out)[0]["state"].get("pid", 0) if state.code == 0 else 0

    def sleep(self, n):
        """So many do: a task that was just started is a shell, or its engine's, for a moment."""
        wait_until(f"{n} that sleep", lambda: len(processes("1000")) == n)

    def says(self, name, word):
        ids = Machine.containerd.ctr("containers", "ls", "-q", ns=Machine.ns).stdout.split()
        own = [i for i in ids if i == name or i.rsplit("-", 1)[0] == name]
        Machine.containerd.ctr("containers", "label", own[0], f"davit.health={word} 0 {time.time_ns()}", ns=Machine.ns)

    def ends(self, process, code):
        out, err = process.communicate(timeout=60 * Machine.slow)
        self.assertEqual(process.returncode, code, err)
        return err

    def fails_with(self, process, *words):
        err = self.ends(process, 125)
        lines = [x for x in err.splitlines() if x.startswith("davit: ") and "not acted on" not in x and "is started again" not in x]
        self.assertEqual(len(lines), 1, err)
        for word in words:
            self.assertIn(word, lines[0])
        for name in self.made:
            self.gone(name)

    def test_a_job_starts_after_anothers_health(self):
        process = self.begin(self.two())
        wait_until("the first", lambda: self.pid("h-first"))
        self.says("h-first", "starting")
        self.assertEqual(self.pid("h-then"), 0)
        self.assertIsNone(process.poll())
        self.says("h-first", "healthy")
        self.ends(process, 0)
        self.assertGreater(self.pid("h-then"), 0)

    def test_unhealthy_is_a_failed_start(self):
        process = self.begin(self.two())
        wait_until("the first", lambda: self.pid("h-first"))
        self.says("h-first", "unhealthy")
        self.fails_with(process, "h-first", "is unhealthy, and others wait for its health")

    def test_one_that_ends_is_a_failed_start(self):
        process = self.begin(self.two(policy=None))
        wait_until("the first", lambda: self.pid("h-first"))
        os.kill(self.pid("h-first"), signal.SIGKILL)
        self.fails_with(process, "h-first", "has ended with 137")

    def dies(self):
        """Its next life, while others wait."""
        wait_until("a life", lambda: self.pid("h-first"))
        first = self.pid("h-first")
        os.kill(first, signal.SIGKILL)
        wait_until("its next life", lambda: self.pid("h-first") not in (0, first))
        return self.pid("h-first")

    def test_its_policy_has_it_started_again_while_others_wait(self):
        process = self.begin(self.two())
        self.dies()
        second = self.dies()
        self.sleep(1)
        self.assertEqual((self.pid("h-then"), process.poll()), (0, None))
        self.says("h-first", "healthy")
        self.ends(process, 0)
        self.assertGreater(self.pid("h-then"), 0)
        self.assertEqual((self.pid("h-first"), self.json("inspect", "h-first")[0]["restarts"]), (second, 2))

    def test_the_end_of_its_attempts_is_a_failed_start(self):
        process = self.begin(self.two(script="exit 3", policy={"policy": "on-failure", "attempts": 1}))
        self.fails_with(process, "h-first", "has ended with 3")

    def test_a_stop_meanwhile_is_a_failed_start(self):
        process = self.begin(self.two(policy={"policy": "always"}))
        self.dies()
        self.davit("stop", "-t", "0", "h-first")
        self.fails_with(process, "h-first", "has ended with 137")

    def test_what_was_started_again_is_taken_back(self):
        process = self.begin(self.two())
        self.dies()
        self.says("h-first", "unhealthy")
        self.fails_with(process, "h-first", "is unhealthy")
        wait_until("the end of all", lambda: not processes("1000") and not monitors("h-first"))

    def test_a_poststop_task_of_one_that_has_ended_is_taken_back(self):
        """Its monitor has it run; it is none of those that the set has started."""
        jobs = self.two(policy={"policy": "on-failure", "attempts": 1})
        jobs["jobs"][0]["tasks"][0]["name"] = "web"
        jobs["jobs"][0]["tasks"].append(self.task("last", "exec sleep 2000", lifecycle="poststop"))
        process = self.begin(jobs)
        last_life = self.dies()
        process.send_signal(signal.SIGSTOP)
        os.kill(last_life, signal.SIGKILL)
        wait_until("what comes last", lambda: processes("2000"))
        process.send_signal(signal.SIGCONT)
        self.fails_with(process, "h-first", "has ended with 137")
        self.assertEqual(processes("2000"), [])
        wait_until("the end of its monitor", lambda: not monitors("h-first"))

    def test_an_interrupt_against_a_restart_leaves_nothing(self):
        for pause in (0, 0.1, 0.25):
            process = self.begin(self.two())
            wait_until("the first", lambda: monitors("h-first") and self.pid("h-first"))
            os.kill(self.pid("h-first"), signal.SIGKILL)
            time.sleep(pause * Machine.slow)  # not waited for anything: it is to be anywhere in the restart
            process.send_signal(signal.SIGINT)
            process.wait(60 * Machine.slow)
            self.assertEqual(processes("1000"), [])
            for name in self.made:
                self.gone(name)
            wait_until("the end of its monitor", lambda: not monitors("h-first"))
            self.assertEqual(processes("1000"), [])

    def three(self, recovery, health_of_one=False):
        """The second recovers, and the third waits for its health; with @health_of_one also for that of the first."""
        on = [{"name": "h-two", "condition": "healthy"}] + [{"name": "h-one", "condition": "healthy"}] * health_of_one
        one = self.task(healthcheck=self.CHECK) if health_of_one else self.task()
        return {"name": "h-set", "jobs": [self.job("h-one", one), self.job("h-two", self.task(healthcheck=self.CHECK), failure_recovery=recovery),
                                          self.job("h-three", self.task(), depends_on=on)]}

    def pids(self):
        return [self.pid(name) for name in ("h-one", "h-two", "h-three")]

    def recovers(self, *changed):
        """The second of them dies, while the third waits."""
        wait_until("two lives", lambda: all(self.pids()[:2]) and monitors("h-two"))
        before = self.pids()
        os.kill(before[1], signal.SIGKILL)

        def recovered():
            now = self.pids()
            return all(now[:2]) and [i for i in range(2) if now[i] != before[i]] == list(changed) and not self.marked()
        wait_until("the recovery", recovered)
        self.assertEqual(self.pid("h-three"), 0)

    def marked(self):
        return [n for n in ("h-one", "h-two") if "davit.recovery" in self.json("inspect", n)[0]["labels"]]

    def test_its_recovery_of_all_while_others_wait(self):
        process = self.begin(self.three("one_for_all", health_of_one=True))
        self.recovers(0, 1)
        self.sleep(2)
        self.assertIsNone(process.poll())
        lives = self.pids()[:2]
        self.says("h-one", "healthy")
        self.says("h-two", "healthy")
        self.ends(process, 0)
        self.assertEqual(self.pids()[:2], lives)
        self.sleep(3)
        before = self.pids()
        os.kill(before[1], signal.SIGKILL)
        wait_until("the recovery of all", lambda: all(now not in (0, was) for now, was in zip(self.pids(), before)) and not self.marked())

    def test_its_recovery_of_the_rest_while_others_wait(self):
        process = self.begin(self.three("rest_for_one"))
        self.recovers(1)
        self.says("h-two", "healthy")
        self.ends(process, 0)
        self.sleep(3)

    def test_an_interrupt_against_a_recovery_leaves_nothing(self):
        for pause in (0, 0.15, 0.4):
            process = self.begin(self.three("one_for_all"))
            wait_until("two lives", lambda: all(self.pids()[:2]) and monitors("h-two"))
            os.kill(self.pid("h-two"), signal.SIGKILL)
            time.sleep(pause * Machine.slow)  # not waited for anything: it is to be anywhere in the recovery
            process.send_signal(signal.SIGINT)
            process.wait(60 * Machine.slow)
            self.assertEqual(processes("1000"), [])
            for name in self.made:
                self.gone(name)
            wait_until("the end of its monitor", lambda: not monitors("h-two"))
            self.assertEqual(processes("1000"), [])

    def test_another_of_its_name_is_left_alone(self):
        """It was removed, and its name taken, while others waited for it."""
        process = self.begin(self.two())
        self.dies()
        process.send_signal(signal.SIGSTOP)
        self.davit("rm", "-f", "h-first")
        self.davit("run", "-d", "--name", "h-first", "--network", "none", Machine.image, "sleep", "1000")
        other = self.pid("h-first")
        process.send_signal(signal.SIGCONT)
        self.ends(process, 125)
        self.assertEqual(self.pid("h-first"), other)
        self.gone("h-then")
        self.assertEqual(self.davit("run", "-d", "--name", "h-first", Machine.image, "true", code=125).out, "")

    def test_one_without_a_check_is_waited_for_in_vain(self):
        self.fails_with(self.begin(self.two(check=None)), "h-first", "has no health check")

    def test_an_interrupt_takes_all_back(self):
        process = self.begin(self.two())
        wait_until("the first", lambda: self.pid("h-first"))
        process.send_signal(signal.SIGINT)
        process.wait(60 * Machine.slow)
        for name in self.made:
            self.gone(name)

    def test_tasks_of_one_job(self):
        tasks = [self.task("web", depends_on=[{"name": "base", "condition": "healthy"}]), self.task("base", healthcheck=self.CHECK, restart=self.MONITORED)]
        process = self.begin(self.job("h-crew", *tasks))
        wait_until("the base", lambda: self.pid("h-crew.base"))
        self.assertEqual(self.pid("h-crew.web"), 0)
        ids = Machine.containerd.ctr("containers", "ls", "-q", ns=Machine.ns).stdout.split()
        own, = (i for i in ids if i.startswith("h-crew-") and i.endswith(".1"))
        self.says(own, "healthy")
        self.ends(process, 0)
        self.assertGreater(self.pid("h-crew.web"), 0)

    def crew(self, attempts=0):
        policy = {"policy": "on-failure", **({"attempts": attempts} if attempts else {})}
        web = self.task("web", depends_on=[{"name": "base", "condition": "healthy"}], restart={"policy": "always"})
        return self.job("h-crew", web, self.task("base", healthcheck=self.CHECK, restart=policy))

    def base_dies(self):
        """Its next life, while the other task waits."""
        wait_until("a life", lambda: monitors("h-crew") and self.pid("h-crew.base"))
        first = self.pid("h-crew.base")
        os.kill(first, signal.SIGKILL)
        wait_until("its next life", lambda: self.pid("h-crew.base") not in (0, first))
        self.sleep(1)

    def base_says(self, word):
        ids = Machine.containerd.ctr("containers", "ls", "-q", ns=Machine.ns).stdout.split()
        own, = (i for i in ids if i.startswith("h-crew-") and i.endswith(".1"))
        Machine.containerd.ctr("containers", "label", own, f"davit.health={word} 0 {time.time_ns()}", ns=Machine.ns)

    def test_a_task_is_started_again_while_another_of_its_job_waits(self):
        process = self.begin(self.crew())
        self.base_dies()
        self.base_dies()
        self.assertIsNone(process.poll())
        self.base_says("healthy")
        self.ends(process, 0)
        self.sleep(2)
        self.assertEqual(self.json("inspect", "h-crew")[0]["restarts"], 2)
        first = self.pid("h-crew.web")
        os.kill(first, signal.SIGKILL)
        wait_until("its next life", lambda: self.pid("h-crew.web") not in (0, first))
        self.sleep(2)
        self.assertEqual(self.json("inspect", "h-crew")[0]["restarts"], 3)

    def test_what_is_left_of_its_jobs_start_is_taken_back(self):
        process = self.begin(self.crew(attempts=1))
        self.base_dies()
        os.kill(self.pid("h-crew.base"), signal.SIGKILL)
        self.fails_with(process, "h-crew", "base", "has ended with 137")
        process = self.begin(self.crew())
        self.base_dies()
        os.kill(self.pid("h-crew.base"), signal.SIGKILL)
        process.send_signal(signal.SIGINT)
        process.wait(60 * Machine.slow)
        self.gone("h-crew")
        wait_until("the end of all", lambda: not processes("1000") and not monitors("h-crew"))

    def rests(self, pid):
        """It has asked, and hears nothing: of what it waits for outside nothing is to be seen."""
        before = read(f"/proc/{pid}/schedstat")
        time.sleep(0.5 * Machine.slow)
        return before and read(f"/proc/{pid}/schedstat") == before

    def test_one_that_is_removed_at_its_end_is_checked(self):
        """Its restart policy is not acted on."""
        check = {"exec": ["true"], "interval": "1s"}
        tasks = [self.task("web", depends_on=[{"name": "base", "condition": "healthy"}]), self.task("base", healthcheck=check, restart={"policy": "always"})]
        self.ends(self.begin(self.job("h-crew", *tasks, remove=True)), 0)
        self.assertIn("(healthy) (2 tasks)", self.davit("ps").out)
        self.davit("create", "--rm", "--name", "h-one", "--network", "none", "--health-cmd", "true", "--health-interval", "1s", Machine.image, "sleep", "1000")
        self.made.append("h-one")
        self.davit("start", "h-one")
        self.davit("wait", "--status", "healthy", "h-one")
        waiting = self.start("wait", "h-one", stdout=subprocess.PIPE)
        wait_until("its rest", lambda: self.rests(waiting.pid))
        self.sleep(3)
        for pid in processes("1000"):
            os.kill(pid, signal.SIGKILL)
        self.assertEqual(waiting.communicate(timeout=60 * Machine.slow)[0], "137\n")
        for name in self.made:
            wait_until("its removal", lambda: self.davit("inspect", name, code=None).code != 0)
        wait_until("the monitors' end", lambda: not monitors("h-crew") and not monitors("h-one"))

    def test_one_that_is_removed_at_its_end_has_one_life(self):
        process = self.begin({**self.crew(), "remove": True})
        wait_until("its first task", lambda: self.pid("h-crew.base"))
        os.kill(self.pid("h-crew.base"), signal.SIGKILL)
        self.fails_with(process, "h-crew", "base", "has ended with 137")
        self.assertEqual(processes("1000"), [])

    def test_all_that_its_monitor_starts_again(self):
        """Its shims have died: a start of the whole job, in which a task waits for a health that nobody but that monitor asks for."""
        check = {"exec": ["true"], "interval": "1s"}
        tasks = [self.task("web", depends_on=[{"name": "base", "condition": "healthy"}], restart={"policy": "always"}),
                 self.task("base", healthcheck=check, restart={"policy": "always"})]
        self.ends(self.begin(self.job("h-crew", *tasks)), 0)
        first = [self.pid(f"h-crew.{name}") for name in ("web", "base")]
        for pid in {parent(pid) for pid in first}:
            os.kill(pid, signal.SIGKILL)
        wait_until("the next life of all", lambda: all(self.pid(f"h-crew.{name}") not in (0, *first) for name in ("web", "base")))

    def test_a_start_that_is_killed_leaves_its_tasks_to_the_monitor(self):
        process = self.begin(self.crew())
        self.base_dies()
        process.kill()
        process.wait()
        wait_until("the other", lambda: self.pid("h-crew.web"))
        first = self.pid("h-crew.base")
        os.kill(first, signal.SIGKILL)
        wait_until("its next life", lambda: self.pid("h-crew.base") not in (0, first))
        self.sleep(2)
