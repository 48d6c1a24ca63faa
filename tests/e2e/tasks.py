"""Jobs of several tasks: names, orders, foreground, exits, one network."""
import json
import os
import re
import shutil
import signal
import subprocess
import time

from lib.case import Case, Machine, get, wait_until


class Tasks(Case):
    def setUp(self):
        super().setUp()
        self.made = []
        self.addCleanup(lambda: self.made and self.davit("rm", "-f", *self.made, code=None))

    def task(self, name, script="sleep 1000", **more):
        return {"name": name, "image": Machine.image, "args": ["sh", "-c", script], "stop_timeout": 1, **more}

    def file(self, name, *tasks, **more):
        self.made.append(name)
        path = os.path.join(self.folder, name + ".json")
        with open(path, "w") as f:
            json.dump({"name": name, "tasks": list(tasks), "network": "none", **more}, f)
        return path

    def up(self, name, *tasks, **more):
        self.davit("run", "-d", "-f", self.file(name, *tasks, **more))

    def said(self, name):
        return self.davit("logs", name).out


class Names(Tasks):
    def test_a_job_is_not_called_as_a_task(self):
        crew, dotted = self.file("m-crew", self.task("web"), self.task("cache")), self.file("m-crew.cache", self.task("x"), self.task("y"))
        for first, second in ((crew, dotted), (dotted, crew)):
            self.davit("run", "-d", "-f", first)
            before = self.davit("ps", "-a").out
            err = self.davit("run", "-d", "-f", second, code=125).err
            self.assertIn("task cache of job m-crew and job m-crew.cache would have the same name", err)
            self.assertEqual(len(self.davit("ps", "-a").out.splitlines()), len(before.splitlines()))
            self.davit("rm", "-f", os.path.basename(first)[:-len(".json")])
        both = os.path.join(self.folder, "both.json")
        with open(both, "w") as f:
            json.dump({"jobs": [{"name": "m-crew.cache", "network": "none", "tasks": [self.task("x")]},
                                {"name": "m-crew", "network": "none", "tasks": [self.task("web"), self.task("cache")]}]}, f)
        self.assertIn("would have the same name", self.davit("run", "-d", "-f", both, code=125).err)
        self.assertNotIn("m-crew", self.davit("ps", "-a").out)
        self.davit("run", "-d", "-f", self.file("m-crew.other", self.task("cache"), self.task("y")))
        self.davit("run", "-d", "-f", crew)

    def test_each_is_job_and_task(self):
        self.up("n-crew", self.task("web", "echo from web; sleep 1000", env=["ME=web"]),
                self.task("cache", "echo from cache; sleep 1000", env=["ME=cache"]))
        wait_until("both", lambda: self.said("n-crew").count("from") == 2)
        self.assertEqual(self.said("n-crew.cache"), "from cache\n")
        self.assertEqual(sorted(self.said("n-crew").splitlines()), ["cache | from cache", "web   | from web"])
        self.assertEqual(self.davit("exec", "n-crew.cache", "sh", "-c", "echo $ME").out, "cache\n")
        self.assertEqual(self.davit("exec", "n-crew", "sh", "-c", "echo $ME").out, "web\n")
        row = self.rows("ps", "--filter", "name=^n-crew$")[0]
        self.assertEqual((get(row, "tasks"), get(row, "tasks_running")), (2, 2))
        self.assertIn("(2 tasks)", self.davit("ps").out)
        tasks = {get(r, "name"): r for r in self.rows("ps", "--tasks", "--filter", "name=^n-crew")}
        self.assertEqual(sorted(tasks), ["n-crew.cache", "n-crew.web"])
        one = self.json("inspect", "n-crew.cache")[0]
        self.assertEqual(one["id"], get(tasks["n-crew.cache"], "id"))
        self.assertEqual([t["name"] for t in self.json("inspect", "n-crew")[0]["tasks"]], ["n-crew.web", "n-crew.cache"])
        self.fails("stop", "n-crew.cache", says=["is a task of job n-crew"])
        self.davit("kill", "n-crew.cache")
        self.assertEqual(self.davit("wait", "n-crew.cache").out, "137\n")
        wait_until("one of two", lambda: "(1 of 2 tasks)" in self.davit("ps").out)
        self.davit("stop", "n-crew")
        self.davit("start", "n-crew")
        wait_until("both again", lambda: self.said("n-crew").count("from") == 4)
        self.davit("rm", "-f", "n-crew")
        self.assertNotIn("n-crew", self.davit("ps", "-a").out)

    def test_they_see_each_other(self):
        self.up("n-net", self.task("web", "httpd -f -p 8080 -h /etc"), self.task("cache"))
        wait_until("the page", lambda: self.davit("exec", "n-net.cache", "wget", "-qO-", "http://web:8080/hostname",
                                                  code=None).out == "n-net\n")
        hosts = self.davit("exec", "n-net.web", "cat", "/etc/hosts").out
        self.assertIn("cache", hosts.split())


