"""davit logs."""
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import time

from lib.case import Case, Machine, Terminal, wait_until


class Logs(Case):
    def counter(self, n=5, *flags):
        name = self.job(*flags, command=("sh", "-c", f"i=1; while [ $i -le {n} ]; do echo line $i; i=$((i+1)); done; echo bad >&2"))
        self.davit("wait", name)
        return name

    def test_both_streams_apart(self):
        result = self.davit("logs", self.counter(3))
        self.assertEqual((result.out, result.err), ("line 1\nline 2\nline 3\n", "bad\n"))

    def test_a_folder_of_any_name(self):
        """The logger's path goes through an address."""
        for folder in ("a+b", "50%25", "x&size=1", "with space", "a#b?c"):
            with self.subTest(folder=folder):
                env = {"DAVIT_DATA_DIR": os.path.join(self.folder, folder)}
                self.davit("run", "-d", "--name", "odd", "--network", "none", Machine.image, "echo", "here", env=env)
                self.davit("wait", "odd", env=env)
                self.assertEqual(self.davit("logs", "odd", env=env).out, "here\n")
                self.davit("rm", "odd", env=env)

    def test_tail(self):
        name = self.counter(5)
        for n, want in (("0", ""), ("1", ""), ("2", "line 5\n"), ("100", "".join(f"line {i}\n" for i in range(1, 6))), ("all", None)):
            out = self.davit("logs", "--tail", n, name).out
            self.assertEqual(out, want if want is not None else "".join(f"line {i}\n" for i in range(1, 6)), n)

    def test_timestamps_and_since(self):
        name = self.counter(2)
        out = self.davit("logs", "-t", name).out
        stamps = re.findall(r"(?m)^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z) line \d$", out)
        self.assertEqual(len(stamps), 2)
        self.assertIn("line 2", self.davit("logs", "--since", stamps[1], name).out)
        self.assertIn("line 1", self.davit("logs", "--since", "10m", name).out)
        self.assertEqual(self.davit("logs", "--since", "2100-01-01T00:00:00Z", name).out, "")
        now = int(time.time())
        for since, want in (("2000-01-01", 2), (str(now - 3600), 2), (time.strftime("%Y-%m-%dT%H:%M:%S", time.localtime(now - 3600)), 2),
                            ("1h", 2), (str(now + 3600), 0), (f"{now - 3600}.5", 2), (f"{time.time() + 60:.9f}", 0),
                            ("2100-01-01", 0), ("2100-01-01T10:00", 0)):
            self.assertEqual(self.davit("logs", "--since", since, name).out.count("line"), want, since)
        self.assertEqual(self.davit("logs", "--until", str(now - 3600), name).out, "")
        self.assertEqual(self.davit("logs", "--since", "", "--until", "", "--tail", "", name).out.count("line"), 2)  # a variable not set
        self.fails("logs", "--since", "2000-01-01x", name, says=["2000-01-01x"])
        self.fails("logs", "--since", "yesterday", name, says=["yesterday"])

    def test_follow_ends_with_the_job(self):
        name = self.job(command=("sh", "-c", "for i in 1 2 3; do echo $i; sleep 0.2; done"))
        self.assertEqual(self.davit("logs", "-f", name).out, "1\n2\n3\n")

    def test_follow_is_prompt(self):
        name = self.job(command=("sh", "-c", "sleep 1; echo now; sleep 100"))
        process = self.start("logs", "-f", name)
        began = time.monotonic()
        self.assertEqual(process.stdout.readline(), "now\n")
        self.assertLess(time.monotonic() - began, 4 * Machine.slow)
        process.send_signal(signal.SIGINT)
        self.assertEqual(process.wait(10 * Machine.slow), 130)
        self.assertEqual(process.stderr.read(), "")

    def test_follow_ends_when_the_reader_of_a_quiet_job_goes(self):
        name = self.job(command=("sh", "-c", "echo one; sleep 1000"))
        read, write = os.pipe()
        process = self.start("logs", "-f", name, stdout=write)
        os.close(write)
        self.assertEqual(os.read(read, 10), b"one\n")
        os.close(read)
        self.assertEqual(process.wait(10 * Machine.slow), 141)

    def test_follow_ends_when_nobody_reads(self):
        name = self.job(command=("sh", "-c", "while :; do echo y; sleep 0.05; done"))
        read, write = os.pipe()
        process = self.start("logs", "-f", name, stdout=write)
        os.close(write)
        os.read(read, 10)
        os.close(read)
        self.assertEqual(process.wait(10 * Machine.slow), 141)

    def test_of_a_foreground_run(self):
        self.davit("run", "--name", "fg", "--network", "none", Machine.image, "sh", "-c", "echo seen; echo also >&2")
        self.addCleanup(lambda: self.davit("rm", "fg"))
        result = self.davit("logs", "fg")
        self.assertEqual((result.out, result.err), ("seen\n", "also\n"))

    def test_long_lines_and_no_newline_come_back_whole(self):
        name = self.job(command=("sh", "-c", "head -c 100000 /dev/zero | tr '\\0' x; echo; printf end"))
        self.davit("wait", name)
        wait_until("the end, which has no newline", lambda: self.davit("logs", name).out == "x" * 100000 + "\nend")

    def test_follow_after_a_restart_of_the_job(self):
        name = self.job(command=("sh", "-c", "echo start; sleep 1000"))
        wait_until("the first", lambda: self.davit("logs", name).out == "start\n")
        self.davit("restart", "-t", "0", name)
        wait_until("both", lambda: self.davit("logs", name).out == "start\nstart\n")


