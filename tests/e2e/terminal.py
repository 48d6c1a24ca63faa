"""Jobs on a terminal: modes, resizing, Ctrl-C, detach keys; signals without one."""
import os
import signal

from lib.case import Case, Machine, Terminal, wait_until

SHELL = ("run", "--rm", "-it", "--network", "none")


class Interactive(Case):
    def shell(self, *flags, **kw):
        term = Terminal(self, *SHELL, *flags, Machine.image, "sh", **kw)
        term.expect(r"# ")
        return term

    def test_a_session(self):
        term = self.shell()
        term.type("tty; echo $((40+2))\n")
        term.expect(r"/dev/(pts/\d+|console)\n")
        term.expect(r"\b42\n")
        term.type("exit 3\n")
        self.assertEqual(term.wait(), 3)
        self.assertTrue(term.restored())

    def test_the_size_follows(self):
        term = self.shell(rows=30, cols=100)
        term.type("stty size\n")
        term.expect(r"\n30 100\n")
        term.resize(41, 133)

        def seen():
            term.type("stty size\n")
            return "41 133" in term.expect(r"\n(\d+ \d+)\n").group(1)
        wait_until("the new size", seen)
        term.type("exit\n")
        self.assertEqual(term.wait(), 0)

    def test_the_size_is_there_from_the_start(self):
        for i in range(5):
            term = Terminal(self, *SHELL, Machine.image, "stty", "size", rows=30 + i, cols=100)
            term.expect(rf"^{30 + i} 100\n")
            self.assertEqual(term.wait(), 0)

    def test_a_job_made_elsewhere_starts_with_the_size_of_this_terminal(self):
        name = "sized"
        self.davit("create", "-it", "--name", name, "--network", "none", Machine.image, "stty", "size")
        self.addCleanup(lambda: self.davit("rm", "-f", name, code=None))
        for rows in (31, 41):
            term = Terminal(self, "start", "-a", name, rows=rows, cols=77)
            term.expect(rf"^{rows} 77\n")
            self.assertEqual(term.wait(), 0)

    def test_the_size_when_output_goes_elsewhere(self):
        with open(os.path.join(self.folder, "out"), "w+") as out:
            term = Terminal(self, *SHELL, Machine.image, "sh", "-c", "until stty size 2>/dev/null | grep [1-9]; do sleep 0.05; done",
                            rows=31, cols=101, stdout=out)
            self.assertEqual(term.wait(), 0)
            out.seek(0)
            self.assertEqual(out.read().strip(), "31 101")

    def test_ctrl_c_goes_to_the_job(self):
        term = Terminal(self, "run", "--rm", "-it", "--network", "none", Machine.image, "sh", "-c",
                        "trap 'echo caught; exit 7' INT; echo go; while :; do sleep 0.1; done")
        term.expect("go\n")
        term.type("\x03")
        term.expect("caught\n")
        self.assertEqual(term.wait(), 7)
        self.assertTrue(term.restored())

    def test_end_of_file_ends_the_shell(self):
        term = self.shell()
        term.type("(exit 9)\n")
        term.expect("# ")
        term.type("\x04")  # with the exit code of its last command
        self.assertEqual(term.wait(), 9)

    def test_term_is_set(self):
        term = self.shell()
        term.type("echo TERM=$TERM.\n")
        term.expect(r"\nTERM=xterm\.")
        term.type("exit 0\n")
        self.assertEqual(term.wait(), 0)

    def test_lines_end_once(self):
        term = Terminal(self, "run", "--rm", "-t", "--network", "none", Machine.image, "echo", "one")
        term.expect(r"^one\n$")  # not "\r\r\n"
        self.assertEqual(term.wait(), 0)
        self.assertTrue(term.restored())

    def test_detach_and_the_job_goes_on(self):
        term = Terminal(self, "run", "-it", "--name", "detached", "--network", "none", Machine.image, "sh")
        self.addCleanup(lambda: self.davit("rm", "-f", "detached", code=None))
        term.expect("# ")
        term.type("\x10\x11")
        term.expect(r"\ndavit: detached: job detached goes on; davit logs -f detached follows it\n")
        self.assertEqual(term.wait(), 0)
        self.assertTrue(term.restored())
        self.assertEqual(self.state("detached"), "running")

    def test_detached_from_a_rm_job_that_ends_later(self):
        term = Terminal(self, *SHELL, "--name", "brief", Machine.image, "sh")
        self.addCleanup(lambda: self.davit("rm", "-f", "brief", code=None))
        term.expect("# ")
        term.type("\x10\x11")
        self.assertEqual(term.wait(), 0)
        self.assertEqual(self.state("brief"), "running")
        self.davit("kill", "brief")
        wait_until("its removal", lambda: not Machine.containerd.ctr("containers", "ls", "-q", ns=Machine.ns).stdout.strip())

    def test_detach_keys_of_one_s_own(self):
        term = Terminal(self, "run", "-it", "--detach-keys", "ctrl-a,x", "--name", "own", "--network", "none", Machine.image, "cat")
        self.addCleanup(lambda: self.davit("rm", "-f", "own", code=None))
        wait_until("the job", lambda: self.state("own") == "running")
        term.type("\x10\x11")  # not these
        term.type("\x01x")
        self.assertEqual(term.wait(), 0)
        self.assertEqual(self.state("own"), "running")
        bad = Terminal(self, "run", "--rm", "-it", "--detach-keys", "hyper-x", Machine.image, "true")
        bad.expect("davit:.*hyper-x")
        self.assertEqual(bad.wait(), 125)

    def test_without_a_terminal_it_says_so(self):
        self.fails("run", "--rm", "-it", "--network", "none", Machine.image, "true", says=["terminal"])

    def test_killed_davit_leaves_a_job_that_can_be_removed(self):
        term = Terminal(self, "run", "-it", "--name", "orphan", "--network", "none", Machine.image, "sh")
        term.expect("# ")
        term.process.kill()
        term.wait()
        self.davit("rm", "-f", "orphan")


