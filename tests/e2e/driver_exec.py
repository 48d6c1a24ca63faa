"""ExecTask and ExecTaskStreaming of containerd-driver: the cases of Nomad's conformance suite, and peers that do not read, do not write or go."""
import base64
import contextlib
import glob
import os
import re
import signal
import time

from lib.case import Machine, freeze, wait_until
from lib.driver_plugin import DriverCase, Failed
from lib.exec_cases import CASES


class Stream:
    """One ExecTaskStreaming, as `nomad alloc exec` has it."""

    def __init__(self, session, **setup):
        self.out, self.err, self.closed, self.code = b"", b"", set(), None
        self.call = session.begin("ExecTaskStreaming", setup=setup)

    def send(self, **message):
        self.call.session.say(id=self.call.id, send=message)

    def type(self, data):
        self.send(stdin={"data": base64.b64encode(data.encode()).decode()})

    def end_input(self):
        self.send(stdin={"close": True})

    def resize(self, width, height):
        self.send(tty_size={"width": width, "height": height})

    def hear(self, seconds=60.0):
        """One message; False at the end."""
        m = self.call.next(seconds)
        if m is None:
            return False
        for name in ("stdout", "stderr"):
            io = m.get(name) or {}
            if io.get("data"):
                assert name not in self.closed
                data = base64.b64decode(io["data"])
                self.out, self.err = (self.out + data, self.err) if name == "stdout" else (self.out, self.err + data)
            if io.get("close"):
                self.closed.add(name)
        if m.get("exited"):
            assert self.closed == {"stdout", "stderr"}
            self.code = m["result"].get("exit_code", 0)
        return True

    def expect(self, text, seconds=60.0):
        while text.encode() not in self.out:
            assert self.hear(seconds), (self.out, self.err)

    def wait(self, seconds=60.0):
        """Until the end: its output, its error output, its exit code."""
        while self.hear(seconds):
            pass
        assert self.code is not None
        return self.out.decode(errors="replace"), self.err.decode(errors="replace"), self.code


