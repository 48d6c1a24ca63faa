"""--results DIR: what a job writes, whole and byte by byte, as stdout.log and stderr.log, for whoever wants it after the job."""
import json
import os
import resource
import stat
import subprocess

from lib.case import Case, Machine, Terminal, wait_until

BOTH = "printf 'one\\ntw'; printf 'bad\\r\\377' >&2; printf 'o'"
OUT, ERR = b"one\ntwo", b"bad\r\xff"
GATE = "while [ ! -e /c/go ]; do sleep 0.05; done; "


class Results(Case):
    def setUp(self):
        super().setUp()
        self.dir = os.path.join(self.folder, "r")

    def read(self, *names):
        with open(os.path.join(self.dir, *names), "rb") as f:
            return f.read()

    def has(self, out, err=b"", *below):
        """Once its reader has got it: of a detached job that is not its end."""
        wait_until("its results", lambda: self.read(*below, "stdout.log") == out and self.read(*below, "stderr.log") == err)

    def go(self):
        open(os.path.join(self.folder, "go"), "w").close()


class Written(Results):
    def test_in_the_foreground_and_removed(self):
        done = self.run_sh(BOTH, "--results", "r")  # of the folder where davit is
        self.assertTrue(done.out == "one\ntwo")
        self.assertEqual((self.read("stdout.log"), self.read("stderr.log")), (OUT, ERR))
        self.assertEqual(sorted(os.listdir(self.dir)), ["stderr.log", "stdout.log"])
        self.assertEqual([stat.S_IMODE(os.stat(os.path.join(self.dir, n)).st_mode) for n in (".", "stdout.log", "stderr.log")],
                         [0o700, 0o600, 0o600])
        self.run_sh("echo more", "--results", "r")
        self.assertEqual((self.read("stdout.log"), self.read("stderr.log")), (OUT + b"more\n", ERR))

    def test_detached_and_started_again(self):
        for i, flags in enumerate(((), ("--log-driver", "none"), ("-i",))):
            with self.subTest(flags=flags):
                self.dir = os.path.join(self.folder, f"r{i}")
                name = self.job("--results", self.dir, *flags, command=("sh", "-c", BOTH))
                self.davit("wait", name)
                self.has(OUT, ERR)
                self.davit("start", name)
                self.davit("wait", name)
                self.has(OUT * 2, ERR * 2)
                self.assertEqual(self.json("inspect", name)[0]["job"]["results"], self.dir)
                self.davit("rm", "-f", name)
                self.assertEqual(self.read("stdout.log"), OUT * 2)

    def test_by_its_restart_policy(self):
        name = self.job("--results", self.dir, "--restart", "on-failure:2", command=("sh", "-c", "echo life; exit 3"))
        self.has(b"life\n" * 3)
        self.davit("rm", "-f", name)

    def test_a_job_that_is_only_made(self):
        name = "t-" + os.urandom(4).hex()
        self.addCleanup(lambda: self.davit("rm", "-f", name, code=None))
        self.davit("create", "--name", name, "--network", "none", "--results", self.dir, Machine.image, "sh", "-c", BOTH)
        self.davit("start", "-a", name)
        self.has(OUT, ERR)

    def test_a_terminal_has_one_stream(self):
        name = self.job("-t", "--results", self.dir, command=("sh", "-c", "echo out; echo err >&2"))
        self.davit("wait", name)
        wait_until("its results", lambda: self.read("stdout.log") == b"out\r\nerr\r\n")
        self.assertEqual(os.listdir(self.dir), ["stdout.log"])
        term = Terminal(self, "run", "--rm", "-t", "--network", "none", "--results", self.dir, Machine.image, "echo", "again")
        self.assertEqual(term.wait(), 0)
        self.assertEqual(self.read("stdout.log"), b"out\r\nerr\r\nagain\r\n")

    def several(self, script, **more):
        """A job file, and the job's name."""
        name, file = "t-" + os.urandom(4).hex(), os.path.join(self.folder, "job.json")
        self.addCleanup(lambda: self.davit("rm", "-f", name, code=None))
        tasks = [{"name": n, "image": Machine.image, "args": ["sh", "-c", script.replace("NAME", n)], **more} for n in ("web", "db")]
        with open(file, "w") as f:
            json.dump({"name": name, "network": "none", "tasks": tasks, "results": self.dir}, f)
        return name, file

    def test_several_tasks(self):
        name, file = self.several("echo NAME; echo bad NAME >&2")
        self.davit("run", "-d", "-f", file)
        self.davit("wait", name)
        for n in ("web", "db"):
            self.has(f"{n}\n".encode(), f"bad {n}\n".encode(), n)
        self.davit("rm", "-f", name)
        self.davit("run", "-f", file)
        for n in ("web", "db"):
            self.has(f"{n}\n".encode() * 2, f"bad {n}\n".encode() * 2, n)
        self.assertEqual(sorted(os.listdir(self.dir)), ["db", "web"])

    def test_davit_dies_meanwhile(self):
        name = "t-" + os.urandom(4).hex()
        self.addCleanup(lambda: self.davit("rm", "-f", name, code=None))
        process = self.start("run", "--name", name, "--network", "none", "--results", self.dir, "-v", f"{self.folder}:/c", Machine.image,
                             "sh", "-c", "echo before; " + GATE + "seq 1 20000; echo bad >&2")
        self.assertEqual(process.stdout.readline(), "before\n")
        process.kill()
        process.wait()
        self.go()
        self.has(b"before\n" + b"".join(b"%d\n" % i for i in range(1, 20001)), b"bad\n")

    def test_davit_dies_while_it_copies(self):
        """Of a reader that is slow: it has taken more than it could hand on."""
        name = "t-" + os.urandom(4).hex()
        self.addCleanup(lambda: self.davit("rm", "-f", name, code=None))
        for flags in ((), ("--rm",)):
            with self.subTest(flags=flags):
                self.dir = os.path.join(self.folder, "of" + "".join(flags))
                process = self.start("run", *flags, "--name", name, "--network", "none", "--results", self.dir, Machine.image,
                                     "sh", "-c", "seq 1 100000; echo bad >&2")
                self.assertEqual(process.stdout.readline(), "1\n")
                process.kill()
                process.wait()
                self.has(b"".join(b"%d\n" % i for i in range(1, 100001)), b"bad\n")
                self.davit("rm", "-f", name)

    def test_davit_of_several_tasks_dies(self):
        _, file = self.several("echo NAME; " + GATE + "seq 1 9999; echo bad NAME >&2", mounts=[{"source": self.folder, "target": "/c"}])
        process = self.start("run", "-f", file)
        for _ in range(2):
            process.stdout.readline()
        process.kill()
        process.wait()
        self.go()
        for n in ("web", "db"):
            self.has(f"{n}\n".encode() + b"".join(b"%d\n" % i for i in range(1, 10000)), f"bad {n}\n".encode(), n)

    def test_what_exec_writes_is_not_the_job_s(self):
        name = self.job("--results", self.dir, command=("sh", "-c", "echo job; sleep 1000"))
        self.has(b"job\n")
        self.assertEqual(self.davit("exec", name, "echo", "other").out, "other\n")
        self.assertEqual(self.read("stdout.log"), b"job\n")


