"""What a server does with the core, as the Nomad driver is one: jobs are run, stopped and removed on worker threads without a fork, their
ends waited for on the loop, and their output goes from the shim straight to FIFOs of somebody else's."""
import contextlib
import glob
import json
import os
import signal
import stat
import subprocess
import threading
import time

from lib.case import Case, Machine, tool, wait_until, waiting
from lib.services import SOCKET

LINES = 20000  # more than 1 MiB of them


class Reader:
    """Of a FIFO, as Nomad's logmon: it reads while it lives."""

    def __init__(self, path):
        self.fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        os.set_blocking(self.fd, True)
        self.data = b""
        self.stopping = False
        self.thread = threading.Thread(target=self.read, daemon=True)
        self.thread.start()

    def read(self):
        while not self.stopping:
            piece = os.read(self.fd, 65536)
            if not piece:
                time.sleep(0.02)  # nobody writes yet, or any more
            self.data += piece

    def until(self, probe, seconds=60):
        end = time.monotonic() + seconds * Machine.slow
        while not probe(self.data):
            assert time.monotonic() < end, self.data[-200:]
            time.sleep(0.02)
        return self.data


class Server(Case):
    runtimes = None

    def setUp(self):
        super().setUp()
        self.n = 0
        self.ids = []
        self.serve()
        self.addCleanup(self.end)

    def serve(self):
        self.tool = subprocess.Popen([tool("server-tool"), SOCKET, Machine.ns, self.folder], stdin=subprocess.PIPE,
                                     stdout=subprocess.PIPE, text=True)

    def end(self):
        if self.tool.poll() is not None:
            self.serve()
        for id in self.ids:
            self.order("remove", id)
        self.tool.stdin.close()
        self.assertEqual(self.tool.wait(60), 0)
        self.tool.stdout.close()

    def send(self, verb, *words):
        self.n += 1
        self.tool.stdin.write(" ".join([verb, f"t{self.n}", *(str(w) for w in words)]) + "\n")
        self.tool.stdin.flush()
        return f"t{self.n}"

    def answer(self, tag, fails=False):
        words = self.tool.stdout.readline().rstrip("\n").split(" ", 2)
        self.assertEqual(words[0], tag)
        self.assertEqual(words[1] == "error", fails, words)
        return words[2] if len(words) > 2 else ""

    def order(self, verb, *words, fails=False):
        return self.answer(self.send(verb, *words), fails)

    def job_text(self, script, runtime=None, **more):
        task = {"name": "", "image": Machine.image, "entrypoint": ["sh", "-c", script], "log": "none", **more.pop("task", {})}
        job = {"name": "s-" + os.urandom(4).hex(), "network": "none", "tasks": [task], **more}
        if runtime:
            job["runtime"] = runtime
        return json.dumps(job)

    def run_job(self, script, out="-", err="-", **more):
        id, pid = self.order("run", out, err, self.job_text(script, **more)).split()
        self.ids.append(id)
        return id, int(pid)

    def fifo(self, name):
        path = os.path.join(self.folder, name)
        os.mkfifo(path, 0o600)
        return path

    @staticmethod
    def both():
        return (Machine.own_shim,) if Machine.shim else (Machine.own_shim, Machine.engine)


