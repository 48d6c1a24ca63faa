"""davit export: what a job has as its root file system, of hostile jobs too."""
import io
import os
import subprocess
import tarfile

from lib.case import Case, Machine, Terminal, wait_until


class Export(Case):
    def made(self, script, *flags, ends=True):
        """A job that has run @script; with @ends it is over."""
        name = "export-" + os.urandom(3).hex()
        self.davit("run", "-d", "--name", name, "--network", "none", *flags, Machine.image, "sh", "-c", script + (" " if ends else "; sleep 1000"))
        self.addCleanup(lambda: self.davit("rm", "-f", name))
        if ends:
            self.davit("wait", name, code=None)
        return name

    def tar(self, name):
        done = subprocess.run([Machine.davit, "export", name], capture_output=True)
        self.assertEqual((done.returncode, done.stderr), (0, b""))
        return tarfile.open(fileobj=io.BytesIO(done.stdout))

    def test_what_was_written(self):
        name = self.made("echo new >/new; rm /etc/group; echo changed >>/etc/passwd; mkdir -p /a/b; echo deep >/a/b/c; ln /a/b/c /hard; "
                         "ln -s /etc/shadow /soft; mkfifo /pipe; chown 12:34 /new; chmod 4711 /new; touch -d '2001-02-03 04:05:06' /new")
        with self.tar(name) as tar:
            members = {m.name.rstrip("/"): m for m in tar.getmembers()}
            self.assertEqual(tar.extractfile("new").read(), b"new\n")
            self.assertIn(b"changed", tar.extractfile("etc/passwd").read())
            links = [members["hard"], members["a/b/c"]]
            self.assertEqual(sorted(m.islnk() for m in links), [False, True])
        self.assertNotIn("etc/group", members)
        self.assertIn("bin/busybox", members)
        self.assertEqual(members["soft"].linkname, "/etc/shadow")
        self.assertTrue(members["pipe"].isfifo())
        new = members["new"]
        self.assertEqual((new.mode & 0o7777, new.uid, new.gid, new.mtime), (0o4711, 12, 34, 981173106))
        self.assertFalse([m for m in members if m.startswith(("/", "./", ".."))])

    def test_of_a_job_that_runs(self):
        name = self.made("echo here >/here; echo inside >/v/inside", "-v", "export-volume:/v", ends=False)
        self.addCleanup(lambda: self.davit("volume", "rm", "export-volume"))
        self.addCleanup(lambda: self.davit("rm", "-f", name))

        def there():
            with self.tar(name) as tar:
                return {m.name.rstrip("/") for m in tar.getmembers()}

        wait_until("the file", lambda: "here" in there())
        self.assertFalse([x for x in there() if x.startswith(("v/", "proc/", "sys/", "dev/"))])
        self.assertEqual(self.state(name), "running")

    def test_and_import(self):
        name = self.made("echo kept >/kept; rm -r /etc")
        path = os.path.join(self.folder, "e.tar")
        self.assertEqual(self.davit("export", "-o", path, name).out, "")
        self.davit("image", "import", "--cmd", "cat /kept", path, "exported:1")
        self.addCleanup(lambda: self.davit("image", "rm", "exported:1"))
        self.assertEqual(self.davit("run", "--rm", "--network", "none", "exported:1").out, "kept\n")

    def test_hostile_trees(self):
        deep = "i=0; while [ $i -lt 1000 ]; do mkdir d && cd d || break; i=$((i+1)); done; echo bottom >x"
        name = self.made("ln -s / /root-again; ln -s ../../../../../.. /up; ln -s loop /loop; echo $(printf 'a\\377b') >/dev/null; "
                         "touch /$(printf 'n\\377\\033[31m'); touch '/a b\nc'; mkdir /deep; cd /deep; " + deep)
        with self.tar(name) as tar:
            members = {m.name.rstrip("/"): m for m in tar.getmembers()}
        self.assertTrue(members["root-again"].issym() and members["up"].issym() and members["loop"].issym())
        self.assertIn("a b\nc", members)
        self.assertEqual(len([m for m in members if m.startswith("n\udcff")]), 1)
        self.assertEqual(members["deep" + "/d" * 1000 + "/x"].size, 7)

    def test_a_tree_that_changes(self):
        """Folders become links to the host's, and files FIFOs and devices, while they are read."""
        swap = ("mkdir /s; while :; do mkdir /s/d; echo x >/s/d/shadow; echo x >/s/f; rm -r /s/d /s/f; ln -s /etc /s/d; mkfifo /s/f; "
                "rm /s/d /s/f; mknod /s/f c 1 5; rm /s/f; done")
        name = self.made(swap, ends=False)
        for _ in range(10):
            with self.tar(name) as tar:
                for m in tar.getmembers():
                    if m.name.startswith("s/d/"):
                        self.assertIn(m.name, ("s/d/shadow",))
                    if m.name == "s/f" and m.isfile():
                        self.assertLessEqual(m.size, 2)

    def test_refusals(self):
        name = self.made("true")
        self.fails("export", "no-such-job", says=["no-such-job"])
        self.fails("export", "-o", os.path.join(self.folder, "no/x.tar"), name, says=["no/x.tar"])
        terminal = Terminal(self, "export", name)
        terminal.expect("is a terminal")
        self.assertEqual(terminal.wait(), 125)
        small = os.path.join(self.folder, "small")
        os.mkdir(small)
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", small], check=True)
        self.addCleanup(lambda: subprocess.run(["umount", small], check=True))
        self.fails("export", "-o", os.path.join(small, "x.tar"), name, says=["x.tar", "space"])
        self.assertEqual(os.listdir(small), [])