class Foreground(Tasks):
    def test_lines_and_exit_codes(self):
        path = self.file("f-two", self.task("a", "echo one; echo err >&2; sleep 0.3; exit 0"),
                         self.task("long", "printf 'no end'; exit 4"), remove=True)
        result = self.davit("run", "-f", path, code=4)
        self.assertEqual(sorted(result.out.splitlines()), ["a    | one", "long | no end"])
        self.assertEqual(result.err, "a    | err\n")
        self.gone("f-two")

    def test_the_leader_ends_all(self):
        path = self.file("f-lead", self.task("boss", "sleep 0.3; exit 6", leader=True), self.task("other", "exec sleep 1000"))
        began = time.monotonic()
        self.davit("run", "-f", path, code=6)
        self.assertLess(time.monotonic() - began, 20 * Machine.slow)
        rows = {get(r, "name"): r for r in self.rows("ps", "-a", "--tasks", "--filter", "name=^f-lead")}
        self.assertEqual(get(rows["f-lead.other"], "status"), "exited")
        self.assertEqual(self.davit("wait", "f-lead").out, "6\n")

    def test_sidecars_of_a_detached_job_that_is_removed_end_with_the_main_tasks(self):
        """Behind it waits a davit, which ends them and removes the job."""
        self.up("d-side", self.task("main", "sleep 0.5"), self.task("other", "sleep 1"), self.task("side", "exec sleep 1000", sidecar=True),
                remove=True)
        wait_until("its removal", lambda: "d-side" not in self.davit("ps", "-a").out)
        self.made.remove("d-side")

    def test_a_leader_of_a_detached_job_that_is_removed_ends_the_others(self):
        self.up("d-lead", self.task("boss", "sleep 0.5", leader=True), self.task("worker"), self.task("side", sidecar=True), remove=True)
        wait_until("its removal", lambda: "d-lead" not in self.davit("ps", "-a").out)
        self.made.remove("d-lead")

    def test_what_nobody_waits_for_is_said(self):
        result = self.davit("run", "-d", "-f", self.file("n-side", self.task("main"), self.task("side", sidecar=True)))
        self.assertIn("the end of sidecars with their main task", result.err)
        result = self.davit("run", "-d", "-f", self.file("r-side", self.task("main"), self.task("side", sidecar=True), remove=True))
        self.assertNotIn("sidecars", result.err)

    def test_sidecars_end_with_the_main_tasks(self):
        path = self.file("f-side", self.task("main", "sleep 0.3; echo done"), self.task("side", "sleep 1000", sidecar=True),
                         remove=True)
        self.assertIn("main | done", self.davit("run", "-f", path).out)
        self.gone("f-side")

    def test_a_signal_goes_to_all(self):
        trap = "trap 'echo got it; exit 0' INT; echo ready; while :; do sleep 0.05; done"
        process = self.start("run", "-f", self.file("f-sig", self.task("a", trap), self.task("b", trap)),
                             stdout=subprocess.PIPE)
        out = [process.stdout.readline(), process.stdout.readline()]
        self.assertEqual(sorted(out), ["a | ready\n", "b | ready\n"])
        process.send_signal(signal.SIGINT)
        rest = process.stdout.read()
        self.assertEqual(process.wait(20 * Machine.slow), 0)
        self.assertEqual(sorted(rest.splitlines()), ["a | got it", "b | got it"])

    def test_killed_davit_leaves_an_heir(self):
        script = "i=0; while :; do echo $i; i=$((i+1)); sleep 0.02; done"
        process = self.start("run", "-f", self.file("f-heir", self.task("a", script), self.task("b", script)),
                             stdout=subprocess.PIPE)
        heard = set()
        while len(heard) < 2:  # a task that was not started yet never is
            heard.add(process.stdout.readline()[0])
        process.kill()
        process.wait()
        for task in ("a", "b"):
            before = len(self.said("f-heir." + task).splitlines())
            wait_until("more lines", lambda: len(self.said("f-heir." + task).splitlines()) > before + 20)
            lines = [int(x) for x in self.said("f-heir." + task).splitlines()]
            self.assertEqual(lines, list(range(len(lines))))  # nothing lost, nothing twice
        process.stdout.close()


