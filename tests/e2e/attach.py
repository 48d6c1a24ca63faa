"""davit attach: coming back to a job that runs, its output from then on, its input and its terminal; whoever reads its output meanwhile."""
import concurrent.futures
import glob
import os
import re
import signal
import subprocess

from lib.case import Case, Machine, Terminal, freeze, wait_until

ECHO = "while read -r line; do echo got $line; done; echo end; exit 5"
GATE = "while [ ! -e /c/go ]; do sleep 0.05; done; "


def loggers(name):
    """Processes that read the output of the job."""
    found = []
    for folder in glob.glob("/proc/[0-9]*"):
        try:
            with open(folder + "/cmdline", "rb") as f:
                words = f.read().decode(errors="replace").split("\0")
        except OSError:
            continue
        if words[0].endswith("davit-logger") and any(f"/{Machine.ns}/{name}-" in word for word in words):
            found.append(int(folder.rsplit("/", 1)[1]))
    return found


class Attach(Case):
    def open(self, name):
        open(os.path.join(self.folder, name), "w").close()

    def attach(self, name, *flags, **kw):
        return self.start("attach", *flags, name, **kw)

    def attached(self, name):
        """How many there are."""
        with open("/proc/net/unix") as f:
            return sum(re.search(rf"/{name}-[^/]*/attach\.0$", self.bound(line)) is not None and line.split()[5] == "03" for line in f)

    @staticmethod
    def bound(line):
        words = line.split()
        return words[7] if len(words) > 7 else ""

    def log(self, name):
        return self.davit("logs", name).out

    def say(self, process, text):
        process.stdin.write(text)
        process.stdin.flush()