class Rotation(Case):
    def test_by_size_and_count(self):
        name = self.job(command=("sh", "-c", "yes 'a line that is some sixty bytes long, so that it fills' | head -n 300000; echo last"))
        self.davit("wait", name, timeout=120)
        out = subprocess.run(["find", "/var/lib/davit", "-name", "*.log*", "-size", "+11M"], capture_output=True, text=True).stdout
        self.assertEqual(out, "")
        self.assertTrue(self.davit("logs", "--tail", "1", name).out.endswith("last\n"))


class Journal(Case):
    """systemd's journal, a stand-in of it: who reads the socket's entries."""
    path = "/run/systemd/journal/socket"

    def setUp(self):
        super().setUp()
        os.makedirs(os.path.dirname(self.path), exist_ok=True)
        self.journal = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.journal.bind(self.path)
        self.journal.settimeout(20 * Machine.slow)
        self.addCleanup(shutil.rmtree, "/run/systemd")
        self.addCleanup(self.journal.close)

    @staticmethod
    def fields(data):
        found = {}
        while data:
            line, data = data.split(b"\n", 1)
            if b"=" in line:
                key, value = line.split(b"=", 1)
            else:
                key, n = line, int.from_bytes(data[:8], "little")
                value, data = data[8:8 + n], data[9 + n:]
            found[key.decode()] = value.decode(errors="replace")
        return found

    def entries(self, n):
        return [self.fields(self.journal.recv(1 << 20)) for _ in range(n)]

    def test_detached(self):
        name = self.job("--log-driver", "journald", command=("sh", "-c", "echo a=b; sleep 0.2; echo bad >&2; sleep 0.2; printf part"))
        found = self.entries(3)
        self.assertEqual([(e["MESSAGE"], e["PRIORITY"]) for e in found], [("a=b", "6"), ("bad", "3"), ("part", "6")])
        self.assertEqual(found[2]["CONTAINER_PARTIAL_MESSAGE"], "true")
        id_ = self.json("inspect", name)[0]["id"]
        for e in found:
            self.assertEqual((e["CONTAINER_NAME"], e["CONTAINER_ID"], e["CONTAINER_TAG"], e["SYSLOG_IDENTIFIER"], e["IMAGE_NAME"]),
                             (name, id_, name, name, Machine.image))
        self.fails("logs", name, says=["logs into the journal", f"journalctl CONTAINER_ID={id_}"])

    def test_in_the_foreground(self):
        result = self.run_sh("echo both", "--log-driver", "journald")
        self.assertEqual(result.out, "both\n")
        self.assertEqual(self.entries(1)[0]["MESSAGE"], "both")

    def test_one_that_takes_nothing_stops_no_job(self):
        name = self.job("--log-driver", "journald", command=("sh", "-c", "i=0; while [ $i -lt 5000 ]; do echo $i; i=$((i+1)); done"))
        self.assertEqual(self.davit("wait", name, timeout=60).out.strip(), "0")
        self.assertEqual(self.entries(1)[0]["MESSAGE"], "0")

    def test_another_that_listens_there_later(self):
        name = self.job("--log-driver", "journald", command=("sh", "-c", "echo first; while [ ! -e /go ]; do sleep 0.1; done; echo second"))
        self.assertEqual(self.entries(1)[0]["MESSAGE"], "first")
        self.journal.close()
        os.unlink(self.path)
        self.journal = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.journal.bind(self.path)
        self.journal.settimeout(20 * Machine.slow)
        self.addCleanup(self.journal.close)
        self.davit("exec", name, "touch", "/go")
        self.assertEqual(self.entries(1)[0]["MESSAGE"], "second")

    def test_there_is_none(self):
        self.journal.close()
        os.unlink(self.path)
        self.fails("run", "--rm", "--network", "none", "--log-driver", "journald", Machine.image, "true",
                   says=[f"there is no journal at {self.path}", "--log-driver file"])


