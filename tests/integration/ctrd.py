"""The client layer against this containerd: every function, by a program of its own."""
import subprocess
import unittest

from lib.case import Machine, tool
from lib.services import SOCKET


class Ctrd(unittest.TestCase):
    def run_with(self, snapshotter):
        done = subprocess.run([tool("test-ctrd"), SOCKET, snapshotter], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              text=True, errors="replace", timeout=120 * Machine.slow)
        if done.returncode == 77:
            self.skipTest(done.stdout.strip())
        self.assertEqual(done.returncode, 0, done.stdout)

    def test_overlayfs(self):
        self.run_with("overlayfs")

    def test_native(self):
        self.run_with("native")
