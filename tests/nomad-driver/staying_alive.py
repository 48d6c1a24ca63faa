"""Deaths and returns: of the agent, of the plugin, of containerd, of the machine. Tasks that run go on running, and keep their exit codes and logs."""
import contextlib
import glob
import os
import re
import signal
import time

from lib import leaks, nomad_images, reboot
from lib.case import Machine, wait_until
from lib.nomad_case import NomadCase

COUNT = "n=0; while :; do n=$((n+1)); echo line $n; sleep 0.05; done"
WAITS = "trap '' HUP; until [ -e /local/go ]; do sleep 0.05; done; exit 7"
# hundreds of lines at a time, as long as it is let
FLOODS = """exec awk 'BEGIN { for (;;) { for (k = 0; k < 200; k++) printf "line %08d %049d\\n", ++n, n; fflush(); system("sleep 0.05")
  if (system("test -e /local/go") == 0) { print "end"; exit 7 } } }'"""
# so many bytes of each stream, and the time that it has: /local/clock
WRITES = """(while :; do echo x >> /local/clock; sleep 0.1; done) &
until [ -e /local/go ]; do sleep 0.05; done
awk -v many=%d 'BEGIN { for (n = 1; n <= many; n++) printf "line %%08d %%049d\\n", n, n }'; echo written > /local/written; sleep 1000"""


