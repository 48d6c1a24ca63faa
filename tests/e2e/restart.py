"""Restart policies: who starts a job again, after which ends, and when."""
import datetime
import os
import signal

from lib.case import Case, Machine, wait_until


def read(path):
    try:
        with open(path, "rb") as f:
            return f.read()
    except OSError:
        return b""


def stamp(line):
    """Seconds, of a line of `logs -t`."""
    return datetime.datetime.fromisoformat(line.split()[0][:26] + "+00:00").timestamp()


def monitors(name):
    """The processes that look after a job of this name."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        words = read(f"/proc/{pid}/cmdline").split(b"\0")
        if os.path.basename(words[0]) == b"davit-monitor" and words[-2].decode().rsplit("-", 1)[0] == name and Machine.ns.encode() in words:
            found.append(int(pid))
    return found


class Restart(Case):
    def setUp(self):
        super().setUp()
        self.addCleanup(self.no_monitor_stays)

    def no_monitor_stays(self):
        wait_until("the end of all monitors", lambda: not [pid for name in self.names for pid in monitors(name)])

    names = ()

    def restarting(self, name, policy, *command, flags=()):
        self.names = (*self.names, name)
        self.davit("run", "-d", "--name", name, "--network", "none", "--restart", policy, *flags, Machine.image, *command)
        self.addCleanup(self.davit, "rm", "-f", name, code=None)

    def pid(self, name):
        return self.json("inspect", name)[0]["state"].get("pid", 0)

    def counted(self, name):
        text = self.json("inspect", name)[0].get("restarts", 0)
        return int(text)

    def lines(self, name):
        return self.davit("logs", name).out.splitlines()

    def test_always(self):
        self.restarting("again", "always", "sh", "-c", "echo begun; exec sleep 1000")
        first = self.pid("again")
        os.kill(first, signal.SIGKILL)
        wait_until("another", lambda: self.pid("again") not in (0, first))
        wait_until("its output", lambda: self.lines("again") == ["begun", "begun"])
        self.assertEqual(len(monitors("again")), 1)

    def test_nobody_looks_after_one_that_asks_for_nothing(self):
        self.restarting("plain", "no", "sleep", "1000")
        self.assertEqual(monitors("plain"), [])

    def test_on_failure_so_many_times(self):
        self.restarting("fails", "on-failure:2", "sh", "-c", "echo begun; exit 3")
        wait_until("its end", lambda: len(self.lines("fails")) == 3 and not monitors("fails"))
        self.assertEqual(self.state("fails"), "exited")
        self.assertEqual(self.davit("wait", "fails").out.strip(), "3")

    def test_success_is_no_failure(self):
        self.restarting("fine", "on-failure", "sh", "-c", "echo begun")
        wait_until("its end", lambda: not monitors("fine"))
        self.assertEqual(self.lines("fine"), ["begun"])

    def test_a_stop_is_the_end_until_a_start(self):
        self.restarting("stopped", "always", "sh", "-c", "trap 'exit 0' TERM; echo begun; while :; do sleep 0.05; done")
        self.davit("stop", "stopped")
        wait_until("the end of its monitor", lambda: not monitors("stopped"))
        self.assertEqual(self.state("stopped"), "exited")
        self.davit("start", "stopped")
        first = self.pid("stopped")
        os.kill(first, signal.SIGKILL)
        wait_until("another", lambda: self.pid("stopped") not in (0, first))

    def test_a_stop_in_a_pause(self):
        self.restarting("pausing", "always", "false")
        wait_until("a longer pause", lambda: self.state("pausing") == "restarting" and self.counted("pausing") >= 3)
        self.davit("stop", "pausing")
        wait_until("the end of its monitor", lambda: not monitors("pausing"))
        self.assertEqual(self.state("pausing"), "exited")

    def test_removed_in_a_pause(self):
        self.restarting("gone", "always", "false")
        wait_until("a longer pause", lambda: self.state("gone") == "restarting" and self.counted("gone") >= 3)
        self.davit("rm", "-f", "gone")
        wait_until("the end of its monitor", lambda: not monitors("gone"))

    def test_a_monitor_that_is_killed_is_followed_by_another(self):
        self.restarting("orphan", "always", "sleep", "1000")
        killed = monitors("orphan")[0]
        os.kill(killed, signal.SIGKILL)
        first = self.pid("orphan")
        self.davit("ps")
        wait_until("another monitor", lambda: [pid for pid in monitors("orphan") if pid != killed])
        os.kill(first, signal.SIGKILL)
        wait_until("another", lambda: self.pid("orphan") not in (0, first))

    def test_pauses_grow(self):
        self.restarting("loop", "always", "sh", "-c", "echo begun; exit 1")
        wait_until("five lives", lambda: len(self.lines("loop")) >= 5, 20 * Machine.slow)
        at = [stamp(line) for line in self.davit("logs", "-t", "loop").out.splitlines()[:5]]
        for pause, n in zip((0.1, 0.2, 0.4, 0.8), range(4)):
            self.assertGreaterEqual(at[n + 1] - at[n], pause)

    def test_containerd_comes_back(self):
        self.restarting("outlives", "always", "sleep", "1000")
        Machine.containerd.restart(signal.SIGKILL)
        first = self.pid("outlives")
        os.kill(first, signal.SIGKILL)
        wait_until("another", lambda: self.pid("outlives") not in (0, first), 30 * Machine.slow)

    def test_wait_is_for_the_last_end(self):
        self.restarting("lasts", "on-failure:3", "sh", "-c", "echo begun; sleep 0.2; exit 3")
        self.assertEqual(self.davit("wait", "lasts").out.strip(), "3")
        self.assertEqual(self.lines("lasts"), ["begun"] * 4)