class Order(Tasks):
    def test_prestart_runs_first(self):
        volume = {"type": "volume", "source": "o-vol", "target": "/v"}
        self.addCleanup(self.remove_volumes, "o-vol")
        path = self.file("o-pre", self.task("main", "cat /v/x", mounts=[volume]),
                         self.task("init", "sleep 0.5; echo prepared > /v/x", lifecycle="prestart", mounts=[volume]), remove=True)
        self.assertEqual(self.davit("run", "-f", path).out, "main | prepared\n")

    def test_a_failed_prestart_is_a_failed_start(self):
        path = self.file("o-bad", self.task("main"), self.task("init", "echo so sad; exit 9", lifecycle="prestart"))
        result = self.fails("run", "-f", path, says=["run job o-bad: init: ended with 9"])
        self.assertEqual(result.out, "init | so sad\n")
        self.assertNotIn("o-bad", self.davit("ps", "-a").out)

    def test_circles_are_found_before(self):
        def on(name):
            return [{"name": name}]

        path = self.file("o-circle", self.task("a", depends_on=on("b")), self.task("b", depends_on=on("a")))
        self.fails("run", "-d", "-f", path, says=["tasks wait for each other in a circle: a needs b needs a"])
        path = self.file("o-self", self.task("a", depends_on=on("a")), self.task("b"))
        self.fails("run", "-d", "-f", path, says=["a task cannot wait for itself"])

    def test_the_third_takes_the_first_two_along(self):
        bad = {**self.task("c"), "args": ["/nonexistent"]}
        self.davit("run", "-d", "-f", self.file("o-third", self.task("a"), self.task("b"), bad), code=127)
        self.assertNotIn("o-third", self.davit("ps", "-a", "--tasks").out)

    def test_stops_in_reverse(self):
        volume = {"type": "volume", "source": "o-rev", "target": "/v"}
        trap = "trap 'sleep 0.2; echo NAME >> /v/order; exit 0' TERM; echo ready; while :; do sleep 0.05; done"
        more = {"mounts": [volume], "stop_timeout": 10}
        self.up("o-rev", {**self.task("db", trap.replace("NAME", "db")), **more},
                {**self.task("app", trap.replace("NAME", "app"), depends_on=[{"name": "db"}]), **more})
        wait_until("both", lambda: self.said("o-rev").count("ready") == 2)
        self.davit("stop", "o-rev")
        out = self.davit("run", "--rm", "--network", "none", "-v", "o-rev:/v", Machine.image, "cat", "/v/order").out
        self.assertEqual(out, "app\ndb\n")
        self.davit("rm", "o-rev")
        self.remove_volumes("o-rev")


class Last(Tasks):
    """Poststop tasks."""
    def last(self, script, **more):
        return self.task("last", script, lifecycle="poststop", **more)

    def volume(self, name):
        self.addCleanup(self.remove_volumes, name)
        return {"mounts": [{"type": "volume", "source": name, "target": "/v"}]}

    def seen(self, name):
        return self.davit("run", "--rm", "--network", "none", "-v", name + ":/v", Machine.image, "cat", "/v/x", code=None).out

    def test_in_the_foreground(self):
        volume = self.volume("l-fore-v")
        tasks = (self.task("main", "sleep 0.3; echo main >> /v/x; echo over; exit 3", leader=True, **volume),
                 self.task("side", "exec sleep 1000", sidecar=True),
                 self.last("sleep 0.3; echo last >> /v/x; echo bye; exit 7", **volume))
        for more in ({}, {"remove": True}):
            result = self.davit("run", "-f", self.file("l-fore", *tasks, **more), code=3)
            self.assertEqual(result.out.splitlines(), ["main | over", "last | bye"])
            self.assertIn("poststop task last ended with 7", result.err)
            self.assertNotIn("not acted on", result.err)
            self.assertEqual(self.seen("l-fore-v"), "main\nlast\n")
            if not more:
                self.assertEqual(self.said("l-fore.last"), "bye\n")
                self.assertEqual(self.davit("wait", "l-fore").out, "3\n")
                self.davit("rm", "l-fore")
                self.remove_volumes("l-fore-v")
        self.gone("l-fore")

    def test_a_killed_davit_loses_nothing_of_theirs(self):
        self.addCleanup(shutil.rmtree, f"/var/lib/davit/kept/{Machine.ns}", ignore_errors=True)
        for keep, more in (({}, {}), ({"log_retention": 60}, {"remove": True})):
            process = self.start("run", "-f", self.file("l-kill", self.task("main", "echo main"),
                                                        self.last("echo one; sleep 1; echo two; sleep 0.3; echo three", **keep),
                                                        **more), stdout=subprocess.PIPE)
            while process.stdout.readline() != "last | one\n":
                self.assertIsNone(process.poll())
            process.kill()
            process.wait()
            process.stdout.close()
            if more:  # ps does not list what is being removed
                wait_until("its removal", lambda: self.davit("inspect", "l-kill", code=None).code != 0)
            else:
                wait_until("its end", lambda: "l-kill" not in self.davit("ps").out)
            self.assertEqual(re.findall("one|two|three", self.said("l-kill")), ["one", "two", "three"])
            if not more:
                self.davit("rm", "l-kill")

    def test_after_stop(self):
        volume = self.volume("l-stop-v")
        self.up("l-stop", self.task("main", "trap 'echo main >> /v/x; exit 0' TERM; echo ready; while :; do sleep 0.05; done",
                                    **{**volume, "stop_timeout": 10}), self.last("echo last >> /v/x; echo bye", **volume))
        for again in range(2):
            wait_until("it traps", lambda: self.said("l-stop.main").count("ready") == again + 1)
            self.davit("stop", "l-stop")
            self.assertEqual(self.seen("l-stop-v"), "main\nlast\n" * (again + 1))
            self.davit("stop", "l-stop")  # it has stopped: nothing runs again
            self.assertEqual(self.said("l-stop.last"), "bye\n" * (again + 1))
            if not again:
                self.davit("start", "l-stop")
        self.davit("rm", "l-stop")

    def test_stop_waits_no_longer_than_its_time(self):
        self.up("l-long", self.task("main", "exec sleep 1000"), self.last("echo begun; exec sleep 1000"))
        result = self.davit("stop", "-t", "1", "l-long")
        self.assertIn("poststop task last did not end in 1 s, and is killed", result.err)
        self.assertEqual(self.said("l-long.last"), "begun\n")
        self.assertNotIn("l-long", self.davit("ps").out)

    def test_after_the_end_of_a_detached_job_that_is_removed(self):
        volume = self.volume("l-rm-v")
        self.up("l-rm", self.task("main", "sleep 0.5; echo main >> /v/x", **volume),
                self.last("sleep 0.3; echo last >> /v/x", **volume), remove=True)
        wait_until("its last task", lambda: self.seen("l-rm-v") == "main\nlast\n")
        wait_until("its end", lambda: "l-rm" not in self.davit("ps", "-a").out)
        self.gone("l-rm")

    def test_one_that_cannot_start(self):
        bad = {**self.last(""), "args": ["/nonexistent"]}
        result = self.davit("run", "-f", self.file("l-bad", self.task("main", "exit 0"), bad, remove=True))
        self.assertIn("job l-bad: poststop: last: ", result.err)
        self.gone("l-bad")

    def test_removal_by_force_does_not_wait(self):
        self.up("l-force", self.task("main", "exec sleep 1000"), self.last("exec sleep 1000"))
        self.davit("rm", "-f", "l-force")
        self.gone("l-force")


