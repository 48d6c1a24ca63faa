"""containerd is stopped, or killed, and started again between any two calls: the next one works."""
import os
import signal
import time

from lib import cri, cri_containerd
from lib.case import Machine, wait_until
from lib.cri_case import CriCase, on_both
from lib.websocket import Streams


def runs(pid):
    """It runs: it is neither gone nor a zombie."""
    try:
        with open(f"/proc/{pid}/stat") as f:
            return f.read().rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def check_code(case, code, wanted):
    """Of one that ended while no containerd was there. From 1.7 on containerd takes a shim whose container has no process for one that
    leaked, and forgets with it how the container ended, unless the shim names a process that was: ours does, the stock one does not."""
    forgets = case.handler == cri.STOCK and not cri_containerd.version(Machine.containerd.program).startswith("1.6.")
    case.assertIn(code, (wanted, 255) if forgets else (wanted,))


def end(pid):
    """One that waits for a file."""
    with open(f"/proc/{pid}/root/tmp/go", "w"):
        pass
    wait_until("its end", lambda: not runs(pid))


class Life:
    """A pod's, step by step; each leaves what the next needs."""

    def __init__(self, case):
        self.case, self.ending = case, None

    def run_pod(self):
        self.pod = self.case.pod(network="POD")
        self.case.assertEqual(self.pod.status()["state"], "SANDBOX_READY")

    def create(self):
        self.main = self.pod.container(command=["sh", "-c", "trap 'exit 7' TERM; echo begun; while read -t 1 x || true; do echo got $x; done"], stdin=True)
        self.short = self.pod.container(command=["sh", "-c", "while [ ! -e /tmp/go ]; do sleep 0.05; done; exit 5"])

    def start(self):
        self.main.start()
        self.ending = self.short.start().pid()

    def meanwhile(self):
        """No containerd is there."""
        if self.ending:
            end(self.ending)
            self.ending = None

    def ended_meanwhile(self):
        check_code(self.case, self.short.wait()["exit_code"], 5)

    def status(self):
        self.case.assertEqual((self.pod.status()["state"], self.main.state()), ("SANDBOX_READY", "RUNNING"))

    def exec(self):
        self.case.assertEqual(self.main.sync("sh", "-c", "echo out; echo err >&2; exit 3"), (3, "out\n", "err\n"))

    def stats(self):
        self.case.assertGreater(cri.call("ContainerStats", container_id=self.main.id)["stats"]["memory"]["working_set_bytes"]["value"], 0)

    def update(self):
        cri.call("UpdateContainerResources", container_id=self.main.id, linux={"cpu_shares": 300})

    def attach(self):
        url = cri.call("Attach", container_id=self.main.id, stdin=True, stdout=True, stderr=True)["url"]
        with Streams(url, seconds=30 * Machine.slow) as s:
            s.type("word\n")
            s.expect("got word\n")

    def reopen(self):
        os.rename(self.main.log_path, self.main.log_path + ".1")
        cri.call("ReopenContainerLog", container_id=self.main.id)
        wait_until("lines of the new log", lambda: "got" in self.main.log())

    def second(self):
        other = self.pod.run()
        self.case.assertEqual(other.sh("echo second"), "second\n")

    def stop(self):
        self.main.stop(20)
        self.case.assertEqual(self.main.status()["exit_code"], 7)

    def remove(self):
        self.main.remove()

    def stop_pod(self):
        self.pod.stop()
        self.case.assertEqual(self.pod.status()["state"], "SANDBOX_NOTREADY")

    def remove_pod(self):
        self.pod.remove()
        self.case.assertEqual(cri.status_of("PodSandboxStatus", pod_sandbox_id=self.pod.id), "NOT_FOUND")

    STEPS = run_pod, create, start, ended_meanwhile, status, exec, stats, update, attach, reopen, second, stop, remove, stop_pod, remove_pod


class Restart(CriCase):
    def between(self, sig):
        life = Life(self)
        for step in Life.STEPS:
            try:
                step(life)
            except (AssertionError, cri.CriError, TimeoutError) as e:
                raise AssertionError(f"after containerd's restart: {step.__name__}: {e}") from e
            Machine.containerd.stop(sig)
            life.meanwhile()
            Machine.containerd.start()

    @on_both
    def test_stopped(self):
        self.between(signal.SIGTERM)

    @on_both
    def test_killed(self):
        self.between(signal.SIGKILL)

    @on_both
    def test_end_while_away(self):
        """Containers that end while no containerd is there: it learns how."""
        pod = self.pod()
        killed, left, by_itself = pod.run(), pod.run(), pod.run("sh", "-c", "while [ ! -e /tmp/go ]; do sleep 0.05; done; exit 9")
        pid, last = killed.pid(), by_itself.pid()
        Machine.containerd.stop(signal.SIGKILL)
        os.kill(pid, signal.SIGKILL)
        end(last)
        wait_until("its end", lambda: not runs(pid))
        Machine.containerd.start()
        check_code(self, killed.wait()["exit_code"], 137)
        check_code(self, by_itself.wait()["exit_code"], 9)
        self.assertEqual(left.sh("echo on"), "on\n")

    @on_both
    def test_output_while_away(self):
        """What is written while no containerd reads waits in the pipe; nothing is lost once it is back."""
        c = self.container("sh", "-c", "i=0; while [ $i -lt 400 ]; do i=$((i+1)); echo $i; sleep 0.01; done")
        wait_until("its first lines", lambda: len(c.log().splitlines()) > 10)
        Machine.containerd.stop(signal.SIGTERM)
        time.sleep(1)
        Machine.containerd.start()
        self.assertEqual(c.wait(60)["exit_code"], 0)
        wait_until("its last line", lambda: c.printed().endswith("400\n"))
        numbers = [int(word) for word in c.printed().split()]
        self.assertEqual(numbers, sorted(numbers))
        return "all" if numbers == list(range(1, 401)) else "some are lost"

    @on_both
    def test_pod_killed_while_away(self):
        """The sandbox's process is killed meanwhile: the pod is not ready, and goes."""
        pod = self.pod(pid="POD")
        c, sandbox = pod.run(), pod.pid()
        Machine.containerd.stop(signal.SIGKILL)
        os.kill(sandbox, signal.SIGKILL)
        Machine.containerd.start()
        wait_until("the sandbox's end", lambda: pod.status()["state"] == "SANDBOX_NOTREADY")
        check_code(self, c.wait()["exit_code"], 137)
