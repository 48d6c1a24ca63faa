"""Jobs on snapshotters that keep no changes apart: commit, cp and export work as on overlayfs (diff.py has diff), and nothing of a look stays."""
import io
import os
import shutil
import signal
import subprocess
import tarfile

from lib.case import Case, Machine, choose_snapshotter, freeze, wait_until


class Native(Case):
    SCRIPT = "echo kept >/kept; rm /etc/group; mkdir /d; echo x >/d/x; chown 12:34 /d/x; chmod 4711 /d/x; ln -s / /d/link; mknod /d/null c 1 3"
    CHECK = "cat /kept; ls -d /etc/group 2>/dev/null; stat -c '%u:%g %a' /d/x; readlink /d/link; test -c /d/null && echo null"

    def setUp(self):
        super().setUp()
        choose_snapshotter(self, "native")

    def made(self, script, ends):
        name = self.job(command=("sh", "-c", script + ("" if ends else "; touch /ready; sleep 1000")))
        if ends:
            self.davit("wait", name, code=None)
        else:
            wait_until("its script", lambda: self.davit("exec", name, "test", "-e", "/ready", code=None).code == 0)
        self.assertEqual(self.json("inspect", name)[0]["snapshotter"], "native")
        return name

    def either(self):
        for ends in (True, False):
            with self.subTest(ends=ends):
                yield self.made(self.SCRIPT, ends)

    def leases(self):
        return [x for x in Machine.containerd.ctr("leases", "ls", "-q", ns=Machine.ns).stdout.split() if x.startswith("davit-scratch-")]

    def views(self):
        rows = Machine.containerd.ctr("snapshots", "--snapshotter", "native", "ls", ns=Machine.ns).stdout.splitlines()
        return [row for row in rows if row.rstrip().endswith("View")]

    def locks(self):
        return [x for x in os.listdir(os.path.join("/run/davit", Machine.ns)) if x.endswith(".scratch")]

    def nothing_left(self):
        self.assertEqual((self.leases(), self.views(), self.locks()), ([], [], []))

    def test_commit(self):
        for job in self.either():
            self.davit("commit", job, "native:1")
            self.addCleanup(lambda: self.davit("image", "rm", "native:1", code=None))
            for snapshotter in ("native", "overlayfs"):
                done = self.davit("--snapshotter", snapshotter, "run", "--rm", "--network", "none", "native:1", "sh", "-c", self.CHECK, code=None)
                self.assertEqual(done.out, "kept\n12:34 4711\n/\nnull\n")
            self.nothing_left()

    def test_cp(self):
        with open(os.path.join(self.folder, "in"), "w", encoding="utf-8") as f:
            f.write("from here\n")
        for job in self.either():
            self.davit("cp", f"{job}:/d/link/etc/passwd", "out")  # beneath the job's root, never the host's
            with open(os.path.join(self.folder, "out"), encoding="utf-8") as f:
                self.assertNotIn("nobody-else", f.read())
            self.davit("cp", f"{job}:/kept", "out")
            with open(os.path.join(self.folder, "out"), encoding="utf-8") as f:
                self.assertEqual(f.read(), "kept\n")
            self.davit("cp", "in", f"{job}:/d/in")
            self.assertIn("A /d/in", self.davit("diff", job).out.splitlines())
            self.davit("cp", f"{job}:/d/in", "back")
            with open(os.path.join(self.folder, "back"), encoding="utf-8") as f:
                self.assertEqual(f.read(), "from here\n")

    def test_export(self):
        for job in self.either():
            done = subprocess.run([Machine.davit, "export", job], capture_output=True, check=True)
            with tarfile.open(fileobj=io.BytesIO(done.stdout)) as tar:
                members = {m.name.rstrip("/"): m for m in tar.getmembers()}
                self.assertEqual(tar.extractfile("kept").read(), b"kept\n")
            self.assertNotIn("etc/group", members)
            self.assertEqual((members["d/x"].uid, members["d/x"].gid, members["d/x"].mode), (12, 34, 0o4711))
            self.assertEqual(members["d/link"].linkname, "/")

    # -- what a look leaves

    MANY = "mkdir /many; cd /many; i=0; while [ $i -lt 4000 ]; do : >some-long-name-of-a-file-that-fills-a-pipe-$i; i=$((i+1)); done"

    def begun(self, job):
        """A diff that nobody reads from, with its view."""
        process = self.start("diff", job)
        wait_until("its output", lambda: process.stdout.buffer.peek(1))
        self.assertEqual((len(self.leases()), len(self.views()), len(self.locks())), (1, 1, 1))
        return process

    def test_a_reader_that_leaves(self):
        job = self.made(self.MANY, True)
        process = self.begun(job)
        process.stdout.close()
        process.wait()
        process.stdout = None
        self.nothing_left()

    def test_a_diff_that_is_killed(self):
        job = self.made(self.MANY, True)
        process = self.begun(job)
        self.assertNotIn("scratch", self.davit("prune", "--dry-run").out)  # somebody is at work
        self.davit("prune")
        self.assertEqual((len(self.leases()), len(self.views())), (1, 1))
        process.kill()
        process.wait()
        self.assertIn(self.leases()[0], self.davit("prune", "--dry-run").out)
        self.assertEqual((len(self.leases()), len(self.views())), (1, 1))
        self.assertIn(self.leases()[0], self.davit("reconcile").out)
        self.nothing_left()

    def test_a_commit_whose_processes_are_all_killed(self):
        job = self.made("dd if=/dev/urandom of=/big bs=1M count=64 2>/dev/null", False)
        process = self.start("commit", job, "native:never")
        wait_until("the pause", lambda: self.state(job) == "paused" or process.poll() is not None)
        freeze(process.pid)
        with open(f"/proc/{process.pid}/task/{process.pid}/children", encoding="utf-8") as f:
            helpers = [int(pid) for pid in f.read().split()]
        self.davit("prune")
        self.assertEqual(len(self.leases()), 1)
        for pid in helpers + [process.pid]:
            os.kill(pid, signal.SIGKILL)
        process.wait()
        self.davit("prune")
        self.assertEqual(self.state(job), "running")
        wait_until("the end of what containerd was at", lambda: not self.leases() and not self.views() and not self.locks())


