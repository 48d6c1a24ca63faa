"""davit doctor, and davit's own engine where no containerd runs."""
import fcntl
import json
import os
import subprocess

from lib.case import Case, Machine, get, wait_until


def links(folder):
    """What its links point to; one may go meanwhile."""
    found = []
    for name in os.listdir(folder):
        try:
            found.append(os.readlink(os.path.join(folder, name)))
        except FileNotFoundError:
            pass
    return found


class Doctor(Case):
    def test_each_line_has_a_verdict(self):
        out = self.davit("doctor", code=None).out
        for word in ("containerd", "cgroup", "seccomp", "runc"):
            self.assertIn(word, out.lower())

    def test_json(self):
        found = self.json("doctor", "--format", "json", code=None)
        rows = found if isinstance(found, list) else next(v for v in found.values() if isinstance(v, list))
        self.assertGreater(len(rows), 8)
        for row in rows:
            self.assertIn(get(row, "level", "status"), ("ok", "warning", "error"))

    def test_no_containerd_is_an_error(self):
        result = self.davit("--address", "/nonexistent.sock", "doctor", code=1)
        self.assertIn("/nonexistent.sock", result.out)


class Engine(Case):
    """Last of all would be best: containerd is stopped meanwhile, so that davit finds none."""

    def setUp(self):
        super().setUp()
        Machine.containerd.stop()
        self.addCleanup(Machine.containerd.start)
        self.addCleanup(lambda: self.davit("engine", "stop", "--force", code=None))

    def test_a_dry_run_starts_none(self):
        self.assertIn("container", self.davit("run", "--dry-run", "-p", "80", "busybox:local", "true").out)
        self.fails("run", "--dry-run", "--format", "spec", "busybox:local", "true", says=["containerd", "davit engine start"])
        self.assertIn("not running", self.davit("engine", "status", code=None).out.lower())

    def test_starts_by_itself_and_ends_when_told(self):
        self.assertNotIn("running", self.davit("engine", "status", code=None).out.lower().replace("not running", ""))
        result = self.davit("images")
        self.assertEqual(len(result.err.strip().splitlines()), 1, result.err)  # says so in one line
        self.assertEqual(self.davit("images").err, "")
        self.assertIn("running", self.davit("engine", "status").out.lower())
        self.davit("image", "import", "--cmd", "sh", Machine.rootfs, Machine.image)
        self.davit("run", "-d", "--name", "inside", "--network", "none", Machine.image, "sleep", "1000")
        self.fails("engine", "stop", says=["inside"])
        self.davit("rm", "-f", "inside")
        self.davit("image", "rm", Machine.image)
        self.assertLess(self.davit("engine", "stop").seconds, 8 * Machine.slow)  # containerd waits for who has not spoken yet
        self.davit("engine", "stop")  # not running is success

    def test_an_idle_client_does_not_hold_it(self):
        self.davit("engine", "start")
        idle = self.start("image", "load", stdin=subprocess.PIPE)
        wait_until("its connection", lambda: idle.poll() is None and any(
            "socket:" in link for link in links(f"/proc/{idle.pid}/fd")))
        self.assertLess(self.davit("engine", "stop").seconds, 8 * Machine.slow)
        idle.stdin.close()
        idle.stdin = None
        idle.wait(timeout=60 * Machine.slow)

    def test_keeps_nothing_of_who_started_it(self):
        path = os.path.join(self.folder, "lock")
        with open(path, "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            process = self.start("images", pass_fds=(lock.fileno(),))
            process.communicate(timeout=60)
        self.assertEqual(process.returncode, 0)
        with open(path) as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)  # a shell's flock, say
        self.davit("engine", "stop")

    def test_not_when_an_address_was_given(self):
        self.fails("--address", "/run/containerd/containerd.sock", "ps", says=["/run/containerd/containerd.sock"])
        self.fails("ps", env={"CONTAINERD_ADDRESS": "/run/containerd/containerd.sock"}, says=["containerd.sock"])

    def test_no_program(self):
        empty = os.path.join(self.folder, "empty")
        open(empty, "w").close()  # no program: it may not be executed
        for folder in ("/usr/bin", "/usr/local/bin", "/usr/sbin", "/usr/local/sbin", "/opt/containerd/bin"):
            program = os.path.join(folder, "containerd")
            if os.path.exists(program):
                subprocess.run(["mount", "--bind", empty, program], check=True)
                self.addCleanup(subprocess.run, ["umount", program])
        self.fails("ps", says=["containerd", "install"], progress=True)

    def test_force(self):
        self.davit("image", "import", "--cmd", "sh", Machine.rootfs, Machine.image)
        self.davit("run", "-d", "--name", "forced", "--network", "none", Machine.image, "sleep", "1000")
        self.davit("engine", "stop", "--force")
        self.davit("rm", "-f", "forced", code=None)
        self.davit("image", "rm", Machine.image, code=None)
        self.davit("engine", "stop", "--force")
        self.assertNotIn("forced", json.dumps(self.davit("engine", "status", code=None).out))
