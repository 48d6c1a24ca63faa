"""rename: a job is one name or the other, whatever happens meanwhile, and goes on as it is."""
import contextlib
import json
import os
import re
import signal

from lib.case import Case, Machine, wait_until

STEPS = ("/containerd.services.leases.v1.Leases/Create", "/containerd.services.containers.v1.Containers/Update",
         "/containerd.services.leases.v1.Leases/Delete")


class Rename(Case):
    def claims(self):
        return sorted(w for line in self.ctr("leases", "ls").splitlines() for w in line.split() if re.fullmatch(r"davit-job-r-\w+", w))

    def ctr(self, *args):
        return Machine.containerd.ctr(*args, ns=Machine.ns).stdout

    def named(self, *names):
        """No job is called otherwise, and each has just one claim."""
        self.assertEqual(sorted(row["name"] for row in self.rows("ps", "-a") if row["name"].startswith("r-")), sorted(names))
        self.assertEqual(self.claims(), sorted(f"davit-job-{name}" for name in names))

    def also_removed(self, *names):
        self.addCleanup(lambda: [self.davit("rm", "-f", name, code=None) for name in names])

    def test_it_goes_on(self):
        self.also_removed("r-new")
        self.job(name="r-old", command=("sh", "-c", "echo begun; exec sleep 1000"))
        before = self.json("inspect", "r-old")[0]
        self.assertEqual(self.davit("rename", "r-old", "r-new").out, "")
        self.named("r-new")
        after = self.json("inspect", "r-new")[0]
        for key in ("id", "log_path", "image"):
            self.assertEqual(after[key], before[key])
        self.assertEqual(after["state"], before["state"])
        self.assertEqual((after["job"]["name"], after["spec"]["hostname"]), ("r-new", "r-old"))
        self.assertEqual(self.davit("logs", "r-new").out, "begun\n")
        self.fails("stop", "r-old", says="not found")
        self.job(name="r-old")  # its former name is free
        self.named("r-new", "r-old")
        self.davit("rm", "-f", "r-old")
        self.davit("stop", "-t", "0", "r-new")
        self.davit("cp", os.path.abspath(__file__), "r-new:/by-its-name")
        self.davit("start", "r-new")
        self.assertEqual(self.davit("exec", "r-new", "sh", "-c", "hostname; cat /etc/hostname").out, "r-old\nr-old\n")
        self.davit("rm", "-f", "r-new")
        self.named()

    def test_one_of_several_tasks(self):
        self.also_removed("r-crew", "r-team")
        task = {"image": Machine.image, "args": ["sh", "-c", "hostname; exec sleep 1000"]}
        path = os.path.join(self.folder, "crew.json")
        with open(path, "w", encoding="utf-8") as f:
            json.dump({"name": "r-crew", "network": "none", "tasks": [{"name": "one", **task}, {"name": "two", **task}]}, f)
        self.davit("run", "-d", "-f", path)
        self.davit("rename", "r-crew", "r-team")
        self.assertEqual(self.claims(), ["davit-job-r-team"])
        self.assertEqual(list(self.stats()), ["r-team.one", "r-team.two"])
        self.assertEqual(self.davit("exec", "r-team.two", "hostname").out, "r-crew\n")
        self.assertEqual(self.davit("logs", "r-team.two").out, "r-crew\n")
        self.davit("stop", "-t", "0", "r-team")
        self.davit("start", "r-team")
        self.assertEqual(list(self.stats()), ["r-team.one", "r-team.two"])
        self.fails("exec", "r-crew.two", "true", says="not found")
        self.davit("rm", "-f", "r-team")
        self.named()

    def stats(self):
        return {row["name"]: row for row in self.rows("stats", "--no-stream") if row["name"].startswith("r-")}

    def test_names_that_cannot_be(self):
        self.job(name="r-one")
        self.job(name="r-two")
        self.fails("rename", "r-one", "r-two", says=["name r-two is in use by a job"])
        self.fails("rename", "r-one", "r-one", says="it has that name")
        self.fails("rename", "r-one", "r one", says="name")
        self.fails("rename", "r-none", "r-three", says="not found")
        self.fails("rename", "r-one", says="argument is missing")
        self.named("r-one", "r-two")

    def test_one_that_removes_itself(self):
        self.also_removed("r-gone")
        self.job("--rm", name="r-self")
        self.davit("rename", "r-self", "r-gone")
        self.davit("kill", "r-gone")
        wait_until("its removal", lambda: self.state("r-gone") is None and not self.claims())

    def test_one_in_the_foreground(self):
        self.also_removed("r-front2")
        for flags in (("--rm",), ()):
            process = self.start("run", *flags, "--name", "r-front", "--network", "none", Machine.image, "sleep", "1000")
            wait_until("its start", lambda: self.state("r-front") == "running")
            self.davit("rename", "r-front", "r-front2")
            self.davit("kill", "r-front2")
            self.assertEqual(process.wait(60 * Machine.slow), 137)
            if flags:
                wait_until("its removal", lambda: not self.claims())
            else:
                self.named("r-front2")
                self.assertEqual(self.state("r-front2"), "exited")

    def test_peers_are_told(self):
        self.need_network()
        self.also_removed("r-site")
        self.job(name="r-web", network="davit")
        self.job(name="r-peer", network="davit")
        self.davit("rename", "r-web", "r-site")
        hosts = self.davit("exec", "r-peer", "cat", "/etc/hosts").out
        self.assertRegex(hosts, r"(?m)^[0-9.]+\s.*\br-site\b")
        self.assertNotIn("r-web", hosts)
        self.davit("rm", "-f", "r-site")
        self.assertNotIn("r-site", self.davit("exec", "r-peer", "cat", "/etc/hosts").out)

    def test_whose_network_others_join(self):
        self.need_network()
        self.job(name="r-owner", network="davit")
        self.job(name="r-guest", network="container:r-owner")
        self.also_removed("r-friend")
        self.fails("rename", "r-owner", "r-x", says=["job r-guest joins the network of job r-owner by its name", "davit rm -f r-guest"])
        self.davit("rename", "r-guest", "r-friend")
        self.assertEqual(self.json("inspect", "r-owner")[0]["network"]["shared_with"], ["r-friend"])
        self.named("r-friend", "r-owner")

    def test_one_that_is_started_again(self):
        """While it runs, and while it waits for its turn: whoever looks after it goes by the id."""
        self.also_removed("r-loop2", "r-loop3")
        self.job("--restart", "always", name="r-loop")
        self.davit("rename", "r-loop", "r-loop2")
        before = self.json("inspect", "r-loop2")[0]
        os.kill(before["state"]["pid"], signal.SIGKILL)

        def runs_anew(name):
            now = self.json("inspect", name)[0]
            return now["state"]["status"] == "running" and now["state"]["pid"] != before["state"]["pid"] and now["id"] == before["id"]
        wait_until("it again", lambda: runs_anew("r-loop2"))
        self.named("r-loop2")
        while self.state("r-loop2") != "restarting":  # until its pause is long enough to be seen
            pid = self.json("inspect", "r-loop2")[0]["state"].get("pid")
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid or 1 << 30, signal.SIGKILL)
        self.davit("rename", "r-loop2", "r-loop3")
        before["state"]["pid"] = None
        wait_until("it once more", lambda: runs_anew("r-loop3"))
        self.named("r-loop3")
        self.davit("stop", "-t", "0", "r-loop3")
        self.assertEqual(self.state("r-loop3"), "exited")

    def test_an_event_says_it(self):
        self.also_removed("r-told2")
        self.job(name="r-told")
        path = os.path.join(self.folder, "events")
        with open(path, "w", encoding="utf-8") as out:
            self.start_until("events are listened to", "events", "-f", "event=rename", "--format", "{{.Actor.Attributes.oldName}} {{.name}}", stdout=out)
        self.davit("rename", "r-told", "r-told2")

        def said():
            with open(path, encoding="utf-8") as f:
                return f.read()
        wait_until("the event", lambda: said() == "r-told r-told2\n")

    def test_killed_at_every_step(self):
        """One name or the other after a prune, or after the former one is used anew; and the job goes on."""
        self.also_removed("r-a", "r-b")
        self.job(name="r-a")
        pid = self.json("inspect", "r-a")[0]["state"]["pid"]
        here, there = "r-a", "r-b"
        for word in ("asks", "answered"):
            for step in STEPS:
                with self.subTest(word=word, step=step):
                    process = self.start_until(f"{word + ' containerd' if word == 'asks' else 'containerd answered'} {step}", "rename", here, there)
                    process.send_signal(signal.SIGKILL)
                    process.communicate()
                    self.davit("prune")
                    now = next(name for name in ("r-a", "r-b") if self.state(name))
                    self.named(now)
                    self.assertEqual(self.json("inspect", now)[0]["state"]["pid"], pid)
                    self.assertTrue(os.path.exists(f"/proc/{pid}"))
                    here, there = now, ({"r-a", "r-b"} - {now}).pop()

    def test_a_name_that_was_left_is_free(self):
        self.also_removed("r-c", "r-d")
        self.job(name="r-c")
        process = self.start_until("containerd answered /containerd.services.containers.v1.Containers/Update", "rename", "r-c", "r-d")
        process.send_signal(signal.SIGKILL)
        process.communicate()
        self.job(name="r-c")
        self.named("r-c", "r-d")
        self.davit("rm", "-f", "r-d", "r-c")
        self.named()

    def test_two_at_once(self):
        self.also_removed("r-x", "r-y", "r-z")
        self.job(name="r-x")
        both = [self.start("rename", "r-x", name) for name in ("r-y", "r-z")]
        codes = [p.wait(60 * Machine.slow) for p in both]
        self.assertIn(0, codes)
        self.assertEqual(len([r for r in self.rows("ps", "-a") if r["name"] in ("r-x", "r-y", "r-z")]), 1)
        self.assertEqual(len(self.claims()), 1)