class Output(Attach):
    def test_from_then_on_for_several_until_it_ends(self):
        name = self.job("-v", f"{self.folder}:/c", command=("sh", "-c", "echo before; " + GATE + "echo out; echo err >&2; exit 7"))
        wait_until("its log", lambda: self.log(name) == "before\n")
        one, two = self.attach(name), self.attach(name, "--logs")
        self.assertEqual(two.stdout.readline(), "before\n")
        three = self.attach(name, "--tail", "1")
        self.assertEqual(three.stdout.readline(), "before\n")
        wait_until("all three", lambda: self.begun(one))
        self.open("go")
        self.assertEqual(one.communicate(timeout=30 * Machine.slow), ("out\n", "err\n"))
        self.assertEqual(two.communicate(timeout=30 * Machine.slow), ("out\n", "err\n"))
        self.assertEqual(three.communicate(timeout=30 * Machine.slow), ("out\n", "err\n"))
        self.assertEqual((one.returncode, two.returncode, three.returncode), (7, 7, 7))
        self.assertEqual(self.davit("logs", name).out, "before\nout\n")

    @staticmethod
    def begun(process):
        """It is waiting for signals, which it does once it is attached."""
        with open(f"/proc/{process.pid}/status") as f:
            blocked = int(next(line for line in f if line.startswith("SigBlk:")).split()[1], 16)
        return blocked >> (signal.SIGUSR1 - 1) & 1

    def test_nothing_is_missing_between_the_log_and_what_comes(self):
        name = self.job("-v", f"{self.folder}:/c", command=(
            "sh", "-c", "i=0; while [ ! -e /c/go ]; do i=$((i+1)); echo $i; usleep 1000; done; echo last; exit 0"))
        wait_until("some lines", lambda: len(self.log(name)) > 200)
        process = self.attach(name, "--logs")
        got = [process.stdout.readline() for _ in range(300)]
        self.open("go")
        got += process.stdout.readlines()
        self.assertEqual(process.wait(30 * Machine.slow), 0)
        self.assertEqual(process.stderr.read(), "")
        self.assertTrue(got == [f"{i}\n" for i in range(1, len(got))] + ["last\n"], got[-5:])

    def test_who_does_not_read_stops_nobody(self):
        name = self.job("-v", f"{self.folder}:/c", command=("sh", "-c", GATE + "seq 1 200000; echo . >/c/over; while [ ! -e /c/on ]; do sleep 0.1; done"))
        slow = self.attach(name)
        wait_until("it", lambda: self.begun(slow))
        freeze(slow.pid)
        self.open("go")
        wait_until("the end of what it writes", lambda: os.path.exists(os.path.join(self.folder, "over")))
        slow.send_signal(signal.SIGCONT)
        with concurrent.futures.ThreadPoolExecutor() as pool:
            out = pool.submit(slow.stdout.read)
            self.assertRegex(slow.stderr.readline(), r"^davit: \d+ bytes of output came faster than they were taken here; the log has them\n")
            self.open("on")
            self.assertEqual(slow.wait(60 * Machine.slow), 0)
            self.assertLess(len(out.result()), 1288895)
        self.assertTrue(self.log(name) == "".join(f"{i}\n" for i in range(1, 200001)))

    def test_the_last_words_of_a_life_and_none_of_the_next(self):
        """Also of one who was too slow for them, and hears of them when another life has long begun."""
        lines = "".join(f"{i}\n" for i in range(1, 200001))
        for i, (flags, has_all) in enumerate(((("--restart", "always"), True), (("--restart", "always", "-i", "--log-driver", "none"), False))):
            name = self.job("-v", f"{self.folder}:/c", *flags, command=(
                "sh", "-c", f"if [ -e /c/over{i} ]; then while :; do echo next; sleep 0.01; done; fi; while [ ! -e /c/go{i} ]; do sleep 0.05; done; "
                            f"seq 1 200000; : >/c/over{i}; exit 3"))
            slow = self.attach(name)
            wait_until("it", lambda slow=slow: self.begun(slow))
            freeze(slow.pid)
            self.open(f"go{i}")
            wait_until("another life", lambda name=name: self.json("inspect", name)[0].get("restarts") == 1 and self.state(name) == "running")
            slow.send_signal(signal.SIGCONT)
            out, err = slow.communicate(timeout=60 * Machine.slow)
            self.assertEqual(slow.returncode, 3)
            self.assertTrue(lines.startswith(out), out[-200:])
            self.assertEqual(out == lines, has_all)
            self.assertEqual("came faster than they were taken" in err, not has_all, err)

    def test_a_signal_is_the_job_s(self):
        name = self.job(command=("sh", "-c", "trap 'echo caught; exit 9' TERM; echo ready; while :; do sleep 0.1; done"))
        process = self.attach(name, "--logs")
        self.assertEqual(process.stdout.readline(), "ready\n")
        wait_until("it", lambda: self.begun(process))
        process.terminate()
        self.assertEqual(process.stdout.readline(), "caught\n")
        self.assertEqual(process.wait(30 * Machine.slow), 9)

    def test_or_not(self):
        name = self.job(command=("sh", "-c", "echo ready; sleep 1000"))
        process = self.attach(name, "--logs", "--sig-proxy=false")
        self.assertEqual(process.stdout.readline(), "ready\n")
        process.send_signal(signal.SIGINT)
        self.assertEqual(process.wait(30 * Machine.slow), 130)
        self.assertEqual(self.state(name), "running")

    def test_its_reader_leaves(self):
        name = self.job(command=("sh", "-c", "while :; do echo line; sleep 0.05; done"))
        process = self.attach(name)
        self.assertEqual(process.stdout.readline(), "line\n")
        process.stdout.close()
        self.assertEqual(process.wait(30 * Machine.slow), 141)
        self.assertEqual(self.state(name), "running")

    def test_a_job_that_is_removed_when_it_ends(self):
        name = self.job("--rm", "-v", f"{self.folder}:/c", command=("sh", "-c", "echo before; " + GATE + "echo out; exit 4"))
        process = self.attach(name, "--logs")
        self.assertEqual(process.stdout.readline(), "before\n")
        self.open("go")
        self.assertEqual(process.stdout.read(), "out\n")
        self.assertEqual(process.wait(30 * Machine.slow), 4)
        wait_until("its removal", lambda: self.state(name) is None)

    def test_what_cannot_be(self):
        self.fails("attach", "nobody", says="nobody")
        ended = self.job(command=("true",))
        self.davit("wait", ended)
        self.fails("attach", ended, says=("does not run", f"davit start -a {ended}"))
        mute = self.job("--log-driver", "none")
        if not Machine.shim:
            self.fails("attach", mute, says=("keeps no log", "-i or -t"))

    def test_a_task_of_several(self):
        path = os.path.join(self.folder, "job.json")
        with open(path, "w") as f:
            f.write('{"name": "several", "network": "none", "tasks": [{"name": "a", "image": "%s", "args": ["sh", "-c", "echo of a; sleep 1000"]}, '
                    '{"name": "b", "image": "%s", "stdin_open": true, "args": ["sh", "-c", "%s"]}]}' % (Machine.image, Machine.image, ECHO))
        self.addCleanup(lambda: self.davit("rm", "-f", "several", code=None))
        self.davit("run", "-d", "-f", path)
        self.fails("attach", "several", says=("several tasks", "JOB.TASK", "logs -f several"))
        one, two = self.attach("several.a", "--logs"), self.attach("several.b", stdin=subprocess.PIPE)
        self.assertEqual(one.stdout.readline(), "of a\n")
        self.say(two, "a line\n")
        self.assertEqual(two.stdout.readline(), "got a line\n")


