"""What every case of tests/cri stands on: a test runs under the stock shim and then under ours, and what it returns has to be the
same; one that does not pass under the stock shim says nothing about ours, and fails too."""
import contextlib
import functools
import os
import re
import shutil
import tempfile
import unittest

from lib import cri, leaks
from lib.case import Machine


STOCK_SHIM = re.compile(r"^process \d+ \S*containerd-shim-runc-v2 ")  # one that it leaves is its own matter


def on_both(test):
    """Decorates a test: @test(self) uses self.pod(), of the handler that it is run for."""
    @functools.wraps(test)
    def run(self):
        seen = {}
        for handler in cri.HANDLERS:
            with self.subTest(handler=handler), self._under(handler):
                seen[handler] = test(self)
        if len(seen) == len(cri.HANDLERS):
            self.assertEqual(seen[cri.OURS], seen[cri.STOCK], "ours is not as the stock shim")
    return run


def without_ids(text):
    """Words that are different each time are the same in two texts."""
    return re.sub(r"[0-9a-f]{64}|\bp[0-9a-f]{6}\b|\bc[0-9a-f]{6}\b", "ID", text)


class CriCase(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        self.before = leaks.before(type(self), Machine.containerd)
        self.folder = tempfile.mkdtemp(prefix="case.", dir=Machine.work)
        self.addCleanup(self._look_for_leaks)

    def _look_for_leaks(self):
        left = [what for what in leaks.since(self.before, Machine.containerd, 5.0 * Machine.slow, type(self)) if not STOCK_SHIM.search(what)]
        shutil.rmtree(self.folder, ignore_errors=True)
        self.assertEqual(left, [], "left behind")

    @contextlib.contextmanager
    def _under(self, handler):
        self.handler = handler
        with contextlib.ExitStack() as self.stack:
            yield

    def pod(self, **config):
        pod = cri.Pod(self.handler, self.folder, **config)
        self.stack.callback(pod.end)
        return pod

    def container(self, *command, pod=None, **config):
        """Running, in a pod of its own, or of @pod: {network="POD", ...}."""
        return self.pod(**(pod or {})).run(*command, **config)

    def file(self, name, text):
        path = os.path.join(self.folder, name)
        with open(path, "w") as f:
            f.write(text)
        return path
