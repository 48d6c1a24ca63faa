"""containerd is stopped, or killed, and started again between any two calls: the next one works."""
import os
import signal
import time

from lib import cri
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


class Life:
    """A pod's, step by step; each leaves what the next needs."""

    def __init__(self, case):
        self.case, self.seen = case, []

    def run_pod(self):
        self.pod = self.case.pod(network="POD")
        self.case.assertEqual(self.pod.status()["state"], "SANDBOX_READY")

    def create(self):
        self.main = self.pod.container(command=["sh", "-c", "trap 'exit 7' TERM; echo begun; while read -t 1 x || true; do echo got $x; done"], stdin=True)
        self.short = self.pod.container(command=["sh", "-c", "sleep 0.1; exit 5"])

    def start(self):
        self.main.start()
        self.short.start()

    def ended_meanwhile(self):
        self.case.assertEqual(self.short.wait()["exit_code"], 5)
        self.seen.append(self.short.status()["reason"])

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
            Machine.containerd.restart(sig)
        return life.seen

    @on_both
    def test_stopped(self):
        return self.between(signal.SIGTERM)

    @on_both
    def test_killed(self):
        return self.between(signal.SIGKILL)

    @on_both
    def test_end_while_away(self):
        """Containers that end while no containerd is there: it learns how."""
        pod = self.pod()
        killed, left, by_itself = pod.run(), pod.run(), pod.run("sh", "-c", "while [ ! -e /tmp/go ]; do sleep 0.05; done; exit 9")
        root, pid, last = f"/proc/{by_itself.pid()}/root", killed.pid(), by_itself.pid()
        Machine.containerd.stop(signal.SIGKILL)
        os.kill(pid, signal.SIGKILL)
        with open(root + "/tmp/go", "w"):
            pass
        wait_until("their ends", lambda: not runs(pid) and not runs(last))
        Machine.containerd.start()
        seen = [(status["exit_code"], status["reason"]) for status in (killed.wait(), by_itself.wait())]
        self.assertEqual([code for code, _ in seen], [137, 9])
        self.assertEqual(left.sh("echo on"), "on\n")
        return seen

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
        return c.wait()["exit_code"]
