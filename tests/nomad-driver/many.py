"""Fifty allocations at once: they all run, and none costs a thread or more than two descriptors; afterwards nothing is left."""
import os
import shutil
import unittest

from lib.case import Machine, wait_until
from lib.nomad_agent import DRIVER
from lib.nomad_case import NomadCase

COUNT = 50
RELEASE = os.path.join(os.path.dirname(__file__), "../../build/release/src/driver", DRIVER)


class ManyCase(NomadCase):
    def running(self, job):
        return sum(a["ClientStatus"] == "running" for a in job.allocs())

    def of_plugin(self):
        """(descriptors, threads, resident KiB)"""
        pid = self.agent.plugin_pid()
        with open(f"/proc/{pid}/status") as f:
            status = dict(line.split(":", 1) for line in f)
        return len(os.listdir(f"/proc/{pid}/fd")), int(status["Threads"]), int(status["VmRSS"].split()[0])


class Many(ManyCase):

    def test_fifty(self):
        fds, threads, _ = self.of_plugin()
        job = self.job(group=f"count = {COUNT}", cpu=10, memory=10)
        wait_until("fifty that run", lambda: self.running(job) == COUNT, 240)
        now_fds, now_threads, _ = self.of_plugin()
        self.assertLessEqual(now_fds - fds, 2 * COUNT + 10)
        self.assertLessEqual(now_threads - threads, 12)
        self.assertEqual(job.run("echo", "there").strip(), "there")
        job.stop(seconds=120)
        wait_until("its descriptors", lambda: self.of_plugin()[0] <= fds + 5, 30)

    def test_many_short_ones(self):
        """What ends at once is seen to end, with its code and its output."""
        job = self.sh_job("echo done; exit 0", group="count = 30", cpu=10, memory=10)
        wait_until("their ends", lambda: [a["ClientStatus"] for a in job.allocs()] == ["complete"] * 30, 180)
        for alloc in job.allocs():
            self.assertEqual(self.agent.logs(alloc["ID"], "t"), "done\n")


class Costs(ManyCase):
    """Of the plugin as people install it: a sanitizer's has other sizes."""
    MEMORY = 6 << 10

    @classmethod
    def setUpClass(cls):
        if not os.path.exists(RELEASE):
            raise unittest.SkipTest("there is no build/release: make release")
        cls.program = os.path.join(Machine.agent.plugins, DRIVER)
        Machine.agent.stop()
        os.rename(cls.program, cls.program + ".usual")
        shutil.copy2(RELEASE, cls.program)
        super().setUpClass()

    @classmethod
    def tearDownClass(cls):
        Machine.agent.stop()
        os.rename(cls.program + ".usual", cls.program)

    def comes_to_rest(self, fds):
        """Workers go when there was nothing to do for a while, and what was read for the tasks is free again."""
        seen = []

        def rests():
            seen[:] = [self.of_plugin()]
            return seen[0][0] <= fds and seen[0][1] == 1 and seen[0][2] <= self.MEMORY
        try:
            wait_until("a plugin that rests", rests, 40)
        except TimeoutError:
            raise AssertionError(f"(descriptors, threads, KiB) {seen[0]}, and not ({fds}, 1, {self.MEMORY}) at most") from None

    def test_fifty(self):
        wait_until("a plugin without workers", lambda: self.of_plugin()[1] == 1, 40)
        fds, _, memory = self.of_plugin()
        self.assertLessEqual(memory, 4 << 10)
        job = self.job(group=f"count = {COUNT}", cpu=10, memory=10, more='env {\n PAD = "' + 20000 * "x" + '"\n}\n')
        wait_until("fifty that run", lambda: self.running(job) == COUNT, 240)
        self.comes_to_rest(fds + 2 * COUNT)
        self.new_plugin(self.kill_plugin())
        wait_until("its tasks", lambda: self.of_plugin()[0] >= fds + COUNT, 60)
        self.comes_to_rest(fds + 2 * COUNT)
        job.stop(seconds=120)
        self.comes_to_rest(fds + 5)
