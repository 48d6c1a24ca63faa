"""Output that cannot be written, that nobody reads, that is blocked; and what goes on without davit."""
import contextlib
import fcntl
import glob
import os
import random
import subprocess
import time

from lib.case import Case, Machine, Terminal, wait_until, waiting


class Lost(Case):
    """What is lost is an error: one line, and an exit code that says so."""

    def lost(self, *args, why="No space left on device", **kw):
        kw.setdefault("stdout", open("/dev/full", "w"))
        done = subprocess.run(self.command(args), stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, cwd=self.folder,
                              timeout=60 * Machine.slow, **kw)
        self.assertEqual(done.returncode, 125, f"{args}: {done.stderr}")
        lines = done.stderr.strip().splitlines()
        self.assertEqual(len(lines), 1, f"{args}: {done.stderr}")
        self.assertIn("standard output", lines[0])
        self.assertIn(why, lines[0])

    def test_of_each_command(self):
        name = self.job(command=("sh", "-c", "echo said; sleep 1000"))
        self.davit("logs", "-f", "--until", "1s", name)
        for args in (("ps",), ("images",), ("inspect", name), ("version",), ("help",), ("run", "--help"), ("volume", "ls"), ("logs", name),
                     ("completion", "bash"), ("run", "--dry-run", Machine.image), ("create", "--name", "made", Machine.image)):
            with self.subTest(args=args):
                self.lost(*args)
        self.davit("rm", "-f", "made", code=None)

    def test_of_an_archive(self):
        """Its own disk is full, not containerd's, and the remedy says so."""
        for args in (("export", self.job()), ("image", "save", Machine.image)):
            with self.subTest(args=args):
                self.lost(*args, why="df -h shows")

    def test_of_a_process(self):
        name = self.job()
        for args in (("run", "--rm", "--network", "none", Machine.image, "seq", "100000"), ("exec", name, "seq", "100000")):
            with self.subTest(args=args):
                self.lost(*args)

    def test_standard_error_is_output_too(self):
        done = subprocess.run(self.command(["run", "--rm", "--network", "none", Machine.image, "sh", "-c", "echo x >&2"]),
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=open("/dev/full", "w"), timeout=60 * Machine.slow)
        self.assertEqual(done.returncode, 125)

    def test_a_failure_of_the_job_s_own_stays(self):
        done = subprocess.run(self.command(["run", "--rm", "--network", "none", Machine.image, "sh", "-c", "echo x; exit 7"]),
                              stdin=subprocess.DEVNULL, stdout=open("/dev/full", "w"), stderr=subprocess.DEVNULL, timeout=60 * Machine.slow)
        self.assertEqual(done.returncode, 7)

    def test_nothing_printed_is_nothing_lost(self):
        with open("/dev/full", "w") as full:
            done = subprocess.run(self.command(["run", "--rm", "--network", "none", Machine.image, "true"]), stdout=full, stderr=full,
                                  stdin=subprocess.DEVNULL, timeout=60 * Machine.slow)
        self.assertEqual(done.returncode, 0)

    def test_a_file_that_cannot_grow(self):
        """A partial write first: of what the file system still takes nothing is lost."""
        out = os.path.join(self.folder, "out")
        done = subprocess.run(["sh", "-c", 'ulimit -f 8; trap "" XFSZ; exec "$@" >"$0"', out] +
                              self.command(["run", "--rm", "--network", "none", Machine.image, "seq", "100000"]),
                              stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, timeout=60 * Machine.slow)
        self.assertEqual(done.returncode, 125, done.stderr)
        self.assertIn("File too large", done.stderr)
        with open(out) as f:
            self.assertTrue("".join(f"{i}\n" for i in range(1, 5000)).startswith(f.read()))

    def test_closed_descriptors(self):
        """As the tools of a shell do: what is printed there is lost, and a job that prints nothing is none the worse."""
        for what, code in (("echo x", 125), ("true", 0)):
            done = subprocess.run(["sh", "-c", 'exec "$@" >&-', "sh"] + self.command(
                ["run", "--rm", "--network", "none", Machine.image, "sh", "-c", what]), stdin=subprocess.DEVNULL, stderr=subprocess.PIPE,
                timeout=60 * Machine.slow)
            self.assertEqual(done.returncode, code, done.stderr)


