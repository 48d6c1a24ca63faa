"""Output under davit's own shim: the shim writes the logs and goes on when davit ends, so nothing of davit runs beside a job; others
attach to it."""
import glob
import os
import signal
import subprocess
import unittest

from lib.case import Case, Machine, Terminal, freeze, tool, wait_until


class ShimStreams(Case):
    def setUp(self):
        if not Machine.shim:
            raise unittest.SkipTest("of davit's own shim (--shim)")
        super().setUp()

    @staticmethod
    def davits():
        """Every process of davit's programs but the shim."""
        found = []
        for folder in glob.glob("/proc/[0-9]*"):
            try:
                with open(folder + "/comm") as f:
                    name = f.read().strip()
                with open(folder + "/stat") as f:
                    state = f.read().rsplit(")", 1)[1].split()[0]
            except OSError:
                continue
            if name in ("davit", "davit-heir", "davit-logger") and state != "Z":
                found.append(name)
        return sorted(found)

    def socket(self, name):
        found = glob.glob(f"/run/davit/{Machine.ns}/{name}-*/attach.0")
        self.assertEqual(len(found), 1, name)
        return found[0]

    def attach(self, name, *args):
        """From now on it gets what the job prints."""
        process = subprocess.Popen([tool("attach-tool"), self.socket(name), *args], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, text=True)
        self.addCleanup(self._end, process)
        self.assertRegex(process.stderr.readline(), r"^begun \d+\n$")
        return process

    def log(self, name):
        return self.davit("logs", name).out


class Alone(ShimStreams):
    """Beside the job runs its shim, and nothing else."""

    def test_a_detached_job(self):
        name = self.job(command=("sh", "-c", "echo said; sleep 1000"))
        wait_until("its log", lambda: self.log(name) == "said\n")
        self.assertEqual(self.davits(), [])

    def test_one_that_is_removed_when_it_ends(self):
        name = self.job("--rm", "-v", f"{self.folder}:/c", command=("sh", "-c", "while [ ! -e /c/end ]; do sleep 0.1; done"))
        wait_until("that davit has ended", lambda: self.davits() == [])
        open(os.path.join(self.folder, "end"), "w").close()
        wait_until("its removal", lambda: self.state(name) is None)

    def test_one_that_is_removed_while_containerd_is_away(self):
        """What removes it is tried again."""
        name = self.job("--rm", "-v", f"{self.folder}:/c", command=("sh", "-c", "while [ ! -e /c/end ]; do sleep 0.1; done; echo . >/c/over"))
        Machine.containerd.stop()
        try:
            open(os.path.join(self.folder, "end"), "w").close()
            wait_until("its end", lambda: os.path.exists(os.path.join(self.folder, "over")))
        finally:
            Machine.containerd.start()
        wait_until("its removal", lambda: self.state(name) is None)

    def test_one_in_the_foreground(self):
        process = self.start("run", "--rm", "-i", "--network", "none", Machine.image, "sh", "-c", "echo said; read -r line", stdin=subprocess.PIPE)
        self.assertEqual(process.stdout.readline(), "said\n")
        self.assertEqual(self.davits(), ["davit"])
        process.stdin.close()
        self.assertEqual(process.wait(20 * Machine.slow), 1)

    def test_an_exec(self):
        name = self.job()
        process = self.start("exec", name, "sh", "-c", "echo said; sleep 1000")
        self.assertEqual(process.stdout.readline(), "said\n")
        self.assertEqual(self.davits(), ["davit"])
        process.kill()
        process.wait()
        self.davit("exec", name, "sh", "-c", "kill -9 $(ps -o pid,args | awk '/sleep 1000/ && !/awk/ && $1 > 1 {print $1}')", code=None)

    def test_execs_of_killed_davits_leave_nothing(self):
        """Their input ends, and so do they; the shim itself deletes them."""
        name = self.job()
        shim = subprocess.check_output(["pgrep", "-f", f"shim-davit-v2 -namespace {Machine.ns}"], text=True).split()
        self.assertEqual(len(shim), 1)
        before = len(os.listdir(f"/proc/{shim[0]}/fd"))
        processes = [self.start("exec", "-i", name, "sh", "-c", "echo said; read -r line", stdin=subprocess.PIPE) for _ in range(3)]
        for process in processes:
            self.assertEqual(process.stdout.readline(), "said\n")
        self.assertGreater(len(os.listdir(f"/proc/{shim[0]}/fd")), before)
        for process in processes:
            process.kill()
        wait_until("their end", lambda: len(os.listdir(f"/proc/{shim[0]}/fd")) <= before)
        self.assertEqual(glob.glob(f"/run/davit/{Machine.ns}/{name}-*/attach.*"), [self.socket(name)])

    def test_after_a_kill(self):
        """Nothing takes davit's place, and the log goes on."""
        self.addCleanup(lambda: self.davit("rm", "-f", "on", code=None))
        process = self.start("run", "--name", "on", "-v", f"{self.folder}:/c", "--network", "none", Machine.image, "sh", "-c",
                             "echo before; while [ ! -e /c/go ]; do sleep 0.1; done; seq 1 50000; sleep 1000")
        self.assertEqual(process.stdout.readline(), "before\n")
        process.kill()
        process.wait()
        self.assertEqual(self.davits(), [])
        open(os.path.join(self.folder, "go"), "w").close()
        wait_until("the end of the log", lambda: self.davit("logs", "--tail", "1", "on").out == "50000\n")
        self.assertTrue(self.log("on") == "before\n" + "".join(f"{i}\n" for i in range(1, 50001)))


