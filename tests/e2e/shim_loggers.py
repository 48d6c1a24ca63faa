"""Loggers of binary:// under davit's own shim: what one of them does or does not keeps nobody else waiting."""
import os
import time

from lib.case import Machine, wait_until
from lib.shim_case import ShimCase

LOGGER = """#!/bin/sh
%s
exec cat <&3 >"%s"
"""


class Loggers(ShimCase):
    def logger(self, name, first):
        path, log = os.path.join(self.folder, name), os.path.join(self.folder, name + ".log")
        with open(path, "w") as f:
            f.write(LOGGER % (first, log))
        os.chmod(path, 0o755)
        return ("--log-uri", f"binary://{path}"), log

    def test_output(self):
        flags, log = self.logger("logger", "exec 5>&-")
        self.task(*flags, command=("echo", "it is logged"))

        def logged():
            with open(log) as f:
                return f.read() == "it is logged\n"
        wait_until("its output", lambda: os.path.exists(log) and logged())

    def test_that_says_nothing(self):
        """It holds the pipe on which it is to say that it reads: this one task is not made, and the logger ends."""
        flags, _ = self.logger("silent", "exec sleep 1000")
        began = time.monotonic()
        done = self.ctr("run", "-d", "--runtime", Machine.shim, *self.with_options(f"BinaryName = '{Machine.engine}'"), *flags, self.image(),
                        "x-silent", "true", check=False)
        self.ctr("containers", "delete", "x-silent", check=False)
        self.assertIn("is not ready after 10 s", done.stderr)
        self.assertLess(time.monotonic() - began, 20 * Machine.slow)

    def test_beside_others(self):
        """Two tasks of one shim: while the one waits for its logger the other is asked, and answers."""
        group = "g-" + os.urandom(3).hex()
        first = self.task("--annotation", f"io.containerd.runc.v2.group={group}", command=("sleep", "1000"))
        flags, _ = self.logger("late", "sleep 4; exec 5>&-")
        id = "x-" + os.urandom(4).hex()
        self.addCleanup(lambda: self.ctr("containers", "delete", id, check=False))
        self.addCleanup(lambda: self.ctr("tasks", "delete", "-f", id, check=False))
        late = self.ctr_begin("run", "-d", "--runtime", Machine.shim, "--annotation", f"io.containerd.runc.v2.group={group}",
                              *self.with_options(f"BinaryName = '{Machine.engine}'"), *flags, self.image(), id, "true")
        wait_until("its logger", lambda: self.logger_runs("late"))
        began = time.monotonic()
        self.exec(first, "beside", "true").communicate(timeout=20 * Machine.slow)
        self.assertIsNone(late.poll())
        self.assertLess(time.monotonic() - began, 3 * Machine.slow)
        out, _ = late.communicate(timeout=30 * Machine.slow)
        self.assertEqual((late.returncode, out), (0, ""))

    def logger_runs(self, name):
        path = os.path.join(self.folder, name).encode()
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{pid}/cmdline", "rb") as f:
                    words = f.read().split(b"\0")
                if words[0] == b"/bin/sh" and path in words:
                    return True
            except OSError:
                pass
        return False
