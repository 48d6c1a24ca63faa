"""Restart policies: who starts a job again, after which ends, and when."""
import contextlib
import datetime
import os
import signal
import time

from lib.case import Machine, wait_until
from lib.restarting import Restarting, kill_monitor, monitor_of, monitors, parent, read, wait_for_one_monitor


def stamp(line):
    """Seconds, of a line of `logs -t`."""
    return datetime.datetime.fromisoformat(line.split()[0][:26] + "+00:00").timestamp()


class Restart(Restarting):
    def test_always(self):
        self.restarting("again", "always", "sh", "-c", "echo begun; exec sleep 1000")
        first = self.pid("again")
        os.kill(first, signal.SIGKILL)
        wait_until("another", lambda: self.pid("again") not in (0, first))
        wait_until("its output", lambda: self.lines("again") == ["begun", "begun"])
        wait_for_one_monitor("again")

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
        killed = monitor_of("orphan")
        kill_monitor(killed)
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

    def pausing(self, name):
        """One that is in a pause of some length: on a slow machine a look takes long."""
        self.restarting(name, "always", "false")
        wait_until("a longer pause", lambda: self.state(name) == "restarting" and self.counted(name) >= min(2 + Machine.slow, 8))

    def ended(self, name):
        wait_until("the end of its monitor", lambda: not monitors(name))
        self.assertEqual(self.state(name), "exited")

    def test_rm_refuses_what_is_restarting(self):
        self.pausing("kept")
        self.fails("rm", "kept", says=["kept", "restarting", "davit stop kept"])
        wait_for_one_monitor("kept")
        self.davit("stop", "kept")
        self.davit("rm", "kept")

    def test_a_kill_is_a_stop(self):
        self.restarting("killed", "always", "sleep", "1000")
        self.davit("kill", "killed")
        self.ended("killed")
        self.assertEqual(self.counted("killed"), 0)

    def test_a_signal_that_is_none_to_stop_it_is_no_stop(self):
        self.restarting("hung", "always", "sh", "-c", "trap 'exit 3' HUP; while :; do sleep 0.05; done")
        first = self.pid("hung")
        self.davit("kill", "-s", "HUP", "hung")
        wait_until("another", lambda: self.pid("hung") not in (0, first))

    def test_a_kill_in_a_pause(self):
        self.pausing("dropped")
        self.davit("kill", "dropped")
        self.ended("dropped")

    def test_a_start_in_a_pause_is_one_now_and_counts_anew(self):
        for verb in ("start", "restart"):
            with self.subTest(verb=verb):
                told = os.path.join(self.folder, verb)
                os.makedirs(told)
                self.restarting(verb, "always", "sh", "-c", "test -e /told/again && exec sleep 1000; false", flags=("-v", told + ":/told"))
                wait_until("a longer pause", lambda verb=verb: self.state(verb) == "restarting" and self.counted(verb) >= min(3 + Machine.slow, 8))
                open(told + "/again", "w").close()
                self.davit(verb, verb)
                self.assertEqual((self.state(verb), self.counted(verb)), ("running", 0))
                first = self.pid(verb)
                os.kill(first, signal.SIGKILL)
                wait_until("another", lambda: self.pid(verb) not in (0, first))
                self.assertEqual(self.counted(verb), 1)

    def test_its_home_is_its_shims(self):
        """Who started it may be ended with all of its cgroup, its session and its descriptors."""
        own, group = os.path.join("/sys/fs/cgroup", self.hierarchy(), Machine.ns + "-session"), None
        os.makedirs(own)
        self.addCleanup(os.rmdir, own)
        with open(os.path.join(self.folder, "held"), "w") as held:
            os.set_inheritable(held.fileno(), True)
            group = self.start("run", "-d", "--name", "settled", "--network", "none", "--restart", "always", Machine.image, "sleep", "1000",
                               close_fds=False, preexec_fn=lambda: self.enter(own))
            self.names = (*self.names, "settled")
            self.addCleanup(self.davit, "rm", "-f", "settled", code=None)
            self.assertEqual(group.wait(60 * Machine.slow), 0)
        pid = monitor_of("settled")
        shim = parent(self.pid("settled"))
        wait_until("its move", lambda: read(f"/proc/{pid}/cgroup") == read(f"/proc/{shim}/cgroup"))
        self.assertEqual(read(own + "/cgroup.procs"), b"")
        wait_until("its score", lambda: read(f"/proc/{pid}/oom_score_adj") == read(f"/proc/{shim}/oom_score_adj"))
        self.assertEqual(os.getsid(pid), pid)
        self.assertEqual(os.readlink(f"/proc/{pid}/cwd"), "/")
        files = self.files(pid)
        self.assertEqual([f for f in files if self.folder in f or "pipe:" in f or "/dev/pts" in f], [])
        self.assertEqual({os.readlink(f"/proc/{pid}/fd/{fd}") for fd in (0, 1, 2)}, {"/dev/null"})

    @staticmethod
    def files(pid):
        """It goes on meanwhile: one may be closed."""
        found = []
        for fd in os.listdir(f"/proc/{pid}/fd"):
            with contextlib.suppress(FileNotFoundError):
                found.append(os.readlink(f"/proc/{pid}/fd/{fd}"))
        return found

    @staticmethod
    def hierarchy():
        """One that anybody can make a group in."""
        return "" if os.path.exists("/sys/fs/cgroup/cgroup.controllers") else "pids"

    @staticmethod
    def enter(group):
        with open(group + "/cgroup.procs", "w") as f:
            f.write("0")

    def test_nothing_wakes_it_between_events(self):
        self.restarting("quiet", "always", "sleep", "1000")
        pid = monitor_of("quiet")
        # a rest may also be one of a busy containerd that it waits for: not the first one counts
        wait_until("three seconds' rest", lambda: self.wakes(pid) == (time.sleep(3), self.wakes(pid))[1])

    @staticmethod
    def wakes(pid):
        with open(f"/proc/{pid}/status") as f:
            return sum(int(line.split()[1]) for line in f if "ctxt_switches" in line)
