"""Output that cannot be written, that nobody reads, that is blocked; and what goes on without davit."""
import os
import subprocess

from lib.case import Case, Machine


class Lost(Case):
    """What is lost is an error: one line, and an exit code that says so."""

    def lost(self, *args, why="No space left on device", **kw):
        kw.setdefault("stdout", open("/dev/full", "w"))
        done = subprocess.run(self.command(args), stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, cwd=self.folder,
                              timeout=60 * Machine.slow, **kw)
        self.assertEqual(done.returncode, 125, f"{args}: {done.stderr}")
        lines = done.stderr.strip().splitlines()
        self.assertEqual(len(lines), 1, f"{args}: {done.stderr}")
        self.assertIn("standard output", lines[0])
        self.assertIn(why, lines[0])

    def test_of_each_command(self):
        name = self.job(command=("sh", "-c", "echo said; sleep 1000"))
        self.davit("logs", "-f", "--until", "1s", name)
        for args in (("ps",), ("images",), ("inspect", name), ("version",), ("help",), ("run", "--help"), ("volume", "ls"), ("logs", name),
                     ("completion", "bash"), ("run", "--dry-run", Machine.image), ("create", "--name", "made", Machine.image)):
            with self.subTest(args=args):
                self.lost(*args)
        self.davit("rm", "-f", "made", code=None)
