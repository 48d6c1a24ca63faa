"""davit run -f FILE and davit plan -f FILE: jobs and sets of jobs in davit's own form."""
import fcntl
import json
import os
import re
import socket
import time
import urllib.request

from lib.case import Case, Machine, wait_until


class Files(Case):
    def setUp(self):
        super().setUp()
        self.made = []
        self.addCleanup(lambda: self.made and self.davit("rm", "-f", *self.made, code=None))

    def task(self, script="sleep 1000", **more):
        return {"image": Machine.image, "args": ["sh", "-c", script], "stop_timeout": 1, **more}

    def one(self, name, script="sleep 1000", **more):
        """A job; it is removed when the test ends."""
        self.made.append(name)
        return {"name": name, "tasks": [self.task(script)], "network": "none", **more}

    def file(self, content, name="jobs.json"):
        path = os.path.join(self.folder, name)
        with open(path, "w") as f:
            f.write(content if isinstance(content, str) else json.dumps(content))
        return path

    def set(self, *jobs, **more):
        return self.file({"jobs": list(jobs), **more})

    def inspect(self, name):
        return self.json("inspect", name)[0]

    def started(self, name):
        return self.inspect(name)["state"]["started_at"]

    def nothing_of(self, *names):
        there = self.davit("ps", "-aq", "--format", "names").out.split()
        self.assertFalse(set(names) & set(there), there)


class OneJob(Files):
    def test_runs_in_the_foreground(self):
        path = self.file(self.one("f-fg", "echo out; echo err >&2; exit 3", remove=True))
        result = self.davit("run", "-f", path, code=3)
        self.assertEqual((result.out, result.err), ("out\n", "err\n"))

    def test_standard_input_and_detached(self):
        job = self.one("f-in", "echo $X > /x; sleep 1000")
        job["tasks"][0]["env"] = ["X=7"]
        self.assertEqual(self.davit("run", "-d", "-f", "-", input=json.dumps(job)).out, "f-in\n")
        wait_until("the file", lambda: self.davit("exec", "f-in", "cat", "/x", code=None).out == "7\n")

    def test_input_goes_to_the_job(self):
        job = self.one("f-cat", "cat", remove=True)
        job["tasks"][0]["stdin_open"] = True
        self.assertEqual(self.davit("run", "-f", self.file(job), input="words").out, "words")

    def test_name_and_rm_beside_it(self):
        path = self.file({"tasks": [self.task("cat /proc/sys/kernel/hostname")], "network": "none"})
        self.assertEqual(self.davit("run", "--rm", "--name", "f-name", "-f", path).out, "f-name\n")
        self.nothing_of("f-name")

    def test_relative_paths_are_below_the_file(self):
        os.mkdir(os.path.join(self.folder, "data"))
        self.file("A=file\nB=file\n", "vars")
        with open(os.path.join(self.folder, "data/x"), "w") as f:
            f.write("from the host\n")
        job = self.one("f-rel", "echo $A $B; cat /data/x; touch /data/y", remove=True)
        job["tasks"][0].update(env=["B=task"], env_files=["vars"], mounts=[{"source": "./data", "target": "/data", "read_only": True}])
        result = self.davit("run", "-f", self.file(job), code=1)
        self.assertEqual(result.out, "file task\nfrom the host\n")
        self.assertIn("Read-only", result.err)

    def test_what_cannot_be(self):
        one = json.dumps(self.one("f-no"))
        rows = [(["run", "-f", self.file(one), Machine.image], "and an image"),
                (["run", "-m", "1g", "-f", self.file(one)], "flag --memory cannot stand beside --file"),
                (["run", "--var", "a=1", Machine.image], "flag --var without --file"),
                (["run", "-var", "a=1", "-f", self.file(one)], "only a nomad job file has variables"),
                (["run", "-f", self.file(one + "x", "bad.json")], f"bad.json:1:{len(one) + 1}:"),
                (["run", "-f", self.file('{"tasks":[{"image":"x","memry":1}]}', "key.json")],
                 "key.json:1:32: unknown key \"memry\" of a task (did you mean \"memory\"?)"),
                (["run", "-f", self.file("Dear all,", "letter.txt")], "in no form that davit knows"),
                (["run", "-f", os.path.join(self.folder, "none.json")], "none.json"),
                (["run", "-f", self.folder], "a folder"),
                (["run", "-f", self.file('{"tasks":[{"image":"x","env_files":["none"]}]}', "env.json")], "/none")]
        for args, says in rows:
            with self.subTest(says):
                self.fails(*args, says=says)
        self.nothing_of("f-no")

    def test_a_round_trip_changes_nothing(self):
        job = self.one("f-trip", "sleep 1000")
        job["tasks"][0].update(memory=67108864, cpus=0.5, env=["A=1", "B="], cwd="/srv", user="1000:1000", read_only=True,
                               cap_drop=["ALL"], pids_limit=50, labels={"l": ""}, annotations={"n": "v"},
                               mounts=[{"type": "tmpfs", "target": "/t", "options": ["size=64k"]}],
                               ulimits=[{"name": "nofile", "soft": 100, "hard": 200}], sysctl={"net.ipv4.ip_forward": "1"})
        job.update(labels={"k": "v"}, hostname="h", dns=["1.1.1.1"], extra_hosts=["db:10.0.0.1"])
        path = self.file(job)

        def without_runtime(job):  # the tests' own flag
            job.pop("runtime", None)
            return job

        printed = without_runtime(self.json("run", "--dry-run", "--format", "json", "-f", path))
        for i in range(2):
            self.davit("run", "-d", "-f", path)
            kept = without_runtime(self.inspect("f-trip")["job"])
            self.assertEqual(kept, printed)
            self.davit("rm", "-f", "f-trip")
            path = self.file(kept, f"kept{i}.json")
            self.assertEqual(without_runtime(self.json("run", "--dry-run", "--format", "json", "-f", path)), printed)