class Refused(Results):
    def is_refused(self, dir, *says):
        self.fails("run", "--rm", "--network", "none", "--results", dir, Machine.image, "true", says=says)
        self.fails("run", "-d", "--name", "never", "--network", "none", "--results", dir, Machine.image, "true", says=says)
        self.gone("never")

    def test_no_folder(self):
        with open(self.dir, "w") as f:
            f.write("mine")
        self.is_refused(self.dir, self.dir, "no folder")
        self.is_refused(self.dir + "/below", self.dir, "no folder")
        self.assertEqual(self.read(), b"mine")

    def test_a_link_on_the_way(self):
        os.mkdir(os.path.join(self.folder, "real"))
        os.symlink("real", self.dir)
        self.is_refused(self.dir, self.dir, "symbolic link")
        self.assertEqual(os.listdir(os.path.join(self.folder, "real")), [])

    def test_a_job_that_does_not_start_has_none(self):
        """But for what its engine says there: this one fails without a word."""
        engine = os.path.join(self.folder, "engine")
        with open(engine, "w") as f:
            f.write(f'#!/bin/sh\ncase " $* " in *" create "*) exit 1 ;; esac\nexec {Machine.engine} "$@"\n')
        os.chmod(engine, 0o755)
        kind = () if Machine.shim else ("--runtime", "runc")
        for flags in (("--rm", *kind), ("-d", *kind)):
            self.fails("run", *flags, "--name", "never", "--network", "none", "--results", self.dir + "/of/it", "--runtime-option",
                       f"BinaryName={engine}", Machine.image, "true", says="create")
            self.gone("never")
            self.assertFalse(os.path.exists(self.dir), flags)

    def test_in_a_job_it_is_a_whole_path(self):
        file = os.path.join(self.folder, "job.json")
        with open(file, "w") as f:
            json.dump({"name": "never", "tasks": [{"image": Machine.image}], "results": "r"}, f)
        self.fails("run", "-f", file, says=["job.json:1:", "not an absolute path"])