class Namespaces(Tasks):
    def space(self, name, kind):
        return self.davit("exec", name, "readlink", f"/proc/self/ns/{kind}").out

    def test_of_another_task(self):
        joins = {kind: "task:base" for kind in ("pid", "ipc", "uts")}
        self.up("s-join", self.task("tool", "sleep 2000", **joins), self.task("base", "sleep 1000"), self.task("alone"))
        for again in range(2):
            for kind in ("pid", "ipc", "uts"):
                self.assertEqual(self.space("s-join.tool", kind), self.space("s-join.base", kind))
                self.assertNotEqual(self.space("s-join.tool", kind), self.space("s-join.alone", kind))
            self.assertIn("sleep 1000", self.davit("exec", "s-join.tool", "ps").out)
            if not again:
                self.davit("restart", "-t", "0", "s-join")


    def test_memory_with_an_ipc_namespace(self):
        self.up("s-shm", self.task("tool", "sleep 2000", ipc="task:base"), self.task("base", "sleep 1000", shm_size=1 << 20),
                self.task("third", "sleep 1000", ipc="task:tool"), self.task("alone"))
        for again in range(2):
            self.davit("exec", "s-shm.base", "sh", "-c", "echo shared >/dev/shm/note")
            for name in ("tool", "third"):
                self.assertEqual(self.davit("exec", f"s-shm.{name}", "cat", "/dev/shm/note").out, "shared\n")
                self.assertIn("1024", self.davit("exec", f"s-shm.{name}", "df", "-k", "/dev/shm").out)
            self.davit("exec", "s-shm.alone", "test", "!", "-e", "/dev/shm/note")
            if not again:
                self.davit("restart", "-t", "0", "s-shm")
                self.davit("exec", "s-shm.tool", "test", "!", "-e", "/dev/shm/note")
        with open("/proc/self/mounts") as f:
            self.assertIn("map.shm.", f.read())
        self.davit("rm", "-f", "s-shm")
        with open("/proc/self/mounts") as f:
            self.assertNotIn("map.shm.", f.read())


class Notices(Tasks):
    def test_what_does_not_work_yet_is_said_once(self):
        path = self.file("x-later", self.task("a"), self.task("b", lifecycle="poststop"))
        result = self.davit("run", "-d", "-f", path)
        lines = [x for x in result.err.splitlines() if "not acted on" in x]
        self.assertEqual(len(lines), 1, result.err)
        for word in ("poststop tasks",):
            self.assertIn(word, lines[0])
