#!/usr/bin/env python3
"""davit-init, as the first process of a container uses it: codes, scripts, signals, orphans, a terminal."""
import os
import pty
import select
import signal
import subprocess
import sys
import tempfile
import time
import unittest

INIT = os.path.abspath(sys.argv.pop(1))


def run(*args, **kw):
    kw.setdefault("stdin", subprocess.DEVNULL)
    return subprocess.run([INIT, *args], capture_output=True, text=True, timeout=20, **kw)


def until(probe, seconds=10):
    end = time.monotonic() + seconds
    while not probe():
        if time.monotonic() > end:
            return False
        time.sleep(0.005)
    return True


def stat_of(pid):
    """(state, parent) of a process; None: there is none."""
    try:
        with open(f"/proc/{pid}/stat") as f:
            words = f.read().rsplit(")", 1)[1].split()
        return words[0], int(words[1])
    except (FileNotFoundError, ProcessLookupError):
        return None


class Init(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def script(self, name, text, mode=0o755):
        path = os.path.join(self.folder, name)
        with open(path, "w") as f:
            f.write(text)
        os.chmod(path, mode)
        return path

    def background(self, *args, **kw):
        process = subprocess.Popen([INIT, *args], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **kw)
        self.addCleanup(process.stderr.close)
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return process

    def test_it_needs_no_library(self):
        with open(INIT, "rb") as f:
            head = f.read()
        self.assertNotIn(b"ld-linux", head)
        self.assertLess(len(head), 2_000_000)

    def test_codes(self):
        for mode in ([], ["--reap"]):
            for args, code in ((["sh", "-c", "exit 7"], 7), (["true"], 0), (["no-such-program"], 127), (["/no/such"], 127), ([""], 127),
                               (["/etc/passwd"], 126), (["/etc/passwd/x"], 127), (["/"], 126)):
                done = run(*mode, "--", *args)
                self.assertEqual(done.returncode, code, (mode, args, done))
                self.assertEqual(len(done.stderr.splitlines()), 1 if code > 100 else 0, done)
        self.assertEqual(run("--reap", "--", "sh", "-c", "kill -9 $$").returncode, 137)
        self.assertEqual(run("--", "sh", "-c", "kill -9 $$").returncode, -9)  # it is the command by then
        self.assertEqual(run("--reap", "--", "sh", "-c", "kill -TERM $$").returncode, 143)

    def test_usage(self):
        for args in ((), ("--",), ("--reap",), ("--reap", "--"), ("--script",), ("--script", "--"), ("--other", "--", "true"), ("true",)):
            done = run(*args)
            self.assertEqual((done.returncode, len(done.stderr.splitlines())), (125, 1), (args, done))

    def test_path(self):
        self.script("mine", "#!/bin/sh\necho mine $1\n")
        self.script("dull", "text", 0o644)
        path = f":/no/such:{'x' * 5000}:{self.folder}:/bin:/usr/bin"
        self.assertEqual(run("--", "mine", "a b", env={"PATH": path}).stdout, "mine a b\n")
        self.assertEqual(run("--", "dull", env={"PATH": path}).returncode, 126)
        self.assertEqual(run("--", "mine", env={"PATH": "/bin"}).returncode, 127)
        self.assertEqual(run("--", "mine", env={"PATH": ""}, cwd=self.folder).returncode, 127)  # the working folder is not looked through
        self.assertEqual(run("--", "./mine", env={}, cwd=self.folder).returncode, 0)
        self.assertEqual(run("--", "true", env={}).returncode, 0)  # without PATH there is a usual one

    def test_environment_and_arguments_are_the_commands(self):
        done = run("--reap", "--", "sh", "-c", 'echo "$A" "$0" "$@"', "--reap", "--", "", env={"A": "b c", "PATH": "/bin:/usr/bin"})
        self.assertEqual(done.stdout, "b c --reap -- \n")

    def test_scripts_in_order(self):
        one = self.script("one", "#!/bin/sh\necho one $HELLO; read x; echo got=$x; touch made\n")
        two = self.script("two", "ls; echo two\n", 0o644)  # neither executable nor with #!
        for mode in ([], ["--reap"]):
            done = run(*mode, "--script", one, "--script", two, "--", "cat", env={"HELLO": "hi", "PATH": "/bin:/usr/bin"}, cwd=self.folder,
                       stdin=None, input="for the command")
            self.assertEqual(done.stdout.split(), "one hi got= made one two two for the command".split())
            self.assertEqual((done.returncode, done.stderr), (0, ""))

    def test_a_script_that_fails(self):
        bad = self.script("bad", "#!/bin/sh\nexit 3\n")
        dead = self.script("dead", "#!/bin/sh\nkill -SEGV $$\n")
        for script, code in ((bad, 3), (dead, 139), (os.path.join(self.folder, "none"), 127)):
            for mode in ([], ["--reap"]):
                done = run(*mode, "--script", script, "--", "echo", "never")
                self.assertEqual((done.returncode, done.stdout), (code, ""), done)
                self.assertIn(script, done.stderr)

    def test_a_script_that_is_told_to_end(self):
        slow = self.script("slow", "#!/bin/sh\necho here\nexec sleep 100\n")
        deaf = self.script("deaf", "#!/bin/sh\ntrap 'exit 0' TERM\necho here\nwhile :; do sleep 0.01; done\n")
        for script in (slow, deaf):
            process = self.background("--script", script, "--", "echo", "never")
            self.assertEqual(process.stdout.readline(), "here\n")
            process.send_signal(signal.SIGTERM)
            self.assertEqual(process.wait(10), 143)
            self.assertEqual(process.stdout.read(), "")

    def test_every_signal_is_handed_on(self):
        program = ("import os, signal, sys\n"
                   "got = []\n"
                   "for s in signal.valid_signals() - {9, 19, 17}:\n"
                   "    try: signal.signal(s, lambda n, _: os.write(1, b'%d\\n' % n))\n"
                   "    except OSError: pass\n"
                   "os.write(1, b'%d\\n' % os.getpid())\n"
                   "while True: signal.pause()\n")
        process = self.background("--reap", "--", sys.executable, "-c", program)
        self.addCleanup(os.kill, int(process.stdout.readline()), signal.SIGKILL)
        for sig in sorted(signal.valid_signals() - {9, 17, 19}):
            process.send_signal(sig)
            self.assertEqual(process.stdout.readline(), f"{int(sig)}\n")

    def test_the_command_has_the_signals_as_we_had(self):
        text = run("--reap", "--", "cat", "/proc/self/status").stdout
        ours = run("--", "cat", "/proc/self/status").stdout
        for key in ("SigBlk:", "SigIgn:", "SigCgt:"):
            self.assertEqual([x for x in text.splitlines() if x.startswith(key)], [x for x in ours.splitlines() if x.startswith(key)])
        self.assertIn("SigBlk:\t0000000000000000", text)

    def test_orphans_are_collected(self):
        process = self.background("--reap", "--", "sh", "-c", "(sh -c 'echo $$ short; exec sleep 0.2' &) ; (sh -c 'echo $$ long; exec sleep 100' &); read x",
                                  stdin=subprocess.PIPE)
        pids = {name: int(pid) for pid, name in (process.stdout.readline().split() for _ in range(2))}
        first, second = pids["short"], pids["long"]
        self.addCleanup(os.kill, second, signal.SIGKILL)
        self.assertTrue(until(lambda: stat_of(second)[1] == process.pid))
        self.assertTrue(until(lambda: stat_of(first) is None), stat_of(first))
        process.stdin.close()
        self.assertEqual(process.wait(10), 1)  # read saw the end; an orphan that lives holds nothing up

    def test_streams_end_with_the_command(self):
        process = self.background("--reap", "--", "sh", "-c", "exec >&- 2>&-; exec sleep 100")
        self.assertEqual(process.stdout.read(), "")  # though davit-init lives
        self.assertIsNone(process.poll())

    def test_terminal(self):
        pid, master = pty.fork()
        if pid == 0:
            os.execv(INIT, [INIT, "--reap", "--", "sh", "-c", "trap 'echo INTERRUPTED; exit 9' INT; echo READY; while :; do sleep 0.01; done"])
        text = b""
        while b"READY" not in text:
            text += os.read(master, 1000)
        os.write(master, b"\x03")
        while select.select([master], [], [], 10)[0]:
            try:
                more = os.read(master, 1000)
            except OSError:
                break
            if not more:
                break
            text += more
        os.close(master)
        self.assertEqual(text.count(b"INTERRUPTED"), 1, text)
        self.assertEqual(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), 9)

    def test_a_terminal_that_is_closed(self):
        with tempfile.TemporaryDirectory() as folder:
            pid, master = pty.fork()
            if pid == 0:
                os.execv(INIT, [INIT, "--reap", "--", "sh", "-c", f"trap 'echo >{folder}/hung; exit 9' HUP; echo READY; while :; do sleep 0.01; done"])
            text = b""
            while b"READY" not in text:
                text += os.read(master, 1000)
            os.close(master)
            self.assertEqual(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), 9)
            self.assertTrue(os.path.exists(folder + "/hung"))

    def test_job_control(self):
        pid, master = pty.fork()
        if pid == 0:
            os.execv(INIT, [INIT, "--reap", "--", "sh", "-c", "ps -o pid=,pgid=,tpgid= -p $$"])
        text = b""
        try:
            while more := os.read(master, 1000):
                text += more
        except OSError:
            pass
        os.close(master)
        os.waitpid(pid, 0)
        child, group, foreground = map(int, text.split())
        self.assertEqual((group, foreground), (child, child))


if __name__ == "__main__":
    signal.signal(signal.SIGHUP, signal.SIG_DFL)  # nohup ignores it, and what is ignored is inherited: a shell cannot trap it then
    unittest.main()