class Hostile(Results):
    """The folder is mounted into the job."""

    def trapped(self, trap):
        """The job sets it, ends, and is started again."""
        os.makedirs(self.dir)
        with open(os.path.join(self.folder, "outside"), "w") as f:
            f.write("mine")
        name = self.job("--results", self.dir, "-v", f"{self.dir}:/c", command=("sh", "-c", f"[ -e /c/set ] || {{ {trap}; echo >/c/set; }}; echo theirs"))
        self.davit("wait", name)
        self.fails("start", name, says=[self.dir])
        with open(os.path.join(self.folder, "outside")) as f:
            self.assertEqual(f.read(), "mine")

    def test_a_link(self):
        self.trapped(f"ln -sf {self.folder}/outside /c/stdout.log")

    def test_a_pipe(self):
        self.trapped("rm /c/stdout.log; mkfifo /c/stdout.log")

    def test_a_second_name(self):
        self.trapped("ln /c/stdout.log /c/other")

    def test_a_limit_on_the_size_of_files(self):
        """ulimit -f of who starts davit: the signal that comes with it ends neither davit nor, with that, the job's output."""
        limit = lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 16, resource.RLIM_INFINITY))
        process = self.start("run", "--rm", "--network", "none", "--results", self.dir, Machine.image, "sh", "-c", "seq 1 30000; exit 4", preexec_fn=limit)
        out, err = process.communicate()
        self.assertEqual(process.returncode, 4, err)
        self.assertTrue(out == "".join(f"{i}\n" for i in range(1, 30001)))
        if Machine.shim:  # that writes them, and has no such limit
            self.assertTrue(self.read("stdout.log").decode() == out)
        else:
            self.assertIn("output is lost: File too large", err)
            self.assertEqual(len(self.read("stdout.log")), 1 << 16)

    def test_a_full_disk(self):
        """The job goes on, and its log has all."""
        os.mkdir(self.dir)
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", self.dir], check=True)
        self.addCleanup(lambda: subprocess.run(["umount", "-l", self.dir], check=True))
        script = "seq 1 30000; exit 4"
        name = self.job("--results", self.dir, command=("sh", "-c", script))
        self.assertEqual(self.davit("wait", name).out, "4\n")
        whole = "".join(f"{i}\n" for i in range(1, 30001))
        wait_until("its log", lambda: self.davit("logs", name).out == whole)
        self.assertTrue(whole.encode().startswith(self.read("stdout.log")))
        self.assertGreater(len(self.read("stdout.log")), 0)
        lost = f"results {self.dir}/stdout.log: output is lost: No space left on device"
        self.assertEqual(self.davit("logs", name).err, f"davit: {lost}\n")
        self.assertEqual(self.json("inspect", name)[0]["results_lost"], lost)
        name = self.job("--results", self.dir, "--log-driver", "none", command=("sh", "-c", script))
        self.assertNotIn("results_lost", self.json("inspect", self.job("--results", self.folder, command=("true",)))[0])
        wait_until("what is said of it", lambda: self.json("inspect", name)[0].get("results_lost") == lost)
        mark = f"/run/davit/{Machine.ns}/{self.json('inspect', name)[0]['id']}.lost"
        self.assertTrue(os.path.exists(mark))
        self.davit("rm", "-f", name)
        self.assertFalse(os.path.exists(mark))
        done = self.run_sh(script, "--results", self.dir, code=4)
        self.assertTrue(done.out == whole)