class Unread(Case):
    """A reader that goes ends davit as SIGPIPE would, and davit alone."""

    def pipeline(self, *args):
        read, write = os.pipe()
        process = self.start(*args, stdout=write)
        os.close(write)
        os.read(read, 2)
        os.close(read)
        self.assertEqual(process.wait(20 * Machine.slow), 141)

    def test_run(self):
        self.addCleanup(lambda: self.davit("rm", "-f", "yes", code=None))
        self.pipeline("run", "--name", "yes", "--network", "none", Machine.image, "yes")
        self.assertEqual(self.state("yes"), "running")
        self.davit("stop", "-t", "0", "yes")
        wait_until("the heir's last lines", lambda: "y\n" in self.davit("logs", "--tail", "1", "yes").out)

    def test_a_rm_job_is_removed_when_it_ends(self):
        self.pipeline("run", "--rm", "--name", "brief", "--network", "none", Machine.image, "sh", "-c",
                      "while [ ! -e /tmp/end ]; do echo y; done")
        self.assertEqual(self.state("brief"), "running")
        wait_until("the heir's first line", lambda: "y\n" in self.davit("logs", "--tail", "1", "brief").out)
        self.davit("exec", "brief", "touch", "/tmp/end", code=None)  # it may end with the job, before touch does
        wait_until("its removal", lambda: self.state("brief") is None)

    def test_exec(self):
        name = self.job("-v", f"{self.folder}:/c")
        self.pipeline("exec", name, "sh", "-c", "while :; do echo y; echo . >>/c/n; done")
        self.grows("n")

    def grows(self, name):
        path = os.path.join(self.folder, name)
        was = os.path.getsize(path)
        wait_until("the process to go on", lambda: os.path.getsize(path) > was + 65536)  # more than a pipe holds

    def test_of_standard_error(self):
        read, write = os.pipe()
        process = self.start("run", "--rm", "--name", "noisy", "--network", "none", Machine.image, "sh", "-c", "yes >&2", stderr=write)
        self.addCleanup(lambda: self.davit("rm", "-f", "noisy", code=None))
        os.close(write)
        os.read(read, 2)
        os.close(read)
        self.assertEqual(process.wait(20 * Machine.slow), 141)


