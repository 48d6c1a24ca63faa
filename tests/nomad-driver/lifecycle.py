"""What Nomad does with tasks besides starting them: templates that change, tasks before, beside and after others, restarts, script hooks."""
import os

from lib.case import wait_until
from lib.nomad_case import NomadCase, task_block

SIGNALLED = "trap 'echo reloaded $(cat /local/conf)' HUP; echo ready $(cat /local/conf); while :; do sleep 0.1; done"
ANEW = 'restart {\n attempts = 3\n interval = "30m"\n delay = "1s"\n mode = "delay"\n}\n'


def template(mode, name, more=""):
    return f"""
    template {{
      destination = "local/conf"
      change_mode = "{mode}"
      splay = "0s"
{more}
      data = <<EOT
{{{{ with nomadVar "{name}" }}}}{{{{ .colour }}}}{{{{ end }}}}
EOT
    }}
"""


def hook(kind, sidecar=False):
    return f'lifecycle {{\n hook = "{kind}"\n sidecar = {str(sidecar).lower()}\n}}\n'


class Templates(NomadCase):
    def setUp(self):
        super().setUp()
        self.job_name = self.name()
        self.variable = f"nomad/jobs/{self.job_name}"
        self.set("red")
        self.addCleanup(self.agent.api.call, "DELETE", "var/" + self.variable)

    def set(self, colour):
        self.agent.api.put("var/" + self.variable, {"Path": self.variable, "Items": {"colour": colour}})

    def begun(self, mode, more=""):
        job = self.sh_job(SIGNALLED, name=self.job_name, more=template(mode, self.variable, more), once=ANEW).running()
        job.waits_for_log("ready red")
        return job

    def test_a_change_sends_a_signal(self):
        job = self.begun("signal", 'change_signal = "SIGHUP"')
        self.set("blue")
        job.waits_for_log("reloaded blue", seconds=40)
        self.assertEqual(job.state()["Restarts"], 0)

    def test_a_change_runs_a_script(self):
        job = self.begun("script", 'change_script {\n command = "/bin/sh"\n args = ["-c", "cp /local/conf /local/new && mv /local/new /local/seen"]\n'
                         ' timeout = "20s"\n fail_on_error = true\n}')
        self.set("blue")
        wait_until("the script", lambda: os.path.exists(job.dir("local", "seen")), 40)
        with open(job.dir("local", "seen")) as f:
            self.assertEqual(f.read().strip(), "blue")
        self.assertEqual(job.state()["Restarts"], 0)

    def test_a_script_that_fails_fails_the_task(self):
        job = self.begun("script", 'change_script {\n command = "/bin/sh"\n args = ["-c", "exit 3"]\n timeout = "20s"\n fail_on_error = true\n}')
        self.set("blue")
        job.waits_for_event("(?i)script.*3|exit.*3", seconds=40)

    def test_a_script_that_hangs_is_ended(self):
        job = self.begun("script", 'change_script {\n command = "sleep"\n args = ["4712"]\n timeout = "1s"\n fail_on_error = true\n}')
        self.set("blue")
        job.waits_for_event("(?i)script", seconds=40)
        wait_until("no sleep", lambda: not self.sleeps("4712"), 20)

    def sleeps(self, word):
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{pid}/cmdline", "rb") as f:
                    if f.read().split(b"\0")[:2] == [b"sleep", word.encode()]:
                        return True
            except OSError:
                continue
        return False

    def test_a_change_restarts(self):
        job = self.begun("restart")
        first = job.containers()
        self.set("blue")
        wait_until("another container", lambda: job.containers() and job.containers() != first and job.state().get("State") == "running", 40)
        job.waits_for_log("ready blue")


class Hooks(NomadCase):
    def test_before_beside_and_after(self):
        job = self.group(
            task_block(("sh", "-c", "echo before >> /alloc/data/order"), name="before", more=hook("prestart")),
            task_block(("sh", "-c", "trap 'exit 0' TERM; echo beside >> /alloc/data/order; while :; do sleep 0.1; done"), name="beside",
                       more=hook("prestart", True)),
            task_block(("sh", "-c", "sleep 1; echo main >> /alloc/data/order; sleep 2"), name="t"),
            task_block(("sh", "-c", "echo poststart >> /alloc/data/order"), name="poststart", more=hook("poststart")),
            task_block(("sh", "-c", "echo after >> /alloc/data/order"), name="after", more=hook("poststop")))
        job.completed(90)
        with open(os.path.join(self.agent.alloc_dir(job.alloc), "alloc/data/order")) as f:
            order = f.read().split()
        self.assertEqual(sorted(order[:2]), ["before", "beside"])
        self.assertEqual(sorted(order[2:4]), ["main", "poststart"])
        self.assertEqual(order[4], "after")

    def test_a_leaders_end_ends_the_others(self):
        job = self.group(task_block(("sleep", "3"), name="t", more="leader = true"), task_block(name="u"))
        job.completed(60)
        self.assertEqual({n: s["State"] for n, s in self.agent.alloc(job.alloc)["TaskStates"].items()}, {"t": "dead", "u": "dead"})

    def test_restarts_by_the_policy(self):
        job = self.sh_job("echo run; exit 3", once='restart {\n attempts = 2\n interval = "30m"\n delay = "0s"\n mode = "fail"\n}\n'
                          'reschedule {\n attempts = 0\n unlimited = false\n}').failed(60)
        self.assertEqual(job.state()["Restarts"], 2)
        wait_until("three lines", lambda: job.logs().count("run\n") >= 3, 20)
        self.assertEqual(job.logs().count("run\n"), 3)
        self.assertEqual(job.exit_code(), 3)

    def test_a_restart_that_a_person_asks_for(self):
        job = self.sh_job("echo run; sleep 1000").running()
        job.waits_for_log("run")
        first = job.containers()
        self.agent.restart_task(job.alloc, "t")
        wait_until("another container", lambda: job.containers() and job.containers() != first, 40)
        wait_until("the second line", lambda: job.logs().count("run\n") == 2, 30)

    def test_the_task_api(self):
        """Nomad's socket in /secrets."""
        job = self.job(more="identity {\n env = true\n}").running()
        self.assertEqual(job.sh("test -S /secrets/api.sock && echo there").strip(), "there")

    def test_logs_are_read_only_and_shared_folders_are_not(self):
        job = self.job().running()
        job.sh("touch /alloc/data/a /local/b /secrets/c /alloc/tmp/d")
        self.assertIn("Read-only", job.sh("touch /alloc/logs/no 2>&1", code=1))
        self.assertEqual(job.sh("echo $NOMAD_ALLOC_DIR $NOMAD_TASK_DIR $NOMAD_SECRETS_DIR").split(), ["/alloc", "/local", "/secrets"])

    def test_no_log_collection(self):
        job = self.sh_job("echo nothing; sleep 1000", more="logs {\n disabled = true\n}").running()
        self.assertEqual(job.run("echo", "there").strip(), "there")
