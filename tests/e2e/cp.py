"""davit cp: docker cp's rules both ways, and jobs that would like to lead it out of themselves."""
import io
import os
import stat
import subprocess
import tarfile
import time

from lib.case import Case, Machine, Terminal, wait_until


class Cp(Case):
    def path(self, *names):
        return os.path.join(self.folder, *names)

    def write(self, name, text="x\n", mode=0o644):
        path = self.path(name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w") as f:
            f.write(text)
        os.chmod(path, mode)
        return path

    def read(self, *names):
        with open(self.path(*names)) as f:
            return f.read()

    def tree(self, *names):
        top = self.path(*names)
        return sorted(os.path.relpath(os.path.join(at, x), top) for at, dirs, files in os.walk(top) for x in dirs + files)

    def sh(self, job, script):
        return self.davit("exec", job, "sh", "-c", script).out

    def stopped(self, script, *flags):
        name = self.job(*flags, command=("sh", "-c", script))
        self.davit("wait", name, code=None)
        return name

    def either(self, script, *flags):
        """A job that runs and one that does not, which have both run @script."""
        running = self.job(*flags, command=("sh", "-c", script + "; touch /ready; exec sleep 1000"))
        wait_until("the script's end", lambda: self.davit("exec", running, "test", "-e", "/ready", code=None).code == 0)
        return running, self.stopped(script, *flags)

    # -- docker's rules

    SCRIPT = ("mkdir -p /d/sub /have; echo one >/d/file; echo two >/d/sub/file; ln -s file /d/link; ln -s d /dlink; "
              "ln -s ../../../../../../../etc/passwd /up; chown 12:34 /d/file; chmod 4755 /d/file; touch -d '2001-02-03 04:05:06' /d/file")

    def test_out_by_dockers_rules(self):
        for job in self.either(self.SCRIPT):
            with self.subTest(job):
                os.makedirs(self.path("o", "dir"))
                cp = lambda source, to, **kw: self.davit("cp", f"{job}:{source}", to, **kw)
                cp("/d/file", "o/new")
                self.assertEqual(self.read("o/new"), "one\n")
                self.fails("cp", f"{job}:/d/file", "o/nothing/", says=["o/nothing"])
                self.fails("cp", f"{job}:/d/file", "no/where", says=["no"])
                self.write("o/new", "old\n")
                cp("/d/file", "o/new")
                self.assertEqual(self.read("o/new"), "one\n")
                self.fails("cp", f"{job}:/d/file", "o/new/", says=["o/new"])
                cp("d/file", "o/dir")
                self.assertEqual(self.read("o/dir/file"), "one\n")
                cp("/d", "o/made")
                self.assertEqual(self.tree("o/made"), ["file", "link", "sub", "sub/file"])
                cp("/d/", "o/made2/")
                self.assertEqual(self.tree("o/made2"), ["file", "link", "sub", "sub/file"])
                self.fails("cp", f"{job}:/d", "o/new", says=["o/new", "folder"])
                cp("/d", "o/dir")
                self.assertEqual(self.tree("o/dir/d"), ["file", "link", "sub", "sub/file"])
                cp("/d/.", "o/content")
                self.assertEqual(self.tree("o/content"), ["file", "link", "sub", "sub/file"])
                self.fails("cp", f"{job}:/d/.", "o/new", says=["o/new"])
                self.write("o/merged/keep")
                cp("/d/.", "o/merged")
                self.assertEqual(self.tree("o/merged"), ["file", "keep", "link", "sub", "sub/file"])
                self.fails("cp", f"{job}:/nothing", "o", says=["nothing"])
                self.fails("cp", f"{job}:/d/file/", "o", says=["not a directory"])
                # links: themselves, unless asked
                cp("/d/link", "o/link")
                self.assertEqual(os.readlink(self.path("o/link")), "file")
                self.davit("cp", "-L", f"{job}:/d/link", "o/followed")
                self.assertEqual(self.read("o/followed"), "one\n")
                self.davit("cp", "-L", f"{job}:/d/link", "o/dir")
                self.assertEqual(self.read("o/dir/link"), "one\n")
                cp("/dlink/", "o/dir")
                self.assertEqual(self.tree("o/dir/dlink"), ["file", "link", "sub", "sub/file"])
                # through a link here
                os.symlink("target", self.path("o/to"))
                cp("/d/sub/file", "o/to")
                self.assertEqual(self.read("o/target"), "two\n")
                subprocess.run(["rm", "-r", self.path("o")], check=True)

    def test_in_by_dockers_rules(self):
        self.write("d/file", "one\n")
        self.write("d/sub/file", "two\n")
        os.symlink("file", self.path("d/link"))
        for job in self.either("mkdir -p /o/dir; echo old >/o/have; ln -s aim /o/to; ln -s /o/dir /o/todir"):
            with self.subTest(job):
                cp = lambda source, to: self.davit("cp", source, f"{job}:{to}")
                out = lambda path: self.davit("cp", "-L", f"{job}:{path}", "got") and self.read("got")
                cp("d/file", "/o/new")
                self.assertEqual(out("/o/new"), "one\n")
                self.fails("cp", "d/file", f"{job}:/o/nothing/", says=["/o/nothing"])
                self.fails("cp", "d/file", f"{job}:/no/where", says=["/no"])
                cp("d/file", "/o/have")
                self.assertEqual(out("/o/have"), "one\n")
                cp("d/sub/file", "o/dir")
                self.assertEqual(out("/o/dir/file"), "two\n")
                cp("d", "/o/made")
                self.fails("cp", "d", f"{job}:/o/have", says=["/o/have", "folder"])
                cp("d", "/o/dir/")
                cp("d/.", "/o/content/")
                cp("d/.", "/o/dir")
                cp("d/file", "/o/to")
                self.assertEqual(out("/o/aim"), "one\n")
                cp("d/link", "/o/todir")
                self.davit("cp", f"{job}:/o", "all")
                d = ["file", "link", "sub", "sub/file"]
                self.assertEqual(self.tree("all/made"), d)
                self.assertEqual(self.tree("all/content"), d)
                self.assertEqual(self.tree("all/dir"), sorted(["d"] + ["d/" + x for x in d] + d))
                self.assertEqual(os.readlink(self.path("all/dir/link")), "file")
                # a folder never gives way to a file, nor the reverse
                self.fails("cp", "d/sub", f"{job}:/o/dir/d/file", says=["folder"])
                self.write("clash/d")
                self.fails("cp", "clash/d", f"{job}:/o/dir", says=["folder"])
                subprocess.run(["rm", "-r", self.path("all"), self.path("clash")], check=True)

    def test_a_started_job_has_what_was_copied_while_it_was_not(self):
        job = self.stopped("if [ -e /in/d/file ]; then cat /in/d/file; stat -c '%u:%g %a' /in/d/file; fi; mkdir -p /in")
        os.chown(self.write("d/file", "from outside\n", 0o640), 1234, 1234)
        self.davit("cp", "d", job + ":/in")
        self.davit("start", job)
        self.davit("wait", job)
        self.assertEqual(self.davit("logs", job).out, "from outside\n0:0 640\n")

    def test_words(self):
        job = self.job()
        self.write("a:b", "colon\n")
        self.davit("cp", "./a:b", job + ":/tmp")
        self.davit("cp", self.path("a:b"), job + ":/tmp/c")
        self.assertEqual(self.sh(job, "cat /tmp/a:b /tmp/c"), "colon\ncolon\n")
        self.fails("cp", "a", "b", says=["neither"])
        self.fails("cp", job + ":/a", job + ":/b", says=["jobs", "davit cp"])
        self.fails("cp", job + ":", ".", says=["path"])
        self.fails("cp", ":/x", ".", says=["job"])
        self.fails("cp", "no-such:/x", ".", says=["no-such"])
        self.fails("cp", "nothing-here", job + ":/", says=["nothing-here"])

    def test_owners_modes_and_times(self):
        script = self.SCRIPT + "; mknod /d/null c 1 3; mkfifo /d/pipe"
        for job in self.either(script):
            with self.subTest(job):
                said = self.davit("cp", job + ":/d", "plain").err
                self.assertIn("1 device", said)
                self.davit("cp", "-a", "-q", job + ":/d", "same")
                plain, same = os.stat(self.path("plain/file")), os.stat(self.path("same/file"))
                self.assertEqual((plain.st_uid, plain.st_gid, plain.st_mode & 0o7777, plain.st_mtime), (os.geteuid(), os.getegid(), 0o755, 981173106))
                self.assertEqual((same.st_uid, same.st_gid, same.st_mode & 0o7777, same.st_mtime), (12, 34, 0o4755, 981173106))
                self.assertTrue(stat.S_ISFIFO(os.lstat(self.path("plain/pipe")).st_mode))
                self.assertFalse(os.path.lexists(self.path("same/null")))
                self.fails("cp", job + ":/d/null", "x", says=["device"])
                self.davit("cp", "-a", "-q", "same", job + ":/back")
                self.davit("cp", "-a", "-q", job + ":/back", "again")
                again = os.stat(self.path("again/file"))
                self.assertEqual((again.st_uid, again.st_gid, again.st_mode & 0o7777, again.st_mtime), (12, 34, 0o4755, 981173106))
                subprocess.run(["rm", "-r", self.path("plain"), self.path("same"), self.path("again")], check=True)

    def test_holes_and_hard_links(self):
        job = self.job()
        with open(self.path("hole"), "wb") as f:
            f.seek(1 << 30)
            f.write(b"end")
        self.write("h/a", "linked\n")
        os.link(self.path("h/a"), self.path("h/b"))
        self.davit("cp", "hole", job + ":/hole")
        self.davit("cp", "h", job + ":/h")
        self.assertLess(int(self.sh(job, "du -k /hole").split()[0]), 1024)
        self.assertEqual(self.sh(job, "stat -c %h /h/a; tail -c 3 /hole"), "2\nend")
        self.davit("cp", job + ":/h", "back")
        self.assertEqual(os.stat(self.path("back/a")).st_ino, os.stat(self.path("back/b")).st_ino)

    # -- what is mounted

    def test_volumes_and_binds_of_a_running_job(self):
        os.mkdir(self.path("bind"))
        self.addCleanup(lambda: self.remove_volumes("cp-volume"))
        job = self.job("-v", "cp-volume:/v", "-v", self.path("bind") + ":/b", "--tmpfs", "/t")
        self.write("f", "in\n")
        for where in ("/v", "/b", "/t"):
            self.davit("cp", "f", f"{job}:{where}/f")
        self.assertEqual(self.sh(job, "cat /v/f /b/f /t/f"), "in\nin\nin\n")
        self.assertEqual(self.read("bind/f"), "in\n")
        said = self.davit("cp", job + ":/", "whole").err
        self.assertIn("left out", said)
        for name in ("v/f", "b/f", "t/f", "bin/busybox"):
            self.assertTrue(os.path.lexists(self.path("whole", name)), name)
        self.assertEqual(self.tree("whole/proc") if os.path.exists(self.path("whole/proc")) else [], [])
        self.davit("stop", "-t", "0", job)
        self.fails("cp", job + ":/v/f", "x", says=["/v", "while it runs", "davit start"])
        self.fails("cp", "f", job + ":/b/", says=["/b", "while it runs"])

    def test_onto_itself(self):
        os.mkdir(self.path("both"))
        job = self.job("-v", self.path("both") + ":/b")
        self.write("both/f", "kept\n")
        self.fails("cp", job + ":/b/f", "both/f", says="same file")
        self.fails("cp", "both/f", job + ":/b/f", says="same file")
        self.fails("cp", "both", job + ":/b", says="into itself")
        self.assertEqual((self.read("both/f"), self.sh(job, "cat /b/f")), ("kept\n", "kept\n"))

    def test_read_only(self):
        job = self.job("--read-only", "--tmpfs", "/t", "-v", self.folder + ":/ro:ro")
        self.write("f")
        self.fails("cp", "f", job + ":/f", says=["read-only"])
        self.fails("cp", "f", job + ":/ro/g", says=["read-only"])
        self.davit("cp", "f", job + ":/t/f")
        self.davit("stop", "-t", "0", job)
        self.fails("cp", "f", job + ":/f", says=["read-only"])

    def test_user_namespace(self):
        if "user namespace" in self.davit("run", "--rm", "--network", "none", "--userns", "private", Machine.image, "true", code=None).err:
            self.skipTest("no idmapped mounts here")
        self.addCleanup(lambda: self.remove_volumes("cp-userns"))
        job = self.job("--userns", "private", "-v", "cp-userns:/v", command=("sh", "-c", "echo x >/x; chown 12:34 /x; sleep 1000"))
        self.write("d/f", "in\n")
        os.chown(self.path("d/f"), 12, 34)
        wait_until("its file", lambda: self.davit("exec", job, "sh", "-c", "[ $(stat -c %u /x) = 12 ]", code=None).code == 0)
        self.davit("cp", "d", job + ":/d")
        self.davit("cp", "-a", "d", job + ":/a")
        self.davit("cp", "-a", "d", job + ":/v")
        self.davit("cp", "d/f", job + ":/v/g")
        self.assertEqual(self.sh(job, "stat -c %u:%g /d/f /a/f /v/d/f /v/g"), "0:0\n12:34\n12:34\n0:0\n")
        out = subprocess.run([Machine.davit, "cp", job + ":/v", "-"], capture_output=True, check=True).stdout
        subprocess.run([Machine.davit, "cp", "-", job + ":/tmp"], input=out, check=True)
        self.assertEqual(self.sh(job, "stat -c %u:%g /tmp/v/d/f /tmp/v/g"), "12:34\n0:0\n")
        self.davit("cp", "-a", job + ":/v", "out")
        self.davit("cp", "-a", job + ":/x", "x")
        self.assertEqual([os.stat(self.path(p)).st_uid for p in ("out/d/f", "out/g", "x")], [12, 0, 12])
        self.davit("stop", "-t", "0", job)
        self.davit("cp", "-a", job + ":/x", "y")
        self.davit("cp", "-a", "d", job + ":/late")
        self.assertEqual(os.stat(self.path("y")).st_uid, 12)
        self.davit("start", job)
        self.assertEqual(self.sh(job, "stat -c %u:%g /late/f"), "12:34\n")

    def test_a_task_of_several(self):
        self.write("two.json", '{"name":"cp-two","network":"none","tasks":[{"name":"a","image":"%s","args":["sleep","1000"]},'
                               '{"name":"b","image":"%s","args":["sleep","1000"]}]}' % (Machine.image, Machine.image))
        self.addCleanup(lambda: self.davit("rm", "-f", "cp-two", code=None))
        self.davit("run", "-d", "--file", "two.json")
        self.write("f", "of b\n")
        self.davit("cp", "f", "cp-two.b:/f")
        self.assertEqual(self.davit("exec", "cp-two.b", "cat", "/f").out, "of b\n")
        self.fails("cp", "cp-two.a:/f", "x", says=["/f"])
        self.davit("stop", "-t", "0", "cp-two")
        self.davit("cp", "f", "cp-two.a:/g")
        self.davit("cp", "cp-two.a:/g", "x")
        self.assertEqual(self.read("x"), "of b\n")

    # -- streams

    def test_a_tar_out(self):
        for job in self.either(self.SCRIPT):
            for source, names in (("/d", ["d", "d/file", "d/link", "d/sub", "d/sub/file"]), ("/d/.", ["file", "link", "sub", "sub/file"]),
                                  ("/d/file", ["file"]), ("/d/link", ["link"])):
                with self.subTest(source):
                    done = subprocess.run([Machine.davit, "cp", f"{job}:{source}", "-"], capture_output=True)
                    self.assertEqual((done.returncode, done.stderr), (0, b""))
                    with tarfile.open(fileobj=io.BytesIO(done.stdout)) as tar:
                        self.assertEqual(sorted(m.name for m in tar.getmembers()), names)

    def tar(self, *members):
        """Of (name, type, what) entries: hostile ones too."""
        out = io.BytesIO()
        with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as tar:
            for name, kind, what in members:
                m = tarfile.TarInfo(name)
                m.type, m.mtime, m.uid, m.gid, m.mode = kind, 981173106, 12, 34, 0o755
                if kind == tarfile.REGTYPE:
                    m.size = len(what)
                    tar.addfile(m, io.BytesIO(what))
                else:
                    m.linkname = what or ""
                    m.devmajor, m.devminor = 1, 3
                    tar.addfile(m)
        return out.getvalue()

    def extract(self, job, to, data, code=0):
        done = subprocess.run([Machine.davit, "cp", "-", f"{job}:{to}"], input=data, capture_output=True)
        self.assertEqual(done.returncode, code, done.stderr)
        return done.stderr.decode(errors="replace")

    def test_a_tar_in(self):
        f, d, l, h = tarfile.REGTYPE, tarfile.DIRTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE
        for job in self.either("mkdir -p /to /usr/here; ln -s usr/here /here; ln -s /usr/here /abs; echo >/plain"):
            with self.subTest(job):
                said = self.extract(job, "/to", self.tar(("t", d, None), ("t/f", f, b"file"), ("./t/s", l, "f"), ("t/h", h, "t/f"),
                                                         ("t/p", tarfile.FIFOTYPE, None),
                                                         ("t/c", tarfile.CHRTYPE, None), ("no/folder/before", f, b"deep"), ("/abs/name", f, b"below")))
                self.assertIn("left out", said)
                self.extract(job, "/", self.tar(("here/f", f, b"through a link"), ("abs/g", f, b"through another")))
                self.davit("cp", "-a", job + ":/", "-q", "got")
                self.assertEqual(self.tree("got/to"), ["abs", "abs/name", "no", "no/folder", "no/folder/before", "t", "t/f", "t/h", "t/p", "t/s"])
                self.assertEqual(self.read("got/usr/here/f") + self.read("got/usr/here/g"), "through a linkthrough another")
                st = os.stat(self.path("got/to/t/f"))
                self.assertEqual((st.st_uid, st.st_gid, st.st_mode & 0o7777, st.st_mtime, st.st_nlink), (12, 34, 0o755, 981173106, 2))
                self.assertEqual(os.stat(self.path("got/to/t")).st_mtime, 981173106)
                self.assertIn("plain", self.extract(job, "/plain", self.tar(("x", f, b"x")), 125))
                self.assertIn("tar", self.extract(job, "/to", b"no archive at all" * 100, 125))
                self.assertIn("folder", self.extract(job, "/to", self.tar(("t", f, b"x")), 125))
                self.assertIn("file", self.extract(job, "/to", self.tar(("t/f", d, None)), 125))
                subprocess.run(["rm", "-r", self.path("got")], check=True)

    def test_a_hostile_tar(self):
        f, l, h = tarfile.REGTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE
        out = self.path("outside")
        os.mkdir(out)
        job = self.job()
        for data, code in ((self.tar(("../escaped", f, b"x")), 125), (self.tar(("a/../../escaped", f, b"x")), 125),
                           (self.tar(("l", l, out), ("l/escaped", f, b"x")), 125), (self.tar(("m", l, "../" * 20 + out), ("m/escaped", f, b"x")), 125),
                           (self.tar(("n", h, "../" * 20 + "etc/passwd"),), 125), (self.tar(("o", h, "no-such"),), 125)):
            self.extract(job, "/tmp", data, code)
        self.assertEqual(os.listdir(out), [])
        # a link is replaced, not written through
        self.sh(job, "echo safe >/safe; ln -s /safe /tmp/s")
        self.extract(job, "/tmp", self.tar(("s", f, b"new")))
        self.assertEqual(self.sh(job, "cat /safe /tmp/s"), "safe\nnew")

    # -- hostile jobs

    def test_links_lead_nowhere_else(self):
        out = self.path("outside")
        os.mkdir(out)
        self.write("secret", "host's\n")
        for job in self.either(f"mkdir /w; ln -s {out} /abs; ln -s ../../../../../..{out} /up; ln -s {self.path('secret')} /w/secret; ln -s loop /loop; "
                               "ln -s /proc/self/root /magic; ln -s /proc/1/root /magic1"):
            with self.subTest(job):
                self.write("f", "x\n")
                for to in ("/abs/", "/up/"):
                    self.fails("cp", "f", job + ":" + to, says=["No such"])
                self.fails("cp", "f", job + ":/loop", says=["symbolic links"])
                for to in ("/magic/", "/magic1/", "/magic1" + out + "/"):
                    self.fails("cp", "f", job + ":" + to)
                self.fails("cp", "-L", job + ":/w/secret", "x", says=["No such"])
                self.fails("cp", job + ":/up/../secret", "x", says=["No such"])
                self.davit("cp", job + ":/w", "w")
                self.assertEqual(os.readlink(self.path("w/secret")), self.path("secret"))
                self.assertEqual(os.listdir(out), [])
                subprocess.run(["rm", "-r", self.path("w")], check=True)

    def test_nothing_is_written_through_a_link_or_into_a_fifo(self):
        job = self.job()
        self.write("d/a", "new\n")
        self.write("d/b", "new\n")
        self.write("d/s/c", "new\n")
        self.sh(job, "mkdir /d; echo safe >/safe; ln -s /safe /d/a; mkfifo /d/b; mkdir /elsewhere; ln -s /elsewhere /d/s")
        self.fails("cp", "d", job + ":/", says=["/s", "file of that name"])
        self.sh(job, "rm /d/s")
        self.davit("cp", "d", job + ":/")
        self.assertEqual(self.sh(job, "cat /safe /d/a /d/b /d/s/c; ls /elsewhere"), "safe\nnew\nnew\nnew\n")

    def test_the_kernels_file_systems(self):
        job = self.job(command=("sh", "-c", "ln -s /proc/sys/kernel /k; exec sleep 1000"))
        self.write("core_pattern", "|/evil\n")
        for to in ("/k/", "/k/core_pattern", "/proc/", "/sys/kernel/"):
            self.fails("cp", "core_pattern", job + ":" + to, says=["kernel"])
        self.fails("cp", job + ":/proc/version", "x", says=["kernel"])
        self.fails("cp", job + ":/proc", "x", says=["kernel"])

    def swapping(self, script):
        """A job that changes its tree as fast as it can."""
        return self.job(command=("sh", "-c", script))

    def test_a_tree_that_changes_while_it_is_read(self):
        out = self.path("outside")
        os.mkdir(out)
        self.write("outside/shadow", "host's\n")
        job = self.swapping(f"mkdir /s; while :; do mkdir /s/d; echo x >/s/d/shadow; echo x >/s/f; rm -r /s/d /s/f; ln -s {out} /s/d; mkfifo /s/f; "
                            f"rm /s/d /s/f; mknod /s/f c 1 5; rm /s/f; ln -s {out}/shadow /s/f; rm /s/f; done")
        wait_until("its folder", lambda: self.davit("exec", job, "test", "-d", "/s", code=None).code == 0)
        for i in range(15):
            to = self.path(f"got{i}")
            result = self.davit("cp", "-q", job + ":/s", to, code=None)
            if result.code:
                self.assertEqual(len(result.err.splitlines()), 1, str(result))
            for at, dirs, files in os.walk(to):
                for name in files:
                    path = os.path.join(at, name)
                    self.assertFalse(stat.S_ISCHR(os.lstat(path).st_mode), path)
                    if os.path.isfile(path) and not os.path.islink(path):
                        self.assertNotIn("host's", self.read(path))

    def test_a_tree_that_changes_while_it_is_written(self):
        """A folder on the way is a link to what the host has, and a folder again."""
        victim = self.path("victim")
        os.mkdir(victim)
        for i in range(20):
            self.write(f"d/sub/f{i}")
        job = self.swapping(f"mkdir -p /t; while :; do rm -rf /t/d/sub; ln -s {victim} /t/d/sub; rm -f /t/d/sub; mkdir -p /t/d/sub; "
                            f"mv /t/d /t/e; ln -s {victim} /t/d; rm /t/d; mv /t/e /t/d; done 2>/dev/null")
        wait_until("its folder", lambda: self.davit("exec", job, "test", "-d", "/t", code=None).code == 0)
        for i in range(15):
            self.davit("cp", "d", job + ":/t", code=None)
            self.extract_any(job, "/t", self.tar(*[(f"d/sub/f{i}", tarfile.REGTYPE, b"x") for i in range(20)]))
        self.assertEqual(os.listdir(victim), [])

    def extract_any(self, job, to, data):
        subprocess.run([Machine.davit, "cp", "-", f"{job}:{to}"], input=data, capture_output=True)

    def test_a_tree_here_that_a_job_changes(self):
        """The destination is a folder that a job has mounted."""
        victim, shared = self.path("victim"), self.path("shared")
        os.mkdir(victim)
        os.mkdir(shared)
        evil = self.job("-v", shared + ":/shared", command=("sh", "-c", f"while :; do rm -rf /shared/d/sub; ln -s {victim} /shared/d/sub; rm -f /shared/d/sub; "
                                                            "mkdir -p /shared/d/sub; done 2>/dev/null"))
        self.assertTrue(evil)
        job = self.stopped("mkdir -p /d/sub; for i in 0 1 2 3 4 5 6 7 8 9; do echo x >/d/sub/f$i; done")
        for _ in range(15):
            self.davit("cp", job + ":/d", shared, code=None)
        self.assertEqual(os.listdir(victim), [])

    def test_a_file_that_grows_without_end(self):
        job = self.job(command=("sh", "-c", "cat /dev/zero >/big & sleep 0.2; while :; do truncate -s 1M /big; sleep 0.05; done"))
        wait_until("its file", lambda: self.davit("exec", job, "test", "-s", "/big", code=None).code == 0)
        self.davit("cp", job + ":/big", "big", timeout=60)

    def test_names_and_depth(self):
        deep = "i=0; while [ $i -lt 200 ]; do mkdir d && cd d || break; i=$((i+1)); done"
        for job in self.either("mkdir /n; touch /n/$(printf 'n\\377\\033[31m') '/n/a b\nc' /n/-x; mkdir /deep; cd /deep; " + deep):
            with self.subTest(job):
                self.davit("cp", job + ":/n", "n")
                self.assertEqual(sorted(os.listdir(os.fsencode(self.path("n")))), [b"-x", b"a b\nc", b"n\xff\x1b[31m"])
                self.fails("cp", job + ":/deep", "deep", says=["deeper"])
                subprocess.run(["rm", "-rf", self.path("deep"), self.path("n")], check=True)

    # -- faults

    def test_a_full_disk_leaves_no_half_file(self):
        job = self.stopped("dd if=/dev/urandom of=/big bs=64k count=16 2>/dev/null")
        small = self.path("small")
        os.mkdir(small)
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", small], check=True)
        self.addCleanup(lambda: subprocess.run(["umount", small], check=True))
        self.fails("cp", job + ":/big", small, says=["space"])
        self.assertEqual(os.listdir(small), [])

    def test_killed_and_interrupted(self):
        with open(self.path("big"), "wb") as f:
            f.truncate(1)
        os.makedirs(self.path("many"))
        for i in range(3000):
            self.write(f"many/{i}")
        job = self.stopped("mkdir /to")
        for sig in (2, 9):
            process = self.start("cp", "many", job + ":/to")
            wait_until("its lock", lambda: process.poll() is not None or self.davit("cp", job + ":/to/many/0", "x", code=None).code == 0)
            process.send_signal(sig)
            process.wait()
        self.davit("start", job)      # nobody holds its lock, and nothing is mounted
        self.davit("rm", "-f", job)

    def test_a_job_does_not_start_while_it_is_written_to(self):
        job = self.stopped("mkdir -p /to")
        reader, writer = os.pipe()
        process = subprocess.Popen([Machine.davit, "cp", "-", job + ":/to"], stdin=reader, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        os.close(reader)
        os.write(writer, self.tar(("f", tarfile.REGTYPE, b"x" * 100000))[:70000])
        wait_until("the copy", lambda: self.davit("cp", job + ":/to/f", "x", code=None).code == 0)
        start = self.start("start", job)
        time.sleep(0.5)
        self.assertIsNone(start.poll())
        os.close(writer)
        process.stderr.read()
        process.wait()
        self.assertEqual(start.wait(), 0)


class Progress(Case):
    """On a terminal, of what is more than a moment's work; wiped at the end."""

    def setUp(self):
        super().setUp()
        self.name = self.job(command=("sleep", "1000"))
        with open(self.path("big"), "wb") as f:
            f.write(os.urandom(1 << 20) * 48)

    def path(self, *names):
        return os.path.join(self.folder, *names)

    def drawn(self, *args):
        term = Terminal(self, "cp", *args, env={"NO_COLOR": "1"})
        self.assertEqual(term.wait(60), 0)
        return term.rest()

    def test_of_a_file(self):
        for args in (("big", f"{self.name}:/big"), (f"{self.name}:/big", "back")):
            self.assertRegex(self.drawn(*args), r"^(\r\x1b\[K\[=+ *\] [\d.]+MB of 50\.3MB)+\r\x1b\[K$")
        with open(self.path("back"), "rb") as back, open(self.path("big"), "rb") as big:
            self.assertTrue(back.read() == big.read())

    def test_of_a_folder(self):
        os.mkdir(self.path("folder"))
        os.rename(self.path("big"), self.path("folder", "big"))
        self.assertRegex(self.drawn("folder", f"{self.name}:/folder"), r"^(\r\x1b\[K[\d.]+MB)+\r\x1b\[K$")

    def test_none(self):
        with open(self.path("small"), "w") as f:
            f.write("x\n")
        self.assertEqual(self.drawn("small", f"{self.name}:/small"), "")
        self.assertEqual(self.drawn("-q", "big", f"{self.name}:/big"), "")
        self.assertEqual(self.davit("cp", "big", f"{self.name}:/again").err, "")
