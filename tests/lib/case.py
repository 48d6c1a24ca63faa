"""What every case stands on: `davit`, a clean machine before, and a look for what is left after."""
import codecs
import contextlib
import fcntl
import glob
import json
import os
import pty
import re
import select
import shutil
import signal
import struct
import subprocess
import tempfile
import termios
import time
import unittest

from lib import leaks
from lib.services import wait_for


def get(row, *keys):
    """A member of a JSON object, whatever its case."""
    lower = {k.lower(): v for k, v in row.items()}
    for key in keys:
        if key.lower() in lower:
            return lower[key.lower()]
    raise KeyError(f"{keys[0]} is not in {sorted(row)}")


class Machine:
    """Set once by tests/run."""
    containerd = None
    davit = None       # path of the program
    tools = None       # build folder of the tests' own programs
    engine = "runc"
    shim = None        # of davit's own, which stands beside it: jobs have it instead of the stock one
    own_shim = None    # the same program, for tests of it, whatever the jobs have
    ns = "davit"       # containerd namespace, another for each run: cgroups are the whole machine's
    work = None
    image = "busybox:local"
    host = None        # the registry of tests/cri and of tests/nomad-driver
    agent = None       # Nomad's
    rootfs = None      # the tar that the image was made from
    network = True     # CNI plugins and iptables are there
    slow = 1.0         # factor on time limits (sanitizers)

    @classmethod
    def runtime(cls):
        """containerd_runtime of the driver, as tests/run is told: davit's shim, or the stock one with an engine."""
        return cls.shim or ("io.containerd.runc.v2" if cls.engine == "runc" else cls.engine)


def tool(name):
    """A program of tests/integration."""
    path = os.path.join(Machine.tools, "tests/integration", name)
    if not os.access(path, os.X_OK):
        raise unittest.SkipTest(f"{name} is not built in {Machine.tools}")
    return path


class Result:
    def __init__(self, command, code, out, err, seconds):
        self.command, self.code, self.out, self.err, self.seconds = command, code, out, err, seconds

    def __str__(self):
        return f"$ {' '.join(self.command)}\nexit {self.code} after {self.seconds:.2f} s\nstdout: {self.out}\nstderr: {self.err}"


def wait_until(what, probe, seconds=20.0):
    wait_for(what, probe, seconds * Machine.slow)


def wait_for_delivery(process, sig):
    """Until it has taken the signal: a second one is one of its own."""
    def delivered():
        with open(f"/proc/{process.pid}/status") as f:
            return not int(next(line for line in f if line.startswith("ShdPnd:")).split()[1], 16) >> (sig - 1) & 1
    wait_until("the signal's delivery", delivered)


def choose_snapshotter(case, name):
    """That of each davit until the test ends."""
    had = os.environ.get("CONTAINERD_SNAPSHOTTER")
    os.environ["CONTAINERD_SNAPSHOTTER"] = name
    case.addCleanup(lambda: os.environ.pop("CONTAINERD_SNAPSHOTTER") if had is None else os.environ.update(CONTAINERD_SNAPSHOTTER=had))


def freeze(pid):
    """None of its threads runs any more."""
    def stopped():
        states = []
        for task in os.listdir(f"/proc/{pid}/task"):
            with contextlib.suppress(FileNotFoundError), open(f"/proc/{pid}/task/{task}/stat") as f:
                states.append(f.read().rsplit(")", 1)[1].split()[0])
        return set(states) == {"T"}
    os.kill(pid, signal.SIGSTOP)
    wait_until("its stop", stopped)


def waiting(pipe):
    """Bytes that are in it."""
    return struct.unpack("i", fcntl.ioctl(pipe, termios.FIONREAD, b"\0" * 4))[0]


def is_open(path):
    """Has another process opened it?"""
    for folder in glob.glob("/proc/[0-9]*/fd"):
        with contextlib.suppress(OSError):
            if folder != f"/proc/{os.getpid()}/fd" and path in (os.readlink(fd) for fd in glob.glob(folder + "/*")):
                return True
    return False