class StayingAlive(NomadCase):
    def setUp(self):
        super().setUp()
        self.outputs = {}  # by job, the folder that its logs are in

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

    def ended(self, container):
        """As containerd has it."""
        def over():
            rows = Machine.containerd.ctr("tasks", "ls", ns="nomad").stdout.splitlines()
            return not any(row.split()[0] == container and row.split()[2] == "RUNNING" for row in rows)
        wait_until("the end of " + container, over, 20)

    def no_line_lost(self, job):
        """Numbered lines, from the first to one that came after now."""
        last = max(map(int, re.findall(r"line (\d+)", job.logs())), default=0)
        wait_until("further lines", lambda: f"line {last + 20}\n" in job.logs(), 20)
        numbers = list(map(int, re.findall(r"line (\d+)\n", job.logs())))
        self.assertEqual(numbers, list(range(1, len(numbers) + 1)))

    def lines(self, job):
        """Of its output, as it stands on the disk, whether or not there is an agent: the oldest file first."""
        if job not in self.outputs:
            self.outputs[job] = self.agent.alloc_dir(job.alloc) + "/alloc/logs"
        found, text = glob.glob(self.outputs[job] + "/t.stdout.[0-9]*"), []
        for path in sorted(found, key=lambda p: int(p.rsplit(".", 1)[1])):
            with open(path) as f:
                text.append(f.read())
        return "".join(text).splitlines(True)

    def flood_is_whole(self, job, least):
        """Every line that it has written, once it has ended."""
        self.go(job)
        job.failed(60)
        self.assertEqual(job.exit_code(), 7)
        wait_until("the last line", lambda: self.lines(job)[-1:] == ["end\n"], 30)
        lines = self.lines(job)
        self.assertGreater(len(lines), least)
        self.assertEqual(lines[:-1], [numbered(n) for n in range(1, len(lines))])

    # -- the agent

    def test_the_agent_is_killed_and_returns(self):
        counts, waits, ends = self.sh_job(COUNT).running(), self.sh_job(WAITS).running(), self.sh_job(WAITS).running()
        counts.waits_for_log("line 5")
        pids = {job: self.pid_of(job) for job in (counts, waits)}
        away = ends.dir("local", "go"), ends.containers()[0]
        self.agent.stop(signal.SIGKILL)
        with open(away[0], "w"):
            pass
        self.ended(away[1])
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
        floods, waits, ends = self.sh_job(FLOODS).running(), self.sh_job(WAITS).running(), self.sh_job(WAITS).running()
        pid, plugin = self.pid_of(waits), self.agent.plugin_pid()
        go = ends.dir("local", "go")
        wait_until("output", lambda: self.lines(floods), 20)
        self.agent.stop()
        before = self.lines(floods)
        wait_until("output without an agent", lambda: len(self.lines(floods)) > len(before) + 2000, 30)
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
        self.flood_is_whole(floods, len(before) + 2000)

    def test_nobody_reads_the_output(self):
        """Agent and logmon are killed. A task whose output has room in its FIFO goes on; the other waits, and loses nothing."""
        sizes = {self.sh_job(WRITES % (size // LINE)).running(): size for size in (KEPT // 2, 8 * KEPT)}
        little, much = sizes
        loggers = set(logmons())
        self.assertGreaterEqual(len(loggers), 2)
        done = {job: [job.dir("local", name) for name in ("go", "written", "clock")] for job in sizes}
        for go, _, clock in done.values():
            wait_until("its clock", lambda clock=clock: os.path.exists(clock), 20)
        self.agent.stop(signal.SIGKILL)
        for pid in loggers:
            os.kill(pid, signal.SIGKILL)
        wait_until("the loggers' end", lambda: not loggers & set(logmons()), 20)
        for go, _, _ in done.values():
            with open(go, "w"):
                pass
        wait_until("the end of a little output", lambda: os.path.exists(done[little][1]), 20)
        for _, _, clock in done.values():
            at = os.path.getsize(clock)
            wait_until("a clock that goes on", lambda clock=clock, at=at: os.path.getsize(clock) >= at + 20, 20)
        self.assertFalse(os.path.exists(done[much][1]))
        self.agent.start()
        wait_until("the end of much output", lambda: os.path.exists(done[much][1]), 30)
        for job, size in sizes.items():
            wait_until("all lines", lambda job=job, size=size: sum(map(len, self.lines(job))) >= size, 30)
            self.assertEqual(self.lines(job), [numbered(n) for n in range(1, size // LINE + 1)])
            job.running()

    def test_a_shutdown_takes_less_than_two_seconds(self):
        self.agent.env = {"ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":detect_leaks=0"}  # go-plugin's two seconds know of no sanitizer
        self.addCleanup(setattr, self.agent, "env", {})
        self.agent.restart()
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
        wait_until("exec", lambda: self.can_exec(counts), 30)
        for job, pid in pids.items():
            job.running()
            self.same_process(job, pid)
        self.go(waits)
        waits.failed()
        self.assertEqual(waits.exit_code(), 7)
        self.no_line_lost(counts)

    def test_a_task_ends_while_there_is_no_plugin(self):
        """The new plugin tells the exit code."""
        ends = self.sh_job(WAITS).running()
        other = self.job().running()
        go, ends_in = ends.dir("local", "go"), ends.containers()[0]
        old = self.agent.plugin_pid()
        os.kill(old, signal.SIGSTOP)  # it sees nothing of what follows
        with open(go, "w"):
            pass
        self.ended(ends_in)
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
            wait_until("exec", lambda job=job: self.can_exec(job), 30)
        wait_until("one container each", lambda: all(len(j.containers()) == 1 for j in jobs), 30)

    # -- containerd

    def test_containerd_restarts(self):
        self.containerd(signal.SIGTERM)

    def test_containerd_is_killed(self):
        self.containerd(signal.SIGKILL)

    def containerd(self, sig):
        floods, waits, ends = self.sh_job(FLOODS).running(), self.sh_job(WAITS).running(), self.sh_job(WAITS).running()
        pids = {job: self.pid_of(job) for job in (floods, waits)}
        go = ends.dir("local", "go")
        wait_until("output", lambda: self.lines(floods), 20)
        Machine.containerd.stop(sig)
        before = self.lines(floods)
        with open(go, "w"):
            pass
        wait_until("a driver that is not healthy", lambda: not self.agent.driver()["Healthy"], 60)
        self.assertRegex(self.agent.driver()["HealthDescription"], "containerd")
        wait_until("output without a containerd", lambda: len(self.lines(floods)) > len(before) + 2000, 30)
        Machine.containerd.start()
        wait_until("a healthy driver", lambda: self.agent.driver()["Healthy"], 60)
        ends.failed()
        self.assertEqual(ends.exit_code(), 7)
        for job, pid in pids.items():
            self.same_process(job.running(), pid)
        self.assertEqual(floods.run("echo", "there").strip(), "there")
        self.go(waits)
        waits.failed()
        self.assertEqual(waits.exit_code(), 7)
        self.flood_is_whole(floods, len(before) + 2000)

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

    def rebooted(self, agent_first=False):
        """What Nomad and containerd keep on disk is there; processes, namespaces, mounts and what stood in memory are not."""
        jobs = [self.job(once=ANEW, head="", group='network {\n mode = "bridge"\n}\n').running(), self.job(once=ANEW, head="").running(),
                self.job().running()]  # a machine that was off is no end of the last one's own, which is not to start again
        old = [c for job in jobs for c in job.containers()]
        for kind in ("CNI result", "allocated address", "iptables rule", "container", "task", "lease", "snapshot", "process"):
            self.assertTrue(any(w.startswith(kind + " ") for w in of_containers(old)), kind)
        self.addCleanup(reboot.real_boot)
        reboot.reboot(self.agent, Machine.containerd)
        left = {w.split("/")[0] for w in of_containers(old)}
        self.assertTrue({"CNI result ", "allocated address "} <= left, left)
        if agent_first:
            self.agent.start(ready=False)
            wait_until("its word", lambda: self.agent.log()[self.log_from:].count("the host has booted since it ran") >= len(jobs), 60)
            self.assertTrue(of_containers(old))
        Machine.containerd.start()
        if not agent_first:
            self.agent.start(ready=False)
        self.agent.wait_ready()
        for job in jobs:
            wait_until("another process", lambda job=job: job.state().get("State") == "running" and set(job.containers()) - set(old), 90)
            wait_until("its word", lambda job=job: self.can_exec(job), 60)  # the server's news may be of before
            self.assertEqual(job.state()["Restarts"], 0)
        wait_until("the end of what was", lambda: not of_containers(old), 60)
        self.assertEqual(len(addresses()), 3)

    def test_a_reboot(self):
        self.rebooted()

    def test_a_reboot_after_which_containerd_is_late(self):
        self.rebooted(agent_first=True)


LINE, KEPT = 64, 1 << 20  # bytes; the second of a stream that nobody reads


def numbered(n):
    """A line of FLOODS and WRITES, LINE bytes."""
    return f"line {n:08d} {n:049d}\n"


def logmons():
    """Nomad's processes that read the FIFOs of tasks, on this machine inside the machine."""
    found = []
    for path in glob.glob("/proc/[0-9]*/cmdline"):
        with contextlib.suppress(OSError), open(path, "rb") as f:
            if f.read().split(b"\0")[1:2] == [b"logmon"]:
                found.append(int(path.split("/")[2]))
    return found


def of_containers(ids):
    """What there is of them, whoever made it: records, folders, addresses in networks, rules of the firewall."""
    jobs = [id.rsplit("-", 1)[0] for id in ids]
    seen = leaks.everything(Machine.containerd) if Machine.containerd.process else leaks.on_the_host()
    seen |= {f"allocated address /{path} {owner}" for path, owner in addresses().items()}
    return sorted(w for w in seen if any(job in w for job in jobs))


def addresses():
    """Whose they are, in the networks of Nomad and of davit, as the plugin host-local notes it."""
    found = {}
    for path in glob.glob("/var/lib/cni/networks/*/[0-9]*.*") + glob.glob("/run/cni/*/[0-9]*.*"):
        with contextlib.suppress(OSError), open(path) as f:
            found[path] = f.read().split()[0]
    return found


class Dangling(NomadCase):
    options = {"gc": {"dangling_containers": {"enabled": True, "period": "10s", "creation_grace": "1m", "dry_run": False}}}

    def test_what_a_client_has_forgotten_goes(self):
        """A client whose state is lost knows nothing of what it ran. That goes once it is older than the grace; what it knows stays, however old."""
        lost = self.job().running()
        was = lost.containers()
        self.agent.stop()
        os.rename(os.path.join(self.agent.data, "client/state.db"), os.path.join(self.folder, "state.db"))
        self.agent.start()
        known = self.job().running()
        stays, pid, since = known.containers(), known.pid(), time.monotonic()
        self.assertEqual(lost.containers(), was)
        wait_until("the end of what is forgotten", lambda: not of_containers(was), 120)
        wait_until("a look at what is old enough", lambda: time.monotonic() > since + 60 + 2 * 10, 120)
        self.assertEqual((known.containers(), known.pid()), (stays, pid))
        self.assertEqual(known.run("echo", "there").strip(), "there")


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

    def test_a_long_time_is_heeded(self):
        """Longer than Nomad's own default of the longest: it has all of it, and no more."""
        job = self.sh_job("trap '' TERM; echo ready; while :; do sleep 0.1; done", more='kill_timeout = "35s"').running()
        job.waits_for_log("ready")
        self.assertGreaterEqual(self.stopped(job, 60), 35)
        self.assertEqual(job.exit_code(), 137)
        killed, ended = (next(e["Time"] for e in self.agent.events(job.alloc, "t") if e["Type"] == kind) for kind in ("Killing", "Terminated"))
        self.assertGreaterEqual(ended - killed, 35e9)
        self.assertLess(ended - killed, (35 + 5 * Machine.slow) * 1e9)

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