class Life(Server):
    def test_run_wait_stop_remove(self):
        for runtime in self.both():
            id, pid = self.run_job("trap 'exit 7' INT; trap : TERM; echo; while :; do sleep 0.05; done", runtime=runtime)
            self.assertTrue(os.path.exists(f"/proc/{pid}"))
            self.assertIn(id, [r.get("id") or r.get("ID") for r in self.rows("ps", "-a", "--no-trunc")])
            waits = [self.send("wait", id) for _ in range(3)]
            time.sleep(0.3)
            began = time.monotonic()
            stop = self.send("stop", id, "SIGINT", 20000)
            answers = dict(self.tool.stdout.readline().split(" ", 1) for _ in range(4))
            self.assertLess(time.monotonic() - began, 8 * Machine.slow)  # as soon as it ends, not after its time
            self.assertEqual(answers, {stop: "stop\n", **{w: "wait 7\n" for w in waits}})
            self.assertEqual(self.order("wait", id), "7")  # with its exit it stays until it is removed
            self.order("stop", id, "-", 1000)
            self.order("kill", id, "SIGHUP", fails=True)
            self.order("remove", id)
            self.order("remove", id)
            self.order("stop", id, "-", 1000)
            self.assertIn("not found", self.order("wait", id, fails=True))

    def test_signals(self):
        id, _ = self.run_job("trap 'exit 9' USR1; echo; while :; do sleep 0.05; done")
        self.assertIn("signal", self.order("kill", id, "SIGNONE", fails=True))
        time.sleep(0.3)
        self.order("kill", id, "SIGUSR1")
        self.assertEqual(self.order("wait", id), "9")

    def test_its_time_goes_by(self):
        id, _ = self.run_job("trap : TERM; while :; do sleep 0.05; done")
        time.sleep(0.3)
        self.order("stop", id, "-", 500)
        self.assertEqual(self.order("wait", id), "137")

    def test_the_job_s_own_signal(self):
        id, _ = self.run_job("trap 'exit 3' QUIT; while :; do sleep 0.05; done", task={"stop_signal": "SIGQUIT", "stop_timeout": 20})
        time.sleep(0.3)
        self.order("stop", id, "-", -1)
        self.assertEqual(self.order("wait", id), "3")

    def test_what_cannot_run(self):
        self.assertIn("/no/such", self.order("run", "-", "-", self.job_text("").replace('"sh", "-c", ""', '"/no/such"'), fails=True))
        self.assertEqual(self.rows("ps", "-a"), [])

    def test_many_hold_no_descriptor(self):
        before = int(self.order("files"))
        tags = [self.send("run", "-", "-", self.job_text("sleep 1000")) for _ in range(10)]
        answers = [self.tool.stdout.readline().split() for _ in tags]
        self.assertEqual({a[1] for a in answers}, {"run"}, answers)
        self.ids += [a[2] for a in answers]
        for id in self.ids:
            self.send("wait", id)
        self.assertLess(int(self.order("files")) - before, 10)  # the loops and connections of three threads
        while self.ids:
            self.send("remove", self.ids.pop())
        for _ in range(20):
            self.tool.stdout.readline()


