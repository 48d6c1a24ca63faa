"""Fifty allocations at once: they all run, and none costs a thread or more than two descriptors; afterwards nothing is left."""
import os

from lib.case import wait_until
from lib.nomad_case import NomadCase

COUNT = 50


class Many(NomadCase):
    def running(self, job):
        return sum(a["ClientStatus"] == "running" for a in job.allocs())

    def of_plugin(self):
        pid = self.agent.plugin_pid()
        with open(f"/proc/{pid}/status") as f:
            status = dict(line.split(":", 1) for line in f)
        return len(os.listdir(f"/proc/{pid}/fd")), int(status["Threads"])

    def test_fifty(self):
        fds, threads = self.of_plugin()
        job = self.job(group=f"count = {COUNT}", cpu=10, memory=10)
        wait_until("fifty that run", lambda: self.running(job) == COUNT, 240)
        now_fds, now_threads = self.of_plugin()
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
