"""Mounts: their options, propagation, order and size, seen from inside."""
import os
import subprocess

from lib.case import Case, Machine, wait_until


def mount(*args):
    subprocess.run(["mount", *args], check=True)


class Apart(Case):
    """davit in a mount namespace of its own, as settings of systemd's make them: containerd sees none of its mounts, or does."""

    def apart(self, *args, propagation="private"):
        return subprocess.run(["unshare", "--mount", "--propagation", propagation, *self.command(args)], cwd=self.folder, text=True, capture_output=True,
                              timeout=60 * Machine.slow)

    def test_nothing_is_seen(self):
        name = "t-" + os.urandom(4).hex()
        for flags, path in ((("--network", "none"), "/run/netns/"), (("--network", "host", "-v", f"{self.folder}:/b:no-symlinks"), self.folder),
                            (("--network", "host", "--userns", "private"), "")):
            with self.subTest(flags):
                done = self.apart("run", "--rm", "--name", name, *flags, Machine.image, "true")
                self.assertEqual(done.returncode, 125, done.stderr)
                if path:  # of the third the kernel's answer comes first, where files have no owners to be mapped
                    self.assertRegex(done.stderr, rf"containerd \(process \d+\): is in another mount namespace, and does not see \S*{path}\S* "
                                     r"\(leave PrivateTmp=.*\n")
        done = self.apart("run", "--rm", "--network", "host", Machine.image, "echo", "ran")  # where nothing need be seen
        self.assertEqual((done.returncode, done.stdout), (0, "ran\n"), done.stderr)

    def test_what_is_seen(self):
        self.davit("run", "--rm", "--network", "none", Machine.image, "true")  # since then, the folder's mounts are shared
        done = self.apart("run", "--rm", "--network", "none", Machine.image, "echo", "ran", propagation="unchanged")
        self.assertEqual((done.returncode, done.stdout), (0, "ran\n"), done.stderr)

    def test_doctor(self):
        self.assertIn("containerd sees what davit mounts", self.davit("doctor", code=None).out)
        said = self.apart("doctor").stdout
        self.assertRegex(said, r"containerd \(process \d+\): is in another mount namespace")
        self.assertIn("PrivateTmp=", said)


