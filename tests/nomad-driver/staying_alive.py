"""Deaths and returns: of the agent, of the plugin, of containerd, of the machine. Tasks that run go on running, and keep their exit codes and logs."""
import os
import re
import signal
import time

from lib import nomad_images, reboot
from lib.case import Machine, wait_until
from lib.nomad_case import NomadCase

COUNT = "n=0; while :; do n=$((n+1)); echo line $n; sleep 0.05; done"
WAITS = "trap '' HUP; until [ -e /local/go ]; do sleep 0.05; done; exit 7"


class StayingAlive(NomadCase):
    def pid_of(self, job):
        pid = job.pid()
        os.kill(pid, 0)
        return pid

    def same_process(self, job, pid):
        self.assertEqual(job.pid(), pid)
        self.assertEqual(job.state()["Restarts"], 0)

    def go(self, job):
        """The script's end."""
        with open(job.dir("local", "go"), "w"):
            pass

    def no_line_lost(self, job):
        """Numbered lines, from the first to one that came after now."""
        last = max(map(int, re.findall(r"line (\d+)", job.logs())), default=0)
        wait_until("further lines", lambda: f"line {last + 20}\n" in job.logs(), 20)
        numbers = list(map(int, re.findall(r"line (\d+)\n", job.logs())))
        self.assertEqual(numbers, list(range(1, len(numbers) + 1)))

    # -- the agent

    def test_the_agent_is_killed_and_returns(self):
        counts, waits, ends = self.sh_job(COUNT).running(), self.sh_job(WAITS).running(), self.sh_job(WAITS).running()
        counts.waits_for_log("line 5")
        pids = {job: self.pid_of(job) for job in (counts, waits)}
        away = ends.dir("local", "go"), ends.containers()[0]
        self.agent.stop(signal.SIGKILL)
        with open(away[0], "w"):
            pass
        wait_until("the end of a task", lambda: "RUNNING" not in Machine.containerd.ctr("tasks", "ls", ns="nomad").stdout.split(away[1])[-1].split("\n")[0], 20)
        self.agent.start()
        for job, pid in pids.items():
            job.running()
            self.same_process(job, pid)
        ends.failed()
        self.assertEqual(ends.exit_code(), 7)
        self.go(waits)
        waits.failed()
        self.assertEqual(waits.exit_code(), 7)
        self.assertEqual(counts.run("echo", "there").strip(), "there")
        self.no_line_lost(counts)

    def test_the_agent_is_stopped_and_returns(self):
        """It shuts the plugin down, so that another one recovers the tasks."""
        waits, ends = self.sh_job(WAITS).running(), self.sh_job(WAITS).running()
        pid, plugin = self.pid_of(waits), self.agent.plugin_pid()
        go = ends.dir("local", "go")
        self.agent.stop()
        self.assertEqual(self.agent.plugin_pids(), [])
        os.kill(pid, 0)
        with open(go, "w"):
            pass
        self.agent.start()
        self.assertNotEqual(self.agent.plugin_pid(), plugin)
        ends.failed()
        self.assertEqual(ends.exit_code(), 7)
        waits.running()
        self.same_process(waits, pid)
        self.assertEqual(waits.run("echo", "there").strip(), "there")
        self.go(waits)
        waits.failed()
        self.assertEqual(waits.exit_code(), 7)

    def test_a_shutdown_takes_less_than_two_seconds(self):
        self.job().running()
        pid = self.agent.plugin_pid()
        self.agent.process.send_signal(signal.SIGTERM)
        wait_until("the agent's word", lambda: "shutting down" in self.agent.log()[self.log_from:], 20)
        began = time.monotonic()
        wait_until("the plugin's end", lambda: pid not in self.agent.plugin_pids(), 20)
        self.assertLess(time.monotonic() - began, 2.0 * Machine.slow)
        self.assertNotRegex(self.agent.log()[self.log_from:], "plugin failed to exit gracefully")
        self.agent.stop()

    # -- the plugin

    def test_the_plugin_is_killed(self):
        counts, waits = self.sh_job(COUNT).running(), self.sh_job(WAITS).running()
        counts.waits_for_log("line 5")
        pids = {job: self.pid_of(job) for job in (counts, waits)}
        old = self.kill_plugin()
        self.new_plugin(old)
        wait_until("exec", lambda: self._can_exec(counts), 30)
        for job, pid in pids.items():
            job.running()
            self.same_process(job, pid)
        self.go(waits)
        waits.failed()
        self.assertEqual(waits.exit_code(), 7)
        self.no_line_lost(counts)

    def _can_exec(self, job):
        try:
            return job.run("echo", "there").strip() == "there"
        except (AssertionError, OSError, TimeoutError):
            return False

    def test_a_task_ends_while_there_is_no_plugin(self):
        """The new plugin tells the exit code."""
        ends = self.sh_job(WAITS).running()
        other = self.job().running()
        go = ends.dir("local", "go")
        old = self.agent.plugin_pid()
        os.kill(old, signal.SIGSTOP)  # it sees nothing of what follows
        with open(go, "w"):
            pass
        time.sleep(0.5 * Machine.slow)
        os.kill(old, signal.SIGKILL)
        self.new_plugin(old)
        ends.failed()
        self.assertEqual(ends.exit_code(), 7)
        other.running()

    def test_the_plugin_is_killed_while_many_start(self):
        jobs = [self.sh_job("echo begun; sleep 1000", once=ANEW) for _ in range(6)]
        wait_until("a first one", lambda: any(j.state().get("State") == "running" for j in jobs), 30)
        self.new_plugin(self.kill_plugin())
        for job in jobs:
            job.running(60)
            wait_until("exec", lambda job=job: self._can_exec(job), 30)
        wait_until("one container each", lambda: all(len(j.containers()) == 1 for j in jobs), 30)

    # -- containerd

    def test_containerd_restarts(self):
        self.containerd(signal.SIGTERM)

    def test_containerd_is_killed(self):
        self.containerd(signal.SIGKILL)

    def containerd(self, sig):
        counts, waits, ends = self.sh_job(COUNT).running(), self.sh_job(WAITS).running(), self.sh_job(WAITS).running()
        pids = {job: self.pid_of(job) for job in (counts, waits)}
        go = ends.dir("local", "go")
        Machine.containerd.stop(sig)
        with open(go, "w"):
            pass
        wait_until("a driver that is not healthy", lambda: not self.agent.driver()["Healthy"], 60)
        self.assertRegex(self.agent.driver()["HealthDescription"], "containerd")
        Machine.containerd.start()
        wait_until("a healthy driver", lambda: self.agent.driver()["Healthy"], 60)
        ends.failed()
        self.assertEqual(ends.exit_code(), 7)
        for job, pid in pids.items():
            self.same_process(job.running(), pid)
        self.assertEqual(counts.run("echo", "there").strip(), "there")
        self.go(waits)
        waits.failed()
        self.assertEqual(waits.exit_code(), 7)
        self.no_line_lost(counts)

    def test_containerd_is_down_when_the_agent_starts(self):
        job = self.sh_job(WAITS).running()
        pid = self.pid_of(job)
        self.agent.stop()
        Machine.containerd.stop()
        self.agent.start(ready=False)
        wait_until("the agent", self.agent.api.answers, 60)
        wait_until("the reason", lambda: re.search("containerd", self.agent.driver().get("HealthDescription") or ""), 60)
        self.assertFalse(self.agent.driver()["Healthy"])
        Machine.containerd.start()
        wait_until("a healthy driver", lambda: self.agent.driver()["Healthy"], 60)
        self.same_process(job.running(), pid)
        self.go(job)
        job.failed()
        self.assertEqual(job.exit_code(), 7)
        self.sh_job("exit 0").completed()

    # -- the machine

    def test_a_reboot(self):
        """What Nomad and containerd keep on disk is there; processes, namespaces, mounts and what stood in memory are not."""
        job = self.job(once=ANEW, head="", group='network {\n mode = "bridge"\n}\n').running()
        once = self.job().running()
        old = job.containers() + once.containers()
        reboot.reboot(self.agent, Machine.containerd)
        Machine.containerd.start()
        self.agent.start()
        wait_until("another process", lambda: job.state().get("State") == "running" and set(job.containers()) - set(old), 90)
        wait_until("its word", lambda: job.run("echo", "there", code=None).strip() == "there", 60)  # the server's news may be of before
        once.wait("failed", "lost", "complete", "running", seconds=60)
        wait_until("no old container", lambda: not set(old) & set(Machine.containerd.ctr("containers", "ls", "-q", ns="nomad").stdout.split()), 60)


