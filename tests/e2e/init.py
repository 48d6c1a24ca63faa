"""--init: davit-init is the first process, and the job's command its child. Provision scripts run before the command."""
import json
import os
import signal
import time

from lib.case import Case, Machine, Terminal, wait_until

ORPHAN = "(sh -c 'exec sleep 0.1' &) ; (sh -c 'exec sleep 1000' &); "


class Init(Case):
    def processes(self, name):
        """{pid: (state, parent, command)} inside."""
        out = self.davit("exec", name, "sh", "-c", "cat /proc/[0-9]*/stat").out
        rows = (line.replace("(", ")").split(")") for line in out.splitlines())
        return {int(pid): (rest.split()[0], int(rest.split()[1]), command) for pid, command, rest in rows}

    def test_first_process_and_orphans(self):
        name = self.job("--init", command=("sh", "-c", ORPHAN + "exec sleep 1000"))
        wait_until("the orphans", lambda: sum(c == "sleep" for _, _, c in self.processes(name).values()) == 2)
        found = self.processes(name)
        self.assertEqual(found[1][2], "davit-init")
        self.assertEqual({parent for pid, (_, parent, command) in found.items() if command == "sleep"}, {1})
        self.assertNotIn("Z", [state for state, _, _ in found.values()])

    def test_without_it_an_orphan_stays(self):
        name = self.job(command=("sh", "-c", ORPHAN + "exec sleep 1000"))
        wait_until("the zombie", lambda: "Z" in [state for state, _, _ in self.processes(name).values()])

    def test_codes(self):
        for script, code in (("exit 7", 7), ("kill -9 $$", 137), ("true", 0)):
            self.davit("run", "--rm", "--init", "--network", "none", Machine.image, "sh", "-c", script, code=code)
        self.davit("run", "--rm", "--init", "--network", "none", Machine.image, "no-such-program", code=127)
        self.davit("run", "--rm", "--init", "--network", "none", Machine.image, "/etc/passwd", code=126)

    def test_signals(self):
        for sig in ("TERM", "USR1", "QUIT"):
            name = self.job("--init", "--stop-signal", sig, command=("sh", "-c", f"trap 'echo got; exit 5' {sig}; echo up; while :; do sleep 0.05; done"))
            wait_until("it listens", lambda: "up" in self.davit("logs", name).out)
            began = time.monotonic()
            self.davit("stop", "-t", "30", name)
            self.assertLess(time.monotonic() - began, 15 * Machine.slow)
            self.assertEqual(self.davit("wait", name).out.strip(), "5")
            self.assertIn("got", self.davit("logs", name).out)
        # a signal without a handler ends the command, which as first process it would not, nor does it end the engine's
        name = self.job("--init", command=("sleep", "1000"))
        wait_until("the command", lambda: self.davit("exec", name, "pidof", "sleep", code=None).code == 0)
        self.davit("kill", "-s", "USR2", name)
        self.assertEqual(self.davit("wait", name).out.strip(), str(128 + signal.SIGUSR2))

    def test_terminal(self):
        term = Terminal(self, "run", "--rm", "-it", "--init", "--network", "none", Machine.image, "sh", "-c",
                        "trap 'echo INTERRUPTED; exit 9' INT; tty; cat /proc/1/comm; echo READY; while :; do sleep 0.05; done")
        term.expect("READY")
        term.type("\x03")
        term.expect("INTERRUPTED")
        self.assertEqual(term.wait(), 9)

    def test_exec_and_read_only_and_users(self):
        name = self.job("--init", "--read-only", "-u", "1000:1000", "--cap-drop", "ALL", command=("sleep", "1000"))
        self.assertEqual(self.davit("exec", name, "id", "-u").out.strip(), "1000")
        self.assertEqual(self.davit("exec", name, "cat", "/proc/1/comm").out.strip(), "davit-init")
        self.davit("exec", name, "sh", "-c", "echo >>/dev/davit-init", code=1)

    def test_it_may_be_started_again(self):
        name = self.job("--init", command=("sh", "-c", "echo run; exit 3"))
        self.davit("wait", name)
        self.davit("start", name)
        wait_until("its second end", lambda: self.davit("logs", name).out.count("run") == 2 and self.state(name) == "exited")
        self.assertEqual(self.davit("wait", name).out.strip(), "3")

    def test_nothing_of_it_stays_in_the_image(self):
        name = self.job("--init", command=("true",))
        self.davit("wait", name)
        tar = os.path.join(self.folder, "x.tar")
        self.davit("export", "-o", tar, name)
        with open(tar, "rb") as f:
            self.assertNotIn(b"davit-init", f.read())

    def test_own_dev(self):
        before = set(os.listdir("/dev"))
        name = self.job("--init", "-v", "/dev:/dev", command=("sleep", "1000"))
        self.assertIn("davit-init", self.davit("exec", name, "cat", "/proc/1/comm").out)
        self.assertEqual(set(os.listdir("/dev")) - before, set())


class Provision(Case):
    def job_of(self, scripts, command, **task):
        paths = []
        for i, text in enumerate(scripts):
            path = os.path.join(self.folder, f"s{i}.sh")
            with open(path, "w") as f:
                f.write(text)
            paths.append(path)
        file = os.path.join(self.folder, "job.json")
        with open(file, "w") as f:
            json.dump({"name": "p-" + os.urandom(4).hex(), "network": "none",
                       "tasks": [{"image": Machine.image, "provision": paths, "args": command, **task}]}, f)
        return file

    def run_file(self, *args, code=None, **kw):
        file = self.job_of(*args, **kw)
        with open(file) as f:
            name = json.load(f)["name"]
        self.addCleanup(lambda: self.davit("rm", "-f", name, code=None))
        self.davit("run", "-d", "-f", file, code=code)
        wait_until("its end", lambda: self.state(name) == "exited")
        return name, self.davit("logs", name).out

    def test_in_order_before_the_command(self):
        for init in (False, True):
            name, text = self.run_file(["echo one >/tmp/x; echo $A >>/tmp/x\n", "#!/bin/sh\npwd >>/tmp/x\n"],
                                       ["sh", "-c", "cat /tmp/x; cat /proc/1/comm; exit 3"], env=["A=b"], cwd="/etc", init=init)
            self.assertEqual(text.split(), ["one", "b", "/etc", "davit-init" if init else "sh"])
            self.assertEqual(self.davit("wait", name).out.strip(), "3")

    def test_one_that_fails(self):
        name, text = self.run_file(["exit 7\n", "echo never\n"], ["echo", "never"])
        self.assertEqual(self.davit("wait", name).out.strip(), "7")
        self.assertNotIn("never", text)
        self.assertIn("script failed, exit code 7", text + self.davit("logs", name).err)

    def test_with_a_user_namespace_and_read_only(self):
        name, text = self.run_file(["id -u; stat -c %u $0\n"], ["stat", "-c", "%u", "/etc/passwd"], userns="private", read_only=True)
        self.assertEqual(text.split(), ["0"] * 3)

    def test_one_that_is_not_there(self):
        file = self.job_of([], ["true"], provision=["/no/such.sh"])
        self.fails("run", "-f", file, says="provision script /no/such.sh")
