"""The verbs of NuNet's executor interface, in the commands that docs/from-nunet.md names for them: one job's life."""
import json
import os

from lib.case import Case, Machine, wait_until


class Executor(Case):

    def status(self, id):
        return self.davit("inspect", "--format", "{{.State.Status}} {{.State.ExitCode}}", id).out.split()

    def test_a_life(self):
        id = "x-" + os.urandom(4).hex()
        self.addCleanup(lambda: self.davit("rm", "--force", id, code=None))
        script = "echo out; echo err >&2; trap 'exit 7' TERM; while :; do sleep 0.05; done"
        start = ("run", "-d", "--name", id, "--network", "none", "--memory", "64m", "--results", "r", Machine.image)
        self.assertEqual(self.davit(*start, "sh", "-c", script).out, id + "\n")
        self.fails(*start, "true", says=id)
        self.davit("wait", "--status", "running", "--timeout", "30s", id)
        self.fails("wait", "--status", "success", "--timeout", f"{1000 * Machine.slow:.0f}ms", id, says=[id, "timed out"])
        self.assertEqual(self.davit("exec", id, "sh", "-c", "echo in; exit 3", code=3).out, "in\n")
        self.davit("pause", id)
        self.davit("wait", "--status", "paused", "--timeout", "30s", id)
        self.davit("unpause", id)
        self.assertEqual(self.status(id)[0], "running")
        self.assertIn(id, json.dumps(self.rows("stats", "--no-stream", id)))
        self.assertIn(id, [row["name"] for row in self.rows("ps", "--all")])
        wait_until("both lines", lambda: (lambda r: (r.out, r.err) == ("out\n", "err\n"))(self.davit("logs", "--tail", "10", id)))
        follower = self.start("logs", "--follow", id)
        for _ in range(2):  # nothing to do is no error
            self.davit("stop", "--time", "30", id)
        self.assertEqual(follower.communicate(timeout=60 * Machine.slow), ("out\n", "err\n"))
        self.assertEqual(self.davit("wait", id).out, "7\n")
        self.davit("wait", "--status", "failed", "--timeout", "30s", id)
        self.assertEqual(self.status(id), ["exited", "7"])
        self.fails(*start, "true", says=id)  # though it has ended
        self.davit("rm", "--force", id)
        self.davit("rm", "--force", id)
        for stream, text in (("stdout", "out\n"), ("stderr", "err\n")):
            with open(os.path.join(self.folder, "r", stream + ".log")) as f:
                self.assertEqual(f.read(), text)
        for verb in (("wait", id), ("exec", id, "true"), ("inspect", id)):
            self.assertNotEqual(self.davit(*verb, code=None).code, 0)