class UnreadArchive(Case):
    def test_ends_as_by_sigpipe(self):
        for args in (("export", self.job()), ("image", "save", Machine.image)):
            with self.subTest(args=args):
                davit = subprocess.Popen(self.command(args), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
                davit.stdout.read(1)
                davit.stdout.close()
                said = davit.stderr.read().decode()
                self.assertEqual((davit.wait(timeout=60 * Machine.slow), said), (141, ""))


class Killed(Case):
    """Output has a reader that outlives davit."""
    LOUD = ("sh", "-c", "while :; do echo a line of some forty characters, no less; echo . >>/c/n; done")

    def grows(self):
        path = os.path.join(self.folder, "n")
        was = os.path.getsize(path)
        wait_until("the process to go on", lambda: os.path.getsize(path) > was + 20000)

    def begun(self):
        wait_until("its first words", lambda: os.path.exists(os.path.join(self.folder, "n")))

    def kill(self, *args, **kw):
        kw.setdefault("stdout", subprocess.DEVNULL)
        process = self.start(*args, **kw)
        self.begun()
        process.kill()
        process.wait()
        self.grows()

    def test_run(self):
        self.addCleanup(lambda: self.davit("rm", "-f", "loud", code=None))
        self.kill("run", "--name", "loud", "-v", f"{self.folder}:/c", "--network", "none", Machine.image, *self.LOUD)
        follower = self.start("logs", "-f", "--tail", "0", "loud")
        self.assertEqual(follower.stdout.readline(), "a line of some forty characters, no less\n")

    def test_nothing_is_lost_of_the_log(self):
        """And nothing stands there twice: whenever davit is killed, over records, rotation, two streams and half a line."""
        ended = os.path.join(self.folder, "ended")
        for i in range(12):
            size = "1g" if i % 2 else "100k"
            self.addCleanup(lambda: self.davit("rm", "-f", "count", code=None))
            process = self.start("run", "--name", "count", "--log-opt", f"max-size={size}", "--log-opt", "max-file=200", "-v",
                                 f"{self.folder}:/c", "--network", "none", Machine.image, "sh", "-c",
                                 "echo . >/c/n; { seq 1 30000 >&2; printf 'no end' >&2; } & seq 1 30000; wait; echo end; echo . >/c/ended",
                                 stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            self.begun()
            time.sleep(random.random() * 0.3)
            process.kill()
            process.wait()
            wait_until("the end of the job", lambda: os.path.exists(ended) and self.state("count") != "running")
            want = "".join(f"{n}\n" for n in range(1, 30001))

            def whole():
                nonlocal result
                result = self.davit("logs", "count")
                return result.out.endswith("end\n") and result.err.rstrip().endswith("no end")
            result = None
            wait_until("the end of the log", whole)
            self.assertEqual(self.differs(result.out, want + "end\n"), None)
            self.assertEqual(self.differs(result.err.rstrip(), want + "no end"), None)
            self.davit("rm", "-f", "count")
            os.unlink(ended)
            os.unlink(os.path.join(self.folder, "n"))

    @staticmethod
    def differs(got, want):
        """The first line that does, or None: unittest would compare them for minutes."""
        if got == want:
            return None
        pairs = zip(got.splitlines(), want.splitlines())
        return next((f"line {n}: {a} is not {b}" for n, (a, b) in enumerate(pairs) if a != b), f"{len(got)} bytes are not {len(want)}")

    def test_nothing_is_lost_of_a_quiet_job_s_log(self):
        """Before, at and after the moment of the kill: a line of which only the half had come, too."""
        self.addCleanup(lambda: self.davit("rm", "-f", "quiet", code=None))
        process = self.start("run", "--name", "quiet", "-v", f"{self.folder}:/c", "--network", "none", Machine.image, "sh", "-c",
                             "printf 'first\nhal'; sleep 1; echo . >/c/n; while [ ! -e /c/go ]; do sleep 0.1; done; echo f; seq 1 50000",
                             stdout=subprocess.DEVNULL)
        self.begun()
        process.kill()
        process.wait()
        open(os.path.join(self.folder, "go"), "w").close()
        self.davit("wait", "quiet")
        want = "first\nhalf\n" + "".join(f"{i}\n" for i in range(1, 50001))
        wait_until("the end of the log", lambda: self.davit("logs", "--tail", "1", "quiet").out == "50000\n")
        self.assertEqual(self.davit("logs", "quiet").out, want)

    def test_with_rm_it_is_removed_when_it_ends(self):
        self.addCleanup(lambda: self.davit("rm", "-f", "brief", code=None))
        self.kill("run", "--rm", "--name", "brief", "-v", f"{self.folder}:/c", "--network", "none", Machine.image, *self.LOUD)
        self.davit("kill", "brief")
        wait_until("its removal", lambda: self.state("brief") is None)

    def test_another_job_of_that_name_is_let_be(self):
        """While the heir waits for the lock somebody removes the job, and its name becomes another's."""
        ctr, ns, cid = Machine.containerd.ctr, Machine.ns, os.path.join(self.folder, "cid")
        lock = f"/run/davit/{ns}/brief.lock"
        self.addCleanup(lambda: self.davit("prune"))
        self.kill("run", "--rm", "--name", "brief", "--cidfile", cid, "-v", f"{self.folder}:/c", "--network", "none", Machine.image,
                  *self.LOUD)
        with open(cid) as f:
            name = f.read().strip()
        remover = ["-f", f"rm -v {name}"] if Machine.shim else ["-x", "davit-heir"]  # davit's shim starts one when the job has ended
        with open(lock, "w") as held:
            fcntl.flock(held, fcntl.LOCK_EX)
            held.write("removing\n")
            held.flush()
            ctr("tasks", "kill", "-s", "KILL", name, ns=ns)
            wait_until("its end", lambda: "STOPPED" in ctr("tasks", "ls", ns=ns).stdout)
            wait_until("who removes it", lambda: subprocess.run(["pgrep", *remover], stdout=subprocess.DEVNULL).returncode == 0)
            time.sleep(1)  # until it stands at the lock, which nothing tells
            ctr("tasks", "rm", name, ns=ns)
            ctr("containers", "rm", name, ns=ns)
            subprocess.run(["umount", f"/run/netns/{name}"], check=True)
            os.unlink(f"/run/netns/{name}")
            ctr("leases", "rm", "davit-job-brief", ns=ns)
            ctr("leases", "create", "--id", "davit-job-brief", "davit.job=brief", "davit.id=brief-00000001", ns=ns)
            os.unlink(lock)
        wait_until("its end", lambda: subprocess.run(["pgrep", *remover], stdout=subprocess.DEVNULL).returncode != 0)
        self.assertIn("davit-job-brief", ctr("leases", "ls", ns=ns).stdout)

    def test_without_a_log_there_is_none(self):
        self.addCleanup(lambda: self.davit("rm", "-f", "mute", code=None))
        self.kill("run", "--name", "mute", "--log-driver", "none", "-v", f"{self.folder}:/c", "--network", "none", Machine.image, *self.LOUD)
        self.fails("logs", "mute", says=["mute", "log"])

    def test_exec(self):
        name = self.job("-v", f"{self.folder}:/c")
        self.kill("exec", name, *self.LOUD)

    def test_its_input_ends(self):
        self.addCleanup(lambda: self.davit("rm", "-f", "reader", code=None))
        process = self.start("run", "-i", "--name", "reader", "-v", f"{self.folder}:/c", "--network", "none", Machine.image, "sh", "-c",
                             "echo . >/c/n; cat; echo ended", stdin=subprocess.PIPE)
        self.begun()
        process.kill()
        process.wait()
        self.davit("wait", "reader")
        wait_until("the last words", lambda: self.davit("logs", "reader").out == "ended\n")

    def test_on_a_terminal(self):
        self.addCleanup(lambda: self.davit("rm", "-f", "term", code=None))
        term = Terminal(self, "run", "-it", "--name", "term", "-v", f"{self.folder}:/c", "--network", "none", Machine.image, *self.LOUD)
        self.begun()
        term.process.kill()
        term.wait()
        self.grows()

    def test_while_containerd_is_away(self):
        self.addCleanup(lambda: self.davit("rm", "-f", "loud", code=None))
        process = self.start("run", "--name", "loud", "-v", f"{self.folder}:/c", "--network", "none", Machine.image, *self.LOUD,
                             stdout=subprocess.DEVNULL)
        self.begun()
        Machine.containerd.stop()
        try:
            self.grows()
            process.kill()
            process.wait()
            self.grows()
        finally:
            Machine.containerd.start()
        self.grows()


class Detached(Case):
    KEYS = "\x10\x11"

    def detach(self, *args):
        term = Terminal(self, *args, "sh", "-c", "echo ready; while :; do echo a line of some forty characters, no less; echo . >>/c/n; done")
        term.expect("ready")
        term.type(self.KEYS)
        out = os.path.join(self.folder, "n")
        while term.process.poll() is None:
            term.drink()
        self.assertEqual(term.wait(), 0)
        was = os.path.getsize(out) if os.path.exists(out) else 0
        wait_until("the process to go on", lambda: os.path.exists(out) and os.path.getsize(out) > was + 20000)

    def test_exec_does_not_stall(self):
        name = self.job("-v", f"{self.folder}:/c")
        self.detach("exec", "-it", name)

    def test_no_log_stays_none(self):
        self.addCleanup(lambda: self.davit("rm", "-f", "mute", code=None))
        self.detach("run", "-it", "--name", "mute", "--log-driver", "none", "-v", f"{self.folder}:/c", "--network", "none", Machine.image)
        self.fails("logs", "mute", says=["mute", "log"])

    def test_no_log_from_the_beginning(self):
        name = self.job("--log-driver", "none", command=("sh", "-c", "echo said; sleep 1000"))
        self.fails("logs", name, says=[name, "log"])
        self.assertEqual(glob.glob(f"/var/lib/davit/logs/{Machine.ns}/{name}-*/*"), [])

    def test_input_without_a_log(self):
        """Nobody gives any, and it has no end."""
        name = self.job("-i", "--log-driver", "none", command=("sh", "-c", "timeout 1 cat; exit $?"))
        self.assertIn(self.davit("wait", name, code=None).out.split()[-1:], (["124"], ["143"]))

    def test_the_log_goes_on(self):
        self.addCleanup(lambda: self.davit("rm", "-f", "loud", code=None))
        self.detach("run", "-it", "--name", "loud", "-v", f"{self.folder}:/c", "--network", "none", Machine.image)
        follower = self.start("logs", "-f", "--tail", "0", "loud")
        self.assertIn("a line of some forty characters, no less", follower.stdout.readline())


class HungUp(Case):
    def test_a_rm_job_ends(self):
        """Though its process 1 takes no notice of SIGHUP."""
        self.addCleanup(lambda: self.davit("rm", "-f", "gone", code=None))
        term = Terminal(self, "run", "--rm", "-it", "--name", "gone", "--stop-timeout", "1", "--network", "none", Machine.image, "sh", "-c",
                        "trap '' HUP; echo ready; sleep 1000")
        term.expect("ready")
        term.hang_up()
        self.assertEqual(term.wait(), 129)
        wait_until("its removal", lambda: self.state("gone") is None)

    def test_another_goes_on(self):
        self.addCleanup(lambda: self.davit("rm", "-f", "stays", code=None))
        term = Terminal(self, "run", "-it", "--name", "stays", "--network", "none", Machine.image, "sh", "-c",
                        "trap 'echo hung up' HUP; echo ready; while :; do sleep 0.1; done")
        term.expect("ready")
        term.hang_up()
        self.assertEqual(term.wait(), 129)
        wait_until("its words", lambda: "hung up" in self.davit("logs", "stays").out)
        self.assertEqual(self.state("stays"), "running")


class Blocked(Case):
    """Nobody reads, and nobody goes: a pager, say."""

    def start_blocked(self, *args, **kw):
        read, write = os.pipe()
        process = self.start(*args, stdout=write, **kw)
        os.close(write)
        self.addCleanup(self.ends, process)
        self.addCleanup(os.close, read)
        return process, read

    def ends(self, process):
        """By itself, now that its reader has gone: one that is killed while it removes its job leaves the lock of that."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(10 * Machine.slow)

    def full(self, read):
        wait_until("a pipe that is full", lambda: waiting(read) >= 65536)

    def test_signals_are_handed_on(self):
        process, read = self.start_blocked("run", "--rm", "--name", "blocked", "--network", "none", Machine.image, "sh", "-c",
                                           "trap 'echo caught >&2; exit 9' TERM; yes & while :; do sleep 0.1; done")
        self.full(read)
        process.terminate()
        self.assertEqual(process.stderr.readline(), "caught\n")
        while os.read(read, 1 << 20):
            pass
        self.assertEqual(process.wait(20 * Machine.slow), 9)

    def test_the_other_stream_goes_on(self):
        process, read = self.start_blocked("run", "--rm", "--name", "blocked", "--network", "none", Machine.image, "sh", "-c",
                                           "yes & sleep 1; echo beside >&2; wait")
        self.addCleanup(lambda: self.davit("rm", "-f", "blocked", code=None))
        self.full(read)
        self.assertEqual(process.stderr.readline(), "beside\n")

    def test_input_goes_on(self):
        """And the other way round: input that nobody takes stops no output."""
        process, read = self.start_blocked("run", "--rm", "-i", "--network", "none", Machine.image, "sh", "-c",
                                           "yes & read -r line; echo got $line >&2; kill $!; exit 6", stdin=subprocess.PIPE)
        self.full(read)
        process.stdin.write("a line\n")
        process.stdin.flush()
        self.assertEqual(process.stderr.readline(), "got a line\n")
        while os.read(read, 1 << 20):
            pass
        self.assertEqual(process.wait(20 * Machine.slow), 6)

    def test_input_that_nobody_takes(self):
        """For a job and for a process in one: both outputs and signals go on."""
        name = self.job()
        script = "trap 'exit 9' TERM; echo ready; while :; do echo out; echo err >&2; sleep 0.05; done"
        for args in (("run", "--rm", "-i", "--network", "none", Machine.image), ("exec", "-i", name)):
            with self.subTest(verb=args[0]):
                read, write = os.pipe()
                process = self.start(*args, "sh", "-c", script, stdin=read)
                os.close(read)
                os.set_blocking(write, False)
                self.assertEqual(process.stdout.readline(), "ready\n")

                def full():
                    with contextlib.suppress(BlockingIOError):
                        os.write(write, b"x" * 65536)
                    return waiting(write) >= 65536
                wait_until("input that is full", full)
                for _ in range(50):
                    self.assertEqual((process.stdout.readline(), process.stderr.readline()), ("out\n", "err\n"))
                process.terminate()
                while process.stdout.readline():
                    pass
                self.assertEqual(process.wait(20 * Machine.slow), 9)
                os.close(write)

    def test_what_was_printed_comes_whole_in_the_end(self):
        process, read = self.start_blocked("run", "--rm", "--network", "none", Machine.image, "seq", "1", "30000")
        self.full(read)
        got = b""
        while True:
            piece = os.read(read, 1 << 20)
            if not piece:
                break
            got += piece
        self.assertEqual(process.wait(20 * Machine.slow), 0)
        self.assertEqual(got.decode(), "".join(f"{i}\n" for i in range(1, 30001)))

    def test_a_signal_ends_the_wait_for_a_reader(self):
        """The process has ended, its words are on their way to somebody who does not read."""
        process, read = self.start_blocked("run", "--rm", "--name", "over", "--network", "none", Machine.image, "sh", "-c",
                                           "seq 1 20000; exit 3")
        self.full(read)
        wait_until("its end", lambda: self.state("over") != "running")
        process.terminate()
        self.assertEqual(process.wait(20 * Machine.slow), 3)

    def test_what_others_use_stays_blocking(self):
        read, write = os.pipe()
        self.addCleanup(os.close, read)
        self.addCleanup(os.close, write)
        self.start("run", "--rm", "--network", "none", Machine.image, "true", stdout=write, stderr=write, stdin=read).wait(30 * Machine.slow)
        for fd in (read, write):
            self.assertEqual(fcntl.fcntl(fd, fcntl.F_GETFL) & os.O_NONBLOCK, 0)
