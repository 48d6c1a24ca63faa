"""davit's own shim, its engine and its files, killed, hanging, gone or used up: nothing stays, and who runs goes on."""
import glob
import os
import resource
import shutil
import signal
import subprocess

from lib.case import Machine, wait_until
from lib.shim_case import Events, ShimCase, processes_of

# Does what "order" beside it says, once: "before VERB" hangs instead, "after VERB" when it is done.
ENGINE = """#!/bin/sh
for verb; do case $verb in create|start|exec|kill|delete|pause|resume) break;; esac; done
for when in before after; do
	test "$(cat "%(folder)s/order" 2>/dev/null)" = "$when $verb" || continue
	mv "%(folder)s/order" "%(folder)s/order.done"
	test $when = before || %(engine)s "$@"
	echo $$ > "%(folder)s/pid"
	mv "%(folder)s/order.done" "%(folder)s/hangs"
	exec sleep 1000
done
exec %(engine)s "$@"
"""


def has_ended(pid):
    try:
        with open(f"/proc/{pid}/stat") as f:
            return f.read().rsplit(")", 1)[1].split()[0] == "Z"
    except OSError:
        return True


class Faults(ShimCase):
    def setUp(self):
        super().setUp()
        # those of a ctr that was killed, or whose shim was
        before = set(glob.glob("/run/containerd/fifo/*"))
        self.addCleanup(lambda: [shutil.rmtree(path, ignore_errors=True) for path in set(glob.glob("/run/containerd/fifo/*")) - before])
        self.mark = os.urandom(4).hex()
        engine, options = os.path.join(self.folder, Machine.engine), os.path.join(self.folder, "options.toml")
        with open(engine, "w") as f:
            f.write(ENGINE % {"folder": self.folder, "engine": shutil.which(Machine.engine)})
        os.chmod(engine, 0o755)
        with open(options, "w") as f:
            f.write(f"BinaryName = '{engine}'\n")
        self.flags = ("--runtime-config-path", options)

    def order(self, text):
        with open(os.path.join(self.folder, "order.new"), "w") as f:
            f.write(text)
        os.rename(f.name, os.path.join(self.folder, "order"))

    def hangs(self):
        return os.path.exists(os.path.join(self.folder, "hangs"))

    def sleeper(self):
        return self.task(*self.flags, command=("sh", "-c", f"sleep 1000; true {self.mark}"))

    def later(self, *args):
        """ctr, not waited for."""
        process = subprocess.Popen([Machine.containerd.ctr_program, "-n", Machine.ns, *args], stdin=subprocess.DEVNULL,
                                   stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.addCleanup(self._end, process)
        return process

    def later_run(self):
        id = "x-" + os.urandom(4).hex()
        self.addCleanup(lambda: self.ctr("containers", "delete", id, check=False))
        self.addCleanup(lambda: self.ctr("tasks", "delete", "-f", id, check=False))
        self.later("run", "-d", "--runtime", Machine.shim, *self.flags, self.image(), id, "sh", "-c", f"sleep 1000; true {self.mark}")
        wait_until("the engine to hang", self.hangs)
        return id

    # the points of a life: each gives the container's id

    def before_create(self):
        self.order("before create")
        return self.later_run()

    def after_create(self):
        self.order("after create")
        return self.later_run()

    def running(self):
        return self.sleeper()

    def with_exec(self):
        id = self.sleeper()
        self.exec(id, "e", "sh", "-c", f"sleep 1000; true {self.mark}")
        wait_until("the exec", lambda: len(processes_of(self.mark)) == 2)
        return id

    def before_exec(self):
        id = self.sleeper()
        self.order("before exec")
        self.exec(id, "e", "sh", "-c", f"sleep 1000; true {self.mark}")
        wait_until("the engine to hang", self.hangs)
        return id

    def ended(self):
        id = self.sleeper()
        events = Events(self)
        self.ctr("tasks", "kill", "-s", "KILL", id)
        events.wait_exit(id)
        return id

    def in_delete(self):
        id = self.ended()
        self.order("before delete")
        self.later("tasks", "delete", id)
        wait_until("the engine to hang", self.hangs)
        return id

    def paused(self):
        id = self.sleeper()
        self.ctr("tasks", "pause", id)
        return id

    def left_of(self, id):
        with open("/proc/mounts") as f:
            left = [line.split()[1] for line in f if id in line]
        left += glob.glob(f"/run/containerd/io.containerd.runtime.v2.task/*/{id}")
        left += glob.glob(f"/run/containerd/runc/*/{id}") + glob.glob(f"/sys/fs/cgroup/**/{id}", recursive=True)
        left += [line for line in self.ctr("tasks", "ls").stdout.splitlines() if id in line]
        return left + processes_of(self.mark)

    def wait_for_nothing_of(self, id):
        try:
            wait_until("nothing of it", lambda: not self.left_of(id))
        except TimeoutError:
            self.assertEqual(self.left_of(id), [])

    def test_killed(self):
        for point in (self.after_create, self.before_create, self.running, self.with_exec, self.before_exec, self.ended, self.in_delete,
                      self.paused):
            with self.subTest(point=point.__name__):
                id = point()
                os.kill(self.shim_of(id), signal.SIGKILL)
                self.wait_for_nothing_of(id)
                self.ctr("containers", "delete", id)
                for name in ("order", "hangs"):
                    if os.path.exists(os.path.join(self.folder, name)):
                        os.unlink(os.path.join(self.folder, name))

    def test_engine_killed(self):
        self.order("before create")
        id = "x-" + os.urandom(4).hex()
        process = self.later("run", "--rm", "--runtime", Machine.shim, *self.flags, self.image(), id, "true")
        wait_until("the engine to hang", self.hangs)
        self.addCleanup(lambda: self.ctr("containers", "delete", id, check=False))
        with open(os.path.join(self.folder, "pid")) as f:
            os.kill(int(f.read()), signal.SIGKILL)
        out, _ = process.communicate(timeout=30 * Machine.slow)
        self.assertIn("OCI runtime create failed: the engine was killed by signal 9", out)
        self.wait_for_nothing_of(id)

    def test_engine_hangs_and_the_client_gives_up(self):
        self.order("before create")
        id = "x-" + os.urandom(4).hex()
        self.addCleanup(lambda: self.ctr("containers", "delete", id, check=False))
        process = self.later("run", "--runtime", Machine.shim, *self.flags, self.image(), id, "true")
        wait_until("the engine to hang", self.hangs)
        shim = self.shim_of(id)
        process.kill()
        wait_until("the shim's end", lambda: has_ended(shim), 30)
        self.wait_for_nothing_of(id)

    def test_engine_hangs_in_an_exec(self):
        id = self.before_exec()
        self.assertIn("RUNNING", self.ctr("tasks", "ls").stdout)
        self.ctr("tasks", "ps", id)
        events = Events(self)
        self.ctr("tasks", "kill", "-s", "KILL", id)
        events.wait_exit(id)  # the hanging engine is killed for it

    def test_bundle_removed(self):
        id = self.sleeper()
        bundle = f"/run/containerd/io.containerd.runtime.v2.task/{Machine.ns}/{id}"
        subprocess.run(["umount", "-l", bundle + "/rootfs"], check=False)
        shutil.rmtree(bundle)
        self.assertNotEqual(self.exec(id, "e", "true").wait(), 0)
        events = Events(self)
        self.ctr("tasks", "kill", "-s", "KILL", id)
        events.wait_exit(id)
        self.ctr("tasks", "delete", id, check=False)  # containerd, too, misses its folder
        self.wait_for_nothing_of(id)

    def test_descriptors_used_up(self):
        id = self.sleeper()
        shim = self.shim_of(id)
        soft, hard = resource.prlimit(shim, resource.RLIMIT_NOFILE)
        resource.prlimit(shim, resource.RLIMIT_NOFILE, (len(os.listdir(f"/proc/{shim}/fd")) + 2, hard))
        done = self.exec(id, "few", "true")
        self.assertNotEqual(done.wait(timeout=60 * Machine.slow), 0)
        self.assertIn("RUNNING", self.ctr("tasks", "ls").stdout)
        resource.prlimit(shim, resource.RLIMIT_NOFILE, (soft, hard))
        self.assertEqual(self.exec(id, "enough", "true").wait(timeout=60 * Machine.slow), 0)


class Restart(ShimCase):
    MANY = 50

    def test_many_go_on(self):
        """containerd is killed while fifty run: each runs on, and its end is told with its status."""
        ids = [self.task(command=("sh", "-c", f"trap 'exit {n}' TERM; while :; do sleep 0.2; done")) for n in range(1, self.MANY + 1)]
        shims = {id: self.shim_of(id) for id in ids}
        Machine.containerd.restart(signal.SIGKILL)
        wait_until("containerd", lambda: self.ctr("tasks", "ls", check=False).returncode == 0)
        running = [line.split()[0] for line in self.ctr("tasks", "ls").stdout.splitlines() if "RUNNING" in line]
        self.assertEqual(sorted(set(ids) & set(running)), sorted(ids))
        events = Events(self)
        for id in ids:
            self.ctr("tasks", "kill", id)

        def statuses():
            return {e["id"]: e["exit_status"] for topic, e in events.read() if topic == "/tasks/exit"}
        wait_until("their ends", lambda: len(statuses()) == self.MANY, 60)
        self.assertEqual(statuses(), {id: n for n, id in enumerate(ids, 1)})
        for id in ids:
            self.ctr("tasks", "delete", id)
        for shim in shims.values():
            wait_until("the shim's end", lambda shim=shim: has_ended(shim))
