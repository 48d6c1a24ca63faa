"""containerd-driver through deaths: of the plugin, of containerd, of the machine; and through what hangs, or is told it wrongly. Tasks go on,
and how they ended is known."""
import contextlib
import os
import re
import signal
import time

from lib.case import Machine, freeze, wait_until
from lib.driver_plugin import DriverCase, Failed, Session

WAITS = "until [ -e /local/go ]; do sleep 0.05; done; exit 7"


class DriverAlive(DriverCase):
    def setUp(self):
        super().setUp()
        self.names = {}

    def go(self, handle):
        with open(os.path.join(handle["config"]["alloc_dir"], "t/local/go"), "w"):
            pass

    def ends(self, call, code, **more):
        result = call.next()["result"]
        self.assertEqual({k: result[k] for k in ("exit_code", *more)}, {"exit_code": code, **more})
        return result

    def stopped(self, handle):
        name = self.name(handle)
        return f"{name} " in "".join(line for line in Machine.containerd.ctr("tasks", "ls", ns=Machine.ns).stdout.splitlines(True) if "STOPPED" in line)

    def name(self, handle):
        id = handle["config"]["id"]
        if id not in self.names:
            self.names[id] = self.inspect(handle)["driver"]["attributes"]["containerName"]
        return self.names[id]

    # -- one plugin

    def test_wait_and_inspect(self):
        handle = self.start_task(WAITS)
        call = self.wait_task(handle)
        call.waits(0.3)
        seen = self.inspect(handle)["task"]
        self.assertEqual(seen["state"], "RUNNING")
        self.assertAlmostEqual(seen["started_at"]["seconds"], time.time(), delta=60)
        self.go(handle)
        self.ends(call, 7, signal=0, oom_killed=False)
        self.ends(self.wait_task(handle), 7)
        seen = self.inspect(handle)["task"]
        self.assertEqual((seen["state"], seen["result"]["exit_code"]), ("EXITED", 7))

    def test_a_signal_is_told(self):
        handle = self.start_task("sleep 1000")
        call = self.wait_task(handle)
        os.kill(self.pid_of(handle), signal.SIGKILL)
        self.ends(call, 137, signal=9, oom_killed=False)

    def test_out_of_memory(self):
        """The kernel's own count says so; a process that is killed by somebody else is none of it."""
        handle = self.start_task("sleep 0.3; tail /dev/zero", memory=24)
        self.ends(self.wait_task(handle), 137, oom_killed=True)

    def test_out_of_memory_of_a_child(self):
        """Long borne, it is not what the end came of; the end's own is."""
        handle = self.start_task("tail /dev/zero; touch /local/borne; until [ -e /local/go ]; do sleep 0.05; done; exit 3", memory=24)
        stats = self.session.begin("TaskStats", task_id=handle["config"]["id"], collection_interval={"nanos": 500000000})
        wait_until("a kill that is borne", lambda: os.path.exists(os.path.join(handle["config"]["alloc_dir"], "t/local/borne")))
        end = time.monotonic() + 12
        while time.monotonic() < end:
            stats.next()
        self.go(handle)
        self.ends(self.wait_task(handle), 3, oom_killed=False)

    def test_statistics(self):
        handle = self.start_task("while :; do :; done", memory=64)
        stats = self.session.begin("TaskStats", task_id=handle["config"]["id"], collection_interval={"nanos": 500000000})
        usage = {}

        def used():
            usage.update(stats.next()["stats"]["agg_resource_usage"])
            return usage["cpu"]["percent"] > 5
        stats.next()
        wait_until("its use", used)
        self.assertAlmostEqual(usage["cpu"]["total_ticks"], usage["cpu"]["percent"] * 20, delta=1)
        self.assertGreater(usage["memory"]["usage"], 0)
        self.assertIn("PERCENT", usage["cpu"]["measured_fields"])
        self.assertIn("USAGE", usage["memory"]["measured_fields"])
        self.session.ask("StopTask", task_id=handle["config"]["id"], timeout={"seconds": 0}, signal="SIGKILL")
        while stats.next():
            pass
        with self.assertRaises(Failed) as failed:
            self.session.ask("TaskStats", task_id=handle["config"]["id"])
        self.assertIs(failed.exception.recoverable, False)

    def test_what_a_task_costs(self):
        """No thread, and at most two descriptors, with a wait and a stream of statistics for each."""
        def descriptors():
            return len(os.listdir(f"/proc/{self.plugin.process.pid}/fd"))

        def idle():
            return len(os.listdir(f"/proc/{self.plugin.process.pid}/task")) == 1
        self.destroy(self.start_task()["config"]["id"])
        wait_until("the end of the workers", idle)
        before, many = descriptors(), 8
        for _ in range(many):
            handle = self.start_task()
            self.wait_task(handle)
            self.session.begin("TaskStats", task_id=handle["config"]["id"])
        wait_until("the end of the workers", idle)
        wait_until("its descriptors", lambda: descriptors() <= before + 2 * many)

    # -- the plugin dies

    def test_the_plugin_is_killed(self):
        runs, ends = self.start_task(WAITS), self.start_task(WAITS)
        pid = self.pid_of(runs)
        self.name(ends)
        self.plugin.kill()
        self.go(ends)
        wait_until("the end of a task", lambda: self.stopped(ends))
        self.new_plugin()
        for handle in (runs, ends):
            self.recover(handle)
            self.recover(handle)
        self.assertEqual(self.pid_of(runs), pid)
        self.ends(self.wait_task(ends), 7)
        call = self.wait_task(runs)
        call.waits(0.3)
        self.go(runs)
        self.ends(call, 7)

    def test_an_agent_returns_to_the_plugin(self):
        """It finds the tasks that the plugin knows, by their handles."""
        handle = self.start_task(WAITS)
        self.session.process.kill()
        self.session.process.wait()
        self.session = Session(self, self.plugin)
        self.recover(handle)
        call = self.wait_task(handle)
        self.go(handle)
        self.ends(call, 7)

    # -- containerd dies

    def test_containerd_is_killed(self):
        runs, ends = self.start_task(WAITS), self.start_task(WAITS)
        calls = {h["config"]["id"]: self.wait_task(h) for h in (runs, ends)}
        pid = self.pid_of(runs)
        Machine.containerd.stop(signal.SIGKILL)
        calls[runs["config"]["id"]].waits(1.0)
        self.go(ends)
        time.sleep(0.5)
        Machine.containerd.start()
        self.ends(calls[ends["config"]["id"]], 7)  # be it by the kernel's word, where a shim's is lost
        self.assertEqual(self.pid_of(runs), pid)
        calls[runs["config"]["id"]].waits(0.5)
        self.go(runs)
        self.ends(calls[runs["config"]["id"]], 7)

    def test_recovery_while_containerd_is_away(self):
        handle = self.start_task(WAITS)
        self.plugin.kill()
        Machine.containerd.stop(signal.SIGKILL)
        try:
            self.new_plugin()
            self.recover(handle)
            call = self.wait_task(handle)
            call.waits(0.5)
        finally:
            Machine.containerd.start()
        call.waits(1.5)
        self.go(handle)
        self.ends(call, 7)

    def test_the_shim_is_killed(self):
        """containerd then ends what ran below it, and forgets the task: a kernel of 6.15 or later still knows how it ended."""
        handle = self.start_task(WAITS)
        call = self.wait_task(handle)
        call.waits(0.3)
        with open(f"/proc/{self.pid_of(handle)}/stat") as f:
            os.kill(int(f.read().rsplit(")", 1)[1].split()[1]), signal.SIGKILL)
        reply = call.next()
        if reply["err"] and tuple(map(int, re.findall(r"\d+", os.uname().release)[:2])) < (6, 15):
            self.assertIn("how it ended is not known", reply["err"])
        else:
            self.assertEqual((reply["result"]["exit_code"], reply["result"]["signal"], reply["err"]), (137, 9, ""))

    # -- containerd hangs

    def health(self, stream, wanted):
        while True:
            said = stream.next(90)
            if said["health"] == wanted:
                return said["health_description"]

    def test_containerd_hangs(self):
        """What is to be done waits for it, all else goes on, and so does everything once it does."""
        runs, ends, stops = (self.start_task(WAITS) for _ in range(3))
        waits = {h["config"]["id"]: self.wait_task(h) for h in (runs, ends, stops)}
        pid, stats = self.pid_of(runs), self.session.begin("TaskStats", task_id=runs["config"]["id"], collection_interval={"seconds": 1})
        health = self.session.begin("Fingerprint")
        self.health(health, "HEALTHY")
        tasks = [self.task("exit 4", {"network_mode": "none"}) for _ in range(10)]
        self.made += [task["id"] for task in tasks]
        freeze(Machine.containerd.process.pid)
        try:
            starts = [self.session.begin("StartTask", task=task) for task in tasks]
            stopped = [self.session.begin("StopTask", task_id=stops["config"]["id"], timeout={"seconds": 2}) for _ in range(10)]
            executed = self.session.begin("ExecTask", task_id=runs["config"]["id"], command=["true"], timeout={"seconds": 2})
            self.go(ends)
            self.configure()  # it looks at once
            self.assertIn("containerd", self.health(health, "UNHEALTHY"))
            for _ in range(3):
                self.assertGreater(stats.next()["stats"]["agg_resource_usage"]["memory"]["usage"], 0)
            self.assertEqual(self.inspect(runs)["task"]["state"], "RUNNING")
            with self.assertRaises(Failed):
                executed.next()
        finally:
            os.kill(Machine.containerd.process.pid, signal.SIGCONT)
        self.health(health, "HEALTHY")
        for call in (*starts, *stopped):
            call.next(120)
        self.ends(waits[ends["config"]["id"]], 7)
        self.assertNotEqual(waits[stops["config"]["id"]].next()["result"]["exit_code"], 7)
        for task in tasks:
            self.ends(self.session.begin("WaitTask", task_id=task["id"]), 4)
        self.assertEqual(self.pid_of(runs), pid)
        self.go(runs)
        self.ends(waits[runs["config"]["id"]], 7)

    def test_an_end_while_containerd_hangs(self):
        """Of the plugin, with all of its workers in calls."""
        handle = self.start_task(WAITS)
        pid = self.pid_of(handle)
        tasks = [self.task() for _ in range(10)]
        freeze(Machine.containerd.process.pid)
        try:
            for task in tasks:
                self.session.begin("StartTask", task=task)
            self.session.begin("ExecTask", task_id=handle["config"]["id"], command=["sleep", "1000"])
            time.sleep(1)
            self.shut_down()
        finally:
            os.kill(Machine.containerd.process.pid, signal.SIGCONT)
        self.new_plugin()
        self.made += [task["id"] for task in tasks]
        self.recover(handle)
        self.assertEqual(self.pid_of(handle), pid)
        self.go(handle)
        self.ends(self.wait_task(handle), 7)

    def shut_down(self):
        """As the agent says it, and it waits for no longer than 2 s."""
        self.session.ask("/hashicorp.nomad.plugins.drivers.proto.Driver/Shutdown")
        began = time.monotonic()
        with contextlib.suppress(Failed):
            self.session.ask("/plugin.GRPCController/Shutdown")
        self.plugin.process.wait(20 * Machine.slow)
        self.assertLess(time.monotonic() - began, 2 + 2 * Machine.slow)
        self.assertEqual(self.plugin.process.returncode, 0, self.plugin.said())

    # -- the plugin is told to end

    def test_init_and_shutdown(self):
        """As newer agents have them, while tasks run; they are all found again."""
        self.session.ask("Init")
        handles = [self.start_task(WAITS) for _ in range(3)]
        pids, waits = [self.pid_of(h) for h in handles], [self.wait_task(h) for h in handles]
        exec_ = self.session.begin("ExecTask", task_id=handles[0]["config"]["id"], command=["sleep", "1000"])
        exec_.waits(0.5)
        self.shut_down()
        for call in (*waits, exec_):
            with self.assertRaises(Failed):
                while call.next():
                    pass
        self.new_plugin()
        self.session.ask("Init")
        for handle in handles:
            self.recover(handle)
        self.assertEqual([self.pid_of(h) for h in handles], pids)
        for handle in handles:
            call = self.wait_task(handle)
            self.go(handle)
            self.ends(call, 7)

    # -- options change

    def test_switched_off_while_a_task_runs(self):
        runs, stops = self.start_task(WAITS), self.start_task(WAITS)
        call, stopped = self.wait_task(runs), self.wait_task(stops)
        health = self.session.begin("Fingerprint")
        self.health(health, "HEALTHY")
        self.configure(enabled=False)
        self.assertIn("enabled", self.health(health, "UNDETECTED"))
        self.session.ask("StopTask", task_id=stops["config"]["id"], timeout={"seconds": 60}, signal="SIGKILL")
        self.ends(stopped, 137)
        self.assertEqual(self.session.ask("ExecTask", task_id=runs["config"]["id"], command=["sh", "-c", "exit 3"], timeout={"seconds": 60})["result"]
                         ["exit_code"], 3)
        self.go(runs)
        self.ends(call, 7)
        self.configure()
        self.health(health, "HEALTHY")

    def test_options_change_while_a_task_runs(self):
        """Where it is does not."""
        runs, stops = self.start_task(WAITS), self.start_task(WAITS)
        call, stopped = self.wait_task(runs), self.wait_task(stops)
        self.configure(containerd_addr="/run/nowhere.sock", containerd_namespace="elsewhere")
        self.session.ask("StopTask", task_id=stops["config"]["id"], timeout={"seconds": 60}, signal="SIGKILL")
        self.ends(stopped, 137)
        self.session.ask("DestroyTask", task_id=stops["config"]["id"])
        self.configure()
        self.go(runs)
        self.ends(call, 7)

    def test_a_wrong_option_and_a_new_plugin(self):
        """Its tasks are found all the same, and nothing is removed; what is new does not start."""
        for wrong in ({"stats_interval": "sometimes"}, {"containerd_addr": "somewhere"}, {"containerd_addr": "/run/nowhere.sock"}):
            with self.subTest(wrong=wrong):
                self.conf = {}
                runs, stops = self.start_task(WAITS), self.start_task(WAITS)
                pid, name = self.pid_of(runs), self.name(stops)
                self.plugin.kill()
                self.conf = wrong
                self.new_plugin()
                for handle in (runs, stops):
                    self.recover(handle)
                self.assertEqual(self.pid_of(runs), pid)
                call = self.wait_task(runs)
                call.waits(0.5)
                with self.assertRaises(Failed):
                    self.start_task()
                self.session.ask("StopTask", task_id=stops["config"]["id"], timeout={"seconds": 60}, signal="SIGKILL")
                self.ends(self.wait_task(stops), 137)
                self.go(runs)
                self.ends(call, 7)
                self.configure()
                self.session.ask("DestroyTask", task_id=stops["config"]["id"])
                self.gone_from_containerd(name)

    # -- the machine dies

    def test_a_task_that_is_gone(self):
        """Its shim and all that ran is gone, as after a reboot: recovery fails, and what is left is cleared."""
        handle = self.start_task(WAITS)
        name = self.name(handle)
        self.plugin.kill()
        pid = next(int(line.split()[1]) for line in Machine.containerd.ctr("tasks", "ls", ns=Machine.ns).stdout.splitlines() if line.split()[0] == name)
        os.kill(pid, signal.SIGKILL)
        wait_until("its end", lambda: f"{name} " not in Machine.containerd.ctr("tasks", "ls", ns=Machine.ns).stdout
                   or "STOPPED" in Machine.containerd.ctr("tasks", "ls", ns=Machine.ns).stdout)
        Machine.containerd.ctr("tasks", "rm", "-f", name, ns=Machine.ns, check=False)
        self.new_plugin()
        with self.assertRaises(Failed) as failed:
            self.recover(handle)
        self.assertIn("how it ended is not known", failed.exception.message)
        self.gone_from_containerd(name)