class Streams(Server):
    def test_they_come_apart(self):
        for runtime in self.both():
            out, err = (self.fifo(f"{x}-{os.path.basename(runtime)}") for x in ("out", "err"))
            readers = Reader(out), Reader(err)
            id, _ = self.run_job("echo said; echo wrong >&2; echo again >/dev/stdout", out, err, runtime=runtime, task={"user": "1234"})
            self.assertEqual(self.order("wait", id), "0")
            readers[0].until(lambda d: d == b"said\nagain\n")
            readers[1].until(lambda d: d == b"wrong\n")
            self.order("remove", id)
            for r in readers:
                r.stopping = True

    def test_terminal(self):
        for runtime in self.both():
            out = self.fifo(f"out-{os.path.basename(runtime)}")
            reader = Reader(out)
            id, _ = self.run_job("tty; echo wrong >&2", out, "/dev/null", runtime=runtime, task={"tty": True})
            reader.until(lambda d: d == b"/dev/pts/0\r\nwrong\r\n")
            self.assertEqual(self.order("wait", id), "0")
            reader.stopping = True

    def test_neither_end_of_the_server_nor_of_the_reader_loses_a_line_or_stops_it(self):
        script = (f"i=0; while [ $i -lt {LINES} ]; do i=$((i+1)); echo line $i $(((i*7919)%100003)) to fill the pipe with more than before; done; "
                  "echo err >&2; exit 5")
        go = self.fifo("go")
        for runtime in self.both():
            out, err = (self.fifo(f"{x}-{os.path.basename(runtime)}") for x in ("out", "err"))
            reader, errors = Reader(out), Reader(err)
            id, _ = self.run_job("read x </c/go; " + script, out, err, runtime=runtime,
                                 task={"mounts": [{"type": "bind", "source": self.folder, "target": "/c"}]})
            self.tool.send_signal(signal.SIGKILL)
            self.tool.wait()
            self.serve()
            reader.stopping = True  # it has gone, with what it had: nobody reads for a while
            with open(go, "w") as f:
                f.write("\n")
            reader.thread.join()
            os.close(reader.fd)
            wait = self.send("wait", id)
            time.sleep(0.5)
            again = Reader(out)
            self.assertEqual(self.answer(wait), "5")
            expected = "".join(f"line {i} {(i * 7919) % 100003} to fill the pipe with more than before\n" for i in range(1, LINES + 1)).encode()
            again.until(lambda d: len(reader.data) + len(d) >= len(expected))
            self.assertTrue(reader.data + again.data == expected, (len(reader.data), len(again.data), len(expected)))
            errors.until(lambda d: d == b"err\n")
            self.order("remove", id)
            again.stopping = errors.stopping = True

    def test_nobody_reads_up_to_a_megabyte(self):
        """It goes on, and ends, though whoever reads is away: what it says is there when they return."""
        for runtime in self.both():
            out = self.fifo(f"out-{os.path.basename(runtime)}")
            holder = os.open(out, os.O_RDONLY | os.O_NONBLOCK)  # as logmon that is stopped has it
            id, _ = self.run_job("yes davit | head -c 900000", out, "/dev/null", runtime=runtime)
            self.assertEqual(self.order("wait", id), "0")
            self.order("remove", id)
            self.assertEqual(waiting(holder), 900000)
            os.close(holder)

    def test_what_is_none(self):
        plain, link, socket = (os.path.join(self.folder, x) for x in ("plain", "link", "folder"))
        open(plain, "w").close()
        os.symlink(self.fifo("fifo"), link)
        os.mkdir(socket)
        for path in (plain, link, socket, "/dev/zero", "fifo"):
            for out, err in ((path, "-"), ("-", path)):
                self.assertIn("neither a FIFO nor /dev/null", self.order("run", out, err, self.job_text("true"), fails=True))
        self.assertIn("No such file", self.order("run", os.path.join(self.folder, "none"), "-", self.job_text("true"), fails=True))
        self.assertIn("log is none", self.order("run", "/dev/null", "-", self.job_text("true", task={"log": "file"}), fails=True))
        self.assertEqual(self.rows("ps", "-a"), [])
        self.assertTrue(stat.S_ISFIFO(os.stat(os.path.join(self.folder, "fifo")).st_mode))