class Attached(ShimStreams):
    def test_two_of_which_one_leaves(self):
        name = self.job("-i", "-v", f"{self.folder}:/c", command=("sh", "-c", "while read -r line; do echo got $line; done; echo end; sleep 1000"))
        one, two = self.attach(name), self.attach(name, "close")
        one.stdin.write("from one\n")
        one.stdin.flush()
        self.assertEqual((one.stdout.readline(), two.stdout.readline()), ("got from one\n",) * 2)
        one.stdin.close()
        self.assertEqual(one.wait(20 * Machine.slow), 0)
        two.stdin.write("from two\n")  # input is open yet
        two.stdin.close()
        self.assertEqual((two.stdout.readline(), two.stdout.readline()), ("got from two\n", "end\n"))
        self.assertEqual(self.log(name), "got from one\ngot from two\nend\n")
        self.davit("stop", "-t", "0", name)
        self.assertEqual(two.wait(20 * Machine.slow), 0)
        self.assertEqual(two.stderr.read(), "")

    def test_what_came_before_is_in_the_log(self):
        name = self.job(command=("sh", "-c", "i=0; while :; do i=$((i+1)); echo line $i; done"))
        process = self.attach(name)
        first = process.stdout.readline()
        self.assertRegex(first, r"^line \d+\n$")
        before = self.davit("logs", "--tail", "-1", name).out
        n = int(first.split()[1])
        self.assertIn(f"line {n - 1}\n{first}", before)

    def test_a_slow_one_stops_nobody(self):
        """It is told how much it has lost, and the log has it."""
        name = self.job("-v", f"{self.folder}:/c", command=(
            "sh", "-c", "while [ ! -e /c/go ]; do sleep 0.1; done; seq 1 200000; echo . >/c/over; while [ ! -e /c/on ]; do sleep 0.1; done; echo last; "
            "sleep 1000"))
        slow, quick = self.attach(name), self.attach(name)
        freeze(slow.pid)
        open(os.path.join(self.folder, "go"), "w").close()
        got = ""
        while not got.endswith("\n200000\n"):
            piece = os.read(quick.stdout.fileno(), 1 << 16)
            self.assertTrue(piece)
            got = (got + piece.decode())[-20:]
        wait_until("the end of what it writes", lambda: os.path.exists(os.path.join(self.folder, "over")))
        slow.send_signal(signal.SIGCONT)
        slow.stdout.close()
        words = slow.stderr.readline().split()
        self.assertEqual(words[0], "lost")
        self.assertGreater(int(words[1]), 500000)
        self.assertTrue(self.log(name) == "".join(f"{i}\n" for i in range(1, 200001)))
        open(os.path.join(self.folder, "on"), "w").close()
        wait_until("the last line", lambda: self.davit("logs", "--tail", "1", name).out == "last\n")

    def test_who_is_not_root_may_not(self):
        name = self.job()
        path = self.socket(name)
        self.assertEqual(os.stat(path).st_mode & 0o7777, 0o600)
        done = subprocess.run(["setpriv", "--reuid", "1000", "--clear-groups", tool("attach-tool"), path], stdin=subprocess.DEVNULL,
                              capture_output=True, text=True)
        self.assertEqual(done.returncode, 1)
        self.assertIn("ermission denied", done.stderr)

    def test_a_terminal_after_its_owner_has_left(self):
        self.addCleanup(lambda: self.davit("rm", "-f", "term", code=None))
        term = Terminal(self, "run", "-it", "--name", "term", "--network", "none", Machine.image, "sh", "-c",
                        "echo ready; while read -r line; do echo got $line; done")
        term.expect("ready")
        term.type("\x10\x11")
        self.assertEqual(term.wait(), 0)
        process = self.attach("term")
        process.stdin.write("a line\n")
        process.stdin.flush()
        self.assertEqual(process.stdout.readline(), "a line\n")  # the terminal's echo
        self.assertEqual(process.stdout.readline(), "got a line\n")
        self.assertEqual(self.state("term"), "running")


class FullDisk(ShimStreams):
    def test_lines_are_lost_and_counted_and_the_job_goes_on(self):
        data = os.path.join(self.folder, "data")
        os.mkdir(data)
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=128k,mode=0700", "tmpfs", data], check=True)
        self.addCleanup(subprocess.run, ["umount", "-l", data], check=True)
        env = {"DAVIT_DATA_DIR": data}
        self.addCleanup(lambda: self.davit("rm", "-f", "full", code=None, env=env))
        self.davit("run", "-d", "--name", "full", "--network", "none", "-v", f"{self.folder}:/c", Machine.image, "sh", "-c",
                   "seq 1 50000; echo . >/c/over; while [ ! -e /c/room ]; do sleep 0.1; done; echo after; sleep 1000", env=env)
        wait_until("the end of what it writes", lambda: os.path.exists(os.path.join(self.folder, "over")))
        subprocess.run(["mount", "-o", "remount,size=10m", data], check=True)
        open(os.path.join(self.folder, "room"), "w").close()
        wait_until("what comes after", lambda: self.davit("logs", "full", env=env).out.endswith("\nafter\n"))
        result = self.davit("logs", "full", env=env)
        lost = [line for line in result.err.splitlines() if "lines were lost here: No space left on device" in line]
        self.assertTrue(lost)
        count = sum(int(line.split()[1]) for line in lost)
        kept = result.out.splitlines()
        self.assertEqual(count + len(kept), 50001, lost)
        numbers = [int(line) for line in kept[:-1]]
        self.assertTrue(all(a < b for a, b in zip(numbers, numbers[1:])))  # each is whole, and stands once
