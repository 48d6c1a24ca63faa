"""What is shown of jobs that are started again while somebody looks: a set in the foreground, logs -f."""
import json
import os
import re
import signal
import threading

from lib.case import Machine, freeze, wait_until
from lib.restarting import Made, monitors


class Following(Made):
    def file(self, name, *jobs, **more):
        """@jobs: name, script, what else its task has, what else the job has."""
        self.made += [job[0] for job in jobs]
        path = os.path.join(self.folder, name + ".json")
        with open(path, "w") as f:
            json.dump({"name": name, "jobs": [{"name": job, "network": "none", "tasks": [
                {"image": Machine.image, "args": ["sh", "-c", script], "stop_timeout": 1,
                 "mounts": [{"type": "bind", "source": self.folder, "target": "/c"}], **task}], **of_job}
                for job, script, task, of_job in jobs], **more}, f)
        return path

    def pid(self, name):
        return self.json("inspect", name)[0]["state"].get("pid", 0)

    def reader(self, process):
        """Lines as they come, in a list that grows."""
        lines = []
        thread = threading.Thread(target=lambda: lines.extend(iter(process.stdout.readline, "")))
        thread.start()
        self.addCleanup(thread.join)
        self.addCleanup(process.kill)
        return lines, thread

    def ends(self, process, thread):
        process.wait(60 * Machine.slow)
        thread.join()
        return process.returncode

    def dies(self, name):
        """By a signal, and another life begins."""
        before = self.pid(name)
        os.kill(before, signal.SIGKILL)
        wait_until("another", lambda: self.pid(name) not in (0, before))


AGAIN = {"restart": {"policy": "on-failure"}}


class Set(Following):
    COUNTS = "n=$(cat /c/count 2>/dev/null || echo 0); echo $((n + 1)) >/c/count; seq 1 200 | sed s,^,$n.,; printf end; [ $n = 2 ] && exit 7; exit 3"

    def test_over_lives(self):
        """Each line once, in its order, whatever comes between; the exit status is the last life's."""
        path = self.file("f-set", ("f-web", self.COUNTS, {"restart": {"policy": "on-failure", "attempts": 2}}, {}), ("f-one", "echo once", {}, {}))
        result = self.davit("run", "-f", path, code=7)
        lines = result.out.splitlines()
        self.assertEqual([x for x in lines if x.startswith("f-web")], [f"f-web | {x}" for n in range(3) for x in [f"{n}.{i}" for i in range(1, 201)] + ["end"]])
        self.assertEqual([x for x in lines if not x.startswith("f-web")], ["f-one | once"])

    def test_an_interrupt_ends_all(self):
        path = self.file("f-stop", ("f-always", "echo begun; exec sleep 1000", {"restart": {"policy": "always"}}, {}),
                         ("f-loop", "echo begun; exit 1", {"restart": {"policy": "always"}}, {}))
        process = self.start("run", "-f", path)
        lines, thread = self.reader(process)
        wait_until("output", lambda: "f-always | begun\n" in lines)
        self.dies("f-always")
        wait_until("more of it", lambda: lines.count("f-always | begun\n") == 2 and lines.count("f-loop   | begun\n") > 2)
        process.send_signal(signal.SIGINT)
        self.assertEqual(self.ends(process, thread), 130)
        wait_until("the end of all monitors", lambda: not monitors("f-always") and not monitors("f-loop"))
        self.assertEqual([self.state(name) for name in ("f-always", "f-loop")], ["exited"] * 2)

    def test_over_a_recovery(self):
        """Of those that go along, too: they ask for nothing themselves."""
        wait = "echo begun; while [ ! -e /c/go ]; do sleep 0.05; done; echo done"
        path = self.file("f-all", ("f-a", wait, {}, {}), ("f-b", wait, {}, {"failure_recovery": "one_for_all"}), ("f-c", wait, {}, {}))
        process = self.start("run", "-f", path)
        lines, thread = self.reader(process)
        wait_until("output", lambda: len(lines) == 3)
        for n in (2, 3):
            self.dies("f-b")
            wait_until("the recovery", lambda n=n: all(lines.count(f"{name} | begun\n") == n for name in ("f-a", "f-b", "f-c")))
        with open(os.path.join(self.folder, "go"), "w"):
            pass
        self.assertEqual(self.ends(process, thread), 0)
        self.assertEqual(sorted(lines), sorted(f"{name} | {word}\n" for name in ("f-a", "f-b", "f-c") for word in ["begun"] * 3 + ["done"]))

    def test_one_that_a_person_starts_again(self):
        path = self.file("f-hand", ("f-goes", "while [ ! -e /c/go ]; do sleep 0.05; done", {}, {}), ("f-ends", "echo begun", {}, {}))
        process = self.start("run", "-f", path)
        lines, thread = self.reader(process)
        for n in (1, 2):
            wait_until("its end", lambda n=n: len(lines) == n and self.state("f-ends") == "exited")
            if n == 1:
                self.davit("start", "f-ends")
        with open(os.path.join(self.folder, "go"), "w"):
            pass
        self.assertEqual(self.ends(process, thread), 0)
        self.assertEqual(lines, ["f-ends | begun\n"] * 2)


