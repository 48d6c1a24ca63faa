"""What cases of jobs that are started again stand on."""
import contextlib
import fcntl
import glob
import os
import signal

from lib.case import Case, Machine, wait_until


def read(path):
    try:
        with open(path, "rb") as f:
            return f.read()
    except OSError:
        return b""


def parent(pid):
    return int(read(f"/proc/{pid}/stat").rpartition(b")")[2].split()[1])


def monitors(name):
    """The processes that look after a job of this name."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        words = read(f"/proc/{pid}/cmdline").split(b"\0")
        if os.path.basename(words[0]) == b"davit-monitor" and words[-2].decode().rsplit("-", 1)[0] == name and Machine.ns.encode() in words:
            found.append(int(pid))
    return found


def kill_monitor(pid):
    """And wait: one that is dying holds its lock for as long, so that whoever looks then begins no other."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
    wait_until("its end", lambda: read(f"/proc/{pid}/stat").rpartition(b")")[2].split()[:1] in ([], [b"Z"]))


def is_looked_after(name):
    """Its monitor holds the lock, or has ended: before it does, whoever looks begins a second one, which yields after a second."""
    for path in glob.glob(f"/run/davit/{Machine.ns}/{name}-*.monitor"):
        with contextlib.suppress(FileNotFoundError), open(path, "rb") as f:
            try:
                fcntl.flock(f, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return True
    return not monitors(name)


def wait_for_one_monitor(name):
    """What a monitor starts has its words for a moment."""
    wait_until("one monitor", lambda: len(monitors(name)) == 1)


def monitor_of(name):
    """The one that it has, or gets: a process that was just forked has not yet its words."""
    wait_for_one_monitor(name)
    return monitors(name)[0]


class Made(Case):
    """Those in self.made are removed at the end, and no monitor of theirs may stay."""

    def setUp(self):
        super().setUp()
        self.made = []
        self.addCleanup(self.no_monitor_stays)

    def no_monitor_stays(self):
        for name in self.made:
            self.davit("rm", "-f", name, code=None)
        wait_until("the end of all monitors", lambda: not [pid for name in self.made for pid in monitors(name)])


class Restarting(Case):
    names = ()

    def setUp(self):
        super().setUp()
        self.addCleanup(self.no_monitor_stays)

    def no_monitor_stays(self):
        wait_until("the end of all monitors", lambda: not [pid for name in self.names for pid in monitors(name)])

    def restarting(self, name, policy, *command, flags=(), network="none", env=None):
        self.names = (*self.names, name)
        self.davit("run", "-d", "--name", name, "--network", network, "--restart", policy, *flags, Machine.image, *command, env=env)
        self.addCleanup(self.davit, "rm", "-f", name, code=None)
        wait_until("its monitor", lambda: is_looked_after(name))

    def pid(self, name):
        return self.json("inspect", name)[0]["state"].get("pid", 0)

    def counted(self, name):
        return int(self.json("inspect", name)[0].get("restarts", 0))

    def lines(self, name):
        return self.davit("logs", name).out.splitlines()
