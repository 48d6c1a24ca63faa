"""The life of a job: create, start, ps, stop, kill, restart, wait, inspect, rm, prune."""
import json
import time

from lib.case import Case, Machine, get, wait_until

STUBBORN = ("sh", "-c", "trap '' TERM; echo ready; while :; do sleep 0.1; done")
POLITE = ("sh", "-c", "trap 'echo bye; exit 5' TERM; echo ready; while :; do sleep 0.05; done")


class Life(Case):
    def test_create_and_start(self):
        self.davit("create", "--name", "made", "--network", "none", Machine.image, "sh", "-c", "echo once more; exit 6")
        self.addCleanup(lambda: self.davit("rm", "-f", "made", code=None))
        self.assertEqual(self.state("made"), "created")
        self.assertNotIn("made", self.davit("ps").out.split())
        self.davit("start", "made")
        self.assertEqual(self.davit("wait", "made").out.strip(), "6")
        self.assertEqual(self.state("made"), "exited")
        self.davit("start", "made")
        self.davit("wait", "made")
        self.assertEqual(self.davit("logs", "made").out, "once more\nonce more\n")

    def test_what_it_wrote_survives_a_restart(self):
        name = self.job(command=("sh", "-c", "echo x >> /data/count; wc -l < /data/count; sleep 1000"))
        wait_until("its first line", lambda: self.davit("logs", name).out)
        self.davit("restart", "-t", "0", name)
        wait_until("its second line", lambda: len(self.davit("logs", name).out.split()) == 2)
        self.assertEqual(self.davit("logs", name).out.split(), ["1", "2"])

    def test_start_of_one_that_runs(self):
        name = self.job()
        pid = get(self.rows("ps", "--filter", f"name=^{name}$")[0], "pid")
        self.assertEqual(self.davit("start", name).out, name + "\n")
        self.assertEqual(get(self.rows("ps", "--filter", f"name=^{name}$")[0], "pid"), pid)
        self.fails("start", "-a", name, says=[f"start job {name}: it is running already", f"davit logs -f {name}"])
        self.fails("start", "nosuch", says=["davit: job nosuch: not found"])
        self.fails("rm", name, says=[f"remove job {name}: it is running"])

    def test_stop_asks_first(self):
        name = self.job(command=POLITE)
        wait_until("the trap", lambda: "ready" in self.davit("logs", name).out)
        result = self.davit("stop", name)
        self.assertLess(result.seconds, 5 * Machine.slow)
        self.assertEqual(self.davit("wait", name).out.strip(), "5")
        self.assertIn("bye", self.davit("logs", name).out)
        self.davit("stop", name)  # already stopped is success

    def test_stop_kills_at_last(self):
        name = self.job(command=STUBBORN)
        wait_until("the trap", lambda: "ready" in self.davit("logs", name).out)
        result = self.davit("stop", "-t", "1", name)
        self.assertGreaterEqual(result.seconds, 1)
        self.assertLess(result.seconds, 6 * Machine.slow)
        self.assertEqual(self.davit("wait", name).out.strip(), "137")

    def test_kill(self):
        name = self.job(command=POLITE)
        wait_until("the trap", lambda: "ready" in self.davit("logs", name).out)
        self.davit("kill", "-s", "TERM", name)
        self.assertEqual(self.davit("wait", name).out.strip(), "5")
        self.fails("kill", name, says=[f"job {name}: is not running", f"davit start {name}"])
        other = self.job()
        self.davit("kill", other)
        self.assertEqual(self.davit("wait", other).out.strip(), "137")
        self.fails("kill", "-s", "NOSUCH", other, says=["NOSUCH"])

    def test_wait_waits(self):
        name = self.job(command=("sh", "-c", "sleep 0.5; exit 9"))
        self.assertEqual(self.davit("wait", name).out.strip(), "9")
        self.assertEqual(self.davit("wait", name).out.strip(), "9")  # also for one that exited before

    def test_rm(self):
        name = self.job()
        self.davit("rm", "-f", name)
        self.gone(name)
        self.fails("rm", name, says=[name])

    def test_by_id_and_its_beginning(self):
        name = self.job()
        job_id = next(get(r, "id") for r in self.rows("ps") if get(r, "name", "names") == name)
        self.assertEqual(self.davit("inspect", job_id).out, self.davit("inspect", name).out)
        self.davit("stop", "-t", "0", job_id)
        self.assertEqual(self.state(name), "exited")

    def test_one_with_rm_is_not_restarted(self):
        name = self.job("--rm")
        self.fails("restart", "-t", "0", name, says=[name, "--rm"])
        self.assertEqual(self.state(name), "running")