class Sets(Files):
    def test_all_run_and_are_named(self):
        path = self.set(*(self.one(f"s-all{i}") for i in range(3)), name="shop")
        self.assertEqual(self.davit("run", "-d", "-f", path).out.split(), ["s-all0", "s-all1", "s-all2"])
        self.assertEqual([self.state(f"s-all{i}") for i in range(3)], ["running"] * 3)
        self.assertEqual(self.inspect("s-all1")["labels"]["davit.set"], "shop")

    def test_one_after_the_start_of_another(self):
        path = self.set(self.one("s-last", depends_on=[{"name": "s-first"}]), self.one("s-first"))
        self.davit("run", "-d", "-f", path)
        self.assertLess(self.started("s-first"), self.started("s-last"))

    def test_one_after_the_end_of_another(self):
        share = [{"source": self.folder, "target": "/share"}]
        first = self.one("s-once", "sleep 1; echo made > /share/x")
        then = self.one("s-then", "cat /share/x > /share/z; mv /share/z /share/y; sleep 1000", depends_on=[{"name": "s-once", "condition": "completed"}])
        for job in (first, then):
            job["tasks"][0]["mounts"] = share
        self.davit("run", "-d", "-f", self.set(then, first))
        self.assertEqual(self.state("s-once"), "exited")
        wait_until("what the second copied", lambda: os.path.exists(os.path.join(self.folder, "y")))
        with open(os.path.join(self.folder, "y")) as f:
            self.assertEqual(f.read(), "made\n")

    def test_the_end_of_another_is_no_success(self):
        path = self.set(self.one("s-bad", "exit 3"), self.one("s-good"),
                        self.one("s-never", depends_on=[{"name": "s-bad", "condition": "completed"}]))
        self.fails("run", "-d", "-f", path, says=["job s-bad", "exited with 3"])
        self.nothing_of("s-bad", "s-good", "s-never")

    def test_one_that_does_not_start_takes_all_back(self):
        bad = self.one("s-none")
        bad["tasks"][0]["args"] = ["/no/such/program"]
        path = self.set(self.one("s-a"), self.one("s-b"), bad, name="shop")
        self.fails("run", "-d", "-f", path, code=127, says=["run shop: job s-none", "/no/such/program"])
        self.nothing_of("s-a", "s-b", "s-none")

    def test_names_are_looked_at_before_anything_starts(self):
        self.davit("run", "-d", "-f", self.file(self.one("s-there")))
        began = self.inspect("s-there")["id"]
        result = self.fails("run", "-d", "-f", self.set(self.one("s-new"), self.one("s-there")), says="name s-there is in use by a job")
        self.assertNotIn("rollback", result.err)
        self.nothing_of("s-new")
        self.assertEqual(self.inspect("s-there")["id"], began)

    def test_ports_are_looked_at_before_anything_starts(self):
        self.need_network()
        job = lambda name, port: self.one(name, network="davit", ports=[{"host": port, "inside": 80}])
        self.fails("run", "-d", "-f", self.set(job("s-p1", 18341), job("s-p2", 18341)), says=["port 18341/tcp is published twice", "s-p1", "s-p2"])
        with socket.socket() as s:
            s.bind(("0.0.0.0", 0))
            s.listen()
            taken = s.getsockname()[1]
            self.fails("run", "-d", "-f", self.set(job("s-p1", 18341), job("s-p2", taken)), says=[f"job s-p2: port {taken}/tcp is used"])
        self.davit("run", "-d", "-f", self.file(job("s-has", 18342)))
        self.fails("run", "-d", "-f", self.set(job("s-p1", 18341), job("s-p2", 18342)), says=["job s-p2: port 18342/tcp is used by job s-has"])
        self.nothing_of("s-p1", "s-p2")

    def test_chosen_ports_differ(self):
        self.need_network()
        jobs = [self.one(f"s-any{i}", network="davit", ports=[{"host": 18350, "host_last": 18354, "inside": 80}]) for i in range(4)]
        self.davit("run", "-d", "-f", self.set(*jobs))
        chosen = [self.inspect(f"s-any{i}")["job"]["ports"][0]["host"] for i in range(4)]
        self.assertEqual(sorted(set(chosen)), sorted(chosen))

    def test_a_circle_or_nobody_to_wait_for(self):
        on = lambda name: [{"name": name}]
        rows = [([self.one("s-x", depends_on=on("s-y")), self.one("s-y", depends_on=on("s-x"))], "circle"),
                ([self.one("s-x", depends_on=on("s-x")), self.one("s-y")], "itself"),
                ([self.one("s-x", depends_on=on("s-z")), self.one("s-y")], "s-z"),
                ([self.one("s-x"), self.one("s-x")], "two jobs have it")]
        for jobs, says in rows:
            with self.subTest(says):
                self.fails("run", "-d", "-f", self.set(*jobs), says=says)
        self.nothing_of("s-x", "s-y")

    def test_an_interrupt_takes_all_back(self):
        path = self.set(self.one("s-slow", "sleep 1000"), self.one("s-wait", depends_on=[{"name": "s-slow", "condition": "completed"}]))
        process = self.start("run", "-d", "-f", path)
        wait_until("the first", lambda: self.state("s-slow") == "running")
        process.send_signal(2)
        self.assertEqual(process.wait(30 * Machine.slow), 130)
        self.nothing_of("s-slow", "s-wait")

    def many(self, n, **more):
        return [self.one(f"s-m{i}", **more) for i in range(n)]

    def running(self, names):
        return set(self.davit("ps", "-q", "--format", "names").out.split()) & set(names)

    def peak_of_files(self, process):
        """How many descriptors it had open at a time."""
        peak = 0
        while process.poll() is None:
            try:
                peak = max(peak, len(os.listdir(f"/proc/{process.pid}/fd")))
            except OSError:
                pass
            time.sleep(0.005)
        return peak

    def test_a_hundred_jobs(self):
        jobs = self.many(100)
        process = self.start("run", "-d", "-f", self.set(*jobs))
        files = self.peak_of_files(process)
        out, err = process.communicate(timeout=240 * Machine.slow)
        self.assertEqual((process.returncode, err), (0, ""))
        self.assertEqual(out.split(), self.made)
        self.assertEqual(self.running(self.made), set(self.made))
        self.assertLess(files, 150)  # a lock for each, and what does not grow with their number
        self.davit("rm", "-f", *self.made, timeout=240)
        self.nothing_of(*self.made)

    def test_one_of_a_hundred_fails(self):
        """Nothing stays of the others, wherever they were."""
        jobs = self.many(100)
        jobs[56]["tasks"][0]["args"] = ["/nonexistent"]
        self.davit("run", "-d", "-f", self.set(*jobs), code=127, timeout=300)
        self.nothing_of(*self.made)

    def test_thirty_with_ports(self):
        """Each has its port, and no more plugins run at once than descriptors suffice for."""
        self.need_network()
        jobs = self.many(30, network="davit")
        for i, job in enumerate(jobs):
            job["ports"] = [{"host": 18200 + i, "inside": 8080}]
            job["tasks"][0]["args"] = ["httpd", "-f", "-p", "8080", "-h", "/www"]
        process = self.start("run", "-d", "-f", self.set(*jobs))
        files = self.peak_of_files(process)
        _, err = process.communicate(timeout=240 * Machine.slow)
        self.assertEqual((process.returncode, err), (0, ""))
        self.assertLess(files, 30 + 150)
        for port in (18200, 18217, 18229):
            wait_until("the page", lambda: self.page(port))
        hosts = self.davit("exec", self.made[0], "cat", "/etc/hosts").out
        self.assertEqual([name for name in self.made if not re.search(rf"\b{name}\b", hosts)], [])

    def page(self, port):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=5) as answer:
                return answer.status == 200
        except OSError:
            return False

    def test_a_hundred_davits_at_once(self):
        names = [f"s-d{i}" for i in range(100)]
        self.made += names
        started = [self.start("run", "-d", "--network", "none", "--name", name, Machine.image, "sleep", "1000") for name in names]
        for name, process in zip(names, started):
            out, err = process.communicate(timeout=300 * Machine.slow)
            self.assertEqual((process.returncode, out, err), (0, name + "\n", ""))
        self.assertEqual(self.running(names), set(names))
        self.davit("rm", "-f", *names, timeout=240)

    def test_ids_and_times_of_all(self):
        path, ids = self.set(self.one("s-ia"), self.one("s-ib")), os.path.join(self.folder, "ids")
        result = self.davit("run", "-d", "--cidfile", ids, "--timing", "-f", path)
        with open(ids) as f:
            self.assertEqual(f.read().split("\n"), [self.json("inspect", name)[0]["id"] for name in ("s-ia", "s-ib")])
        self.assertEqual(len([line for line in result.err.splitlines() if line.startswith("claim")]), 2)
        self.davit("rm", "-f", "s-ia", "s-ib")
        self.fails("run", "-d", "--cidfile", ids, "-f", path, says=[f"cidfile {ids}", "remove it"])
        self.nothing_of("s-ia", "s-ib")
        os.unlink(ids)
        self.fails("run", "-d", "--cidfile", ids, "-f", self.set(self.one("s-ia"), self.one("s-ib", image="no.such/image:1")), says="s-ib", progress=True)
        self.assertFalse(os.path.exists(ids))

    def test_in_the_foreground_lines_have_names(self):
        path = self.set(self.one("s-fa", "echo one; echo two >&2; sleep 1; echo three"), self.one("s-longer", "printf half; exit 4"))
        result = self.davit("run", "-f", path, code=4)
        self.assertEqual(sorted(result.out.splitlines()), ["s-fa     | one", "s-fa     | three", "s-longer | half"])
        self.assertEqual(result.err, "s-fa     | two\n")
        self.assertEqual((self.state("s-fa"), self.state("s-longer")), ("exited", "exited"))

    def test_in_the_foreground_with_rm(self):
        path = self.set(self.one("s-ra", "i=0; while [ $i -lt 500 ]; do echo $i; i=$((i+1)); done"), self.one("s-rb", "echo b"))
        out = self.davit("run", "--rm", "-f", path).out.splitlines()
        self.assertEqual([line for line in out if line.startswith("s-ra")], [f"s-ra | {i}" for i in range(500)])
        self.nothing_of("s-ra", "s-rb")

    def test_in_the_foreground_sidecars_and_poststop_tasks_do_their_part(self):
        job = {"name": "s-crew", "network": "none", "tasks": [
            {"name": "main", "image": Machine.image, "args": ["sh", "-c", "sleep 0.5; echo work"]},
            {"name": "side", "image": Machine.image, "args": ["sh", "-c", "exec sleep 1000"], "lifecycle": "poststart", "sidecar": True, "stop_timeout": 1},
            {"name": "last", "image": Machine.image, "args": ["sh", "-c", "echo clean; exit 3"], "lifecycle": "poststop"}]}
        lead = {"name": "s-lead", "network": "none", "tasks": [
            {"name": "boss", "image": Machine.image, "args": ["sh", "-c", "sleep 0.5; exit 5"], "leader": True},
            {"name": "worker", "image": Machine.image, "args": ["sleep", "1000"], "stop_timeout": 1}]}
        self.addCleanup(lambda: self.davit("rm", "-f", "s-crew", "s-lead", code=None))
        for flags in ([], ["--rm"]):
            with self.subTest(flags=flags):
                result = self.davit("run", *flags, "-f", self.set(job, lead), code=5)
                self.assertEqual([" ".join(line.split()) for line in result.out.splitlines()], ["s-crew.main | work", "s-crew.last | clean"])
                self.assertIn("poststop task last ended with 3", result.err)
                self.assertNotIn("but after davit stop", result.err)
                self.davit("rm", "-f", "s-crew", "s-lead")

    def test_a_list_or_a_wait_meanwhile_leaves_poststop_tasks_to_the_foreground(self):
        share = [{"source": self.folder, "target": "/share"}]
        last = self.task("echo clean", name="last", lifecycle="poststop")
        one = {**self.one("s-soon"), "tasks": [self.task("echo work; exit 4", name="main"), last]}
        other = self.one("s-late", "until test -e /share/go; do sleep 0.05; done")
        other["tasks"][0].update(mounts=share, restart={"policy": "on-failure"})
        process = self.start("run", "-f", self.set(one, other))
        self.assertEqual(" ".join(process.stdout.readline().split()), "s-soon.main | work")
        wait_until("its end", lambda: self.state("s-soon") == "exited")
        self.davit("ps", "-a")
        settling = os.open(f"/run/davit/{Machine.ns}", os.O_RDONLY)
        fcntl.flock(settling, fcntl.LOCK_EX)  # what ps settles behind its list
        os.close(settling)
        self.assertEqual(self.davit("wait", "s-soon").out, "4\n")
        self.assertIsNone(process.poll())
        with open(os.path.join(self.folder, "go"), "w"):
            pass
        out, err = process.communicate(timeout=60 * Machine.slow)
        self.assertEqual((process.returncode, [" ".join(line.split()) for line in out.splitlines()]), (4, ["s-soon.last | clean"]), err)
        self.assertEqual(self.davit("logs", "s-soon.last").out, "clean\n")

    def test_an_interrupt_in_the_foreground_stops_all_in_order(self):
        trap = "trap 'touch /share/$N; exit 0' TERM; echo ready; while :; do sleep 0.1; done"
        jobs = [self.one(name, trap, depends_on=on) for name, on in (("s-low", []), ("s-high", [{"name": "s-low"}]))]
        for job in jobs:
            job["tasks"][0].update(mounts=[{"source": self.folder, "target": "/share"}], env=["N=" + job["name"]], stop_timeout=10)
        process = self.start("run", "-f", self.set(*jobs))
        lines = {process.stdout.readline() for _ in jobs}
        self.assertEqual(lines, {"s-low  | ready\n", "s-high | ready\n"})
        process.send_signal(2)
        self.assertEqual(process.wait(40 * Machine.slow), 130)
        when = {name: os.stat(os.path.join(self.folder, name)).st_mtime_ns for name in ("s-low", "s-high")}
        self.assertLess(when["s-high"], when["s-low"])  # who waited for it goes first
        self.assertEqual((self.state("s-low"), self.state("s-high")), ("exited", "exited"))

    def test_a_killed_davit_leaves_them_running(self):
        process = self.start("run", "-f", self.set(self.one("s-k1", "echo on; sleep 1000"), self.one("s-k2")))
        process.stdout.readline()
        process.kill()
        process.wait()
        self.assertEqual((self.state("s-k1"), self.state("s-k2")), ("running", "running"))

    def test_stop_rm_and_ps_by_set(self):
        self.davit("run", "-d", "-f", self.set(self.one("s-q1"), self.one("s-q2", depends_on=[{"name": "s-q1"}]), name="quay"))
        self.davit("run", "-d", "-f", self.file(self.one("s-other")))
        self.assertEqual(sorted(self.davit("ps", "-q", "--format", "names", "--filter", "set=quay").out.split()), ["s-q1", "s-q2"])
        self.assertEqual(self.davit("stop", "--set", "quay").out.split(), ["s-q2", "s-q1"])
        self.assertEqual([self.state(n) for n in ("s-q1", "s-q2", "s-other")], ["exited", "exited", "running"])
        self.assertEqual(self.davit("rm", "--set", "quay").out.split(), ["s-q2", "s-q1"])
        self.nothing_of("s-q1", "s-q2")
        self.fails("stop", "--set", "quay", says="set quay: no job is of it")
        self.fails("rm", "--set", "quay", "s-other", says="name the one or the other")
        self.fails("rm", says="an argument is missing")

    def test_keys_that_detach_are_those_of_one_terminal(self):
        two = self.one("s-key3")
        two["tasks"] = [{**two["tasks"][0], "name": name} for name in ("a", "b")]
        for jobs in (self.set(self.one("s-key1"), self.one("s-key2")), self.file(two, "two.json")):
            self.fails("run", "--detach-keys", "ctrl-a", "-f", jobs, says="detach keys: several tasks are in the foreground")
        self.nothing_of("s-key1", "s-key2", "s-key3")

    def test_poststop_tasks_of_a_set_run_side_by_side(self):
        def job(name):
            j = self.one(name)
            last = self.task("cat /proc/uptime; sleep 1.5; cat /proc/uptime", name="last", lifecycle="poststop", stop_timeout=20)
            return {**j, "tasks": [{**j["tasks"][0], "name": "main"}, last]}
        self.davit("run", "-d", "-f", self.set(job("s-last1"), job("s-last2"), name="lasts"))
        self.davit("stop", "--set", "lasts")
        times = [[float(line.split()[0]) for line in self.davit("logs", n + ".last").out.splitlines()]
                 for n in ("s-last1", "s-last2")]
        self.assertEqual([len(t) for t in times], [2, 2])
        self.assertLess(max(t[0] for t in times), min(t[1] for t in times))

    def test_what_is_kept_only_is_said_once(self):
        job = self.one("s-res", "true", remove=True)
        job["tasks"][0].update(restart={"policy": "always"}, healthcheck={"exec": ["true"]})
        result = self.davit("run", "-f", self.set(job, self.one("s-two", "true", remove=True, failure_recovery="one_for_one")))
        self.assertEqual(result.err, "davit: kept, and not acted on by this version: restart policies and failure recovery of jobs that are "
                                     "removed at their end\n")