class Input(Attach):
    def test_stays_open_and_the_log_has_all(self):
        name = self.job("-i", command=("sh", "-c", ECHO))
        one, two = self.attach(name, stdin=subprocess.PIPE), self.attach(name, stdin=subprocess.PIPE)
        self.say(one, "one\n")
        self.assertEqual(one.stdout.readline(), "got one\n")
        one.stdin.close()  # and it reads on
        self.say(two, "two\n")
        self.assertEqual(one.stdout.readline(), "got two\n")
        for process in (one, two):
            process.kill()
            process.wait()
        self.assertEqual(self.state(name), "running")
        three = self.attach(name, "--tail", "2", stdin=subprocess.PIPE)
        self.assertIn(three.stdout.readline(), ("got one\n", "got two\n"))
        self.assertEqual(three.stdout.readline(), "got two\n")
        self.say(three, "three\n")
        self.assertEqual(three.stdout.readline(), "got three\n")
        self.davit("stop", "-t", "0", name)
        self.assertEqual(three.wait(30 * Machine.slow), 137)
        self.assertEqual(self.log(name), "got one\ngot two\ngot three\n")
        wait_until("that nobody reads it any more", lambda: not loggers(name))

    def test_none_of_it(self):
        name = self.job("-i", command=("sh", "-c", ECHO))
        deaf = self.attach(name, "--no-stdin", stdin=subprocess.PIPE)
        self.say(deaf, "not this\n")
        heard = self.attach(name, stdin=subprocess.PIPE)
        self.say(heard, "this\n")
        self.assertEqual(heard.stdout.readline(), "got this\n")
        self.assertEqual(self.log(name), "got this\n")

    def test_more_than_anybody_keeps(self):
        name = self.job("-i", command=("sh", "-c", "head -c 3000000 | md5sum"))
        data = os.urandom(1500000).hex()
        out, _ = self.attach(name, stdin=subprocess.PIPE).communicate(data, timeout=60 * Machine.slow)
        expected = subprocess.run(["md5sum"], input=data.encode(), capture_output=True, check=True).stdout.decode()
        self.assertEqual(out, expected)

    def test_of_one_that_is_started_again(self):
        name = self.job("-i", command=("sh", "-c", ECHO))
        for verb in (("restart", "-t", "0"), ("start",)):
            if verb == ("start",):
                self.davit("stop", "-t", "0", name)
            self.davit(*verb, name)
            process = self.attach(name, stdin=subprocess.PIPE)
            self.say(process, f"{verb[0]}\n")
            self.assertEqual(process.stdout.readline(), f"got {verb[0]}\n")
        wait_until("the end of those before", lambda: len(loggers(name)) <= 1)

    def test_without_a_log(self):
        name = self.job("-i", "--log-driver", "none", command=("sh", "-c", ECHO))
        process = self.attach(name, stdin=subprocess.PIPE)
        self.say(process, "a line\n")
        self.assertEqual(process.stdout.readline(), "got a line\n")

    def test_a_start_that_fails_leaves_nobody(self):
        self.fails("run", "-d", "-i", "--name", "undone", "--network", "none", Machine.image, "/no/such/program", code=127)
        wait_until("the end of who would have read it", lambda: not loggers("undone"))
        self.assertEqual(glob.glob(f"/run/davit/{Machine.ns}/undone-*"), [])

    def test_nor_does_a_davit_that_is_killed(self):
        self.addCleanup(lambda: self.davit("rm", "-f", "killed", code=None))
        process = self.start_until("task", "run", "-d", "-i", "--name", "killed", "--network", "none", Machine.image, "sh", "-c", ECHO)
        process.kill()
        process.wait()
        self.davit("rm", "-f", "killed", code=None)
        wait_until("the end of who would have read it", lambda: not loggers("killed"))

    def test_others_may_not(self):
        name = self.job("-i", command=("sh", "-c", ECHO))
        wait_until("its socket", lambda: glob.glob(f"/run/davit/{Machine.ns}/{name}-*/attach.0"))
        path = glob.glob(f"/run/davit/{Machine.ns}/{name}-*/attach.0")[0]
        self.assertEqual(os.stat(path).st_mode & 0o7777, 0o600)
        self.assertEqual(os.stat(os.path.dirname(path)).st_mode & 0o7777, 0o700)


