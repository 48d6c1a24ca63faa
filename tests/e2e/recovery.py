"""Ensembles' failure_recovery: which jobs of a set are started again when one has failed."""
import json
import os
import signal

from lib.case import Case, Machine, wait_until
from lib.restarting import kill_monitor, monitor_of, monitors, read, wait_for_one_monitor


class Recovery(Case):
    NAMES = ("r-one", "r-two", "r-three")

    def setUp(self):
        super().setUp()
        self.addCleanup(self.no_monitor_stays)

    def no_monitor_stays(self):
        self.davit("rm", "-f", *self.NAMES, code=None)
        wait_until("the end of all monitors", lambda: not [pid for name in self.NAMES for pid in monitors(name)])

    def up(self, recovery, **middle):
        """Three, each after the one before; the second has that recovery."""
        def job(i, name, **more):
            return {"name": name, "network": "none", "depends_on": [{"name": self.NAMES[i - 1]}] if i else [], "tasks": [
                {"image": Machine.image, "args": ["sh", "-c", "echo begun; exec sleep 1000"], "stop_timeout": 1}], **more}
        path = os.path.join(self.folder, "set.json")
        with open(path, "w") as f:
            json.dump({"name": "r-set", "jobs": [job(i, n, **({"failure_recovery": recovery, **middle} if i == 1 else {}))
                                                 for i, n in enumerate(self.NAMES)]}, f)
        self.davit("run", "-d", "-f", path)

    def pids(self):
        return [self.json("inspect", n)[0]["state"].get("pid", 0) for n in self.NAMES]

    def started(self):
        return [self.json("inspect", n)[0]["state"]["started_at"] for n in self.NAMES]

    def marks(self):
        return [n for n in self.NAMES if "davit.recovery" in self.json("inspect", n)[0]["labels"]]

    def dies(self, *changed):
        before = self.pids()
        os.kill(before[1], signal.SIGKILL)
        self.settles(before, *changed)

    def settles(self, before, *changed):
        wait_until("the recovery", lambda: all(now and (now != was) == (i in changed) for i, (now, was) in enumerate(zip(self.pids(), before)))
                   and not self.marks())

    def test_stay_down(self):
        self.up("stay_down")
        before = self.pids()
        os.kill(before[1], signal.SIGKILL)
        wait_until("its end", lambda: self.state("r-two") == "exited")
        self.assertEqual([monitors(n) for n in self.NAMES], [[], [], []])
        self.assertEqual(self.pids(), [before[0], 0, before[2]])

    def test_one_for_one(self):
        self.up("one_for_one")
        self.dies(1)

    def test_one_for_all(self):
        self.up("one_for_all")
        self.dies(0, 1, 2)
        at = self.started()
        self.assertEqual(at, sorted(at))
        self.dies(0, 1, 2)

    def test_wait_is_for_the_end_for_good(self):
        """Of one that goes along, too: its last life's."""
        self.up("one_for_all")
        waiter = self.start("wait", "r-three")
        self.dies(0, 1, 2)
        self.assertIsNone(waiter.poll())
        self.davit("stop", "-t", "0", "r-three")
        self.assertEqual(waiter.communicate(timeout=60 * Machine.slow)[0], "137\n")

    def test_rest_for_one(self):
        self.up("rest_for_one")
        self.dies(1, 2)
        at = self.started()
        self.assertEqual(at, sorted(at))

    def test_one_that_a_person_has_stopped_stays_so(self):
        self.up("one_for_all")
        self.davit("stop", "-t", "0", "r-three")
        before = self.pids()
        os.kill(before[1], signal.SIGKILL)
        wait_until("the recovery", lambda: all(x not in (0, y) for x, y in zip(self.pids()[:2], before)) and not self.marks())
        self.assertEqual(self.pids()[2], 0)

    def test_a_stop_of_the_one_is_no_failure(self):
        self.up("one_for_all")
        before = self.pids()
        self.davit("stop", "-t", "0", "r-two")
        wait_until("the end of its monitor", lambda: not monitors("r-two"))
        self.assertEqual(self.pids(), [before[0], 0, before[2]])

    @staticmethod
    def recoverers(name):
        found = []
        for pid in filter(str.isdigit, os.listdir("/proc")):
            words = read(f"/proc/{pid}/cmdline").split(b"\0")
            if b"--again" in words and words[-2].decode().rsplit("-", 1)[0] == name and Machine.ns.encode() in words:
                found.append(int(pid))
        return found

    def test_killed_in_the_middle_it_goes_on(self):
        """At each step that its marks tell of: monitor and recovery die, and who looks next goes on."""
        def marked():
            return len(self.marks()) == 3
        steps = [lambda was: len(self.marks()) >= 1, lambda was: marked(), lambda was: marked() and 0 in self.pids(),
                 lambda was: self.pids()[0] not in (0, was[0])]
        self.up("one_for_all")
        for step in steps:
            before = self.pids()
            os.kill(before[1], signal.SIGKILL)
            wait_until("the step", lambda: step(before) or self.pids()[1] not in (0, before[1]))  # or one look came too late for it
            for pid in monitors("r-two") + self.recoverers("r-two"):
                kill_monitor(pid)
            self.davit("ps")
            self.settles(before, 0, 1, 2)
            wait_for_one_monitor("r-two")

    def test_killed_in_the_middle_and_the_failed_one_removed(self):
        """What it leaves is made here: both others are marked, and one is stopped already. Whoever looks next starts that."""
        self.up("one_for_all")
        before = self.pids()
        ids = [self.json("inspect", n)[0]["id"] for n in self.NAMES]
        kill_monitor(monitor_of("r-two"))
        for id in ids[::2]:
            Machine.containerd.ctr("containers", "label", id, f"davit.recovery={ids[1]}", ns=Machine.ns)
        os.kill(before[2], signal.SIGKILL)
        wait_until("its end", lambda: self.state("r-three") == "exited")
        self.assertEqual(self.marks(), ["r-one", "r-three"])
        self.davit("rm", "-f", "r-two")
        with self.start("logs", "-f", "r-three") as follower:
            self.assertEqual([follower.stdout.readline() for _ in range(2)], ["begun\n"] * 2)  # it waits for what it has begun
            follower.kill()

        def all_live():
            one, three = (self.json("inspect", n)[0] for n in self.NAMES[::2])
            return one["state"]["pid"] == before[0] and three["state"].get("pid", 0) and "davit.recovery" not in {**one["labels"], **three["labels"]}
        wait_until("the others", all_live)
        self.assertEqual(self.json("reconcile"), [])

    def test_stop_against_a_recovery(self):
        self.up("one_for_all")
        before = self.pids()
        os.kill(before[1], signal.SIGKILL)
        wait_until("its beginning", lambda: self.marks() or self.pids()[1] not in (0, before[1]))  # or one look came too late for it
        self.davit("stop", "-t", "0", "--set", "r-set")
        wait_until("the end of its monitor", lambda: not monitors("r-two") and not self.recoverers("r-two"))
        self.assertEqual(self.pids(), [0, 0, 0])

    def test_rm_against_a_recovery(self):
        self.up("one_for_all")
        before = self.pids()
        os.kill(before[1], signal.SIGKILL)
        wait_until("its beginning", lambda: self.marks() or self.pids()[1] not in (0, before[1]))  # or one look came too late for it
        self.davit("rm", "-f", *self.NAMES)
        for name in self.NAMES:
            self.gone(name)