class Options(Case):
    def options_of(self, target, *flags):
        out = self.run_sh(f"grep ' {target} ' /proc/mounts", *flags).out
        return set(out.splitlines()[-1].split()[3].split(","))

    def test_of_a_bind(self):
        self.assertLessEqual({"rw", "nosuid", "nodev", "noexec", "noatime"},
                             self.options_of("/mnt", "-v", f"{self.folder}:/mnt:nosuid,nodev,noexec,noatime"))
        self.assertIn("ro", self.options_of("/mnt", "-v", f"{self.folder}:/mnt:ro"))
        script = os.path.join(self.folder, "script")
        with open(script, "w") as f:
            f.write("#!/bin/sh\n")
        os.chmod(script, 0o755)
        self.run_sh("/mnt/script", "-v", f"{self.folder}:/mnt")
        self.assertIn("ermission", self.run_sh("/mnt/script", "-v", f"{self.folder}:/mnt:noexec", code=126).err)

    def test_of_a_volume(self):
        self.addCleanup(wait_until, "the volume's end", lambda: self.davit("volume", "rm", "opts", code=None).code == 0)
        self.assertIn("noexec", self.options_of("/vol", "-v", "opts:/vol:noexec"))
        self.assertIn("ro", self.options_of("/vol", "-v", "opts:/vol:ro"))

    def test_of_a_tmpfs(self):
        flags = ("--tmpfs", "/t:size=3m,mode=1710,uid=7,gid=8,nr_inodes=99")
        self.assertEqual(self.run_sh("stat -c '%a %u %g' /t; df -k /t | awk 'END { print $2 }'", *flags).out.split(), ["1710", "7", "8", "3072"])
        self.assertIn("nr_inodes=99", self.options_of("/t", *flags))
        self.assertLessEqual({"nosuid", "nodev", "noexec"}, self.options_of("/t", "--tmpfs", "/t"))
        self.assertFalse({"nosuid", "nodev", "noexec"} & self.options_of("/t", "--tmpfs", "/t:exec,suid,dev"))
        self.assertEqual(self.run_sh("stat -c %a /t; df -k /t | awk 'END { print $2 }'", "--mount",
                                     "type=tmpfs,dst=/t,tmpfs-size=2m,tmpfs-mode=0700").out.split(), ["700", "2048"])

    def test_errors_of_what_is_held_name_its_source(self):
        """Whoever finds what is wrong: the engine, which cannot mount a file on a folder; or the kernel, where owners cannot be mapped."""
        path = os.path.join(self.folder, "file")
        open(path, "w").close()
        for flags, source in (((), path), (("--userns", "private"), path), (("--userns", "private"), "/proc/sys")):
            with self.subTest(flags=flags, source=source):
                done = self.davit("run", "--rm", "--network", "none", *flags, "-v", f"{source}:/etc:no-symlinks", Machine.image, "true", code=None)
                if source == path or done.code:  # there may be a kernel that maps them
                    self.assertNotEqual(done.code, 0)
                    self.assertNotIn("/map.", done.err)
                    self.assertIn(source, done.err)

    def test_without_links(self):
        """At each start anew."""
        folder = os.path.join(self.folder, "folder")
        os.mkdir(folder)
        os.symlink("folder", os.path.join(self.folder, "link"))
        self.fails("run", "--rm", "--network", "none", "-v", f"{self.folder}/link:/b:no-symlinks", Machine.image, "true", says=("a symbolic link is in it",))
        self.fails("run", "--rm", "--network", "none", "-v", f"{self.folder}/link/new:/b:no-symlinks", Machine.image, "true",
                   says=("a symbolic link is in it",))
        self.assertEqual(os.listdir(folder), [])
        self.fails("run", "--rm", "--network", "none", "-v", f"{folder}/new:/b:no-symlinks", Machine.image, "true", says=("make it on the host first",))
        name = "t-" + os.urandom(4).hex()
        self.addCleanup(lambda: self.davit("rm", "-f", name, code=None))
        self.davit("create", "--name", name, "--network", "none", "-v", f"{folder}:/b:no-symlinks", Machine.image, "sh", "-c", "echo x >>/b/ran")
        for n in (1, 2):
            self.davit("start", name)
            self.davit("wait", name)
            with open(os.path.join(folder, "ran")) as f:
                self.assertEqual(f.read(), "x\n" * n)
        os.rename(folder, folder + "-moved")
        os.symlink(folder + "-moved", folder)
        self.fails("start", name, says=("a symbolic link is in it",))

    def test_over_one_another(self):
        """The outer one first, in whatever order they are named."""
        for name in ("a", "b"):
            os.makedirs(os.path.join(self.folder, name, "in"))
            open(os.path.join(self.folder, name, "is-" + name), "w").close()
        flags = [("--tmpfs", "/m/in/deep:size=1m"), ("-v", f"{self.folder}/b:/m/in"), ("-v", f"{self.folder}/a:/m")]
        for order in (flags, flags[::-1]):
            out = self.run_sh("ls /m /m/in; grep -c ' /m/in/deep tmpfs' /proc/mounts", *[w for f in order for w in f]).out.split()
            self.assertEqual(out, ["/m:", "in", "is-a", "/m/in:", "deep", "in", "is-b", "1"])
            os.rmdir(os.path.join(self.folder, "b/in/deep")) if os.path.isdir(os.path.join(self.folder, "b/in/deep")) else None

    def test_shared_memory(self):
        self.assertEqual(self.run_sh("df -k /dev/shm | awk 'END { print $2 }'", "--shm-size", "5m").out.strip(), "5120")
        self.assertEqual(self.run_sh("df -k /dev/shm | awk 'END { print $2 }'").out.strip(), "65536")
        self.assertEqual(self.run_sh("df -k /dev/shm | awk 'END { print $2 }'", "--shm-size", "0").out.strip(), "65536")

    def test_cwd_is_made(self):
        self.assertEqual(self.run_sh("pwd", "-w", "/not/there/yet").out, "/not/there/yet\n")
        self.assertEqual(self.run_sh("pwd; ls -ld .", "-w", "/vol/a/b", "--tmpfs", "/vol").out.splitlines()[0], "/vol/a/b")