class OnTerminal(Attach):
    def shell(self, name, *flags):
        term = Terminal(self, "attach", *flags, name)
        term.expect(r"# ")  # drawn again, since the size is another
        return term

    def leave(self, term, name):
        term.type("\x10\x11")
        term.expect(rf"\ndavit: detached: job {name} goes on; ")
        self.assertEqual(term.wait(), 0)
        self.assertTrue(term.restored())
        self.assertEqual(self.state(name), "running")

    def test_again_and_again(self):
        name = self.job("-i", "-t", command=("sh",))
        term = self.shell(name)
        term.type("a=kept; echo $((40+2))\n")
        term.expect(r"\n42\n")
        self.leave(term, name)
        term = Terminal(self, "attach", name, rows=31, cols=101)
        wait_until("its size", lambda: (term.type("stty size\n"), "31 101" in term.expect(r"\n(\d+ \d+)\n").group(1))[1])
        term.resize(41, 133)
        wait_until("the new size", lambda: (term.type("stty size\n"), "41 133" in term.expect(r"\n(\d+ \d+)\n").group(1))[1])
        term.type("echo $a; exit 3\n")
        term.expect(r"\nkept\n")
        self.assertEqual(term.wait(), 3)
        self.assertTrue(term.restored())
        self.assertIn("42", self.log(name))

    def test_keys_of_one_s_own(self):
        name = self.job("-i", "-t", command=("cat",))
        term = Terminal(self, "attach", "--detach-keys", "ctrl-a,x", name)
        term.type("seen\n")
        term.expect("seen\nseen\n")
        term.type("\x01x")
        self.assertEqual(term.wait(), 0)

    def test_to_what_was_left_in_the_foreground(self):
        self.addCleanup(lambda: self.davit("rm", "-f", "left", code=None))
        term = Terminal(self, "run", "-it", "--name", "left", "--network", "none", Machine.image, "sh")
        term.expect("# ")
        self.leave(term, "left")
        term = self.shell("left")
        term.type("echo $((40+2))\n")
        term.expect(r"\n42\n")
        self.leave(term, "left")
        term = self.shell("left")
        term.type("exit 6\n")
        self.assertEqual(term.wait(), 6)
        self.assertIn("42", self.log("left"))

    def test_beside_who_is_in_the_foreground_and_after(self):
        self.addCleanup(lambda: self.davit("rm", "-f", "both", code=None))
        first = Terminal(self, "run", "-it", "--name", "both", "--network", "none", Machine.image, "sh")
        first.expect("# ")
        second = self.shell("both")
        second.type("echo $((40+2))\n")
        second.expect(r"\n42\n")
        first.expect(r"\n42\n")
        self.leave(first, "both")

        def heard():
            second.type("echo $((50+3))\n")
            return "53" in second.rest()
        wait_until("who has its output now", heard)
        second.type("exit 2\n")
        self.assertEqual(second.wait(), 2)

    def test_started_again_with_a_terminal(self):
        name = self.job("-i", "-t", command=("sh",))
        self.davit("stop", "-t", "0", name)
        term = Terminal(self, "start", "-ai", name)
        term.expect("# ")
        self.leave(term, name)
        term = self.shell(name)
        term.type("exit 8\n")
        self.assertEqual(term.wait(), 8)

    def test_input_that_is_no_terminal_s(self):
        name = self.job("-i", "-t", command=("sh",))
        self.fails("attach", name, says=("standard input is none", "--no-stdin"))
        process = self.attach(name, "--no-stdin", "--logs")
        while process.stdout.read(1) != "#":
            self.assertIsNone(process.poll())
