"""What befalls a job that is started again, and who looks after it. Never two of it, never one that nobody knows, no end lost, each
restart counted once."""
import concurrent.futures
import glob
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import time

from lib.case import Machine, wait_until
from lib.restarting import Restarting, kill_monitor, monitor_of, monitors, read


CLOCK = """
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
int clock_gettime(clockid_t id, struct timespec *ts)
{
	long r = syscall(SYS_clock_gettime, id, ts);
	FILE *f = id == CLOCK_REALTIME ? fopen(getenv("CLOCK_OFFSET"), "re") : NULL;
	long offset = 0;

	if (f && fscanf(f, "%ld", &offset) == 1)
		ts->tv_sec += offset;
	if (f)
		fclose(f);
	return r;
}
"""


def processes(mark):
    """Those that run a command with this word in it, inside of a job: neither davit nor an engine."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        words = read(f"/proc/{pid}/cmdline").split(b"\0")
        if words[0] == b"sleep" and mark.encode() in words:
            found.append(int(pid))
    return found


def lives():
    """The same of all words at once: of each the processes."""
    found = {}
    for pid in filter(str.isdigit, os.listdir("/proc")):
        words = read(f"/proc/{pid}/cmdline").split(b"\0")
        if words[0] == b"sleep" and len(words) > 1:
            found.setdefault(words[1].decode(), []).append(int(pid))
    return found


def strike(pid, sig=signal.SIGKILL):
    try:
        os.kill(pid, sig)
    except ProcessLookupError:
        pass


class Monitor(Restarting):
    def one_lives(self, name, mark, but=()):
        """Exactly one, and davit knows it."""
        def it_does():
            found = processes(mark)
            self.assertLessEqual(len(found), 1, f"{name}: {found}")
            return found and found[0] not in but and self.pid(name) == found[0] and len(monitors(name)) == 1
        wait_until(f"one life of {name}", it_does, 30)
        return processes(mark)[0]

    def test_killed_at_every_step_of_a_restart(self):
        """Eight jobs die at once; their monitors are killed one after another, from before the first look to after the start."""
        jobs = [(f"struck{i}", f"10{i:03d}7") for i in range(8)]
        for name, mark in jobs:
            self.restarting(name, "always", "sleep", mark)
        for turn in range(2):
            first = {name: self.one_lives(name, mark) for name, mark in jobs}
            watched = {name: monitor_of(name) for name, _ in jobs}
            for i, (name, _) in enumerate(jobs):
                strike(first[name])
                time.sleep((i + turn / 2) * 0.05 * Machine.slow)  # not waited for anything: it is to be anywhere
                kill_monitor(watched[name])
            self.davit("ps")
            for name, mark in jobs:
                self.one_lives(name, mark, but=[first[name]])
                self.assertEqual(self.counted(name), turn + 1, name)

    def test_killed_again_and_again_no_end_is_lost(self):
        """Whoever touches the job goes on: each end is counted, none twice."""
        self.restarting("ends", "on-failure:4", "sh", "-c", "echo begun; exit 7")
        rng = random.Random(12)

        def over():
            for pid in monitors("ends"):
                time.sleep(rng.uniform(0.01, 0.4) * Machine.slow)
                kill_monitor(pid)
            self.davit("ps", "-a")
            return self.state("ends") == "exited" and not monitors("ends")
        wait_until("its end", over, 60)
        self.assertEqual(self.lines("ends"), ["begun"] * 5)
        self.assertEqual((self.counted("ends"), self.davit("wait", "ends").out.strip()), (4, "7"))

    def test_of_two_one_yields(self):
        self.restarting("shared", "always", "sleep", "110017")
        first = monitor_of("shared")
        words = [word.decode() for word in read(f"/proc/{first}/cmdline").split(b"\0")[:-1]]
        began = time.monotonic()
        self.assertEqual(subprocess.run([f"/proc/{first}/exe", *words[1:]], timeout=60 * Machine.slow).returncode, 0)
        self.assertLess(time.monotonic() - began, 5 * Machine.slow)
        self.assertEqual(monitors("shared"), [first])
        kill_monitor(first)
        several = [self.start("ps") for _ in range(4)]
        for process in several:
            self.assertEqual(process.wait(60 * Machine.slow), 0)
        wait_until("that one stays", lambda: len(monitors("shared")) == 1)
        strike(self.one_lives("shared", "110017"))
        self.one_lives("shared", "110017")
        self.assertEqual(self.counted("shared"), 1)

    def clock(self):
        """A wall clock that only davit, its monitor and what that starts see: by a library before libc. Time that goes on evenly is left
        alone, as it is when somebody sets the clock. What sets it, and the environment."""
        with open(Machine.davit, "rb") as f:
            if b"ld-linux" not in f.read(4096) or not shutil.which("cc"):
                self.skipTest("davit is static, or there is no cc")
        library, offset = os.path.join(self.folder, "clock.so"), os.path.join(self.folder, "offset")
        source = os.path.join(self.folder, "clock.c")
        with open(source, "w") as f:
            f.write(CLOCK)
        subprocess.run(["cc", "-shared", "-fPIC", "-o", library, source], check=True)
        env = {"LD_PRELOAD": library, "CLOCK_OFFSET": offset, "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0"}

        def jump(seconds):
            with open(offset + ".new", "w") as f:
                f.write(str(seconds))
            os.rename(offset + ".new", offset)
        jump(0)
        return jump, env

    def test_the_clock_jumps(self):
        jump, env = self.clock()
        self.restarting("jumped", "always", "sh", "-c", "echo begun; test -e /stay && exec sleep 150017; exit 1", env=env)
        wait_until("a longer pause", lambda: self.counted("jumped") >= 4)
        lock, = glob.glob(f"/run/davit/{Machine.ns}/jumped-*.monitor")
        for seconds in (-86400, 86400):
            before = self.counted("jumped")
            jump(seconds)
            os.utime(lock)  # it looks again
            wait_until("the next start", lambda before=before: self.counted("jumped") > before, 15)
        self.davit("cp", __file__, "jumped:/stay")
        self.one_lives("jumped", "150017")
        self.assertEqual(len(self.lines("jumped")), self.counted("jumped") + 1)

    def health(self, name):
        return self.json("inspect", name)[0]["state"].get("health", {})

    CHECK = ("--health-cmd", "test -e /well", "--health-interval", "1s", "--health-retries")

    def test_the_clock_jumps_and_health_is_of_its_life(self):
        """Back after the start, and then before the next."""
        jump, env = self.clock()
        self.restarting("well", "always", "sleep", "160017", flags=(*self.CHECK, "1000"), env=env)
        first = self.one_lives("well", "160017")
        jump(-86400)
        self.davit("exec", "well", "touch", "/well")
        self.davit("wait", "--status", "healthy", "well")
        self.assertIn("(healthy)", self.davit("ps").out)
        jump(-2 * 86400)
        self.davit("exec", "well", "rm", "/well")
        strike(first)
        self.one_lives("well", "160017", but=[first])
        wait_until("its checks", lambda: self.health("well")["log"])
        self.assertIn("(health: starting)", self.davit("ps").out)

    def test_killed_at_every_step_of_a_health_change(self):
        """From before its check to after it is told: each change is told once."""
        events = self.start_until("events are listened to", "events", "--filter", "event=health_status", "--format", "json")
        self.restarting("turns", "always", "sleep", "170017", flags=(*self.CHECK, "1"))
        wait_until("a check", lambda: self.health("turns")["status"] == "unhealthy")
        first = processes("170017")
        for turn in range(3):
            self.davit("exec", "turns", *(("rm", "/well") if turn % 2 else ("touch", "/well")))
            time.sleep(turn * 0.4 * Machine.slow)  # not waited for anything: it is to be anywhere
            for pid in monitors("turns"):
                kill_monitor(pid)
            self.davit("ps")
            wait_until("the change", lambda turn=turn: self.health("turns")["status"] == ("unhealthy" if turn % 2 else "healthy"))
        told = [json.loads(events.stdout.readline())["health"] for _ in range(4)]
        self.assertEqual(told, ["unhealthy", "healthy"] * 2)
        self.assertEqual(processes("170017"), first)

    def test_the_port_was_taken_meanwhile(self):
        self.need_network()
        self.restarting("barred", "always", "sleep", "120017", flags=("-p", "127.0.0.1:18777:80"), network="bridge")
        first = self.one_lives("barred", "120017")
        with socket.socket() as taken:
            taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            taken.bind(("127.0.0.1", 18777))
            taken.listen()
            strike(first)
            wait_until("the trouble", lambda: "18777" in str(self.json("inspect", "barred")[0].get("trouble", "")))
            wait_until("the pause behind it", lambda: self.state("barred") == "restarting")  # a start that is tried makes its task first
            self.assertEqual(processes("120017"), [])
        self.one_lives("barred", "120017", but=[first])
        self.assertNotIn("trouble", self.json("inspect", "barred")[0])

    def against(self, verb, gone):
        """@verb at twenty moments of restarts: what it leaves is nothing."""
        jobs = [(f"aimed{i}", f"13{i:03d}7") for i in range(4)]
        rng = random.Random(len(verb))

        def strike_and_end(job, pause):
            name, mark = job
            strike(self.one_lives(name, mark))
            time.sleep(pause)
            self.davit(*verb, name)
            self.assertEqual(processes(mark), [], f"{verb} {pause} s later")

        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            for turn in range(5):
                for name, mark in jobs:
                    if turn and not gone:
                        self.davit("start", name)
                    else:
                        self.restarting(name, "always", "sleep", mark)
                pauses = [rng.uniform(0.05, 0.05 + 0.25 * Machine.slow) for _ in jobs]
                list(pool.map(strike_and_end, jobs, pauses))
                for name, mark in jobs:
                    wait_until("the end of its monitor", lambda name=name: not monitors(name))
                    self.assertEqual(processes(mark), [], f"{verb} in turn {turn}, later")
                    if not gone:
                        self.assertEqual(self.state(name), "exited")

    def test_stop_against_a_restart(self):
        self.against(("stop", "-t", "0"), False)

    def test_rm_against_a_restart(self):
        self.against(("rm", "-f"), True)

    def test_fifty_when_containerd_dies(self):
        """Half of them end while it is away; half wait for a restart when it dies."""
        jobs = [(f"many{i}", f"14{i:03d}7") for i in range(50)]
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda job: self.restarting(job[0], "always", "sleep", job[1]), jobs))
        wait_until("that all run", lambda: all(len(lives().get(mark, [])) == 1 for _, mark in jobs[-4:]))
        seen = lives()
        first = {mark: seen.get(mark, []) for _, mark in jobs}
        self.assertEqual([mark for mark in first if len(first[mark]) != 1], [])
        for _, mark in jobs[:25]:
            strike(first[mark][0])
        Machine.containerd.stop(signal.SIGKILL)
        for _, mark in jobs[25:]:
            strike(first[mark][0])
        Machine.containerd.start()

        def all_live():
            seen = lives()  # one look: there is enough to do for the machine
            now = {mark: seen.get(mark, []) for _, mark in jobs}
            self.assertEqual([mark for mark in now if len(now[mark]) > 1], [])
            return all(now[mark] and now[mark] != first[mark] for mark in now)
        wait_until("that all go on", all_live, 120)
        states = {row["name"]: row for row in self.json("inspect", *(name for name, _ in jobs))}
        self.assertEqual({name: (states[name]["restarts"], states[name]["state"]["pid"]) for name in states},
                         {name: (1, processes(mark)[0]) for name, mark in jobs})
