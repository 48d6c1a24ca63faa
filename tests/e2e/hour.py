"""What a new user meets in the first hour: narrow terminals, plain locales, --debug, plans, templates."""
import fcntl
import os
import pty
import re
import struct
import subprocess
import termios

from lib.case import Case, Machine


class Narrow(Case):
    def shown(self, columns, *args, **env):
        """What a terminal of so many columns is sent."""
        clean = {k: v for k, v in os.environ.items() if k not in ("COLUMNS", "LC_ALL", "LC_CTYPE", "LANG")}
        master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        process = subprocess.Popen(self.command(args), stdin=slave, stdout=slave, stderr=slave, env=dict(clean, **env), cwd=self.folder)
        os.close(slave)
        seen = b""
        try:
            while data := os.read(master, 65536):
                seen += data
        except OSError:
            pass  # its last writer has gone
        finally:
            os.close(master)
        self.assertEqual(process.wait(), 0)
        return re.sub(r"\x1b\[[0-9;]*[A-Za-z]", "", seen.decode().replace("\r", ""))

    def test_ps_fits_any_width(self):
        name = self.job("-p", "22187:80", "-p", "127.0.0.1:22188:81/udp", name="a-fairly-long-name", network="davit")
        for columns in (24, 30, 40, 60, 80, 100, 200):
            with self.subTest(columns=columns):
                text = self.shown(columns, "ps", LANG="C.UTF-8")
                self.assertLessEqual(max(map(len, text.splitlines())), columns, text)
                for part in (name, "0.0.0.0:22187->80/tcp", "127.0.0.1:22188->81/udp"):
                    self.assertIn(part, text)

    def test_the_shell_s_columns_win(self):
        self.job(name="a-fairly-long-name")
        text = self.shown(150, "ps", COLUMNS="50")
        self.assertLessEqual(max(map(len, text.splitlines())), 50, text)

    def test_a_pipe_is_never_narrow(self):
        name = self.job(command=("sh", "-c", "sleep 1000; : " + "0" * 300))
        self.assertIn("0" * 300, next(line for line in self.davit("ps", "--no-trunc").out.splitlines() if name in line))
        self.assertIn("0" * 300, next(line for line in self.davit("ps").out.splitlines() if name in line))

    def test_the_c_locale_is_ascii(self):
        self.job("-l", "x=ü", command=("sh", "-c", "sleep 1000; echo größe"))
        for args in (("ps",), ("ps", "--no-trunc"), ("images",), ("volume", "ls"), ("doctor",), ("version",), ("help",), ("help", "run")):
            for env in ({"LC_ALL": "C"}, {}):
                with self.subTest(args=args, env=env):
                    text = self.shown(60, *args, **env) if args[0] != "doctor" else self.davit(*args, code=None, env=env).out
                    self.assertTrue(text.isascii(), text)


class Seeing(Case):
    def test_debug_says_each_step(self):
        err = self.davit("--debug", "run", "--rm", "--network", "none", Machine.image, "true").err
        for step in ("claim", "image", "snapshot", "container", "task", "start"):
            self.assertIn(f"davit: debug: step {step}: begins\n", err)
            self.assertRegex(err, rf"davit: debug: step {step}: done after \d+\.\d ms\n")
        self.assertRegex(err, r"davit: debug: asks containerd /containerd.services.tasks.v1.Tasks/Create")
        self.assertRegex(err, r"davit: debug: containerd answered /containerd.services.tasks.v1.Tasks/Create after \d+\.\d ms\n")

    def test_debug_names_the_plugins(self):
        err = self.davit("--debug", "run", "--rm", Machine.image, "true").err
        self.assertRegex(err, r"davit: debug: process \d+: /\S+/bridge\n")
        self.assertRegex(err, r"davit: debug: process \d+: exit status 0 after \d+\.\d ms\n")

    def test_a_plan_says_how_it_would_start(self):
        for flags, says in (((), "in the foreground"), (("-d",), "detached"), (("-it",), "in the foreground")):
            last = self.davit("run", "--dry-run", *flags, Machine.image, "sh").out.splitlines()[-1]
            self.assertRegex(last, f"start: {says}$")
        self.assertNotIn("start:", self.davit("create", "--dry-run", Machine.image, "sh").out)

    def test_every_line_for_people_begins_with_davit(self):
        for args in (("rm", "-f", "no-such-job"), ("-n", "empty-one", "ps"), ("-n", "empty-one", "images"), ("image", "rm", "-f", "no/such:1"),
                     ("stop", "no-such-job"), ("--debug", "ps")):
            with self.subTest(args=args):
                err = self.davit(*args, code=None).err
                for line in err.splitlines():
                    self.assertTrue(line.startswith("davit: "), line)

    def test_an_empty_name_is_an_absent_one(self):
        out = self.davit("run", "--rm", "--network", "none", "--name", "", "-h", "", Machine.image, "hostname").out.strip()
        self.assertTrue(out)
        self.assertFalse(re.search(r"\s", out))
