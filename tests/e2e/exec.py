"""davit exec."""
from lib.case import Case, Machine, wait_until


class Exec(Case):
    def test_exit_codes(self):
        name = self.job()
        self.davit("exec", name, "true")
        self.davit("exec", name, "sh", "-c", "exit 23", code=23)
        self.davit("exec", name, "sh", "-c", "kill -9 $$", code=137)
        self.fails("exec", name, "no-such-program", code=127, says=["command no-such-program: not found in the job", "PATH"])
        self.fails("exec", name, "/no/such", code=127, says=["command /no/such: not found in the job", "no such file"])
        self.fails("exec", name, "echo hi", code=127, says=["command echo hi: not found in the job", "one word"])
        self.fails("exec", name, "", code=127, says=['command "": not found in the job'])
        self.fails("exec", name, "/bin/noexec", code=126, says=["command /bin/noexec: cannot be invoked", "permission x"])
        self.fails("exec", "-u", "ghost", name, "true", code=125, says=["ghost"])
        self.assertEqual(self.state(name), "running")

    def test_streams(self):
        result = self.davit("exec", self.job(), "sh", "-c", "echo o; echo e >&2")
        self.assertEqual((result.out, result.err), ("o\n", "e\n"))

    def test_input(self):
        name, data = self.job(), "x" * 200000
        self.assertEqual(self.davit("exec", "-i", name, "wc", "-c", input=data).out.strip(), "200000")
        self.assertEqual(self.davit("exec", name, "cat", input="unseen").out, "")

    def test_environment_folder_user(self):
        name = self.job("-e", "FROM=job")
        out = self.davit("exec", "-e", "MORE=exec", "-w", "/www", "-u", "web", name, "sh", "-c", "echo $FROM $MORE $(pwd) $(id -u)").out
        self.assertEqual(out, "job exec /www 1000\n")

    def test_same_limits_as_the_job(self):
        name = self.job("--cap-drop", "ALL", "--security-opt", "no-new-privileges")
        out = self.davit("exec", name, "grep", "-E", "^(CapEff|NoNewPrivs|Seccomp):", "/proc/self/status").out
        self.assertIn("CapEff:\t0000000000000000", out)
        self.assertIn("NoNewPrivs:\t1", out)
        self.assertIn("Seccomp:\t2", out)

    def test_detached(self):
        name = self.job()
        self.davit("exec", "-d", name, "sh", "-c", "sleep 0.2; echo x > /data/done")
        wait_until("the detached process", lambda: self.davit("exec", name, "test", "-e", "/data/done", code=None).code == 0)

    def test_of_a_job_that_does_not_run(self):
        name = self.job()
        self.davit("stop", "-t", "0", name)
        self.fails("exec", name, "true", says=[name, "running"])

    def test_many_at_once(self):
        name = self.job()
        processes = [self.start("exec", name, "sh", "-c", f"echo {i}; exit {i}") for i in range(10)]
        for i, process in enumerate(processes):
            out, err = process.communicate(timeout=60 * Machine.slow)
            self.assertEqual((process.returncode, out), (i, f"{i}\n"), err)
