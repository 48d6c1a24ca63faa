"""`nomad alloc exec`: the cases of Nomad's conformance suite for drivers (ExecTaskStreaming), and what users do besides."""
import os

from lib.case import wait_until
from lib.exec_cases import CASES
from lib.nomad_case import NomadCase


class Conformance(NomadCase):
    def ask(self, job, command, tty, typed):
        with job.exec("/bin/sh", "-c", command, tty=tty) as e:
            if tty:
                e.resize(50, 40)
                e.resize(100, 100)
            if typed:
                e.type(typed)
            if not tty:
                e.end_input()
            return e.wait()

    def test_cases(self):
        job = self.job().running()
        for name, command, tty, typed, out, err, code in CASES:
            with self.subTest(name):
                got = self.ask(job, command, tty, typed)
                self.assertEqual((got[0], got[2]), (out, code), str(got))
                self.assertRegex(got[1], err)

    def test_isolation(self):
        job = self.job().running()
        text = "hello from the other side"
        path = job.sh(f'FILE=$(mktemp); echo "$FILE"; echo "{text}" >> "$FILE"').strip()
        self.assertFalse(os.path.exists(path))
        self.assertEqual(job.run("cat", path).strip(), text)
        groups = job.run("cat", "/proc/self/cgroup")
        if os.path.exists("/sys/fs/cgroup/freezer"):
            self.assertIn(":freezer:/nomad", groups)
        else:
            self.assertEqual(groups, "0::/\n")  # the task's namespace begins at its own cgroup
            with open(f"/proc/{job.pid()}/cgroup") as f:
                self.assertTrue(f.read().strip().endswith(".scope"))


class Exec(NomadCase):
    def test_a_program_that_is_missing_or_is_none(self):
        job = self.job().running()
        for command, wanted, words in (("/no/such/program", 127, "/no/such/program"), ("no-such-program", 127, "no-such-program"),
                                       ("/etc/passwd", 126, "/etc/passwd"), ("/etc", 126, "/etc")):
            with self.subTest(command), job.exec(command) as e:
                out, err, code = e.wait()
                self.assertEqual((out, code), ("", wanted), err + e.raw)
                self.assertIn(words, err)

    def test_environment_and_user_are_the_tasks(self):
        job = self.job(more='user = "web"\n env {\n COLOUR = "green"\n }').running()
        self.assertEqual(job.sh("echo $COLOUR $NOMAD_TASK_NAME; id -un; id -gn").split(), ["green", "t", "web", "webs"])

    def test_much_output_and_input_comes_whole(self):
        job = self.job().running()
        out = job.sh("head -c 3000000 /dev/zero | tr '\\0' x", seconds=60)
        self.assertEqual(len(out), 3000000)
        with job.exec("wc", "-c", seconds=60) as e:
            for _ in range(30):
                e.type("y" * 30000)
            e.end_input()
            self.assertEqual(e.wait()[0].strip(), "900000")

    def test_an_end_of_the_client_ends_the_process(self):
        """At its next output: before that Nomad's agent does not look whether anybody is there, and a driver in a process of its own is not told."""
        job = self.job().running()
        with job.exec("sh", "-c", "while :; do echo begun 4711; sleep 0.2; done") as e:
            e.expect("begun")
        wait_until("its end", lambda: "4711" not in job.sh("ps -o args | grep '[4]711' || true"), 20)

    def test_control_c(self):
        job = self.job().running()
        with job.exec("sh", "-c", "trap 'echo caught; exit 9' INT; echo begun; while :; do sleep 0.1; done", tty=True) as e:
            e.expect("begun")
            e.type("\x03")
            out, _, code = e.wait()
        self.assertIn("caught", out)
        self.assertEqual(code, 9)

    def test_it_survives_heartbeats_and_many_resizes(self):
        job = self.job().running()
        with job.exec("sh", "-c", "echo begun; read x; until [ \"$(stty size 2>/dev/null)\" = '50 51' ]; do sleep 0.1; done; stty size", tty=True) as e:
            e.expect("begun")
            for n in range(1, 51):
                e.resize(n, n + 1)
                e.heartbeat()
            e.type("\n")
            self.assertIn("50 51", e.wait()[0])

    def test_the_tasks_end_ends_it(self):
        job = self.job().running()
        with job.exec("sh", "-c", "echo begun; exec sleep 1000") as e:
            e.expect("begun")
            self.agent.stop_job(job.name)
            _, _, code = e.wait()
        self.assertNotEqual(code, 0)
