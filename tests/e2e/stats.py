"""stats and top: what the kernel counts of jobs, and which processes it has in them."""
import datetime
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import time

from e2e.runtime import WithKata
from e2e.tasks import Tasks
from lib.case import Case, Machine, Terminal, wait_until

V2 = os.path.exists("/sys/fs/cgroup/cgroup.controllers")
BUSY = ("sh", "-c", "while :; do :; done")


def seconds_of(text):
    return datetime.datetime.fromisoformat(text).timestamp()


class Stats(Case):
    def use(self, *names, flags=()):
        """What stats prints of each, by name."""
        return {row["name"]: row for row in self.rows("stats", "--no-stream", *flags, *names)}

    def one(self, name):
        return self.use(name)[name]

    def counted(self, identity, controller, v1, v2):
        """A number of the kernel's."""
        folder = os.path.join("/sys/fs/cgroup" if V2 else "/sys/fs/cgroup/" + controller, Machine.ns, identity)
        with open(os.path.join(folder, v2 if V2 else v1), encoding="utf-8") as f:
            return int(f.read())

    def until(self, name, what, probe):
        wait_until(what, lambda: probe(self.one(name)))
        return self.one(name)


class Numbers(Stats):
    def test_one_that_sleeps(self):
        name = self.job("-m", "64m", "--pids-limit", "50", name="s-sleeps")
        row = self.one(name)
        self.assertEqual((row["running"], row["namespace"], row["pids"]), (True, Machine.ns, {"current": 1, "limit": 50}))
        self.assertEqual(row["memory"]["limit"], 64 << 20)
        self.assertTrue(0 < row["memory"]["used"] <= row["memory"]["usage"] < 64 << 20)
        self.assertAlmostEqual(row["memory"]["percent"], 100 * row["memory"]["used"] / (64 << 20), places=1)
        self.assertLess(row["cpu"]["percent"], 20)
        self.assertNotIn("throttled_percent", row["cpu"])  # it has no quota
        self.assertEqual(row["network"], {"received": 0, "sent": 0})

    def test_no_limits(self):
        row = self.one(self.job(name="s-free"))
        self.assertIsNone(row["memory"]["limit"])
        with open("/proc/meminfo", encoding="utf-8") as f:
            machine = int(f.readline().split()[1]) << 10
        self.assertAlmostEqual(row["memory"]["percent"], 100 * row["memory"]["used"] / machine, delta=0.02)

    def test_processor_time(self):
        name = self.job(name="s-busy", command=BUSY)
        row = self.until(name, "some of a core", lambda row: row["cpu"]["percent"] > 5)
        self.assertLess(row["cpu"]["percent"], 130)  # of one core, however many there are
        process = self.start("stats", "--format", "json", name)
        rows = [json.loads(process.stdout.readline())]

        def as_counted():
            """A look has one time, and prints another, which is much later now and then on a busy machine."""
            rows.append(json.loads(process.stdout.readline()))
            was, now = rows[-2:]
            part = (now["cpu"]["total_ns"] - was["cpu"]["total_ns"]) / (seconds_of(now["time"]) - seconds_of(was["time"])) / 1e7
            return abs(now["cpu"]["percent"] - part) <= 1 + part / 4
        wait_until("the part that was counted", as_counted)
        if not V2:
            before = self.counted(row["id"], "cpuacct", "cpuacct.usage", "")
            self.assertTrue(before <= self.one(name)["cpu"]["total_ns"] <= self.counted(row["id"], "cpuacct", "cpuacct.usage", ""))

    def test_held_back(self):
        name = self.job("--cpus", "0.2", name="s-held", command=BUSY)
        row = self.until(name, "its quota", lambda row: row["cpu"].get("throttled_percent", 0) > 50)
        self.assertLess(row["cpu"]["percent"], 60)
        self.assertTrue(row["cpu"]["periods"] >= row["cpu"]["throttled_periods"] > 0 and row["cpu"]["throttled_ns"] > 0)
        self.assertRegex(self.davit("stats", "--no-stream", name).out.splitlines()[1], r"^s-held +\d+\.\d\d% +\d+% ")

    def on_disk(self, megabytes):
        """A file of a disk's, of which no page is in memory."""
        path = os.path.join(Machine.tools, f"stats-{os.urandom(4).hex()}")
        self.addCleanup(os.unlink, path)
        with open(path, "wb") as f:
            f.write(b"x" * (megabytes << 20))
            f.flush()
            os.fsync(f.fileno())
            os.posix_fadvise(f.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        if subprocess.run(["stat", "-f", "-c", "%T", path], capture_output=True, text=True, check=True).stdout.strip() == "tmpfs":
            self.skipTest("the build folder is on no disk")
        return path

    def test_a_cache_that_goes_first_is_no_memory(self):
        path = self.on_disk(40)
        name = self.job("-v", f"{path}:/file:ro", name="s-cache", command=("sh", "-c", "cat /file >/dev/null; sleep 1000"))
        row = self.until(name, "its cache", lambda row: row["memory"]["cache"] > 30 << 20 and row["io"]["read"] >= 30 << 20)
        memory = row["memory"]
        self.assertEqual(memory["used"], memory["usage"] - memory["inactive_file"])  # how much that is the kernel decides
        self.assertLessEqual(memory["inactive_file"], memory["cache"])

    def test_what_it_writes(self):
        path = self.on_disk(8)
        name = self.job("-v", f"{path}:/file", name="s-writes",
                        command=("sh", "-c", "dd if=/dev/zero of=/file bs=1M count=8 oflag=direct conv=notrunc 2>/dev/null; sleep 1000"))
        row = self.until(name, "it", lambda row: row["io"]["written"] >= 8 << 20)
        self.assertLess(row["io"]["written"], 16 << 20)

    def test_threads_and_processes(self):
        name = self.job(name="s-many", command=("sh", "-c", "for i in 1 2 3 4; do sleep 1000 & done; wait"))
        self.assertEqual(self.until(name, "five", lambda row: row["pids"]["current"] >= 5)["pids"]["current"], 5)

    def test_paused(self):
        name = self.job(name="s-paused", command=BUSY)
        self.davit("pause", name)
        row = self.until(name, "no time", lambda row: row["cpu"]["percent"] == 0)
        self.assertTrue(row["running"] and row["memory"]["used"])

    def test_started_again(self):
        name = self.job(name="s-again", command=("sh", "-c", "test -e /again && exec sleep 1000; touch /again; while :; do :; done"))
        before = self.until(name, "a second", lambda row: row["cpu"]["total_ns"] > 10**9)["cpu"]["total_ns"]
        self.davit("restart", "-t", "0", name)
        self.assertLess(self.one(name)["cpu"]["total_ns"], before)  # whose second life does nothing


class Network(Stats):
    def setUp(self):
        super().setUp()
        self.need_network()

    def test_bytes_both_ways(self):
        name = self.job(name="s-net", network="davit")
        before = self.one(name)["network"]
        address = self.json("inspect", "-f", "{{json .NetworkSettings.IPAddress}}", name)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            for _ in range(50):
                s.sendto(b"x" * 1000, (address, 9000))
        row = self.until(name, "them", lambda row: row["network"]["received"] >= before["received"] + 40000)["network"]
        self.assertLess(row["received"], before["received"] + 200000)
        inside = self.davit("exec", name, "cat", "/proc/net/dev").out
        received = int(re.search(r"eth0: *(\d+)", inside).group(1))
        self.assertLessEqual(abs(self.one(name)["network"]["received"] - received), 2000)

    def test_shared_and_the_hosts(self):
        owner = self.job(name="s-owner", network="davit")
        joined, host = self.job(name="s-joined", network="container:s-owner"), self.job(name="s-host", network="host")
        found = self.use(owner, joined, host)
        wait_until("the same numbers", lambda: self.use(owner)[owner]["network"] == self.use(joined)[joined]["network"])
        self.assertEqual(found[host]["network"], {})
        self.assertIn("-- / --", self.davit("stats", "--no-stream", host).out)


class Rows(Tasks, Stats):
    def test_those_that_run(self):
        one, other = self.job(name="s-one"), self.job(name="s-other")
        self.davit("stop", "-t", "0", other)
        self.assertEqual(list(self.use()), [one])
        self.assertEqual(list(self.use(flags=["-a"])), [other, one])
        row = self.use(flags=["-a"])[other]
        self.assertEqual([row[k] for k in ("running", "cpu", "memory", "network", "io", "pids")], [False, {}, {}, {}, {}, {}])
        self.assertFalse(self.one(other)["running"])  # one that is named is there
        self.assertEqual(list(self.use(other, one, other)), [other, one])
        self.assertRegex(self.davit("stats", "-a", "--no-stream").out, rf"(?m)^{other} +-- +-- +-- / -- +-- +-- / -- +-- / -- +-- ")
        self.assertEqual(list(self.use(self.one(one)["id"])), [one])

    def test_each_task_has_one(self):
        self.up("s-crew", self.task("web"), self.task("busy", "while :; do :; done"))
        found = self.use()
        self.assertEqual(list(found), ["s-crew.web", "s-crew.busy"])
        self.assertEqual(list(self.use("s-crew.busy")), ["s-crew.busy"])
        self.assertEqual(list(self.use("s-crew")), ["s-crew.web", "s-crew.busy"])
        self.assertEqual(found["s-crew.web"]["network"], found["s-crew.busy"]["network"])
        wait_until("its time", lambda: self.use()["s-crew.busy"]["cpu"]["percent"] > 5)
        self.assertLess(self.use()["s-crew.web"]["cpu"]["percent"], 5)

    def test_none(self):
        self.assertEqual(self.davit("stats", "--no-stream").out.split()[:3], ["NAME", "CPU", "%"])
        self.assertEqual(self.davit("stats", "--no-stream", "--format", "json").out, "")
        self.fails("stats", "--no-stream", "s-nobody", says=["job s-nobody: not found"])

    def test_templates(self):
        name = self.job("-m", "64m", name="s-form")
        said = self.davit("stats", "--no-stream", "--format", "{{.Name}} {{.CPUPerc}} {{.MemUsage}} {{.PIDs}} {{.memory.limit}}").out
        self.assertRegex(said, rf"^{name} \d+\.\d\d% [\d.]+[KM]iB / 64MiB 1 67108864\n$")
        self.assertEqual(self.davit("stats", "--no-stream", "--format", "table {{.Name}}\t{{.PIDs}}").out, "NAME     PIDS\ns-form   1\n")
        self.fails("stats", "--format", "{{.Nothing}}", says=["flag --format", "nothing"])
        self.fails("stats", "--format", "yaml", says=["json"])


class Live(Stats):
    def names_until(self, process, what, probe, seconds=30):
        """Reads rows until those of one look are as they should be."""
        names, end = [], time.monotonic() + seconds * Machine.slow
        while time.monotonic() < end:
            name = json.loads(process.stdout.readline())["name"]
            if name in names:
                if probe(names):
                    return
                names = []
            names.append(name)
        self.fail(f"{what} did not come; there is {names}")

    def test_on_a_terminal(self):
        one = self.job(name="s-first")
        term = Terminal(self, "stats", rows=10, cols=120)
        term.expect(r"\x1b\[HNAME +CPU %")
        term.expect(r"s-first +\d+\.\d\d% ")
        self.job(name="s-second", command=BUSY)
        term.expect(r"s-second +(-- +){2}[\d.]+[KM]iB / ")
        term.expect(r"s-second +\d+\.\d\d% ")
        self.davit("rm", "-f", "s-second")
        term.expect(rf"\x1b\[HNAME[^\n]*\n{one}[^\n]*\n\x1b\[J")
        term.type("\x03")
        self.assertEqual(term.wait(), 128 + signal.SIGINT)
        self.assertTrue(term.restored())

    def test_on_a_small_terminal(self):
        for i in range(4):
            self.job(name=f"s-small-{i}")
        term = Terminal(self, "stats", rows=5, cols=50)
        match = term.expect(r"\x1b\[H((?:[^\n]*\n){4})\x1b\[J").group(1)
        self.assertIn("... and 2 lines more", match)
        for line in re.sub(r"\x1b\[K", "", match).splitlines()[:3]:
            self.assertLessEqual(len(line), 50)
        term.type("\x03")
        term.wait()

    def test_a_name_commands_no_terminal(self):
        self.job("--label", "x=\x1b[2J", name="s-label")
        term = Terminal(self, "stats", "--format", "{{.Name}}\x1b[2J")
        term.expect(r"s-label\?\[2J")
        term.type("\x03")
        term.wait()

    def test_jobs_come_and_go(self):
        first = self.job(name="s-stays")
        process = self.start("stats", "--format", "json")
        self.names_until(process, "the first", lambda names: names == [first])
        other = self.job(name="s-goes")
        self.names_until(process, "the second", lambda names: names == [other, first])
        self.davit("exec", first, "true")
        self.davit("stop", "-t", "0", other)
        self.names_until(process, "its end", lambda names: names == [first])
        self.davit("start", other)
        self.names_until(process, "it again", lambda names: names == [other, first])
        process.send_signal(signal.SIGTERM)
        self.assertEqual(process.wait(20 * Machine.slow), 128 + signal.SIGTERM)
        self.assertEqual(process.stderr.read(), "")

    def test_it_ends_with_those_that_are_named(self):
        names = [self.job(name="s-named-1"), self.job(name="s-named-2")]
        process = self.start("stats", *names)
        self.assertIn("NAME", process.stdout.readline())
        self.davit("rm", "-f", *names)
        process.communicate(timeout=20 * Machine.slow)
        self.assertEqual(process.returncode, 0)

    def test_nobody_reads(self):
        self.job(name="s-unread")
        with subprocess.Popen(self.command(["stats"]), stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
            process.stdout.close()
            self.assertEqual(process.wait(20 * Machine.slow), 128 + signal.SIGPIPE)
            self.assertEqual(process.stderr.read(), b"")

    def test_containerd_goes_and_comes(self):
        """What is known is looked at all the while, and what comes later is seen."""
        first = self.job(name="s-survives", command=BUSY)
        process = self.start("stats", "--format", "json")
        row = json.loads(process.stdout.readline())
        Machine.containerd.stop(signal.SIGKILL)
        try:
            gone = row["cpu"]["total_ns"]
            for _ in range(3):
                row = json.loads(process.stdout.readline())
                self.assertTrue(row["name"] == first and row["cpu"]["total_ns"] > gone, row)
                gone = row["cpu"]["total_ns"]
        finally:
            Machine.containerd.start()
        other = self.job(name="s-later")
        self.names_until(process, "the later one", lambda names: names == [other, first])
        self.assertIsNone(process.poll())

    def test_many_keep_within_memory(self):
        """Nothing grows with time: as large after some looks as after the first."""
        self.job(name="s-size")
        process = self.start("stats", "--format", "json")

        def resident():
            with open(f"/proc/{process.pid}/statm", encoding="utf-8") as f:
                return int(f.read().split()[1]) * os.sysconf("SC_PAGESIZE")
        for _ in range(2):
            process.stdout.readline()
        before = resident()
        for _ in range(5):
            process.stdout.readline()
        self.assertLess(resident() - before, 2 << 20)
        self.assertLess(len(os.listdir(f"/proc/{process.pid}/fd")), 20)


class Virtual(WithKata, Stats):
    def test_the_shim_measures(self):
        """Of a virtual machine the host's cgroup says what the machine takes, not what is in it."""
        self.davit("run", "-d", "--name", "s-guest", "--network", "none", "--runtime", self.shim, "--runtime-option", f"ConfigPath={self.config}",
                   Machine.image, *BUSY)
        self.addCleanup(lambda: self.davit("rm", "-f", "s-guest", code=None))
        row = self.until("s-guest", "its time", lambda row: row["cpu"].get("percent", 0) > 5)
        self.assertTrue(row["memory"]["used"] and row["pids"]["current"] == 1, row)
        self.fails("top", "s-guest", says=["runs on a kernel of its own", "davit exec s-guest ps"])


class Top(Tasks):
    def processes(self, *args):
        lines = self.davit("top", *args).out.splitlines()
        return lines[0].split(), [line.split(None, len(lines[0].split()) - 1) for line in lines[1:]]

    def tree(self, name):
        self.job(name=name, command=("sh", "-c", "sleep 1001 & sleep 1002 & exec sleep 1003"))
        wait_until("all three", lambda: sorted(row[-1] for row in self.processes(name)[1]) == ["sleep 1001", "sleep 1002", "sleep 1003"])

    def test_the_columns_of_ef(self):
        self.tree("t-tree")
        titles, rows = self.processes("t-tree")
        self.assertEqual(titles, ["UID", "PID", "PPID", "C", "STIME", "TTY", "TIME", "CMD"])
        self.assertEqual(sorted(row[-1] for row in rows), ["sleep 1001", "sleep 1002", "sleep 1003"])
        first = str(self.json("inspect", "t-tree")[0]["state"]["pid"])
        self.assertEqual([row[-1] for row in rows if row[1] == first], ["sleep 1003"])
        self.assertEqual({row[2] for row in rows if row[1] != first}, {first})
        for row in rows:
            with open(f"/proc/{row[1]}/cmdline", encoding="utf-8") as f:
                self.assertEqual(f.read().rstrip("\0").replace("\0", " "), row[-1])
            self.assertEqual((row[0], row[5], row[6]), ("root", "?", "00:00:00"))

    def test_other_columns(self):
        self.tree("t-columns")
        self.assertEqual(self.processes("t-columns", "-o", "pid,args")[0], ["PID", "COMMAND"])
        self.assertEqual(self.processes("t-columns", "-eo", "pid,comm=NAME")[0], ["PID", "NAME"])
        self.assertEqual(self.processes("t-columns", "-o", "pid", "-o", "etime")[0], ["PID", "ELAPSED"])
        titles, rows = self.processes("t-columns", "aux")
        self.assertEqual(titles, "USER PID %CPU %MEM VSZ RSS TTY STAT START TIME COMMAND".split())
        self.assertEqual(len(rows), 3)
        self.assertTrue(all(int(row[5]) > 0 for row in rows), rows)
        for wrong in (["-o", "nothing"], ["-o", ""], ["-o"], ["-C", "x"], ["--forest"]):
            self.fails("top", "t-columns", *wrong, says=["top: ", "not known here", "-ef, aux"])

    def test_threads(self):
        if not shutil.which("cc"):
            self.skipTest("no compiler")
        program = os.path.join(self.folder, "three")
        subprocess.run(["cc", "-static", "-pthread", "-x", "c", "-o", program, "-"], check=True, text=True, input="""
            #include <pthread.h>
            #include <unistd.h>
            static void *rest(void *arg) { pause(); return arg; }
            int main(void)
            {
                pthread_t t;
                return pthread_create(&t, 0, rest, 0) || pthread_create(&t, 0, rest, 0) || pause();
            }""")
        self.job("-v", f"{self.folder}:/c", name="t-threads", command=("/c/three",))
        wait_until("all three", lambda: len(self.processes("t-threads", "-eLf")[1]) == 3)
        first = str(self.json("inspect", "t-threads")[0]["state"]["pid"])
        for flags, of_thread in ((("-eLf",), "LWP"), (("-ef", "-T"), "SPID"), (("H", "-o", "pid,tid,args"), "LWP")):
            titles, rows = self.processes("t-threads", *flags)
            self.assertEqual({row[titles.index("PID")] for row in rows}, {first})
            self.assertEqual({row[titles.index(of_thread)] for row in rows}, set(os.listdir(f"/proc/{first}/task")))
            self.assertEqual([row[-1] for row in rows], ["/c/three"] * 3)
        self.assertEqual(len(self.processes("t-threads")[1]), 1)

    def test_as_ps_has_them(self):
        """Docker asks ps: what both print of the same processes is the same."""
        self.tree("t-ps")
        for columns in ("pid,ppid,pgid,sid,user,uid,rss,vsz,tty,stat,ni,nlwp,args", "pid,s,time,comm"):
            def same():
                """The two look one after the other, and what they look at goes on."""
                rows = sorted(self.processes("t-ps", "-o", columns)[1])
                done = subprocess.run(["ps", "-o", columns, "-p", ",".join(row[0] for row in rows)], capture_output=True, text=True, check=True)
                seen.append(([" ".join(row).split() for row in rows], sorted(line.split() for line in done.stdout.splitlines()[1:])))
                return seen[-1][0] == seen[-1][1]
            seen = []
            try:
                wait_until("the same", same, 5)
            except TimeoutError:
                self.assertEqual(*seen[-1])

    def test_when_they_began(self):
        """To the second, and a half: ps adds whole ones up."""
        self.tree("t-began")
        for row in self.processes("t-began", "-o", "pid,lstart")[1]:
            done = subprocess.run(["ps", "-o", "lstart=", "-p", row[0]], capture_output=True, text=True, check=True)
            ours, theirs = (datetime.datetime.strptime(" ".join(t.split()), "%a %b %d %H:%M:%S %Y") for t in (row[1], done.stdout))
            self.assertLessEqual(abs((ours - theirs).total_seconds()), 1)

    def test_executed_ones_and_users(self):
        self.job("--user", "34567", name="t-users")
        process = self.start("exec", "--user", "0", "t-users", "sleep", "1009")
        wait_until("both", lambda: sorted((row[0], row[-1]) for row in self.processes("t-users")[1])  # not the engine, which begins it
                   == [("34567", "sleep 1000"), ("root", "sleep 1009")])
        process.terminate()
        process.communicate()

    def test_each_task(self):
        self.up("t-crew", self.task("one", "exec sleep 1001"), self.task("two", "exec sleep 1002"))
        wait_until("both", lambda: {row[-1] for row in self.processes("t-crew")[1]} == {"sleep 1001", "sleep 1002"})
        titles, rows = self.processes("t-crew")
        self.assertEqual(titles[0], "TASK")
        self.assertEqual([(row[0], row[-1]) for row in rows], [("t-crew.one", "sleep 1001"), ("t-crew.two", "sleep 1002")])
        titles, rows = self.processes("t-crew.two")
        self.assertEqual((titles[0], [row[-1] for row in rows]), ("UID", ["sleep 1002"]))

    def test_names_command_no_terminal(self):
        """A process is called as it likes: it begins no line, moves no cursor, and is no other job's."""
        name = self.job(name="t-hostile", command=("sh", "-c", "cp /bin/busybox \"$(printf '/busybox\\033[2J\\n) 1 R')\"; "
                                                   "exec \"$(printf '/busybox\\033[2J\\n) 1 R')\" sh -c 'sleep 1000; true'"))
        wait_until("it", lambda: "busybox?[2J?) 1 R" in self.davit("top", name).out)  # its words before have it otherwise
        term = Terminal(self, "top", name, "-o", "pid,comm,args", cols=200)
        self.assertEqual(term.wait(), 0)
        said = term.rest()
        self.assertNotIn("\x1b", said)
        self.assertEqual(len(said.strip().splitlines()), 1 + len(self.processes(name)[1]), said)
        self.assertIn("busybox?[2J?) 1 R", said)

    def test_it_must_run(self):
        name = self.job(name="t-over", command=("true",))
        wait_until("its end", lambda: self.state(name) == "exited")
        self.fails("top", name, says=["job t-over: does not run", "davit start t-over"])
        self.fails("top", "t-nobody", says=["job t-nobody: not found"])
