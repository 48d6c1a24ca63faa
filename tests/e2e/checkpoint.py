"""checkpoint, and a start from one. CRIU itself need not work here: a stand-in for the engine and for criu says what they are asked, and what
stands in the way of the real ones is one line."""
import os
import shutil
import stat

from lib.case import Case, Machine, wait_until

ENGINE = """#!/usr/bin/env python3
import os, subprocess, sys
words, real = sys.argv[1:], "{real}"
verb = next((w for w in words if w in ("checkpoint", "restore")), None)
if verb:
    with open("{log}", "a") as f:
        f.write(" ".join(words) + "\\n")
if words == ["--version"]:
    print(subprocess.check_output([real, "--version"], text=True).rstrip() + " +CRIU")
    sys.exit()
if not verb:
    os.execv(real, [real] + words)
at = words.index(verb)
flags, own, id = words[:at], words[at + 1:], words[-1]
value = lambda flag: own[own.index(flag) + 1]
if verb == "checkpoint":
    if os.path.exists("{log}.fails"):
        sys.exit("no checkpoint today")
    os.makedirs(value("--image-path"), exist_ok=True)
    open(os.path.join(value("--image-path"), "core-1.img"), "w").close()
    if "--leave-running" not in own:
        sys.exit(subprocess.call([real] + flags + ["kill", id, "KILL"]))
else:
    assert os.path.exists(os.path.join(value("--image-path"), "core-1.img"))
    sys.exit(subprocess.call([real] + flags + ["create", "--bundle", value("--bundle"), "--pid-file", value("--pid-file"), id])
             or subprocess.call([real] + flags + ["start", id]))
"""


class Checkpoint(Case):
    def setUp(self):
        super().setUp()
        if Machine.shim:
            self.skipTest("of the stock shim")
        self.log, self.engine, self.to = (os.path.join(self.folder, name) for name in ("log", "engine", "frozen"))
        with open(self.engine, "w", encoding="utf-8") as f:
            f.write(ENGINE.format(real=shutil.which(Machine.engine), log=self.log))
        self.programs = os.path.join(self.folder, "bin")
        os.mkdir(self.programs)
        os.chmod(self.engine, 0o755)
        self.criu(0)

    def criu(self, code, says=""):
        path = os.path.join(self.programs, "criu")
        with open(path, "w", encoding="utf-8") as f:
            f.write(f"#!/bin/sh\necho '{says}' >&2\nexit {code}\n")
        os.chmod(path, stat.S_IRWXU)

    @property
    def env(self):
        return {**os.environ, "PATH": self.programs + ":" + os.environ["PATH"]}

    def with_engine(self, name):
        self.davit("run", "-d", "--name", name, "--network", "none", "--runtime", "runc", "--runtime-option", "BinaryName=" + self.engine,
                   Machine.image, "sleep", "1000")
        self.addCleanup(self.davit, "rm", "-f", name, code=None)
        return name

    def asked(self):
        with open(self.log, encoding="utf-8") as f:
            return f.read().splitlines()

    def test_there_and_back(self):
        name = self.with_engine("c-back")
        self.assertEqual(self.davit("checkpoint", name, self.to, env=self.env).out, self.to + "\n")
        wait_until("its end", lambda: self.state(name) == "exited")
        self.assertEqual(os.listdir(self.to), ["core-1.img"])
        self.assertEqual(stat.S_IMODE(os.stat(self.to).st_mode), 0o700)
        self.assertIn("--image-path " + self.to, self.asked()[0])
        self.davit("start", "--checkpoint", self.to, name)
        self.assertEqual(self.state(name), "running")
        self.assertIn("restore", self.asked()[-1])
        self.assertIn("--image-path " + self.to, self.asked()[-1])

    def test_it_may_run_on(self):
        name = self.with_engine("c-on")
        self.davit("checkpoint", "--leave-running", name, self.to, env=self.env)
        self.assertEqual(self.state(name), "running")
        self.assertIn("--leave-running", self.asked()[0])
        self.fails("checkpoint", name, self.to, env=self.env, says=[self.to, "exists"])

    def test_a_failure_leaves_nothing(self):
        name = self.with_engine("c-fails")
        with open(self.log + ".fails", "w", encoding="utf-8"):
            pass
        self.fails("checkpoint", name, self.to, env=self.env, says=["checkpoint of job c-fails"])
        self.assertFalse(os.path.exists(self.to))
        self.assertEqual(self.state(name), "running")

    def test_what_stands_in_its_way(self):
        name = self.with_engine("c-no")
        self.criu(1, "Error (criu/vdso.c:381): vdso: Unexpected rt vDSO area bounds")
        self.fails("checkpoint", name, self.to, env=self.env, says=["criu cannot work on this host: vdso: Unexpected rt vDSO area bounds"])
        os.unlink(os.path.join(self.programs, "criu"))
        if not shutil.which("criu"):
            self.fails("checkpoint", name, self.to, env=self.env, says=["there is no criu on this host"])
        self.davit("stop", "-t", "1", name)
        self.fails("checkpoint", name, self.to, says=["is not running", "davit start c-no"])
        self.fails("start", "--checkpoint", "/not/there", name, says=["/not/there"])
        self.fails("checkpoint", "no-such", self.to, says=["no-such"])
        tty = self.job("-t", name="c-tty")
        self.fails("checkpoint", tty, self.to, says=["it has a terminal"])
        if Machine.engine == "crun":
            self.fails("checkpoint", self.job(name="c-crun"), self.to, says=["was built without CRIU", "--runtime runc"])
        self.assertFalse(os.path.exists(self.to))
