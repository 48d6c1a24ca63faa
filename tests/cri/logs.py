"""What a container writes, as the CRI plugin keeps it: lines of both streams, rotation, what is written while nobody reads."""
import os
import re

from lib import cri
from lib.case import wait_until
from lib.cri_case import CriCase, on_both

LINE = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+(Z|[+-]\d\d:\d\d) (stdout|stderr) [FP] ")


class Logs(CriCase):
    @on_both
    def test_lines(self):
        c = self.container("sh", "-c", "echo one; echo two >&2; printf three; echo; echo; printf end")
        c.wait()
        wait_until("the log", lambda: "end" in c.log())
        for line in c.log().splitlines():
            self.assertRegex(line, LINE)
        self.assertEqual((c.printed(), c.printed("stderr")), ("one\nthree\n\nend", "two\n"))
        return [line.split(" ", 1)[1] for line in sorted(c.log().splitlines(), key=lambda text: text.split(" ", 1)[1])]

    @on_both
    def test_long_lines(self):
        """Above 16 KiB a line comes in parts."""
        c = self.container("sh", "-c", "head -c 50000 /dev/zero | tr '\\0' x; echo; echo short")
        c.wait()
        wait_until("the log", lambda: "short" in c.log())
        self.assertEqual(c.printed(), "x" * 50000 + "\nshort\n")
        return [(line.split(" ", 3)[2], len(line.split(" ", 3)[3])) for line in c.log().splitlines()]

    @on_both
    def test_much(self):
        """Every line, in its order, of a writer that is faster than the log."""
        c = self.container("sh", "-c", "seq 1 60000; exec sleep 1000")
        wait_until("the log", lambda: c.log().endswith(" 60000\n"), 60)
        self.assertEqual(c.printed().split(), [str(i) for i in range(1, 60001)])

    @on_both
    def test_rotation(self):
        """The file is renamed while the container writes; after the reopening a new one has what follows, and nothing is lost."""
        c = self.container("sh", "-c", "i=0; while :; do i=$((i+1)); echo $i; sleep 0.01; done")
        for generation in (1, 2, 3):
            wait_until("some lines", lambda: len(c.log().splitlines()) > 10)
            os.rename(c.log_path, f"{c.log_path}.{generation}")
            cri.call("ReopenContainerLog", container_id=c.id)
        wait_until("some lines", lambda: len(c.log().splitlines()) > 10)
        c.stop()
        text = ""
        for path in [f"{c.log_path}.{g}" for g in (1, 2, 3)] + [c.log_path]:
            with open(path) as f:
                text += cri.text_of(f.read())
        numbers = [int(word) for word in text.split()]
        self.assertEqual(numbers, list(range(1, len(numbers) + 1)))
        return cri.status_of("ReopenContainerLog", container_id=c.id)

    @on_both
    def test_terminal(self):
        c = self.container("sh", "-c", "tty; echo out; echo err >&2", tty=True)
        c.wait()
        wait_until("the log", lambda: "err" in c.log())
        self.assertEqual(c.printed("stderr"), "")
        seen = c.printed().replace("\r", "")
        self.assertEqual(seen, "/dev/pts/0\nout\nerr\n")
        return seen

    @on_both
    def test_child_goes_on(self):
        """What a child writes after its parent's end is lost with it in a pid namespace of its own, and kept in a shared one."""
        pod = self.pod(pid="POD")
        c = pod.run("sh", "-c", "(sleep 1; echo late) & echo early")
        c.wait()
        wait_until("the log", lambda: "early" in c.printed())
        return c.printed()