class Case(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        self.before = leaks.before(type(self), Machine.containerd)
        self.refused = []  # what tests did not look at: where something is left, it may say why
        self.folder = tempfile.mkdtemp(prefix="case.", dir=Machine.work)
        self.addCleanup(self._look_for_leaks)

    def _look_for_leaks(self):
        left = leaks.since(self.before, Machine.containerd, 5.0 * Machine.slow, type(self))
        if left:
            leaks.sweep(Machine.containerd)
        shutil.rmtree(self.folder, ignore_errors=True)
        self.assertEqual(left, [], "left behind\n" + "\n".join(self.refused))

    # -- running davit

    def command(self, args):
        args = [str(a) for a in args]
        verb = next((i for i, a in enumerate(args) if a in ("run", "create")), None)
        if Machine.engine != "runc" and not Machine.shim and verb is not None and "--runtime" not in args and (verb in (0, 2) or args[0] == "--debug"):
            args[verb + 1:verb + 1] = ["--runtime", Machine.engine]
        return [Machine.davit] + args

    def start(self, *args, **kw):
        kw.setdefault("stdin", subprocess.DEVNULL)
        kw.setdefault("stdout", subprocess.PIPE)
        kw.setdefault("stderr", subprocess.PIPE)
        process = subprocess.Popen(self.command(args), text=True, cwd=self.folder, errors="replace", **kw)
        self.addCleanup(self._end, process)
        return process

    def start_until(self, words, *args, **kw):
        """The same, once davit says that it does @words (davit --debug)."""
        process = self.start("--debug", *args, **kw)
        while True:
            line = process.stderr.readline()
            self.assertTrue(line, f"{args}: ended before {words}")
            if words in line:
                return process

    @staticmethod
    def _end(process):
        if process.poll() is None:
            process.kill()
        process.wait()
        for stream in (process.stdin, process.stdout, process.stderr):
            if stream:
                stream.close()

    def davit(self, *args, code=0, input=None, timeout=60, env=None):
        """Run davit and expect exit status @code (None: any)."""
        began = time.monotonic()
        done = subprocess.run(self.command(args), capture_output=True, text=True, errors="replace", cwd=self.folder,
                              timeout=timeout * Machine.slow, env=dict(os.environ, **(env or {})),
                              **({"input": input} if input is not None else {"stdin": subprocess.DEVNULL}))
        result = Result(["davit"] + [str(a) for a in args], done.returncode, done.stdout, done.stderr, time.monotonic() - began)
        if code is not None:
            self.assertEqual(result.code, code, f"\n{result}")
        elif result.code != 0:
            self._note_refusal(result)
        return result

    def _note_refusal(self, result):
        """Of one that is asked again and again the last word only."""
        if self.refused and self.refused[-1].startswith(f"$ {' '.join(result.command)}\n"):
            self.refused.pop()
        self.refused.append(str(result))

    def run_sh(self, script, *flags, **kw):
        return self.davit("run", "--rm", "--network", "none", *flags, Machine.image, "sh", "-c", script, **kw)

    def job(self, *flags, command=("sleep", "1000"), name=None, network="none"):
        """A detached job, removed when the test ends."""
        name = name or "t-" + os.urandom(4).hex()
        self.addCleanup(lambda: self.davit("rm", "-f", name, code=None))
        self.davit("run", "-d", "--name", name, "--network", network, *flags, Machine.image, *command)
        return name

    def fails(self, *args, code=125, says=(), env=None, input=None, progress=False):
        """davit must fail with @code and one line on stderr that holds each of @says; with @progress there may be more before it."""
        result = self.davit(*args, code=code, env=env, input=input)
        text = result.err.strip()
        self.assertTrue(text, f"no error text\n{result}")
        if progress:
            text = text.splitlines()[-1]
        self.assertEqual(len(text.splitlines()), 1, f"more than one line\n{result}")
        self.assertTrue(text.splitlines()[-1].startswith("davit: "), str(result))  # progress may stand before it
        for word in (says,) if isinstance(says, str) else says:
            self.assertIn(word.lower(), text.lower(), str(result))
        return result

    def json(self, *args, **kw):
        """The objects that a command prints: one document, or one a line."""
        out = self.davit(*args, **kw).out
        try:
            return json.loads(out)
        except json.JSONDecodeError:
            return [json.loads(line) for line in out.splitlines()]

    def rows(self, *args, **kw):
        found = self.json(*args, "--format", "json", **kw)
        return found if isinstance(found, list) else [found]

    def state(self, name):
        """created, running, exited ...; None when there is no such job."""
        rows = self.rows("ps", "-a", "--filter", "name=^" + name + "$")
        return next((get(row, "state", "status").lower().split()[0] for row in rows if get(row, "name", "names") == name), None)

    def remove_volumes(self, *names):
        """Those that are there, once nothing uses them: what --rm takes away goes behind its answer."""
        wait_until("the end of " + " ".join(names), lambda: self.davit("volume", "rm", "-f", *names, code=None).code == 0)

    def gone(self, name):
        self.assertNotIn(name, self.davit("ps", "-a").out.split())

    def once(self, engine="crun"):
        """A case that mostly waits, and in which the engine has no part: of the runs of `check` that with this one has it."""
        if Machine.engine != engine or Machine.shim:
            self.skipTest(f"the run with {engine} has it")

    def need_network(self):
        if not Machine.network:
            self.skipTest("no CNI plugins or iptables (packages containernetworking-plugins, iptables)")


class Terminal:
    """davit on a pseudo-terminal."""

    def __init__(self, case, *args, rows=24, cols=80, stdout=None, env=None):
        self.master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, cols, 0, 0))
        self.before = termios.tcgetattr(slave)
        self.slave = slave
        self.seen, self.held, self.decoder = "", "", codecs.getincrementaldecoder("utf-8")("replace")
        self.process = subprocess.Popen(case.command(args), stdin=slave, stdout=stdout or slave, stderr=slave, cwd=case.folder,
                                        env=dict(os.environ, **(env or {})), start_new_session=True, preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))
        case.addCleanup(self.close)

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        for fd in (self.master, self.slave):
            if fd >= 0:
                os.close(fd)
        self.master = self.slave = -1

    def resize(self, rows, cols):
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, cols, 0, 0))

    def hang_up(self):
        """As a terminal's window that is closed."""
        for fd in (self.slave, self.master):
            os.close(fd)
        self.master = self.slave = -1

    def drink(self):
        """Takes what has come, and forgets it."""
        if select.select([self.master], [], [], 0.1)[0]:
            os.read(self.master, 65536)

    def type(self, text):
        os.write(self.master, text.encode())

    def expect(self, pattern, seconds=15.0):
        """Read until @pattern is there; returns its match and forgets what came up to its end."""
        end = time.monotonic() + seconds * Machine.slow
        while True:
            match = re.search(pattern, self.seen)
            if match:
                self.seen = self.seen[match.end():]
                return match
            left = end - time.monotonic()
            if left <= 0 or not select.select([self.master], [], [], left)[0]:
                raise AssertionError(f"terminal: {pattern!r} did not come; there is {self.seen!r}")
            self.take(os.read(self.master, 65536))

    def take(self, data):
        """Neither a line's end nor a character comes in one piece always."""
        text = self.held + self.decoder.decode(data)
        self.held = "\r" if text.endswith("\r") else ""
        self.seen += text[:len(text) - len(self.held)].replace("\r\n", "\n")

    def wait(self, seconds=15.0):
        return self.process.wait(seconds * Machine.slow)

    def rest(self):
        """What it said until now, for a failure's text."""
        while select.select([self.master], [], [], 0.1)[0]:
            self.take(os.read(self.master, 65536))
        return self.seen

    def restored(self):
        """The terminal's modes are as they were."""
        return termios.tcgetattr(self.slave) == self.before
