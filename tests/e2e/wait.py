"""wait --status: until a job is what one waits for, or will not be."""
import json
import os
import signal

from lib.case import Case, Machine, wait_until


class Status(Case):
    def waits(self, *args):
        process = self.start_until("events are listened to", "wait", "--status", *args)
        self.assertIsNone(process.poll())
        return process

    def ends(self, process, code=0):
        out, err = process.communicate(timeout=60 * Machine.slow)
        self.assertEqual((process.returncode, out), (code, ""), err)
        return err

    def test_what_it_is_already(self):
        self.job(name="w-up")
        self.davit("create", "--name", "w-new", "--network", "none", Machine.image, "true")
        self.addCleanup(self.davit, "rm", "-f", "w-new", code=None)
        self.assertEqual(self.davit("wait", "--status", "running", "w-up").out, "")
        self.davit("wait", "--status", "pending", "w-new")
        self.davit("pause", "w-up")
        self.davit("wait", "--status", "paused", "w-up")

    def test_what_it_becomes(self):
        self.job(name="w-job", command=("sh", "-c", "trap 'exit 3' USR1; trap 'exit 0' USR2; while :; do sleep 0.05; done"))
        paused = self.waits("paused", "w-job")
        self.davit("pause", "w-job")
        self.ends(paused)
        running = self.waits("running", "w-job")
        self.davit("unpause", "w-job")
        self.ends(running)
        failed, exited, success = self.waits("failed", "w-job"), self.waits("exited", "w-job"), self.waits("success", "w-job")
        self.davit("kill", "-s", "USR1", "w-job")
        self.ends(failed)
        self.ends(exited)
        self.assertIn("job w-job: it has ended as failed, not success", self.ends(success, 125))
        again = self.waits("running", "w-job")
        self.davit("start", "w-job")
        self.ends(again)

    def test_one_that_removes_itself(self):
        self.job("--rm", name="w-self")
        failed = self.waits("failed", "w-self")
        self.davit("kill", "w-self")
        self.ends(failed)

    def test_a_task(self):
        path = os.path.join(self.folder, "crew.json")
        with open(path, "w", encoding="utf-8") as f:
            json.dump({"name": "w-crew", "network": "none", "tasks": [
                {"name": name, "image": Machine.image, "args": ["sleep", "1000"], "stop_timeout": 1} for name in ("web", "db")]}, f)
        self.addCleanup(self.davit, "rm", "-f", "w-crew", code=None)
        self.davit("run", "-d", "-f", path)
        failed = self.waits("failed", "w-crew.db")
        self.davit("kill", "w-crew.db")
        self.ends(failed)
        self.davit("wait", "--status", "running", "w-crew")

    def test_a_limit(self):
        self.job(name="w-long")
        limit = f"{1000 * Machine.slow:.0f}ms"  # in which it is looked at
        self.fails("wait", "--status", "exited", "--timeout", limit, "w-long", says="job w-long: timed out: it is running, not exited")
        self.fails("wait", "--timeout", limit, "w-long", says="timed out")
        self.fails("wait", "--timeout", "x", "w-long", says="flag --timeout")
        self.fails("wait", "--status", "well", "w-long", says=["--status", "pending"])
        self.fails("wait", "--status", "running", "w-none", says="not found")

    def test_containerd_comes_back(self):
        self.job(name="w-out")
        exited = self.waits("exited", "w-out")
        Machine.containerd.restart(signal.SIGKILL)
        wait_until("an answer", lambda: self.davit("kill", "w-out", code=None).code == 0)
        self.ends(exited)