class Cgroup(Server):
    """One that somebody else has made, and may kill, freeze and take away: as Nomad does, on v1 in freezer, cpu and memory."""
    V2 = os.path.exists("/sys/fs/cgroup/cgroup.controllers")

    def setUp(self):
        super().setUp()
        self.path = f"/davit-test-{os.urandom(4).hex()}.slice/share.slice/a-b.web.scope"
        self.addCleanup(self.take_away)
        for folder in self.folders():
            os.makedirs(folder)

    def folders(self):
        if self.V2:
            return ["/sys/fs/cgroup" + self.path]
        return [f"/sys/fs/cgroup/{c}{self.path}" for c in ("freezer", "cpu", "memory")]

    def take_away(self):
        """The parents too."""
        for folder in glob.glob("/sys/fs/cgroup/*" + self.path) + ["/sys/fs/cgroup" + self.path]:
            for _ in range(3):
                with contextlib.suppress(FileNotFoundError):
                    os.rmdir(folder)
                folder = os.path.dirname(folder)
        top = self.path.split("/")[1]  # of this case alone: another run on this machine has some, too
        for folder in glob.glob(f"/sys/fs/cgroup/*/{top}/share.slice") + glob.glob(f"/sys/fs/cgroup/*/{top}"):
            os.rmdir(folder)

    def pids(self):
        with open(self.folders()[0] + "/cgroup.procs") as f:
            return [int(x) for x in f.read().split()]

    def start(self, script="sleep 1000", **more):
        task = {"cgroup": self.path, "memory": 64 << 20, "cpu_shares": 100, **more.pop("task", {})}
        return self.run_job(script, task=task, **more)

    def test_it_is_in_it(self):
        for runtime in self.both():
            id, pid = self.start(runtime=runtime)
            self.assertIn(pid, self.pids())
            with open(f"/proc/{pid}/cgroup") as f:
                paths = {line.split(":")[1]: line.rstrip("\n").split(":")[2] for line in f}
            for controller in ("",) if self.V2 else ("freezer", "cpu", "memory"):
                self.assertTrue(paths[controller].endswith(self.path), paths)
            limit = "memory.max" if self.V2 else "memory.limit_in_bytes"
            with open(self.folders()[-1] + "/" + limit) as f:
                self.assertEqual(int(f.read()), 64 << 20)
            own = "^0::/$" if self.V2 else "a-b.web.scope"  # of version 2 a task sees its own as the root
            self.davit("exec", id, "grep", own, "/proc/self/cgroup")
            self.order("remove", id)
            self.assertEqual([x for x in self.folders() if os.path.exists(x) and open(x + "/cgroup.procs").read()], [])
            for folder in self.folders():  # Nomad's own removal of it
                with contextlib.suppress(FileNotFoundError):
                    os.rmdir(folder)
                os.makedirs(folder)

    def test_its_keeper_kills_what_is_in_it(self):
        for runtime in self.both():
            id, _ = self.start("trap : TERM INT; sleep 1000 & while :; do sleep 1; done", runtime=runtime)
            wait = self.send("wait", id)
            if self.V2:
                with open(self.folders()[0] + "/cgroup.kill", "w") as f:
                    f.write("1")
            else:  # as Nomad's lifeCG1.Kill()
                state = self.folders()[0] + "/freezer.state"
                with open(state, "w") as f:
                    f.write("FROZEN")
                for pid in self.pids():
                    os.kill(pid, signal.SIGKILL)
                with open(state, "w") as f:
                    f.write("THAWED")
            self.assertEqual(self.answer(wait), "137")
            for folder in self.folders():
                wait_until("the cgroup's end", lambda: not os.path.exists(folder) or not open(folder + "/cgroup.procs").read())
                with contextlib.suppress(FileNotFoundError):
                    os.rmdir(folder)  # before the job is removed
            self.order("remove", id)
            for folder in self.folders():
                os.makedirs(folder)

    def test_a_shim_that_hangs(self):
        """It is ended by its cgroup, wherever that is."""
        for runtime in self.both():
            id, pid = self.start(runtime=runtime)
            with open(f"/proc/{pid}/stat") as f:
                shim = int(f.read().rsplit(")", 1)[1].split()[1])
            os.kill(shim, signal.SIGSTOP)
            self.order("remove", id)
            self.assertFalse(os.path.exists(f"/proc/{pid}"))
            for folder in self.folders():
                os.makedirs(folder, exist_ok=True)

    def test_again_and_in_a_row(self):
        for _ in range(3):
            id, _ = self.start("true")
            self.assertEqual(self.order("wait", id), "0")
            self.order("remove", id)

    def test_what_is_refused(self):
        for bad in ("a/b", "/", "/a//b", "/a/../b", "/a/", "/a:b", "/a\\u0009b"):
            answer = self.order("run", "-", "-", self.job_text("true", task={"cgroup": bad}).replace("\\\\u", "\\u"), fails=True)
            self.assertIn("cgroup", answer)