class Blockfile(Case):
    """Files as disks, by loop devices: what runs is looked at through the device that it has."""
    WANTED = ["C /etc", "D /etc/group", "C /etc/passwd", "A /new", "A /new/f"]

    def setUp(self):
        super().setUp()
        containerd = Machine.containerd
        if "blockfile" not in containerd.ctr("plugins", "ls").stdout:
            self.skipTest("this containerd has no such snapshotter")
        if not shutil.which("mkfs.ext4") or not os.path.exists("/dev/loop-control"):
            self.skipTest("no mkfs.ext4 or no loop devices")
        with open(containerd.config, "r+", encoding="utf-8") as f:
            if "blockfile" not in f.read():
                disk = os.path.join(Machine.work, "scratch.img")
                subprocess.run(["truncate", "-s", "32M", disk], check=True)
                subprocess.run(["mkfs.ext4", "-q", disk], check=True)
                f.write(f'[plugins."io.containerd.snapshotter.v1.blockfile"]\n  root_path = "{Machine.work}/blockfile"\n'
                        f'  scratch_file = "{disk}"\n  fs_type = "ext4"\n  mount_options = []\n')
        containerd.restart()
        choose_snapshotter(self, "blockfile")

    def test_each_verb(self):
        with open(os.path.join(self.folder, "in"), "w", encoding="utf-8") as f:
            f.write("from here\n")
        job = self.job(command=("sh", "-c", "test -e /new || { echo x >>/etc/passwd; rm /etc/group; mkdir /new; echo a >/new/f; }; sleep 1000"))
        lines = lambda: self.davit("diff", job).out.splitlines()
        wait_until("its script", lambda: lines() == self.WANTED)
        self.fails("commit", job, "block:1", says=["blockfile", "davit stop"])
        self.davit("cp", "in", f"{job}:/new/in")
        self.assertEqual(lines(), self.WANTED + ["A /new/in"])
        self.davit("stop", "-t", "0", job)
        self.assertEqual(lines(), self.WANTED + ["A /new/in"])
        self.davit("cp", "in", f"{job}:/new/second")
        self.davit("start", job)
        self.assertEqual(self.davit("exec", job, "cat", "/new/second").out, "from here\n")
        self.davit("stop", "-t", "0", job)
        with tarfile.open(fileobj=io.BytesIO(subprocess.run([Machine.davit, "export", job], capture_output=True, check=True).stdout)) as tar:
            self.assertEqual(tar.extractfile("new/in").read(), b"from here\n")
        self.davit("commit", job, "block:1")
        self.addCleanup(lambda: self.davit("image", "rm", "block:1", code=None))
        self.assertEqual(self.davit("run", "--rm", "--network", "none", "block:1", "cat", "/new/f").out, "a\n")

    def made_with_many(self):
        """One that has ended, with more to tell than a pipe takes."""
        job = self.job(command=("sh", "-c", Native.MANY + "; echo a >/new"))
        self.davit("wait", job, code=None)
        self.davit("stop", job)  # nothing of it is mounted any more
        return job

    def test_looks_at_once(self):
        """One that nobody reads from has the disk mounted, to be read alone: others look and write all the same, and so does the job."""
        with open(os.path.join(self.folder, "in"), "w", encoding="utf-8") as f:
            f.write("from here\n")
        job = self.made_with_many()
        first = self.start("diff", job)
        wait_until("its output", lambda: first.stdout.buffer.peek(1))
        lines = self.davit("diff", job).out.splitlines()
        self.assertEqual(len(lines), 4002)
        self.davit("cp", "in", f"{job}:/in")
        self.assertEqual(set(self.davit("diff", job).out.splitlines()) - set(lines), {"A /in"})
        self.davit("start", job)
        self.davit("wait", job, code=None)
        self.davit("cp", f"{job}:/in", "out")
        with open(os.path.join(self.folder, "out"), encoding="utf-8") as f:
            self.assertEqual(f.read(), "from here\n")
        first.stdout.close()
        first.wait()
        first.stdout = None
        self.is_sound()

    def test_over_a_restart(self):
        """A look that was begun before the job runs again, and after."""
        job = self.job(command=("sh", "-c", Native.MANY + "; echo x >>/lives; sleep 1000"))
        lives = lambda n: self.davit("exec", job, "grep", "-c", "x", "/lives", code=None).out == f"{n}\n"
        wait_until("its first life", lambda: lives(1))
        first = self.start("diff", job)  # of what runs: through its own device
        wait_until("its output", lambda: first.stdout.buffer.peek(1))
        again = self.davit("restart", "-t", "0", job, code=None)  # davit's shim takes the device, containerd's would take a second
        self.assertTrue(again.code == 0 or "still mounted" in again.err, again)
        lines = first.stdout.read().splitlines()
        self.assertEqual(first.wait(), 0, first.stderr.read())
        if again.code:
            self.davit("start", job)
        wait_until("its second life", lambda: lives(2))
        self.assertEqual(set(lines), set(self.davit("diff", job).out.splitlines()))
        self.assertTrue("A /lives" in lines)
        self.davit("stop", "-t", "0", job)
        self.is_sound()

    def test_commit_between_two_lives(self):
        """The disk is mounted then: nobody mounts it a second time."""
        job = self.job("--restart", "always", command=("sh", "-c", "echo x >>/lives; exit 1"))
        wait_until("a pause between two lives", lambda: self.state(job) == "restarting")
        self.fails("commit", job, "block:2", says=["blockfile", "davit stop"])
        self.davit("stop", job)
        self.davit("commit", job, "block:2")
        self.addCleanup(lambda: self.davit("image", "rm", "block:2", code=None))
        self.davit("cp", f"{job}:/lives", "lives")
        with open(os.path.join(self.folder, "lives"), encoding="utf-8") as f:
            self.assertEqual(self.davit("run", "--rm", "--network", "none", "block:2", "cat", "/lives").out, f.read())
        self.is_sound()

    def is_sound(self):
        """What was written by two at once would not be."""
        disks = os.path.join(Machine.work, "blockfile", "snapshots")
        said = {}

        def are_sound():  # the kernel unmounts what a namespace had mounted behind the end of its last process
            said.clear()
            for disk in os.listdir(disks):
                done = subprocess.run(["e2fsck", "-fn", os.path.join(disks, disk)], capture_output=True, text=True, check=False)
                said[disk] = done.returncode and done.stdout
            return not any(said.values())
        try:
            wait_until("sound disks", are_sound)
        except TimeoutError:
            self.fail("\n".join(text for text in said.values() if text))