class Exec(Case):
    def test_a_shell_in_a_job(self):
        name = self.job()
        term = Terminal(self, "exec", "-it", name, "sh", rows=33, cols=99)
        term.expect("# ")
        term.type("stty size; exit 12\n")
        term.expect(r"33 99\n")
        self.assertEqual(term.wait(), 12)
        self.assertTrue(term.restored())
        self.assertEqual(self.state(name), "running")

    def test_the_size_is_there_from_the_start(self):
        if Machine.engine == "crun":
            self.skipTest("crun exec (1.8.1) sets the size once its child has sent it the terminal; the child does not wait")
        name = self.job()
        for i in range(5):
            term = Terminal(self, "exec", "-it", name, "stty", "size", rows=33 + i, cols=99)
            term.expect(rf"^{33 + i} 99\n")
            self.assertEqual(term.wait(), 0)

    def test_detach(self):
        name = self.job()
        term = Terminal(self, "exec", "-it", name, "sh")
        term.expect("# ")
        term.type("\x10\x11")
        self.assertEqual(term.wait(), 0)


class Signals(Case):
    def test_are_passed_on(self):
        process = self.start("run", "--rm", "--name", "handler", "--network", "none", Machine.image, "sh", "-c",
                             "trap 'echo got TERM; exit 7' TERM; echo ready; while :; do sleep 0.05; done")
        self.assertEqual(process.stdout.readline(), "ready\n")
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=20 * Machine.slow)
        self.assertEqual((process.returncode, out), (7, "got TERM\n"), err)

    def test_ctrl_c_of_a_foreground_job(self):
        process = self.start("run", "--rm", "--network", "none", Machine.image, "sh", "-c",
                             "trap 'exit 8' INT; echo ready; while :; do sleep 0.05; done", process_group=0)
        self.assertEqual(process.stdout.readline(), "ready\n")
        os.killpg(process.pid, signal.SIGINT)
        self.assertEqual(process.wait(20 * Machine.slow), 8)

    def test_hangup_of_the_reader_does_not_stop_the_job(self):
        read, write = os.pipe()
        process = self.start("run", "--name", "loud", "--network", "none", Machine.image, "sh", "-c",
                             "for i in 1 2 3 4 5 6; do echo y; sleep 0.05; done; exit 3", stdout=write)
        self.addCleanup(lambda: self.davit("rm", "-f", "loud", code=None))
        os.close(write)
        os.read(read, 2)
        os.close(read)
        process.wait(30 * Machine.slow)
        self.assertEqual(self.davit("wait", "loud").out.strip(), "3")