class Kept(Case):
    """retention: the log stays when the job is removed."""

    def setUp(self):
        super().setUp()
        self.addCleanup(lambda: shutil.rmtree(f"/var/lib/davit/kept/{Machine.ns}", ignore_errors=True))

    def kept(self):
        return os.listdir(f"/var/lib/davit/kept/{Machine.ns}")

    def test_of_a_foreground_job(self):
        self.davit("run", "--rm", "--name", "short", "--network", "none", "--log-opt", "retention=1h", Machine.image, "sh", "-c", "echo out; echo bad >&2")
        wait_until("its removal", lambda: self.davit("inspect", "short", code=None).code != 0)
        result = self.davit("logs", "short")
        self.assertEqual((result.out, result.err), ("out\n", "bad\n"))
        self.assertEqual(self.davit("logs", "-f", "short").err, "bad\n")
        self.assertNotIn("short", self.davit("ps", "-a").out)
        self.davit("prune")
        self.assertEqual(self.davit("logs", "short").out, "out\n")

    def test_of_a_detached_job_that_is_removed(self):
        name = self.job("--log-opt", "retention=1h", command=("sh", "-c", "echo first; exec sleep 1000"))
        wait_until("its log", lambda: self.davit("logs", name).out == "first\n")
        id_ = self.json("inspect", name)[0]["id"]
        self.davit("rm", "-f", name)
        self.assertEqual(self.davit("logs", name).out, "first\n")
        self.assertEqual(os.stat(f"/var/lib/davit/kept/{Machine.ns}").st_mode & 0o777, 0o700)
        # another of that name has a log of its own; the earlier one's is found by the id, and by the name again behind the second's removal
        self.job("--log-opt", "retention=2h", command=("echo", "second"), name=name)
        wait_until("its log", lambda: self.davit("logs", name).out == "second\n")
        self.assertEqual(self.davit("logs", id_).out, "first\n")
        self.davit("rm", "-f", name)
        self.assertEqual(self.davit("logs", name).out, "second\n")
        self.assertEqual(self.davit("logs", id_).out, "first\n")

    def test_its_time_is_over(self):
        self.davit("run", "--rm", "--name", "brief", "--network", "none", "--log-opt", "retention=1s", Machine.image, "echo", "x")
        wait_until("the log's end", lambda: self.davit("logs", "brief", code=None).code != 0)
        self.fails("logs", "brief", says="brief")
        self.assertEqual(len(self.kept()), 1)
        self.assertIn("would remove log of job brief, which was removed", self.davit("prune", "--dry-run").out)
        self.assertEqual(len(self.kept()), 1)
        self.assertIn("log of job brief", self.davit("prune").out)
        self.assertEqual(self.kept(), [])

    def test_the_next_removal_takes_what_is_over(self):
        self.davit("run", "--rm", "--name", "brief", "--network", "none", "--log-opt", "retention=1s", Machine.image, "echo", "x")
        wait_until("the log's end", lambda: self.davit("logs", "brief", code=None).code != 0)
        self.davit("run", "--rm", "--name", "later", "--network", "none", "--log-opt", "retention=1h", Machine.image, "echo", "y")
        wait_until("its log alone", lambda: [entry.rsplit("-", 1)[0] for entry in self.kept()] == ["later"])
        wait_until("what it said", lambda: self.davit("logs", "later").out == "y\n")

    def test_without_it_nothing_stays(self):
        name = self.job(command=("echo", "x"))
        self.davit("wait", name)
        self.davit("rm", name)
        self.fails("logs", name, says=name)

    def test_of_several_tasks(self):
        path = os.path.join(self.folder, "pair.json")
        with open(path, "w") as f:
            json.dump({"name": "pair", "network": "none", "tasks": [
                {"name": "web", "image": Machine.image, "args": ["echo", "from web"], "log_retention": "1h"},
                {"name": "silent", "image": Machine.image, "args": ["echo", "gone"]},
                {"name": "cache", "image": Machine.image, "args": ["echo", "from cache"], "log_retention": "1h"}]}, f)
        self.addCleanup(lambda: self.davit("rm", "-f", "pair", code=None))
        self.davit("run", "-d", "-f", path)
        self.davit("wait", "pair")
        self.davit("rm", "pair")
        lines = sorted(" ".join(line.split()) for line in self.davit("logs", "pair").out.splitlines())
        self.assertEqual(lines, ["cache | from cache", "web | from web"])
        self.assertEqual(self.davit("logs", "pair.cache").out, "from cache\n")
        self.assertEqual(self.davit("logs", "pair.silent").out, "")


