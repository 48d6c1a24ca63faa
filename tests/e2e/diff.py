"""davit diff: what a job has changed, as docker diff says it."""
import json

from lib.case import Case, Machine, choose_snapshotter, wait_until


class Diff(Case):
    snapshotter = "overlayfs"

    def setUp(self):
        super().setUp()
        choose_snapshotter(self, self.snapshotter)

    def lines(self, job, *flags):
        return self.davit("diff", *flags, job).out.splitlines()

    def ran(self, script, *flags):
        name = self.job(*flags, command=("sh", "-c", script))
        self.davit("wait", name, code=None)
        return name

    def test_nothing(self):
        job = self.job()
        self.assertEqual(self.lines(job), [])
        self.davit("stop", "-t", "0", job)
        self.assertEqual(self.lines(job), [])
        made = "t-diff-made"
        self.addCleanup(lambda: self.davit("rm", "-f", made, code=None))
        self.davit("create", "--name", made, "--network", "none", Machine.image, "true")
        self.assertEqual(self.lines(made), [])

    SCRIPT = ("echo x >>/etc/passwd; rm /etc/group; mkdir -p /new/sub; echo x >/new/sub/file; ln -s /nowhere /link; mkfifo /pipe; "
              "touch /gone; rm /gone; chmod 700 /root; echo x >/etc/added")
    WANTED = ["C /etc", "A /etc/added", "D /etc/group", "C /etc/passwd", "A /link", "A /new", "A /new/sub", "A /new/sub/file", "A /pipe", "C /root"]

    def test_kinds(self):
        job = self.ran(self.SCRIPT)
        self.assertEqual(self.lines(job), self.WANTED)
        rows = [json.loads(line) for line in self.lines(job, "--format", "json")]
        self.assertEqual([f"{r['Type']} {r['Path']}" for r in rows], self.WANTED)
        self.assertEqual(self.lines(job, "--format", "{{.Type}}={{.Path}}")[0], "C=/etc")
        running = self.job(command=("sh", "-c", self.SCRIPT + "; touch /ready; sleep 1000"))
        wait_until("its script", lambda: "A /ready" in self.lines(running))
        self.assertEqual([x for x in self.lines(running) if x != "A /ready"], self.WANTED)

    def test_a_folder_that_was_replaced(self):
        job = self.ran("rm -r /etc; mkdir /etc; echo mine >/etc/passwd; mkdir /etc/own; rm -r /root; rm -r /home; echo >/home")
        lines = self.lines(job)
        for line in ("C /etc", "C /etc/passwd", "A /etc/own", "D /etc/group"):
            self.assertIn(line, lines)
        self.assertNotIn("A /etc/passwd", lines)
        self.assertIn("D /root", lines)

    def test_a_changed_file_alone_does_not_change_its_folder(self):
        self.assertEqual(self.lines(self.ran("echo x >>/etc/passwd")), ["C /etc/passwd"])

    def test_mounts_are_not_its_own(self):
        self.addCleanup(lambda: self.remove_volumes("diff-volume"))
        job = self.ran("echo x >/v/x; echo x >/data/deep/y; echo x >/here", "-v", "diff-volume:/v", "-v", self.folder + ":/data/deep")
        self.assertEqual([x for x in self.lines(job) if x != "A /data"], ["A /here"])

    def test_hostile(self):
        deep = "i=0; while [ $i -lt 300 ]; do mkdir d && cd d || break; i=$((i+1)); done"
        job = self.ran("ln -s / /root-again; ln -s loop /loop; touch /$(printf 'n\\377\\033[31m') '/a b\nc'; mknod /dev-zero c 1 5; mknod /white c 0 0")
        rows = [json.loads(line)["Path"] for line in self.lines(job, "--format", "json")]
        self.assertIn("/a b\nc", rows)
        self.assertIn("/root-again", rows)
        self.assertIn("/dev-zero", rows)
        self.assertFalse([x for x in rows if x.startswith("/root-again/")])
        self.fails("diff", self.ran(deep), says=["deeper"])
        swap = self.job(command=("sh", "-c", "while :; do mkdir -p /s/d; echo >/s/d/x; rm -r /s/d; ln -s /etc /s/d; rm /s/d; done"))
        wait_until("its folder", lambda: "A /s" in self.lines(swap))
        for _ in range(20):
            self.assertFalse([x for x in self.lines(swap) if x.startswith("A /s/d/") and x != "A /s/d/x"])

    def test_refusals(self):
        self.fails("diff", "no-such-job", says=["no-such-job"])
        self.fails("diff", "--format", "{{.Nothing}}", "x", says=["Nothing"])


class DiffOfNative(Diff):
    """A snapshotter that keeps no changes apart: both trees are compared."""
    snapshotter = "native"
