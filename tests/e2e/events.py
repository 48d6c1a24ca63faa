"""events: what happens to jobs and images, in its order, whole and once, across outages of containerd."""
import json
import os
import signal
import time

from lib.case import Case, Machine, wait_until


class Events(Case):
    def listen(self, *flags, format="json"):
        """Returns a function that has all that was printed so far."""
        path = os.path.join(self.folder, "events." + os.urandom(4).hex())
        with open(path, "w", encoding="utf-8") as out:
            self.listener = self.start_until("events are listened to", "events", "--format", format, *flags, stdout=out)

        def heard():
            with open(path, encoding="utf-8") as f:
                lines = f.read().splitlines()
            return [json.loads(line) for line in lines] if format == "json" else lines
        return heard

    @staticmethod
    def words(events):
        return [e["event"] for e in events]

    def until(self, heard, *words):
        """Just these events, in this order."""
        wait_until(" ".join(words), lambda: len(heard()) >= len(words), 20 * Machine.slow)
        self.assertEqual(self.words(heard()), list(words))
        return heard()

    def pid(self, name):
        return self.json("inspect", name)[0]["state"]["pid"]

    def test_a_life(self):
        heard = self.listen("--filter", "job=e-life")
        before = time.time()
        name = self.job("-l", "tier=front", name="e-life", command=("sh", "-c", "exec sleep 1000"))
        self.until(heard, "create", "start")
        self.davit("pause", name)
        self.davit("unpause", name)
        self.davit("exec", name, "true")
        all = self.until(heard, "create", "start", "pause", "unpause", "exec_create", "exec_start", "exec_die")
        self.assertEqual(all[-1]["exit_code"], 0)
        self.assertEqual(all[-1]["exec_id"], all[-2]["exec_id"])
        self.davit("kill", "-s", "KILL", name)
        self.davit("wait", name)
        self.davit("rm", name)
        all = self.until(heard, "create", "start", "pause", "unpause", "exec_create", "exec_start", "exec_die", "die", "destroy")
        self.assertEqual(all[-2]["exit_code"], 137)
        for event in all:
            self.assertEqual((event["type"], event["name"], event["job"]), ("job", "e-life", "e-life"))
            self.assertEqual(event["labels"], {"tier": "front"})
            self.assertIn("busybox", event["image"])
            self.assertTrue(event["id"].startswith("e-life-"))
            self.assertGreaterEqual(event["time"], time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(before - 1)))
        times = [e["time"] for e in all if e["event"] not in ("exec_start", "exec_die")]  # true ends before containerd has said that it began
        self.assertEqual(times, sorted(times))

    def test_forms_for_people_and_templates(self):
        text, template = self.listen("--filter", "job=e-form", format="text"), self.listen(
            "-f", "container=e-form", format="{{.Type}} {{.Action}} {{.Actor.Attributes.name}} {{.Actor.Attributes.tier}} {{.event}}")
        self.job("-l", "tier=front", name="e-form")
        wait_until("two lines each", lambda: len(text()) == 2 and len(template()) == 2)
        self.assertEqual(template(), ["container create e-form front create", "container start e-form front start"])
        self.assertRegex(text()[1], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z job start e-form \(image=busybox:local\)$")
        self.fails("events", "--format", "{{.Nope}}", says="Nope")
        self.fails("events", "--format", "table {{.Action}}", says="no table")

    def test_filters(self):
        heards = {words: self.listen(*(w for word in words for w in ("--filter", word))) for words in (
            ("event=start", "label=tier=back"), ("event=start", "event=die", "job=e-f1"), ("type=image",), ("image=busybox:none",),
            ("type=container", "image=busybox:local", "event=create"))}
        self.job("-l", "tier=front", name="e-f1")
        self.job("-l", "tier=back", name="e-f2")
        self.davit("rm", "-f", "e-f1", "e-f2")
        wait_until("the last", lambda: len(heards["event=start", "event=die", "job=e-f1"]()) == 2)
        last = self.listen("--filter", "job=e-f3")
        self.job(name="e-f3")
        self.until(last, "create", "start")

        def seen(*words):
            return [(e["event"], e["name"]) for e in heards[words]()]
        wait_until("its creation everywhere", lambda: len(seen("type=container", "image=busybox:local", "event=create")) == 3)
        wait_until("its start", lambda: seen("event=start", "label=tier=back") == [("start", "e-f2")])
        self.assertEqual(seen("event=start", "event=die", "job=e-f1"), [("start", "e-f1"), ("die", "e-f1")])
        self.assertEqual(seen("type=image"), [])
        self.assertEqual(seen("image=busybox:none"), [])
        self.assertEqual(seen("type=container", "image=busybox:local", "event=create"), [("create", n) for n in ("e-f1", "e-f2", "e-f3")])
        for filter, words in (("x", "not KEY=VALUE"), ("type=x", "there are job"), ("event=fly", "there are create, start"), ("nope=1", "keys are")):
            self.fails("events", "--filter", filter, says=words)

    def test_images(self):
        heard = self.listen("--filter", "type=image", "--filter", "image=e-image:1")
        self.davit("image", "tag", Machine.image, "e-image:1")
        self.davit("image", "rm", "e-image:1")
        self.assertEqual({e["name"] for e in self.until(heard, "create", "delete")}, {"docker.io/library/e-image:1"})

    def test_since_and_until(self):
        self.job(name="e-past", command=("sh", "-c", "exit 3"))
        self.davit("wait", "e-past")
        past = self.rows("events", "--since", "1h", "--until", "0s", "--filter", "job=e-past")
        self.assertEqual(self.words(past), ["create", "start", "die"])
        self.assertEqual(past[-1]["exit_code"], 3)
        self.assertEqual(self.rows("events", "--since", past[1]["time"], "--until", "0s", "--filter", "job=e-past"), past[1:])
        self.assertEqual(self.rows("events", "--since", "1h", "--until", past[1]["time"], "--filter", "job=e-past"), past[:2])
        self.assertEqual(self.davit("events", "--until", "1h").out, "")
        began = time.monotonic()
        self.davit("events", "--until", time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 2)))
        self.assertGreater(time.monotonic() - began, 0.5)
        self.fails("events", "--since", "x", says="flag --since")

    def test_ctrl_c_and_a_reader_that_ends(self):
        self.listen()
        self.listener.send_signal(signal.SIGINT)
        self.assertEqual(self.listener.wait(20 * Machine.slow), 130)
        process = self.start_until("events are listened to", "events")
        process.stdout.close()
        self.job(name="e-pipe")
        self.assertEqual(process.wait(20 * Machine.slow), 141)

    def test_tasks_of_a_job(self):
        path = os.path.join(self.folder, "crew.json")
        with open(path, "w", encoding="utf-8") as f:
            json.dump({"name": "e-crew", "network": "none", "tasks": [
                {"name": task, "image": Machine.image, "args": ["sleep", "1000"], "stop_timeout": 1} for task in ("web", "db")]}, f)
        self.addCleanup(self.davit, "rm", "-f", "e-crew", code=None)
        job, task = self.listen("--filter", "job=e-crew", "-f", "event=start", "-f", "event=die"), self.listen("--filter", "job=e-crew.db", "-f", "event=start")
        self.davit("run", "-d", "-f", path)
        self.davit("rm", "-f", "e-crew")
        wait_until("all of them", lambda: len(job()) == 4)
        self.assertEqual({(e["event"], e["name"], e["job"]) for e in job()},
                         {(what, "e-crew." + name, "e-crew") for what in ("start", "die") for name in ("web", "db")})
        self.assertEqual([e["name"] for e in self.until(task, "start")], ["e-crew.db"])

    def outlasts(self, how):
        heard = self.listen("--filter", "job=e-out", "--filter", "job=e-next")
        self.job(name="e-out")
        self.until(heard, "create", "start")
        Machine.containerd.restart(how)
        self.job(name="e-next")
        all = self.until(heard, "create", "start", "create", "start")
        self.assertEqual([e["name"] for e in all], ["e-out", "e-out", "e-next", "e-next"])
        self.davit("rm", "-f", "e-out")
        self.until(heard, "create", "start", "create", "start", "die", "destroy")

    def test_containerd_is_killed(self):
        self.outlasts(signal.SIGKILL)

    def test_containerd_ends(self):
        self.outlasts(signal.SIGTERM)

    def test_an_end_while_containerd_is_away(self):
        heard = self.listen("--filter", "job=e-away")
        self.job(name="e-away")
        self.until(heard, "create", "start")
        pid = self.pid("e-away")
        Machine.containerd.stop(signal.SIGKILL)
        os.kill(pid, signal.SIGKILL)
        wait_until("its end", lambda: not os.path.exists(f"/proc/{pid}"))
        Machine.containerd.start()
        all = self.until(heard, "create", "start", "die")  # containerd 2 knows no exit of what ended without it
        self.assertEqual(all[-1].get("exit_code", 137), 137)
        self.davit("start", "e-away")
        self.until(heard, "create", "start", "die", "start")