class List(Case):
    def test_columns(self):
        name = self.job(command=("sleep", "500"))
        line = next(x for x in self.davit("ps").out.splitlines() if name in x)
        self.assertIn(Machine.image, line)
        self.assertIn("sleep 500", line)

    def test_quiet_prints_ids(self):
        name = self.job()
        ids = self.davit("ps", "-q").out.split()
        self.assertEqual(len(ids), 1)
        self.assertTrue(self.davit("inspect", ids[0]).out)
        self.davit("stop", "-t", "0", name)
        self.assertEqual(self.davit("ps", "-q").out, "")
        self.assertEqual(self.davit("ps", "-aq").out.split(), ids)

    def test_filters(self):
        a, b = self.job("-l", "x=1", name="alpha"), self.job("-l", "x=2", name="beta")
        self.davit("stop", "-t", "0", b)
        for flags, want in ((["--filter", "status=running"], {a}), (["-a", "--filter", "status=exited"], {b}), (["-a", "--filter", "label=x"], {a, b}),
                            (["-a", "--filter", "label=x=2"], {b}), (["-a", "--filter", "name=alph"], {a}), (["-a", "--filter", "exited=137"], {b}),
                            (["-a", "--filter", "ancestor=" + Machine.image], {a, b}), (["-a", "--filter", "network=none"], {a, b})):
            with self.subTest(flags):
                self.assertEqual({get(r, "name", "names") for r in self.rows("ps", *flags)}, want)
        self.fails("ps", "--filter", "colour=red", says=["colour"])

    def test_namespaces_are_apart(self):
        name = self.job()
        self.assertNotIn(name, self.davit("-n", "elsewhere", "ps", "-a").out.split())
        self.assertIn(name, self.davit("-n", "elsewhere", "ps", "-A").out)
        hint = self.davit("-n", "elsewhere", "ps")
        self.assertIn("davit", hint.out + hint.err)  # none here, but another namespace has one

    def test_inspect_is_json(self):
        name = self.job("-e", "SECRET=1", "-m", "32m")
        found = self.json("inspect", name)
        text = json.dumps(found)
        for word in (name, "SECRET=1", str(32 << 20), Machine.image):
            self.assertIn(word, text)


class Prune(Case):
    def test_removes_what_exited_and_nothing_else(self):
        done, running, made = "p-done", self.job(), "p-made"
        self.davit("run", "--name", done, "--network", "none", Machine.image, "true")
        self.davit("create", "--name", made, "--network", "none", Machine.image, "true")
        self.addCleanup(lambda: self.davit("rm", "-f", made, code=None))
        out = self.davit("prune").out
        self.assertNotIn(running, out)
        self.assertEqual(self.state(running), "running")
        self.davit("rm", "-f", done, code=None)

    def test_keeps_a_created_job_that_removes_itself(self):
        self.davit("create", "--rm", "--name", "p-rm", "--network", "none", Machine.image, "echo", "it ran")
        self.addCleanup(lambda: self.davit("rm", "-f", "p-rm", code=None))
        self.assertNotIn("p-rm", self.davit("prune").out)
        self.assertEqual(self.state("p-rm"), "created")
        self.assertEqual(self.davit("start", "-a", "p-rm").out, "it ran\n")
        self.gone("p-rm")

    def test_a_created_job_that_removes_itself_starts_detached(self):
        self.davit("create", "--rm", "--name", "p-rmd", "--network", "none", Machine.image, "sleep", "0.3")
        self.addCleanup(lambda: self.davit("rm", "-f", "p-rmd", code=None))
        self.davit("start", "p-rmd")
        self.assertEqual(self.state("p-rmd"), "running")
        wait_until("its removal", lambda: "p-rmd" not in [get(r, "name", "names") for r in self.rows("ps", "-a")])
        self.gone("p-rmd")

    def test_an_empty_one_is_quiet_and_quick(self):
        self.davit("prune")
        self.assertLess(self.davit("prune").seconds, 2 * Machine.slow)


class Names(Case):
    def test_a_name_is_free_again_at_once(self):
        for _ in range(5):
            began = time.monotonic()
            self.run_sh("true", "--name", "again")
            self.assertLess(time.monotonic() - began, 10 * Machine.slow)