class Exec(DriverCase):
    def setUp(self):
        super().setUp()
        self.handle = self.start_task("trap 'exit 0' TERM; echo up; while :; do sleep 0.1; done", memory=128, user="1000:1000",
                                      env={"COLOUR": "green", "PATH": "/bin:/usr/bin", "NOMAD_ALLOC_DIR": "/alloc"})
        self.task_id = self.handle["config"]["id"]

    def tearDown(self):
        wait_until("the FIFOs' end", lambda: not glob.glob(f"/run/davit/{Machine.ns}/*/exec-*"))
        super().tearDown()

    def stream(self, *command, tty=False):
        return Stream(self.session, task_id=self.task_id, command=list(command), tty=tty)

    def begin_exec(self, *command, seconds=60):
        return self.session.begin("ExecTask", task_id=self.task_id, command=list(command), timeout={"seconds": seconds})

    def exec(self, *command, seconds=60):
        """Output, error output, exit code."""
        return self.answer(self.begin_exec(*command, seconds=seconds))

    def answer(self, call):
        m = call.next(120)
        return base64.b64decode(m["stdout"]).decode(), base64.b64decode(m["stderr"]).decode(), m["result"].get("exit_code", 0)

    def run_it(self, script, typed="", tty=False):
        s = self.stream("/bin/sh", "-c", script, tty=tty)
        if tty:
            s.resize(40, 50)
            s.resize(100, 100)
        if typed:
            s.type(typed)
        if not tty:
            s.end_input()
        return s.wait()

    def processes(self):
        return [p for p in self.exec("ps", "-o", "args")[0].splitlines()[1:] if not re.search(r"ps -o|^sh -c trap|^sleep 0.1|davit-init", p)]

    def fds(self):
        return len(os.listdir(f"/proc/{self.plugin.process.pid}/fd"))

    def test_conformance(self):
        for name, script, tty, typed, out, err, code in CASES:
            with self.subTest(name):
                got = self.run_it(script, typed, tty)
                self.assertEqual((got[0], got[2]), (out, code), str(got))
                self.assertRegex(got[1], err)

    def test_isolation(self):
        text = "hello from the other side"
        path = self.run_it(f'FILE=$(mktemp); echo "$FILE"; echo "{text}" >> "$FILE"')[0].strip()
        self.assertFalse(os.path.exists(path))
        self.assertEqual(self.exec("cat", path)[0].strip(), text)

    def test_exec_task(self):
        self.assertEqual(self.exec("sh", "-c", "echo out; echo err >&2; exit 3"), ("out\n", "err\n", 3))
        self.assertEqual(self.exec("sh", "-c", "kill -9 $$")[2], 137)
        self.assertEqual(self.exec("sh", "-c", "echo $COLOUR; id -u; pwd")[0].split(), ["green", "1000", "/"])
        out, err, code = self.exec("sh", "-c", "seq 1 100000; seq 1 100000 >&2")
        self.assertEqual((len(out), out[-7:], len(err), err[-7:], code), (4096, "100000\n", 4096, "100000\n", 0))
        self.assertEqual(self.exec("cat")[2], 0)  # no input

    def test_exec_task_that_takes_too_long(self):
        began = time.monotonic()
        with self.assertRaises(Failed) as refused:
            self.exec("sleep", "4711", seconds=1)
        self.assertLess(time.monotonic() - began, 10 * Machine.slow)
        self.assertEqual(refused.exception.status, 4)
        self.assertIn("timed out after 1000 ms", refused.exception.message)
        wait_until("the end of sleep", lambda: not self.processes())

    def test_what_cannot_be_executed(self):
        with self.assertRaises(Failed) as refused:
            self.exec("/no/such/program")
        self.assertIn("not found in the task", refused.exception.message)
        s = self.stream("/no/such/program")
        _, err, code = s.wait()
        self.assertEqual(code, 127)
        self.assertIn("not found in the task", err)
        self.assertEqual(self.stream("/etc", tty=True).wait()[2], 126)
        for request, words in (({"setup": {"task_id": "x", "command": ["true"]}}, "task not found for given id"),
                               ({"setup": {"task_id": self.task_id}}, "no command"), ({"stdin": {"close": True}}, "no setup")):
            with self.assertRaises(Failed) as refused:
                self.session.ask("ExecTaskStreaming", **request)
            self.assertIn(words, refused.exception.message)
        with self.assertRaisesRegex(ValueError, "NUL"):
            self.exec("tr\0ue")

    def test_a_flood_that_nobody_reads(self):
        """The process waits, and the plugin keeps little of it; others go on."""
        before = self.memory()
        s = self.stream("sh", "-c", "yes")
        s.hear()
        os.kill(self.session.process.pid, 19)
        try:
            time.sleep(2)
            self.assertLess(self.memory() - before, (32 if Machine.slow > 1 else 8) << 20)
        finally:
            os.kill(self.session.process.pid, 18)
        s.call.cancel()
        wait_until("the end of yes", lambda: not self.processes())

    def memory(self):
        with open(f"/proc/{self.plugin.process.pid}/statm") as f:
            return int(f.read().split()[1]) * 4096

    def test_much_output_and_input_comes_whole(self):
        out = self.run_it("head -c 3000000 /dev/zero | tr '\\0' x")[0]
        self.assertEqual((len(out), set(out)), (3000000, {"x"}))
        s = self.stream("sh", "-c", "sleep 1; wc -c")
        for _ in range(20):
            s.type("y" * 100000)
        s.end_input()
        self.assertEqual(s.wait()[0].strip(), "2000000")

    def test_too_much_input_at_once(self):
        """It would be kept whole until the process reads it; others go on."""
        other = self.stream("sh", "-c", "wc -c")
        other.type("y" * (1 << 20))
        s = self.stream("sleep", "1000")
        s.type("y" * ((1 << 20) + 1))
        with self.assertRaises(Failed) as refused:
            s.wait()
        self.assertIn("1048577 bytes of input in one message", refused.exception.message)
        other.end_input()
        self.assertEqual(other.wait()[0].strip(), "1048576")
        wait_until("the end of sleep", lambda: not self.processes())

    def test_outputs_that_end_before_the_process(self):
        s = self.stream("sh", "-c", "exec >&- 2>&-; sleep 1; exit 5")
        while s.closed != {"stdout", "stderr"}:
            s.hear()
        self.assertIsNone(s.code)
        self.assertEqual(s.wait()[2], 5)

    def test_a_child_that_keeps_the_output(self):
        began = time.monotonic()
        got = self.run_it("{ sleep 20; echo late; } & echo soon")
        self.assertEqual(got, ("soon\n", "", 0))
        self.assertLess(time.monotonic() - began, 10 * Machine.slow)
        began = time.monotonic()
        got = self.run_it("yes & echo soon; exit 6")  # and talks
        self.assertEqual(got[2], 6)
        self.assertLess(time.monotonic() - began, 20 * Machine.slow)
        self.exec("killall", "yes", "sleep")

    def test_a_client_that_goes(self):
        for tty in (False, True):
            s = self.stream("sh", "-c", "echo begun; exec sleep 4711", tty=tty)
            s.expect("begun")
            s.call.cancel()
            wait_until("the end of sleep", lambda: not self.processes())
        for _ in range(20):  # at once
            self.stream("sleep", "4711").call.cancel()
        wait_until("their end", lambda: not self.processes())

    def test_the_tasks_end_ends_it(self):
        s = self.stream("sh", "-c", "echo begun; exec sleep 4711")
        s.expect("begun")
        self.session.ask("StopTask", task_id=self.task_id, timeout={"seconds": 1})
        self.assertEqual(s.wait()[2], 137)
        with self.assertRaises(Failed) as refused:
            self.exec("true")
        self.assertIn(f"task {self.task_id}: has ended", refused.exception.message)

    def test_control_c(self):
        s = self.stream("sh", "-c", "trap 'echo caught; exit 9' INT; echo begun; while :; do sleep 0.1; done", tty=True)
        s.expect("begun")
        s.type("\x03")
        out, _, code = s.wait()
        self.assertIn("caught", out)
        self.assertEqual(code, 9)

    def test_heartbeats_and_many_resizes(self):
        s = self.stream("sh", "-c", "echo begun; read x; until [ \"$(stty size 2>/dev/null)\" = '50 51' ]; do sleep 0.1; done; stty size; read x", tty=True)
        s.expect("begun")
        for n in range(1, 51):
            s.resize(n + 1, n)
            s.send()
        s.type("\n")
        s.expect("50 51")
        s.type("q\n")
        s.wait()

    def test_input_that_is_underway_at_the_end(self):
        """Nomad's client loses what it has not read when it cannot send any more: the call waits a moment for the end of the input."""
        def is_open():
            s = self.stream("/bin/true")
            while s.code is None:
                self.assertTrue(s.hear())
            waits = s.call.lines.empty()
            s.end_input()
            self.assertFalse(s.hear())
            return waits
        self.assertTrue(any(is_open() for _ in range(5)), "a moment is short on a busy machine, but not each time")
        s = self.stream("/bin/true")
        self.assertEqual(s.wait()[2], 0)  # and it ends without one

    def test_nothing_grows(self):
        """Hundreds of them, some at once, and the plugin has no more open than before."""
        self.exec("true")
        before = self.fds()
        for _ in range(0, 200, 10):
            calls = [self.begin_exec("echo", "x") for _ in range(10)]
            for call in calls:
                self.assertEqual(self.answer(call), ("x\n", "", 0))
        wait_until("what it has open", lambda: self.fds() <= before)

    def test_many_at_once(self):
        """containerd's own shim waits for itself when it is to start more than about fifteen at a time."""
        calls = [self.begin_exec("echo", str(n), seconds=100) for n in range(60)]
        for n, call in enumerate(calls):
            self.assertEqual(self.answer(call), (f"{n}\n", "", 0))

    def test_a_plugin_that_ends_ends_them(self):
        s = self.stream("sh", "-c", "echo begun; exec sleep 4711")
        s.expect("begun")
        self.plugin.stop()
        self.new_plugin()
        self.recover(self.handle)
        wait_until("the end of sleep", lambda: not self.processes())

    def running(self, *command):
        """Pids on the host, of whatever namespace."""
        wanted, found = "\0".join(command).encode() + b"\0", []
        for path in glob.glob("/proc/[0-9]*/cmdline"):
            with contextlib.suppress(OSError), open(path, "rb") as f:
                if f.read().endswith(wanted):
                    found.append(int(path.split("/")[2]))
        return found

    @staticmethod
    def heirs():
        """Of plugins of this machine that have gone: they end what those were executing."""
        found = []
        for path in glob.glob("/proc/[0-9]*/cmdline"):
            with contextlib.suppress(OSError), open(path, "rb") as f:
                if b"--end-executed" in f.read() and os.readlink(path[:-7] + "ns/mnt") == os.readlink("/proc/self/ns/mnt"):
                    found.append(path)
        return found

    def test_what_is_being_started_at_the_plugins_end(self):
        """And a containerd that comes to it only afterwards."""
        command = "sleep", str(100000 + os.getpid())
        for _ in range(20):
            self.begin_exec(*command)
        wait_until("the first", lambda: self.running(*command))
        freeze(Machine.containerd.process.pid)
        try:
            began = time.monotonic()
            self.plugin.stop()
            self.assertLess(time.monotonic() - began, 2 + 8 * Machine.slow)
        finally:
            os.kill(Machine.containerd.process.pid, signal.SIGCONT)
        time.sleep(1)  # what it was asked for is started now
        wait_until("the end of all", lambda: not self.running(*command) and not self.heirs())
        self.new_plugin()
        self.recover(self.handle)
        self.assertEqual(self.exec("echo", "x"), ("x\n", "", 0))

    def test_a_containerd_that_goes_for_a_moment(self):
        s = self.stream("sh", "-c", "echo begun; sleep 3; echo end; exit 4")
        s.end_input()
        s.expect("begun")
        Machine.containerd.restart()
        self.assertEqual(s.wait(), ("begun\nend\n", "", 4))
        self.assertEqual(self.exec("echo", "x"), ("x\n", "", 0))
