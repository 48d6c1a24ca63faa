"""The ends of processes under davit's own shim: what is killed with a container's init, what is told of it, and in which order."""
import glob
import os
import shutil
import signal

from lib.case import Machine, wait_until
from lib.shim_case import Events, ShimCase, processes_of


class Exits(ShimCase):
    def check_order(self, *flags):
        events, mark = Events(self), os.urandom(4).hex()
        id = self.task(*flags, command=("sh", "-c", f"(exec sh -c 'sleep 1000 & wait # {mark}') & sleep 1000; true"))
        execs = []
        for name in ("one", "two"):
            execs.append(self.exec(id, name, "sh", "-c", f"sleep 1000 & wait # {mark}"))
            wait_until(name, lambda name=name: ("/tasks/exec-started", name) in events.of_tasks())
        wait_until("its processes", lambda: len(processes_of(mark)) >= 3)
        self.ctr("tasks", "kill", "-s", "KILL", id)
        events.wait_exit(id)
        self.assertEqual(processes_of(mark), [])  # dead before it was told
        for process in execs:
            process.communicate(timeout=20 * Machine.slow)
        exits = [name for topic, name in events.of_tasks() if topic == "/tasks/exit"]
        self.assertEqual((sorted(exits[:2]), exits[2:]), (["one", "two"], [id]))

    def test_order(self):
        self.check_order()

    def test_order_of_a_shared_pid_namespace(self):
        self.check_order("--with-ns", "pid:/proc/1/ns/pid")

    def test_end_while_execs_start(self):
        """Whatever becomes of each, what was told to be started has its end told before the init's."""
        for flags in ((), ("--with-ns", "pid:/proc/1/ns/pid")):
            events, mark = Events(self), os.urandom(4).hex()
            id = self.task(*flags, command=("sleep", "1000"))
            execs = [self.exec(id, f"e{i}", "sh", "-c", f"sleep 1000; true {mark}") for i in range(6)]
            self.ctr("tasks", "kill", "-s", "KILL", id)
            events.wait_exit(id)
            for process in execs:
                process.communicate(timeout=20 * Machine.slow)
            told = events.of_tasks()
            started = [name for topic, name in told if topic == "/tasks/exec-started"]
            ended = [name for topic, name in told if topic == "/tasks/exit"]
            self.assertEqual(sorted(started), sorted(ended[:-1]))
            self.assertEqual(ended[-1], id)
            self.assertEqual(processes_of(mark), [])

    def test_kill_all(self):
        for flags in ((), ("--with-ns", "pid:/proc/1/ns/pid")):
            events, mark = Events(self), os.urandom(4).hex()
            id = self.task(*flags, command=("sh", "-c", f"trap : USR1; sh -c 'while :; do sleep 0.1; done # {mark}'; sleep 1000"))
            wait_until("its child", lambda mark=mark: len(processes_of(mark)) == 2)
            self.ctr("tasks", "kill", "--all", "-s", "USR1", id)
            wait_until("the child's end", lambda mark=mark: len(processes_of(mark)) == 1)
            self.ctr("tasks", "kill", "--all", "-s", "KILL", id)
            events.wait_exit(id)
            again = self.ctr("tasks", "kill", "-s", "KILL", id, check=False)
            self.assertNotEqual(again.returncode, 0)
            self.assertIn("process already finished", again.stderr)

    def test_failed_exec_closes_its_streams(self):
        id = self.task(command=("sleep", "1000"))
        process = self.exec(id, "none", "/no/such/program")
        out, _ = process.communicate(timeout=20 * Machine.slow)  # ctr waits for the end of them
        self.assertIn("OCI runtime exec failed", out)

    def test_orphans_are_collected(self):
        """Those of a shared PID namespace come to the shim, and others to the container's init."""
        script = "for i in 1 2 3 4 5; do (sleep 0.1 & sleep 0.05 &); done; exec sleep 1000"
        shim = self.shim_of(self.task("--with-ns", "pid:/proc/1/ns/pid", command=("sh", "-c", script)))

        def children():
            with open(f"/proc/{shim}/task/{shim}/children") as f:
                return f.read().split()
        wait_until("the end of its orphans", lambda: len(children()) == 1)


class Signals(ShimCase):
    def drop_fifos(self, before):
        """The client's, which takes them away with a task that it can load."""
        for folder in set(glob.glob("/run/containerd/fifo/*")) - before:
            shutil.rmtree(folder)

    def test_end(self):
        """Ends as containerd's shims do: containerd cleans up behind it."""
        self.addCleanup(self.drop_fifos, set(glob.glob("/run/containerd/fifo/*")))
        for sig in (signal.SIGTERM, signal.SIGINT):
            events, id = Events(self), self.task(command=("sleep", "1000"))
            sockets = os.listdir("/run/containerd/s")
            os.kill(self.shim_of(id), sig)
            events.wait_exit(id)
            wait_until("its task's removal", lambda id=id: id not in self.ctr("tasks", "ls").stdout)
            self.assertEqual(len(sockets) - len(os.listdir("/run/containerd/s")), 1)
