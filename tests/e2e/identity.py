"""Who a process is: the same in run and exec, as in Docker; and files that would make the engine wait."""
import io
import os
import tarfile

from lib.case import Case, Machine, wait_until
from lib.rootfs import busybox, libraries

PASSWD = "root:x:0:0::/srv/root:/bin/sh\nweb:x:1000:1000::/home/web:/bin/sh\n"
GROUP = "root:x:0:\nwheel:x:10:root\nweb:x:1000:\nextra:x:2000:web\n"
SAY = "echo $(id -u):$(id -g) $(sed -n 's/^Groups:[[:space:]]*//p' /proc/self/status | tr ' ' '\\n' | sort -n | xargs) $HOME"

# -u, further flags, what Docker makes of it
USERS = (
    (None, (), "0:0 0 10 /srv/root"),
    ("", (), "0:0 0 10 /srv/root"),
    ("root", (), "0:0 0 10 /srv/root"),
    ("0", (), "0:0 0 10 /srv/root"),
    ("0:0", (), "0:0 0 /srv/root"),
    ("web", (), "1000:1000 1000 2000 /home/web"),
    ("1000", (), "1000:1000 1000 2000 /home/web"),
    ("1000:", (), "1000:1000 1000 2000 /home/web"),
    (":1000", (), "0:1000 1000 /srv/root"),
    (":", (), "0:0 0 10 /srv/root"),
    ("1000:0", (), "1000:0 0 /home/web"),
    ("web:extra", (), "1000:2000 2000 /home/web"),
    ("4000", (), "4000:0 0 /"),
    ("4000:4000", (), "4000:4000 4000 /"),
    ("1000:1000", ("--group-add", "extra", "--group-add", "77"), "1000:1000 77 1000 2000 /home/web"),
)


class Tar:
    """An image's root folder, made entry by entry: not all of them can stand on a disk of ours."""

    def __init__(self, path):
        self.path, self.tar = path, tarfile.open(path, "w")
        for name in ("bin", "etc", "proc", "sys", "dev", "tmp"):
            self.add(name, tarfile.DIRTYPE)
        for source in [busybox()] + libraries(busybox()):
            with open(source, "rb") as f:
                self.file("bin/busybox" if source == busybox() else source.lstrip("/"), f.read(), 0o755)
        for applet in ("sh", "id", "sed", "tr", "sort", "xargs", "sleep", "rm", "mkfifo", "true", "cat", "env", "ln"):
            self.add("bin/" + applet, tarfile.SYMTYPE, "busybox")

    def add(self, name, kind, link="", **more):
        info = tarfile.TarInfo(name)
        info.type, info.mode, info.linkname = kind, 0o755, link
        for key, value in more.items():
            setattr(info, key, value)
        self.tar.addfile(info)

    def file(self, name, data, mode=0o644):
        info = tarfile.TarInfo(name)
        info.size, info.mode = len(data), mode
        self.tar.addfile(info, io.BytesIO(data))

    def done(self):
        self.tar.close()
        return self.path