class Logs(Following):
    WAIT = "echo begun; while [ ! -e /c/go ]; do sleep 0.05; done; echo done"

    def go(self):
        with open(os.path.join(self.folder, "go"), "w"):
            pass

    def test_of_a_set_that_others_join(self):
        self.davit("run", "-d", "-f", self.file("f-shop", ("f-first", self.WAIT, AGAIN, {})))
        process = self.start("logs", "-f", "--tail", "1", "--set", "f-shop")
        lines, thread = self.reader(process)
        wait_until("output", lambda: lines == ["f-first | begun\n"])
        late = self.file("f-shop", ("f-later", "echo one; echo two", AGAIN, {}), ("f-third", self.WAIT, AGAIN, {}))
        self.davit("run", "-d", "-f", late)
        self.davit("run", "-d", "-f", self.file("f-other", ("f-stranger", "echo nothing", {}, {})))
        wait_until("output", lambda: len(lines) == 4)
        self.dies("f-first")
        wait_until("another life", lambda: lines.count("f-first | begun\n") == 2)
        self.go()
        self.assertEqual(self.ends(process, thread), 0)
        self.assertEqual(sorted(lines), sorted(["f-first | begun\n"] * 2 + ["f-first | done\n", "f-later | one\n", "f-later | two\n",
                                                                          "f-third | begun\n", "f-third | done\n"]))

    def test_each_task_of_a_set_once(self):
        pair = {"tasks": [{"name": name, "image": Machine.image, "args": ["echo", f"of {name}"]} for name in ("x", "y")]}
        self.davit("run", "-d", "-f", self.file("f-pairs", ("f-waits", self.WAIT, {}, {}), ("f-pair", "", {}, pair)))
        process = self.start("logs", "-f", "--set", "f-pairs")
        lines, thread = self.reader(process)
        wait_until("output", lambda: len(lines) >= 3)
        self.davit("run", "-d", "-f", self.file("f-pairs", ("f-joins", "", {}, pair)))
        wait_until("its output", lambda: sum("f-joins" in line for line in lines) >= 2)
        self.go()
        self.assertEqual(self.ends(process, thread), 0)
        self.assertEqual(sorted(re.sub(" +[|]", " |", line) for line in lines),
                         [f"{job}.{task} | of {task}\n" for job in ("f-joins", "f-pair") for task in ("x", "y")] +
                         ["f-waits | begun\n", "f-waits | done\n"])

    def test_who_joins_last_is_not_missed(self):
        """A job that comes, ends and is settled in the time of one look."""
        self.davit("run", "-d", "-f", self.file("f-late", ("f-waits", self.WAIT, {}, {})))
        process = self.start("logs", "-f", "--set", "f-late")
        lines, thread = self.reader(process)
        wait_until("output", lambda: len(lines) == 1)
        freeze(process.pid)
        self.davit("run", "-d", "-f", self.file("f-late", ("f-short", "echo short", AGAIN, {})))
        wait_until("its end", lambda: self.state("f-short") == "exited" and not monitors("f-short"))
        self.go()
        wait_until("the end of the other", lambda: self.state("f-waits") == "exited")
        process.send_signal(signal.SIGCONT)
        self.assertEqual(self.ends(process, thread), 0)
        self.assertEqual(sorted(lines), ["f-short | short\n", "f-waits | begun\n", "f-waits | done\n"])

    def test_of_several_names(self):
        """Until all are over: one that a person starts again meanwhile goes on, too."""
        self.davit("run", "-d", "-f", self.file("f-two", ("f-x", self.WAIT, {}, {}), ("f-y", "echo begun", {}, {})))
        process = self.start("logs", "-f", "f-x", "f-y")
        lines, thread = self.reader(process)
        wait_until("its end", lambda: len(lines) == 2 and self.state("f-y") == "exited")
        self.davit("start", "f-y")
        wait_until("its next life", lambda: lines.count("f-y | begun\n") == 2)
        self.go()
        self.assertEqual(self.ends(process, thread), 0)
        self.assertEqual(sorted(lines), ["f-x | begun\n", "f-x | done\n"] + ["f-y | begun\n"] * 2)
