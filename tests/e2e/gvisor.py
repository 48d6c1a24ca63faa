"""gVisor's runsc as the engine, under davit's shim and under containerd's own: the job has another kernel, and all else is as ever.

runsc looks whether it may take the network's interfaces by a file that newer kernels show in every namespace, and tests have no right to
the host's cgroups: the jobs here have no network and no limits.
"""
import os
import shutil
import stat
import unittest

from lib.case import Case, Machine, wait_until

WRAPPER = "#!/bin/sh\nexec {} --network=none --ignore-cgroups --platform=ptrace \"$@\"\n"


@unittest.skipUnless(shutil.which("runsc"), "runsc is not installed")
class Gvisor(Case):
    def setUp(self):
        super().setUp()
        self.engine = os.path.join(self.folder, "runsc-here")
        with open(self.engine, "w") as f:
            f.write(WRAPPER.format(shutil.which("runsc")))
        os.chmod(self.engine, stat.S_IRWXU)

    @staticmethod
    def runtimes():
        return Machine.own_shim, "io.containerd.runc.v2"

    def flags(self, runtime):
        return ["--runtime", runtime, "--runtime-option", f"BinaryName={self.engine}", "--network", "none"]

    def test_the_kernel_is_gvisors(self):
        for runtime in self.runtimes():
            done = self.davit("run", "--rm", *self.flags(runtime), Machine.image, "sh", "-c", "dmesg; echo err >&2; exit 7", code=7)
            self.assertIn("Starting gVisor", done.out)
            self.assertEqual(done.err, "err\n")

    def test_a_tmpfs_that_begins_with_the_images(self):
        """runsc does not know the word: it is passed over, and the tmpfs is there."""
        for runtime in self.runtimes():
            out = self.davit("run", "--rm", *self.flags(runtime), "--read-only", "--tmpfs", "/run:tmpcopyup,mode=0755", Machine.image, "sh", "-c",
                             "touch /run/x && echo ok").out
            self.assertEqual(out, "ok\n")

    def test_exec_logs_kill(self):
        for runtime in self.runtimes():
            self.davit("run", "-d", "--name", "sandboxed", *self.flags(runtime), Machine.image, "sh", "-c", "echo up; exec sleep 1000")
            self.assertIn("Starting gVisor", self.davit("exec", "sandboxed", "dmesg").out)
            self.assertEqual(self.davit("exec", "sandboxed", "sh", "-c", "exit 9", code=9).out, "")
            self.assertEqual(self.davit("logs", "sandboxed").out, "up\n")
            self.davit("kill", "-s", "KILL", "sandboxed")
            self.assertEqual(self.davit("wait", "sandboxed").out.strip(), "137")
            self.davit("rm", "sandboxed")

    def test_a_signal_comes_to_the_program(self):
        """And not to the sandbox, which is the first process that the host sees."""
        for runtime in self.runtimes():
            self.davit("run", "-d", "--name", "sandboxed", *self.flags(runtime), Machine.image, "sh", "-c",
                       "trap 'exit 5' TERM; echo up; while :; do sleep 0.1; done")
            wait_until("its trap", lambda: self.davit("logs", "sandboxed").out == "up\n")
            self.davit("stop", "-t", "60", "sandboxed")
            self.assertEqual(self.davit("wait", "sandboxed").out.strip(), "5")
            self.davit("rm", "sandboxed")