class Several(Case):
    """Of several tasks and jobs: in the order of time, each line with a name before it."""

    def up(self, name, *tasks):
        path = os.path.join(self.folder, name + ".json")
        with open(path, "w") as f:
            json.dump({"name": name, "network": "none", "tasks": [
                {"name": task, "image": Machine.image, "args": ["sh", "-c", script],
                 "mounts": [{"type": "bind", "source": self.folder, "target": "/c"}], **more} for task, script, more in tasks]}, f)
        self.addCleanup(lambda: self.davit("rm", "-f", name, code=None))
        self.davit("run", "-d", "-f", path)

    @staticmethod
    def turns(name, mine, theirs):
        """Lines that another's follow."""
        script = ""
        for i in range(1, 4):
            wait = f"/c/{theirs}{i}" if mine > theirs else f"/c/{theirs}{i - 1}" if i > 1 else ""
            script += f"while [ ! -e {wait} ]; do sleep 0.02; done; " if wait else ""
            script += f"echo {name} {i}; sleep {0.1 * Machine.slow:g}; echo . >/c/{mine}{i}; "
        return script

    def test_tasks_in_the_order_of_time(self):
        self.up("pair", ("a", self.turns("from a", "x", "y"), {}), ("longer", self.turns("from longer", "y", "x"), {}))
        want = "".join(f"a      | from a {i}\nlonger | from longer {i}\n" for i in range(1, 4))
        self.assertEqual(sorted(self.davit("logs", "-f", "pair").out.splitlines()), sorted(want.splitlines()))
        self.assertEqual(self.davit("logs", "pair").out, want)
        self.assertEqual(self.davit("logs", "--tail", "1", "pair").out, "a      | from a 3\nlonger | from longer 3\n")
        self.assertEqual(self.davit("logs", "pair.a").out, "from a 1\nfrom a 2\nfrom a 3\n")
        stamped = self.davit("logs", "-t", "pair").out.splitlines()
        times = [line.split(" | ")[1].split()[0] for line in stamped]
        self.assertEqual((len(times), times), (6, sorted(times)))
        self.assertEqual(len(self.davit("logs", "--since", times[3], "pair").out.splitlines()), 3)
        self.assertEqual(len(self.davit("logs", "--until", times[3], "pair").out.splitlines()), 4)
        other = self.job(command=("echo", "of another"))
        self.davit("wait", other)
        width = max(len(other), len("pair.longer"))
        lines = self.davit("logs", other, "pair").out.splitlines()
        self.assertEqual(lines[0], f"{'pair.a':{width}} | from a 1")
        self.assertEqual(lines[-1], f"{other:{width}} | of another")
        self.assertEqual(len(lines), 7)

    def test_longer_logs_than_are_held(self):
        """Files that were rotated, lines of any length, and one that ends without a line end."""
        flags = ("--log-opt", "max-size=64k", "--log-opt", "max-file=20")
        one = self.job(*flags, command=("sh", "-c", "seq 1 20000; head -c 100000 /dev/zero | tr '\\0' x"))
        two = self.job(*flags, command=("sh", "-c", "seq 30001 50000"))
        self.davit("wait", one, two)
        lines = [line.split(" | ", 1) for line in self.davit("logs", one, two).out.splitlines()]
        mine = "".join(text for name, text in lines if name.strip() == one)
        self.assertTrue(mine == "".join(str(i) for i in range(1, 20001)) + "x" * 100000)
        self.assertTrue([text for name, text in lines if name.strip() == two] == [str(i) for i in range(30001, 50001)])

    def test_objects(self):
        self.up("pair", ("a", "printf 'odd \\001 \"\\n'; printf '\\377.'", {}), ("b", "sleep 1; echo of b >&2", {}))
        self.davit("wait", "pair")
        rows = [json.loads(line) for line in self.davit("logs", "--format", "json", "pair").out.splitlines()]
        times = [row.pop("time") for row in rows]
        self.assertEqual(times, sorted(times))
        self.assertEqual([{k: v for k, v in row.items() if k != "partial"} for row in rows], [
            {"job": "pair", "task": "a", "stream": "stdout", "text": "odd \x01 \""},
            {"job": "pair", "task": "a", "stream": "stdout", "text": "\ufffd."},
            {"job": "pair", "task": "b", "stream": "stderr", "text": "of b"}])
        name = self.job(command=("echo", "alone"))
        self.davit("wait", name)
        row = json.loads(self.davit("logs", "--format", "json", name).out)
        self.assertEqual((row["job"], row["text"], "task" in row), (name, "alone", False))
        self.fails("logs", "--format", "xml", name, says="xml")
        self.fails("logs", says="no job")

    def test_colours_on_a_terminal_alone(self):
        self.up("pair", ("a", "echo of a", {}), ("b", "echo of b", {}))
        self.davit("wait", "pair")
        for no, lines in (("", ["\033[36ma | \033[0mof a", "\033[33mb | \033[0mof b"]), ("1", ["a | of a", "b | of b"])):
            term = Terminal(self, "logs", "pair", env={"TERM": "xterm", "NO_COLOR": no})
            self.assertEqual(term.wait(), 0)
            self.assertEqual(sorted(term.rest().splitlines()), sorted(lines))

    def test_followed_over_restarts_and_to_tasks_that_come_later(self):
        self.addCleanup(lambda: self.davit("rm", "-f", "again", code=None))
        self.davit("run", "-d", "--name", "again", "--network", "none", "--restart", "on-failure:2", Machine.image, "sh", "-c", "echo begun; exit 3")
        self.assertEqual(self.davit("logs", "-f", "again").out, "begun\n" * 3)
        self.up("pair", ("a", "while [ ! -e /c/go ]; do sleep 0.05; done; echo of a", {"restart": {"policy": "on-failure"}}),
                ("last", "echo of the last", {"lifecycle": "poststop"}))
        process = self.start("logs", "-f", "pair")
        open(os.path.join(self.folder, "go"), "w").close()
        self.assertEqual(process.stdout.readline(), "a    | of a\n")
        self.assertEqual(process.stdout.read(), "last | of the last\n")
        self.assertEqual(process.wait(30 * Machine.slow), 0)

    def test_of_a_set(self):
        path = os.path.join(self.folder, "shop.json")
        with open(path, "w") as f:
            json.dump({"name": "shop", "jobs": [
                {"name": name, "network": "none", "tasks": [{"image": Machine.image, "args": ["echo", f"of {name}"]}]} for name in ("db", "web")]}, f)
        for name in ("db", "web"):
            self.addCleanup(lambda name=name: self.davit("rm", "-f", name, code=None))
        self.davit("run", "-d", "-f", path)
        self.davit("wait", "db", "web")
        self.assertEqual(sorted(self.davit("logs", "--set", "shop").out.splitlines()), ["db  | of db", "web | of web"])
        self.fails("logs", "--set", "nothing", says="nothing")
