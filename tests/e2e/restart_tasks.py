"""Restarts of the tasks of a job of several: each by its own policy, in the job that goes on."""
import json
import os
import signal
import subprocess
import threading
import time

from e2e.restart import stamp
from lib.case import Machine, get, wait_until
from lib.restarting import Made, kill_monitor, monitor_of, monitors, wait_for_one_monitor


class RestartTasks(Made):
    def task(self, name, script="exec sleep 1000", policy=None, **more):
        restart = {"policy": policy} if isinstance(policy, str) else policy
        return {"name": name, "image": Machine.image, "args": ["sh", "-c", f"echo begun {name}; {script}"], "stop_timeout": 1,
                **({"restart": restart} if restart else {}), **more}

    def file(self, name, *tasks, **more):
        self.made.append(name)
        path = os.path.join(self.folder, name + ".json")
        with open(path, "w") as f:
            json.dump({"name": name, "tasks": list(tasks), "network": "none", **more}, f)
        return path

    def up(self, name, *tasks, **more):
        return self.davit("run", "-d", "-f", self.file(name, *tasks, **more))

    def tasks(self, name):
        """Of each: its state and its process."""
        return {t["name"].split(".", 1)[1]: t["state"] for t in self.json("inspect", name)[0]["tasks"]}

    def pids(self, name):
        return {task: state.get("pid", 0) for task, state in self.tasks(name).items()}

    def said(self, name):
        return self.davit("logs", name).out

    def ended(self, name):
        wait_until("its end", lambda: not monitors(name) and self.state(name) == "exited")

    def netns(self, pid):
        return os.readlink(f"/proc/{pid}/ns/net")

    def test_one_is_started_again_and_the_other_goes_on(self):
        self.up("t-one", self.task("web", policy="always"), self.task("cache", policy="always"), self.task("plain"))
        first = self.pids("t-one")
        network = self.netns(first["web"])
        for task in ("web", "cache"):
            before = self.pids("t-one")
            os.kill(before[task], signal.SIGKILL)
            wait_until("another", lambda: self.pids("t-one")[task] not in (0, before[task]))
            now = self.pids("t-one")
            self.assertEqual({t for t in now if now[t] != before[t]}, {task})
            self.assertEqual(self.netns(now[task]), network)
            wait_until("its output", lambda: self.said(f"t-one.{task}").splitlines() == [f"begun {task}"] * 2)
        wait_for_one_monitor("t-one")
        self.assertEqual(self.json("inspect", "t-one")[0]["restarts"], 2)
        os.kill(self.pids("t-one")["plain"], signal.SIGKILL)
        wait_until("the end of one that asks for nothing", lambda: self.tasks("t-one")["plain"]["status"] == "exited")
        self.assertEqual(self.davit("wait", "t-one.plain").out, "137\n")
        self.davit("stop", "t-one")
        self.ended("t-one")
        self.assertEqual(self.said("t-one.plain"), "begun plain\n")

    def test_each_counts_its_own_failures_and_the_last_ends_all(self):
        """As in Nomad: a task whose attempts are used up fails the job; what comes last runs once, when all is over."""
        policy = {"policy": "on-failure", "attempts": 2, "interval": 600, "delay": 1}
        self.up("t-fail", self.task("bad", "exit 3", policy), self.task("good", "exec sleep 1000", policy),
                self.task("side", sidecar=True), self.task("last", "true", lifecycle="poststop"))
        self.ended("t-fail")
        self.assertEqual(self.said("t-fail.bad").split().count("begun"), 3)
        self.assertEqual(self.said("t-fail.good").split().count("begun"), 1)
        self.assertEqual(self.said("t-fail.last").split().count("begun"), 1)
        at = [stamp(x) for x in self.davit("logs", "-t", "t-fail.bad").out.splitlines()]
        last = stamp(self.davit("logs", "-t", "t-fail.last").out)
        self.assertGreaterEqual(at[1] - at[0], 1)
        self.assertGreaterEqual(at[2] - at[1], 1)
        self.assertGreaterEqual(last, at[2])
        self.assertEqual(self.davit("wait", "t-fail").out, "3\n")

    def test_a_leader_that_ends_ends_the_job(self):
        self.up("t-lead", self.task("boss", "sleep 1", "on-failure", leader=True), self.task("side", "exec sleep 1000", "always", sidecar=True),
                self.task("last", "true", lifecycle="poststop"))
        self.ended("t-lead")
        self.assertEqual(self.davit("wait", "t-lead").out, "0\n")
        self.assertEqual(self.said("t-lead.last"), "begun last\n")
        self.assertEqual(self.said("t-lead.side"), "begun side\n")

    def test_a_leader_that_fails_is_started_again_beside_the_others(self):
        self.up("t-boss", self.task("init", "true", "always", lifecycle="prestart"), self.task("boss", policy="on-failure", leader=True),
                self.task("side", policy="always", lifecycle="prestart", sidecar=True))
        before = self.pids("t-boss")
        os.kill(before["boss"], signal.SIGKILL)
        wait_until("another", lambda: self.pids("t-boss")["boss"] not in (0, before["boss"]))
        os.kill(before["side"], signal.SIGTERM)
        os.kill(before["side"], signal.SIGKILL)
        wait_until("another", lambda: self.pids("t-boss")["side"] not in (0, before["side"]))
        self.assertEqual(self.said("t-boss.init"), "begun init\n")  # what runs before has run

    def test_wait_is_for_the_end_for_good(self):
        self.up("t-wait", self.task("a", "sleep 0.2; exit 4", {"policy": "on-failure", "attempts": 2}), self.task("b"))
        self.assertEqual(self.davit("wait", "t-wait").out, "4\n")
        self.assertEqual(self.said("t-wait.a").split().count("begun"), 3)

    def test_in_the_foreground_until_the_end_for_good(self):
        path = self.file("t-fore", self.task("a", "exit 4", {"policy": "on-failure", "attempts": 2}), self.task("b", "true"),
                         self.task("last", "true", lifecycle="poststop"))
        out = self.davit("run", "-f", path, code=4).out.splitlines()
        self.assertEqual(sorted(out), ["a    | begun a"] * 3 + ["b    | begun b", "last | begun last"])
        self.assertEqual(out[-1], "last | begun last")
        self.ended("t-fore")
        self.assertEqual(self.said("t-fore.a").split().count("begun"), 3)
        self.assertEqual(self.said("t-fore.last"), "begun last\n")

    def test_in_the_foreground_signals_are_for_its_tasks(self):
        trap = "trap 'echo usr1' USR1; echo ready; while :; do sleep 0.05; done"
        process = self.start("run", "-f", self.file("t-sig", self.task("a", trap, "always"), self.task("b", policy="always")))
        patience = threading.Timer(120 * Machine.slow, process.kill)
        patience.start()
        self.addCleanup(patience.cancel)
        begun = {process.stdout.readline() for _ in range(3)}
        self.assertEqual(begun, {"a | begun a\n", "a | ready\n", "b | begun b\n"})
        os.kill(self.pids("t-sig")["a"], signal.SIGKILL)
        self.assertEqual([process.stdout.readline() for _ in range(2)], ["a | begun a\n", "a | ready\n"])
        process.send_signal(signal.SIGUSR1)
        self.assertEqual(process.stdout.readline(), "a | usr1\n")
        process.send_signal(signal.SIGINT)
        self.assertEqual(process.wait(60 * Machine.slow), 130)
        self.ended("t-sig")

    def init(self, script, **policy):
        """Before the main task."""
        return self.task("init", script, {"policy": "on-failure", **policy}, lifecycle="prestart",
                         mounts=[{"type": "bind", "source": self.folder, "target": "/v"}])

    def test_a_prestart_that_fails_is_started_again(self):
        """In the background, by a start, and in the foreground, where its next lives are seen in the log."""
        third = 'echo >> /v/lives; test $(wc -l < /v/lives) -eq 3'
        result = self.up("t-init", self.init(third), self.task("main"))
        self.assertEqual(result.err.count("ended with 1, and is started again"), 2, result.err)
        self.assertEqual([line.split(" | ")[1] for line in self.said("t-init").splitlines()], ["begun init"] * 3 + ["begun main"])
        self.assertEqual(self.tasks("t-init")["main"]["status"], "running")
        self.assertEqual((self.tasks("t-init")["init"]["exit_code"], self.json("inspect", "t-init")[0]["restarts"]), (0, 2))
        self.davit("stop", "-t", "0", "t-init")
        os.unlink(os.path.join(self.folder, "lives"))
        self.davit("start", "t-init")
        self.assertEqual(self.said("t-init").count("begun init"), 6)
        self.assertEqual(self.json("inspect", "t-init")[0]["restarts"], 2)
        os.unlink(os.path.join(self.folder, "lives"))
        result = self.davit("run", "-f", self.file("t-seen", self.init(third), self.task("main", "exit 4")), code=4)
        self.assertEqual(result.out, "init | begun init\nmain | begun main\n")
        self.assertEqual(self.said("t-seen").count("begun init"), 3)

    def test_a_prestart_without_attempts_left_is_a_failed_start(self):
        began = time.monotonic()
        result = self.davit("run", "-d", "-f", self.file("t-vain", self.init("exit 9", attempts=1, delay=1), self.task("main")), code=125)
        self.assertGreaterEqual(time.monotonic() - began, 1)
        self.assertIn("init: ended with 9, and other tasks wait for its success", result.err)
        self.gone("t-vain")

    def test_a_stop_and_an_interrupt_between_two_lives_of_a_prestart(self):
        path = self.file("t-long", self.init("exit 9", delay=600), self.task("main"))
        for ends in (lambda: self.davit("stop", "t-long", code=None), lambda: process.send_signal(signal.SIGINT)):
            process = self.start("run", "-d", "-f", path, stderr=subprocess.PIPE)
            self.assertIn("is started again", process.stderr.readline())
            ends()
            process.wait(60 * Machine.slow)
            self.gone("t-long")

    def test_a_stop_before_a_prestart_has_ended(self):
        """Whoever starts the job has not listened yet for what is said of it."""
        path = self.file("t-early", self.init("touch /v/up; exec sleep 1000", delay=600), self.task("main"))
        process = self.start("run", "-d", "-f", path)
        wait_until("its prestart task", lambda: os.path.exists(os.path.join(self.folder, "up")))
        self.davit("stop", "-t", "0", "t-early", code=None)
        process.wait(60 * Machine.slow)
        self.gone("t-early")

    def test_restarting_is_seen_and_stopped(self):
        long = {"policy": "always", "delay": 600}
        self.up("t-pause", self.task("a", "exit 1", long), self.task("b", "exit 1", long))
        wait_until("both in their pause", lambda: self.state("t-pause") == "restarting")
        self.davit("logs", "t-pause")  # who reads its log ends no pause
        self.assertEqual(self.state("t-pause"), "restarting")
        self.davit("stop", "t-pause")
        self.ended("t-pause")
        self.davit("start", "t-pause")
        wait_until("both again", lambda: self.state("t-pause") == "restarting")
        self.davit("rm", "-f", "t-pause")
        wait_until("the end of its monitor", lambda: not monitors("t-pause"))

    def test_a_monitor_that_is_killed_is_followed_by_another(self):
        self.up("t-orphan", self.task("a", policy="always"), self.task("b"))
        killed, before = monitor_of("t-orphan"), self.pids("t-orphan")
        kill_monitor(killed)
        os.kill(before["a"], signal.SIGKILL)
        self.davit("ps")
        wait_until("another", lambda: self.pids("t-orphan")["a"] not in (0, before["a"]))
        self.assertEqual(self.pids("t-orphan")["b"], before["b"])

    def test_a_monitor_that_is_killed_before_the_end_leaves_the_last_to_another(self):
        """Whoever looks: poststop tasks run, once, before what is left is settled."""
        looks = {"t-wait": ["wait", "t-wait"], "t-logs": ["logs", "-f", "t-logs"], "t-ps": ["ps", "-a"]}
        for name in looks:
            self.up(name, self.task("main", "until test -e /v/go; do sleep 0.05; done", "on-failure", mounts=[
                {"type": "bind", "source": self.folder, "target": "/v"}]), self.task("last", "true", lifecycle="poststop"))
        pids = [self.pids(name)["main"] for name in looks]
        for name in looks:
            kill_monitor(monitor_of(name))
        with open(os.path.join(self.folder, "go"), "w"):
            pass
        wait_until("their ends", lambda: not any(os.path.exists(f"/proc/{pid}") for pid in pids))
        for name, words in looks.items():
            self.davit(*words)
            wait_until("its last task", lambda name=name: self.said(f"{name}.last") == "begun last\n")
            self.ended(name)
            self.assertEqual(self.said(f"{name}.last"), "begun last\n")

    def test_stop_against_restarts(self):
        """However the stop meets a restart under way: nothing runs behind it."""
        self.up("t-race", self.task("a", "exit 1", "always"), self.task("b", policy="always"))
        for _ in range(4):
            os.kill(self.pids("t-race")["b"], signal.SIGKILL)
            self.davit("stop", "-t", "0", "t-race")
            self.assertEqual(set(self.pids("t-race").values()), {0})
            self.ended("t-race")
            self.assertEqual(set(self.pids("t-race").values()), {0})
            self.davit("start", "t-race")
            self.assertEqual(get(self.rows("ps", "--filter", "name=^t-race$")[0], "tasks"), 2)
