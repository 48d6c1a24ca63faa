"""pause and unpause: processes that get no time, and get it again."""
import json
import os
import time

from lib.case import Case, Machine, wait_until

BUSY = "while :; do :; done"


def ticks(pid):
    """Processor time of a process, in ticks."""
    with open(f"/proc/{pid}/stat", encoding="utf-8") as f:
        words = f.read().rpartition(")")[2].split()
    return int(words[11]) + int(words[12])


class Pause(Case):
    def busy(self, name, *flags):
        self.job(*flags, name=name, command=("sh", "-c", BUSY))
        return self.pid(name)

    def pid(self, name):
        return self.json("inspect", name)[0]["state"]["pid"]

    def runs(self, pid):
        before = ticks(pid)
        wait_until("some time of its own", lambda: ticks(pid) > before)

    def stands_still(self, pid):
        before = ticks(pid)
        time.sleep(0.3)
        self.assertEqual(ticks(pid), before)

    def crew(self, name):
        path = os.path.join(self.folder, name + ".json")
        with open(path, "w", encoding="utf-8") as f:
            json.dump({"name": name, "network": "none", "tasks": [
                {"name": task, "image": Machine.image, "args": ["sh", "-c", BUSY], "stop_timeout": 1} for task in ("one", "two")]}, f)
        self.addCleanup(self.davit, "rm", "-f", name, code=None)
        self.davit("run", "-d", "-f", path)
        return [self.pid(f"{name}.one"), self.pid(f"{name}.two")]

    def test_it_stands_still_and_goes_on(self):
        pid = self.busy("p-busy")
        self.runs(pid)
        self.assertEqual(self.davit("pause", "p-busy").out, "p-busy\n")
        self.stands_still(pid)
        self.assertEqual(self.state("p-busy"), "paused")
        self.assertIn("(Paused)", self.davit("ps").out)
        self.fails("pause", "p-busy", says=["job p-busy: is paused already", "davit unpause p-busy"])
        self.assertEqual(self.davit("unpause", "p-busy").out, "p-busy\n")
        self.runs(pid)
        self.assertEqual(self.state("p-busy"), "running")
        self.fails("unpause", "p-busy", says=["job p-busy: is not paused", "davit pause p-busy"])

    def test_a_job_that_does_not_run(self):
        self.davit("create", "--name", "p-new", "--network", "none", Machine.image, "true")
        self.addCleanup(self.davit, "rm", "-f", "p-new", code=None)
        for verb in ("pause", "unpause"):
            self.fails(verb, "p-new", says=["job p-new: is not running", "davit start p-new"])
            self.fails(verb, "p-nobody", says="not found")
            self.fails(verb, says="argument is missing")

    def test_several_jobs(self):
        pids = [self.busy("p-a"), self.busy("p-b")]
        self.assertEqual(self.davit("pause", "p-a", "p-none", "p-b", code=125).out, "p-a\np-b\n")
        for pid in pids:
            self.stands_still(pid)
        self.davit("unpause", "p-a", "p-b")

    def test_tasks_of_a_job(self):
        one, two = self.crew("p-crew")
        self.davit("pause", "p-crew.two")
        self.stands_still(two)
        self.runs(one)
        self.assertEqual(self.state("p-crew"), "running")
        self.fails("pause", "p-crew.two", says=["p-crew.two", "is paused already"])
        self.davit("pause", "p-crew")
        self.stands_still(one)
        self.assertEqual(self.state("p-crew"), "paused")
        self.fails("pause", "p-crew", says="is paused already")
        self.davit("unpause", "p-crew")
        self.runs(one)
        self.runs(two)

    def test_stop_of_a_paused_one(self):
        self.job(name="p-stop", command=("sh", "-c", "trap 'exit 7' TERM; echo ready; while :; do sleep 0.05; done"))
        wait_until("its trap", lambda: self.davit("logs", "p-stop").out == "ready\n")
        self.davit("pause", "p-stop")
        self.davit("stop", "-t", "20", "p-stop")
        self.assertEqual(self.davit("wait", "p-stop").out, "7\n")

    def test_kill_and_rm_of_a_paused_one(self):
        pid = self.busy("p-kill")
        self.davit("pause", "p-kill")
        self.davit("kill", "p-kill")
        self.assertEqual(self.davit("wait", "p-kill").out, "137\n")
        self.davit("start", "p-kill")
        pid = self.pid("p-kill")
        self.davit("pause", "p-kill")
        self.davit("rm", "-f", "p-kill")
        self.assertFalse(os.path.exists(f"/proc/{pid}"))