class Propagation(Case):
    def setUp(self):
        super().setUp()
        self.source = os.path.join(self.folder, "source")
        os.makedirs(self.source + "/sub")
        mount("-t", "tmpfs", "tmpfs", self.source)
        self.addCleanup(subprocess.run, ["umount", "-R", "-l", self.source], check=True)
        os.makedirs(self.source + "/sub")

    def inside(self, name):
        return self.davit("exec", name, "cat", "/proc/mounts").out

    def bind(self, how):
        return self.job("--privileged", "--mount", f"type=bind,src={self.source},dst=/mnt,bind-propagation={how}")

    def test_private_by_itself(self):
        mount("--make-shared", self.source)
        name = self.job("-v", f"{self.source}:/mnt")
        mount("-t", "tmpfs", "tmpfs", self.source + "/sub")
        self.assertNotIn(" /mnt/sub ", self.inside(name))

    def test_slave_takes(self):
        mount("--make-shared", self.source)
        name = self.bind("rslave")
        mount("-t", "tmpfs", "tmpfs", self.source + "/sub")
        self.assertIn(" /mnt/sub ", self.inside(name))
        os.makedirs(self.source + "/other")
        self.davit("exec", name, "mount", "-t", "tmpfs", "tmpfs", "/mnt/other")
        with open("/proc/mounts") as f:
            self.assertNotIn(self.source + "/other", f.read())

    def test_shared_takes_and_gives(self):
        mount("--make-shared", self.source)
        name = self.bind("rshared")
        mount("-t", "tmpfs", "tmpfs", self.source + "/sub")
        self.assertIn(" /mnt/sub ", self.inside(name))
        os.makedirs(self.source + "/other")
        self.davit("exec", name, "mount", "-t", "tmpfs", "tmpfs", "/mnt/other")
        with open("/proc/mounts") as f:
            self.assertIn(self.source + "/other", f.read())

    def test_a_source_that_is_not_shared(self):
        mount("--make-private", self.source)
        for how in ("rshared", "shared", "rslave", "slave"):
            self.fails("run", "--network", "none", "--mount", f"type=bind,src={self.source},dst=/mnt,bind-propagation={how}", Machine.image, "true",
                       says=[f"mount {self.source}: {how}", "is not shared", "mount --make-shared " + self.source])


class WrongValues(Case):
    def test_each_says_what_is_allowed(self):
        here = self.folder
        table = [
            (["-v", f"{here}:/x:rx"], "rx"), (["-v", f"{here}:/x:size=1m"], "size=1m"), (["-v", "a/b:/x"], "write ./a/b"), (["-v", f"{here}:x"], "absolute"),
            (["--tmpfs", "x"], "absolute"), (["--tmpfs", "/x:sized=1m"], "sized=1m"), (["--mount", "type=bind,dst=/x"], "wants a source"),
            (["--mount", f"type=bind,src={here},dst=/x,bind-recursive=readonly"], "add readonly"),
            (["--mount", f"type=bind,src={here},dst=/x,bind-recursive=never"], "enabled, disabled, writable or readonly"),
            (["--mount", f"type=bind,src={here},dst=/x,readonly,bind-recursive=readonly,bind-propagation=rslave"], "rprivate"),
            (["--mount", f"type=bind,src={here},dst=/x,bind-propagation=wild"], "[r]slave"), (["--mount", "type=tmpfs,dst=/x,tmpfs-mode=9"], "octal"),
            (["--mount", "type=volume,src=v,dst=/x,tmpfs-size=1m"], "type=tmpfs"), (["--mount", "type=nfs,dst=/x"], "bind, volume or tmpfs"),
            (["-v", f"{here}:/x", "--tmpfs", "/x/."], "two mounts have it"), (["--shm-size", "-1"], "shm-size"),
        ]
        for flags, says in table:
            with self.subTest(flags=flags):
                self.fails("run", "--rm", "--network", "none", *flags, Machine.image, "true", says=[says])