class Plan(Files):
    def changes(self, path, *flags):
        return {job["name"]: job for job in self.json("plan", "-f", path, "--format", "json", *flags)["jobs"]}

    def test_what_would_change(self):
        first = [self.one("p-same"), self.one("p-other"), self.one("p-left")]
        self.davit("run", "-d", "-f", self.set(*first, name="quay"))
        first[1]["tasks"][0].update(memory=67108864, args=["true"])
        path = self.set(first[0], first[1], self.one("p-new"), name="quay")
        if Machine.engine != "runc":
            for job in json.load(open(path))["jobs"]:
                self.assertNotIn("runtime", job)
        found = self.changes(path)
        if Machine.engine == "runc":
            self.assertEqual(found["p-same"], {"name": "p-same", "change": "same"})
            self.assertEqual(found["p-other"]["keys"], ["tasks[0].args", "tasks[0].memory"])
        self.assertEqual({n: j["change"] for n, j in found.items() if n != "p-same"},
                         {"p-other": "differs", "p-new": "create", "p-left": "left"})
        table = self.davit("plan", "-f", path).out
        self.assertRegex(table, r"(?m)^p-other +differs +tasks\[0\]\.")
        self.nothing_of("p-new")

    def test_ports(self):
        self.need_network()
        job = lambda name, port: self.one(name, network="davit", ports=[{"host": port, "inside": 80}])
        self.davit("run", "-d", "-f", self.file(job("p-has", 18361)))
        found = self.changes(self.set(job("p-wants", 18361), job("p-free", 18362)))
        self.assertEqual((found["p-wants"]["change"], found["p-free"]["change"]), ("blocked", "create"))
        self.assertIn("18361/tcp is used by job p-has", found["p-wants"]["why"])

    def test_chosen_ports_are_no_change(self):
        self.need_network()
        path = self.set(self.one("p-any", network="davit", ports=[{"host": 18370, "host_last": 18379, "inside": 80}]))
        self.davit("run", "-d", "-f", path)
        if Machine.engine == "runc":
            self.assertEqual(self.changes(path)["p-any"]["change"], "same")

    def test_what_cannot_be(self):
        self.fails("plan", says="no file is named")
        self.fails("plan", "-f", self.file("{}", "empty.json"), says="empty.json:1:1")
