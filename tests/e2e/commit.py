"""davit commit: an image of what a job has changed."""
import json
import os
import signal

from lib.case import Case, Machine, freeze, wait_until
from lib.restarting import read


class Commit(Case):
    def made(self, script, *flags, ends=True):
        name = self.job(*flags, command=("sh", "-c", script + ("" if ends else "; touch /ready; sleep 1000")))
        if ends:
            self.davit("wait", name, code=None)
        else:
            wait_until("its script", lambda: self.davit("exec", name, "test", "-e", "/ready", code=None).code == 0)
        return name

    def commit(self, *args, **kw):
        self.addCleanup(lambda: self.davit("image", "rm", args[-1], code=None))
        return self.davit("commit", *args, **kw)

    SCRIPT = "echo kept >/kept; rm /etc/group; mkdir /d; echo x >/d/x; chown 12:34 /d/x"
    CHECK = "cat /kept; ls /etc/group 2>&1 | wc -l; ls -d /etc/group 2>/dev/null; stat -c %u:%g /d/x"

    def test_of_a_job_that_has_ended_and_one_that_runs(self):
        for i, ends in enumerate((True, False)):
            job = self.made(self.SCRIPT, ends=ends)
            image = f"committed:{i}"
            self.assertEqual(self.commit(job, image).out, image + "\n")
            self.assertEqual(self.davit("run", "--rm", "--network", "none", image, "sh", "-c", self.CHECK).out, "kept\n1\n12:34\n")
            self.assertEqual(self.state(job), "exited" if ends else "running")

    def test_of_an_image_of_a_commit(self):
        job = self.made("echo one >/one")
        self.commit(job, "committed:first")
        second = "t-commit-second"
        self.addCleanup(lambda: self.davit("rm", "-f", second, code=None))
        self.davit("run", "--name", second, "--network", "none", "committed:first", "sh", "-c", "echo two >/two; rm /one")
        self.commit(second, "committed:second")
        self.assertEqual(self.davit("run", "--rm", "--network", "none", "committed:second",
                                    "sh", "-c", "cat /two; ls /one 2>/dev/null", code=None).out, "two\n")

    def test_what_is_said_of_it(self):
        job = self.made("true")
        self.commit("-a", "Somebody <s@example.org>", "-m", "a message", "-c", 'CMD ["sh", "-c", "echo $A $B"]', "-c", "ENV A=one", "-c", "env B two",
                    "-c", "LABEL who=me", "-c", "EXPOSE 80 53/udp", "-c", "USER 12:34", "-c", "WORKDIR /tmp", "-c", 'VOLUME ["/v"]', job, "committed:said")
        self.assertEqual(self.davit("run", "--rm", "--network", "none", "committed:said").out, "one two\n")
        self.assertEqual(self.davit("run", "--rm", "--network", "none", "committed:said", "sh", "-c", "id -u; pwd").out, "12\n/tmp\n")
        said = self.davit("image", "history", "--no-trunc", "committed:said").out
        self.assertIn("a message", said)
        for bad in ("FROM x", "ENV", "EXPOSE 99999", "CMD [1]", "LABEL x"):
            self.fails("commit", "-c", bad, job, "committed:bad", says=[bad.split()[0]])
        self.assertNotIn("committed:bad", self.davit("images").out)

    def test_it_is_frozen_meanwhile(self):
        job = self.made("while :; do sleep 0.01; done & dd if=/dev/urandom of=/big bs=1M count=64 2>/dev/null", ends=False)
        for flag, wanted in (("--pause=true", True), ("--no-pause", False)):
            process = self.start("commit", flag, job, "committed:frozen")
            self.addCleanup(lambda: self.davit("image", "rm", "committed:frozen", code=None))
            seen = False
            while process.poll() is None:
                seen = seen or self.state(job) == "paused"
            self.assertEqual(process.returncode, 0, process.stderr.read())
            self.assertEqual(seen, wanted)
            self.assertEqual(self.state(job), "running")

    def test_interrupted(self):
        job = self.made("dd if=/dev/urandom of=/big bs=1M count=64 2>/dev/null", ends=False)
        process = self.start("commit", job, "committed:never")
        wait_until("the pause", lambda: self.state(job) == "paused" or process.poll() is not None)
        process.send_signal(2)
        process.wait()
        wait_until("its going on", lambda: self.state(job) == "running")
        self.davit("image", "rm", "committed:never", code=None)

    def test_davit_is_killed(self):
        """It goes on, and so does the image: davit-image ends what it has begun."""
        job = self.made("dd if=/dev/urandom of=/big bs=1M count=64 2>/dev/null", ends=False)
        self.addCleanup(lambda: self.davit("image", "rm", "committed:orphan", code=None))
        process = self.start("commit", job, "committed:orphan")
        wait_until("the pause", lambda: self.state(job) == "paused" or process.poll() is not None)
        process.kill()
        process.wait()
        wait_until("its going on", lambda: self.state(job) == "running", 30 * Machine.slow)
        wait_until("the image", lambda: "orphan" in self.davit("images").out, 30 * Machine.slow)
        lock = os.path.join("/run/davit", Machine.ns)
        wait_until("the end of its lock", lambda: not self.davit("prune").err and not [x for x in os.listdir(lock) if x.endswith(".scratch")])

    def test_davit_image_is_killed(self):
        job = self.made("dd if=/dev/urandom of=/big bs=1M count=64 2>/dev/null", ends=False)
        process = self.start("commit", job, "committed:half")
        wait_until("the pause", lambda: self.state(job) == "paused" or process.poll() is not None)
        with open(f"/proc/{process.pid}/task/{process.pid}/children", encoding="utf-8") as f:
            for pid in f.read().split():
                os.kill(int(pid), signal.SIGKILL)
        self.assertEqual(process.wait(), 125)
        self.assertEqual(self.state(job), "running")
        self.assertNotIn("half", self.davit("images").out)

    def halted(self):
        """A job, frozen by a commit that stands still, and the processes of that: davit first."""
        job = self.made("dd if=/dev/urandom of=/big bs=1M count=64 2>/dev/null", ends=False)
        process = self.start("commit", job, "committed:halted")
        self.addCleanup(lambda: self.davit("image", "rm", "committed:halted", code=None))
        wait_until("the pause", lambda: self.state(job) == "paused" or process.poll() is not None)
        freeze(process.pid)
        with open(f"/proc/{process.pid}/task/{process.pid}/children", encoding="utf-8") as f:
            helpers = [int(pid) for pid in f.read().split()]
        for pid in helpers:
            freeze(pid)
        self.assertEqual(self.state(job), "paused")  # what looks at it leaves it to those who are at work
        return job, process, helpers

    def kill_all(self, process, helpers):
        for pid in [*helpers, process.pid]:
            os.kill(pid, signal.SIGKILL)
        process.wait()

    def locks(self):
        return [x for x in os.listdir(os.path.join("/run/davit", Machine.ns)) if x.endswith(".scratch")]

    def test_all_are_killed(self):
        """Whoever comes across it lets it go on."""
        job, process, helpers = self.halted()
        self.kill_all(process, helpers)
        wait_until("its going on", lambda: self.state(job) == "running")
        job, process, helpers = self.halted()
        self.assertNotIn(job, self.davit("reconcile", "--dry-run").out)
        self.kill_all(process, helpers)
        for flag in ("--dry-run", None):
            said = [line for line in self.davit("reconcile", *([flag] if flag else [])).out.splitlines() if job in line]
            self.assertEqual(len(said), 1, said)
            self.assertIn("a commit that was killed", said[0])
        self.assertEqual(self.state(job), "running")
        self.assertEqual(self.locks(), [])

    def test_a_person_freezes_it_meanwhile(self):
        """Then it is theirs, whatever becomes of the commit."""
        job, process, helpers = self.halted()
        self.davit("pause", job)
        self.kill_all(process, helpers)
        for _ in range(2):
            self.assertEqual(self.state(job), "paused")
            self.davit("prune")
        self.davit("unpause", job)
        job, process, helpers = self.halted()
        self.davit("unpause", job)
        self.davit("pause", job)
        for pid in [*helpers, process.pid]:
            os.kill(pid, signal.SIGCONT)
        self.assertEqual(process.wait(), 0, process.stderr.read())
        self.assertEqual(self.state(job), "paused")

    def test_a_person_freezes_it_before(self):
        """davit has seen it run: its helper finds it frozen, and leaves it so, whatever words its shim has for that."""
        job = self.made("true", ends=False)
        process = self.start("commit", job, "committed:before")
        self.addCleanup(lambda: self.davit("image", "rm", "committed:before", code=None))
        children = f"/proc/{process.pid}/task/{process.pid}/children"
        wait_until("davit-image", lambda: read(children).split() or process.poll() is not None)
        for pid in map(int, read(children).split()):
            freeze(pid)
            self.davit("pause", job)
            os.kill(pid, signal.SIGCONT)
        self.assertEqual(process.wait(60 * Machine.slow), 0)
        self.assertEqual(self.state(job), "paused")

    def test_one_that_somebody_has_frozen_stays_so(self):
        job = self.made("echo x >/x", ends=False)
        self.davit("pause", job)
        self.commit(job, "committed:still")
        self.assertEqual(self.state(job), "paused")
        self.assertEqual(self.davit("run", "--rm", "--network", "none", "committed:still", "cat", "/x").out, "x\n")

    def test_the_image_outlives_the_job_and_the_collector(self):
        job = self.made("echo kept >/kept")
        self.commit(job, "committed:alone")
        self.davit("rm", "-f", job)
        self.collect()
        self.assertEqual(self.davit("run", "--rm", "--network", "none", "committed:alone", "cat", "/kept").out, "kept\n")
        archive = os.path.join(self.folder, "image.tar")
        self.davit("image", "save", "-o", archive, "committed:alone")
        self.davit("image", "rm", "committed:alone")
        self.davit("image", "load", "-i", archive)
        self.assertEqual(self.davit("run", "--rm", "--network", "none", "committed:alone", "cat", "/kept").out, "kept\n")
        self.assertIn("davit commit", self.davit("image", "history", "committed:alone").out)

    def collect(self):
        """A synchronous removal has containerd collect its garbage."""
        self.davit("image", "tag", "committed:alone", "committed:again")
        self.davit("image", "rm", "committed:again")

    def test_several_pairs_and_a_health_check(self):
        job = self.made("true")
        self.commit("-c", """ENV A="one 1" B=two C='t h'""", "-c", "LABEL x=1 y=2", "-c", "HEALTHCHECK --interval=3s --retries=2 CMD test -e /x",
                    "-c", 'ENTRYPOINT ["sh", "-c"]', "-c", 'CMD ["echo $A-$B-$C"]', job, "committed:pairs")
        self.assertEqual(self.davit("run", "--rm", "--network", "none", "committed:pairs").out, "one 1-two-t h\n")
        config = json.dumps(self.json("image", "inspect", "committed:pairs")[0])
        for part in ('"x": "1"', '"y": "2"', "CMD-SHELL", "3000000000"):
            self.assertIn(part, config)

    def test_an_entrypoint_of_its_own_has_no_command_of_the_images(self):
        job = self.made("true")
        self.commit("-c", 'ENTRYPOINT ["echo", "alone"]', job, "committed:alone")
        self.assertEqual(self.davit("run", "--rm", "--network", "none", "committed:alone").out, "alone\n")

    def test_refusals(self):
        job = self.made("true")
        self.fails("commit", "no-such", "x:1", says=["no-such"])
        self.fails("commit", job, "x@sha256:" + "0" * 64, says=["digest"])
        self.fails("commit", job, "UPPER:1")