class Identity(Case):
    def image(self, name, fill, *flags):
        tar = Tar(os.path.join(self.folder, "root.tar"))
        fill(tar)
        self.addCleanup(lambda: self.davit("image", "rm", "--force", name, code=None))
        self.davit("image", "import", "--cmd", "sh", *flags, tar.done(), name)
        return name

    @staticmethod
    def usual(tar):
        tar.file("etc/passwd", PASSWD.encode())
        tar.file("etc/group", GROUP.encode())

    def say(self, image, *flags):
        return self.davit("run", "--rm", "--network", "none", *flags, image, "sh", "-c", SAY).out.strip()

    def test_run_and_exec_are_as_docker(self):
        image = self.image("identity:1", self.usual)
        for user, more, want in USERS:
            flags = [] if user is None else ["-u", user]
            self.assertEqual(self.say(image, *flags, *more), want, user)
        name = "t-" + os.urandom(4).hex()
        self.addCleanup(lambda: self.davit("rm", "-f", name, code=None))
        self.davit("run", "-d", "--name", name, "--network", "none", image, "sleep", "1000")
        for user, more, want in USERS:
            if not more:
                flags = [] if user is None else ["-u", user]
                self.assertEqual(self.davit("exec", *flags, name, "sh", "-c", SAY).out.strip(), want, user)

    def test_each_way_to_look_gives_the_same(self):
        """From the folders that the snapshot's label names; from its mounts; through a mount of our own, where volumes are filled."""
        image = self.image("identity:6", self.usual)
        for user, more, want in USERS[:8]:
            flags = [] if user is None else ["-u", user]
            for way in ((), ("--tmpfs", "/tmp"), ("-v", "/var/empty-" + os.urandom(2).hex())):
                self.assertEqual(self.say(image, *flags, *more, *way), want, (user, way))

    def test_the_image_s_user(self):
        for user, want in (("1000", "1000:1000 1000 2000 /home/web"), ("1000:", "1000:1000 1000 2000 /home/web"),
                           (":1000", "0:1000 1000 /srv/root"), ("web:web", "1000:1000 1000 /home/web")):
            image = self.image("identity:2", self.usual, "--user", user)
            self.assertEqual(self.say(image), want, user)
            self.assertEqual(self.say(image, "-u", ""), want, user)
            self.assertEqual(self.say(image, "-u", "0"), "0:0 0 10 /srv/root", user)

    def test_home_that_is_given_stays(self):
        image = self.image("identity:3", self.usual)
        self.assertEqual(self.davit("run", "--rm", "--network", "none", "-u", "web", "-e", "HOME=/x", image, "sh", "-c", "echo $HOME").out, "/x\n")
        name = "t-" + os.urandom(4).hex()
        self.addCleanup(lambda: self.davit("rm", "-f", name, code=None))
        self.davit("run", "-d", "--name", name, "--network", "none", "-e", "HOME=/x", "--group-add", "77", image, "sleep", "1000")
        self.assertEqual(self.davit("exec", "-u", "web", name, "sh", "-c", SAY).out, "1000:1000 77 1000 2000 /x\n")
        self.assertEqual(self.davit("exec", "-u", "web", "-e", "HOME=/y", name, "sh", "-c", "echo $HOME").out, "/y\n")

    def test_passwd_of_a_mount_counts(self):
        image = self.image("identity:4", self.usual)
        with open(os.path.join(self.folder, "passwd"), "w") as f:
            f.write("me:x:1234:1000::/home/me:/bin/sh\n")
        flags = ("-v", os.path.join(self.folder, "passwd") + ":/etc/passwd:ro")
        self.assertEqual(self.say(image, *flags, "-u", "1234"), "1234:1000 1000 /home/me")
        os.mkfifo(os.path.join(self.folder, "fifo"))
        self.fails("run", "--rm", "--network", "none", "-v", os.path.join(self.folder, "fifo") + ":/etc/passwd", image, "true",
                   says=["/etc/passwd: a FIFO"])

    def test_an_image_that_would_hang_the_engine_is_refused(self):
        rows = (
            ("passwd", lambda t: t.add("etc/passwd", tarfile.FIFOTYPE), "/etc/passwd: a FIFO"),
            ("group", lambda t: (t.file("etc/passwd", PASSWD.encode()), t.add("etc/group", tarfile.FIFOTYPE)), "/etc/group: a FIFO"),
            ("device", lambda t: t.add("etc/passwd", tarfile.CHRTYPE, devmajor=1, devminor=5), "/etc/passwd: a device"),
            ("zero", lambda t: t.add("etc/passwd", tarfile.SYMTYPE, "/dev/zero"), "/etc/passwd: leads into /dev"),
            ("input", lambda t: t.add("etc/passwd", tarfile.SYMTYPE, "/proc/self/fd/0"), "/etc/passwd: leads into /proc"),
            ("folder", lambda t: t.add("etc/passwd", tarfile.DIRTYPE), "/etc/passwd: a folder"),
            ("long", lambda t: t.file("etc/group", b"a" * (5 << 20)), "/etc/group: longer than 4 MiB"),
            ("groups", lambda t: (t.file("etc/passwd", PASSWD.encode()),
                                  t.file("etc/group", "".join(f"g{i}:x:{i + 1}:root\n" for i in range(150000)).encode())),
             "/etc/group: its user is in more than 4096 groups"),
        )
        for name, fill, says in rows:
            image = self.image("identity:bad-" + name, fill)
            result = self.fails("run", "--rm", "--network", "none", image, "true", says=["image's " + says])
            self.assertLess(result.seconds, 20 * Machine.slow, name)

    def test_a_job_that_would_hang_the_engine_is_refused(self):
        image = self.image("identity:5", self.usual)
        for script, says in (("rm /etc/passwd; mkfifo /etc/passwd", "/etc/passwd: a FIFO"), ("rm /etc/group; mkfifo /etc/group", "/etc/group: a FIFO"),
                             ("rm /etc/passwd; ln -s /dev/zero /etc/passwd", "/etc/passwd: a device"),
                             ("rm /etc/passwd; ln -s /proc/self/fd/0 /etc/passwd", "/etc/passwd: leads through a link of /proc")):
            name = "t-" + os.urandom(4).hex()
            self.addCleanup(lambda name=name: self.davit("rm", "-f", name, code=None))
            self.davit("run", "-d", "--name", name, "--network", "none", image, "sh", "-c", script + "; echo ready; sleep 1000")
            wait_until("the job", lambda: "ready" in self.davit("logs", name).out)
            self.fails("exec", name, "true", says=["job's " + says])
            self.fails("exec", "-u", "web", name, "true", says=["job's " + says])
            self.davit("stop", "-t", "0", name)
            if "ln" not in script:
                self.fails("start", name, says=["job's " + says])
