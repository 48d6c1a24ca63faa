"""depends_on healthy: what waits for the health of another job, or task, starts after it. The checks themselves are elsewhere: here the
label that says what they say is written."""
import json
import os
import signal
import subprocess
import time

from lib.case import Case, Machine, wait_until


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

    def two(self, check=CHECK):
        first = self.task(restart=self.MONITORED, **({"healthcheck": check} if check else {}))
        return {"jobs": [self.job("h-first", first), self.job("h-then", self.task(), depends_on=[{"name": "h-first", "condition": "healthy"}])]}

    def pid(self, name):
        state = self.davit("inspect", name, code=None)
        return json.loads(state.out)[0]["state"].get("pid", 0) if state.code == 0 else 0

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
        lines = [x for x in err.splitlines() if x.startswith("davit: ") and "not acted on" not in x]
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
        process = self.begin(self.two())
        wait_until("the first", lambda: self.pid("h-first"))
        os.kill(self.pid("h-first"), signal.SIGKILL)
        self.fails_with(process, "h-first", "has ended with 137")

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