class Signals(NomadCase):
    """How a task is stopped."""

    def stopped(self, job, seconds=20):
        began = time.monotonic()
        job.stop(seconds=seconds)
        return time.monotonic() - began

    def test_an_image_names_its_signal(self):
        job = self.job(None, image=nomad_images.STOPS).running()
        job.waits_for_log("ready")
        self.stopped(job)
        self.assertIn("got USR1", job.logs())
        self.assertNotIn("got TERM", job.logs())

    def test_the_job_names_it(self):
        job = self.job(None, image=nomad_images.STOPS, more='kill_signal = "SIGHUP"').running()
        job.waits_for_log("ready")
        self.stopped(job)
        self.assertIn("got HUP", job.logs())

    def test_it_ends_as_soon_as_the_task_does(self):
        job = self.job(None, image=nomad_images.SIGNALS, more='kill_timeout = "30s"').running()
        job.waits_for_log("ready")
        self.assertLess(self.stopped(job, 40), 10 * Machine.slow)
        self.assertIn("got TERM", job.logs())
        self.assertEqual(job.exit_code(), 0)

    def test_it_is_killed_after_its_time(self):
        job = self.sh_job("trap '' TERM; echo ready; while :; do sleep 0.1; done").running()
        job.waits_for_log("ready")
        self.assertLess(self.stopped(job, 30), 15 * Machine.slow)
        self.assertEqual(job.exit_code(), 137)


ANEW = """
  restart {
    attempts = 10
    interval = "30m"
    delay = "1s"
    mode = "delay"
  }
"""
