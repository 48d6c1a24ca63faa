"""What cases of davit's own shim stand on: ctr as its client, and containerd's events."""
import contextlib
import json
import os
import subprocess
import unittest

from lib.case import Case, Machine, wait_until


class Events:
    """containerd's events of our namespace, from the first line on."""

    def __init__(self, case):
        self.process = subprocess.Popen([Machine.containerd.ctr_program, "events"], stdout=subprocess.PIPE, text=True)
        case.addCleanup(case._end, self.process)
        os.set_blocking(self.process.stdout.fileno(), False)
        self.seen = []
        # A subscription is not acknowledged: say something until it is heard.
        wait_until("events", lambda: Machine.containerd.ctr("namespaces", "label", Machine.ns, f"heard={os.urandom(3).hex()}") and self.read())

    def read(self):
        for line in iter(self.process.stdout.readline, ""):
            words = line.split(None, 6)
            topic = next(i for i, w in enumerate(words) if w.startswith("/"))
            self.seen.append((words[topic], json.loads(line[line.index("{"):])))
        return self.seen

    def of_tasks(self):
        """(topic, exec or container id) of each."""
        return [(topic, e.get("exec_id") or e.get("id") or e["container_id"]) for topic, e in self.read() if topic.startswith("/tasks/")]

    def wait_exit(self, id):
        wait_until(f"exit of {id}", lambda: ("/tasks/exit", id) in self.of_tasks())


def processes_of(word):
    """Shells whose command line has @word; no zombies."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as f:
                words = f.read()
                if words.startswith(b"sh\0") and word.encode() in words:
                    found.append(int(pid))
        except OSError:
            pass
    return found


class ShimCase(Case):
    def setUp(self):
        if not Machine.shim:
            raise unittest.SkipTest("of davit's own shim (--shim)")
        super().setUp()

    def ctr(self, *args, check=True):
        done = Machine.containerd.ctr(*args, ns=Machine.ns, check=False)
        if check:
            self.assertEqual(done.returncode, 0, f"ctr {args}: {done.stderr}")
        return done

    def task(self, *flags, command):
        """A task of ctr's, whose flags say what davit's do not; its end is the test's."""
        id = "x-" + os.urandom(4).hex()
        self.addCleanup(lambda: self.ctr("containers", "delete", id, check=False))
        self.addCleanup(lambda: self.ctr("tasks", "delete", "-f", id, check=False))
        if "--runtime-config-path" not in flags:
            flags = *self.with_options(f"BinaryName = '{Machine.engine}'"), *flags
        self.ctr("run", "-d", "--runtime", Machine.shim, *flags, self.image(), id, *command)
        return id

    def with_options(self, text):
        path = os.path.join(self.folder, "options.toml")
        with open(path, "w") as f:
            f.write(text)
        return "--runtime-config-path", path

    def image(self):
        return self.ctr("images", "ls", "-q").stdout.split()[0]

    def ctr_begin(self, *args):
        process = subprocess.Popen([Machine.containerd.ctr_program, "-n", Machine.ns, *args], stdin=subprocess.DEVNULL,
                                   stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.addCleanup(self._end, process)
        return process

    def exec(self, id, exec_id, *command):
        return self.ctr_begin("tasks", "exec", "--exec-id", exec_id, id, *command)

    def shim_of(self, id):
        for pid in filter(str.isdigit, os.listdir("/proc")):
            with contextlib.suppress(OSError), open(f"/proc/{pid}/cmdline", "rb") as f:
                words = f.read().split(b"\0")
                if Machine.shim.encode() in words and id.encode() in words:
                    return int(pid)
        raise AssertionError(f"no shim of {id}")
