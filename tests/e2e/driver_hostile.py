"""What else runs in an allocation can write in its folders while a task of it starts: nothing that it puts in the place of something there is followed."""
import ctypes
import glob
import os
import random
import subprocess
import threading
import time

from e2e.driver_tasks import TaskCase, sh
from lib.case import Machine, wait_until
from lib.driver_plugin import Failed, Task

LIBC = ctypes.CDLL(None, use_errno=True)
AT_FDCWD, RENAME_EXCHANGE = -100, 2


class Swapper:
    """What is at @path and a link to @to change places, all the time."""

    def __init__(self, path, to):
        self.names, self.ended = (path.encode(), (path + ".swap").encode()), threading.Event()
        os.symlink(to, path + ".swap")
        self.thread = threading.Thread(target=self.run, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *unused):
        self.ended.set()
        self.thread.join()

    def run(self):
        while not self.ended.wait(random.random() * 0.02 * Machine.slow):
            if LIBC.renameat2(AT_FDCWD, self.names[0], AT_FDCWD, self.names[1], RENAME_EXCHANGE) < 0:
                raise OSError(ctypes.get_errno(), "renameat2")


def mountinfo():
    with open("/proc/self/mountinfo") as f:
        return sorted(line.split(" ", 1)[1].split(" - ")[0] for line in f)


class Swapped(TaskCase):
    """The sibling's view of the folders is the host's."""
    STARTS = 6

    def setUp(self):
        super().setUp()
        self.host = os.path.join(self.folder, "host")
        os.makedirs(os.path.join(self.host, "sub"))
        for name in ("f", "sub/f"):
            self.put(os.path.join(self.host, name), "the host's")
        self.mounted = mountinfo()

    def tearDown(self):
        for id in self.made:
            self.destroy(id)
        self.assertEqual(mountinfo(), self.mounted)
        super().tearDown()

    def put(self, path, text):
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w") as f:
            f.write(text)

    def rounds(self, prepare, conf, look, **fields):
        """Some start, some are refused for the link; what starts has seen nothing but its own. Where few start, one is enough after a while."""
        started = refused = rounds = 0
        said, late = "", time.monotonic() + 20
        while not (refused and started >= (self.STARTS if time.monotonic() < late else 1)) and rounds < 60 * self.STARTS:
            rounds += 1
            task = Task(self)
            with Swapper(*prepare(task)):
                try:
                    task.start(conf, **(fields(task) if callable(fields) else fields))
                except Failed as failed:
                    self.assertRegex(failed.message, "link|neither a FIFO|No such file|Not a directory|mount")
                    refused, said = refused + 1, failed.message
                    continue
                self.assertIsNotNone(task.wait())
            started += 1
            task.close()
            look(task)
            task.destroy()
        self.assertTrue(started and refused, f"{started} have started, {refused} were refused: {said}")

    def own(self, task, *names):
        for name in names:
            self.put(os.path.join(task.alloc_dir, "alloc/data", name), "own")

    def test_the_source_of_a_mount(self):
        def prepare(task):
            self.own(task, "x/f", "x/sub/f")
            return os.path.join(task.alloc_dir, "alloc/data/x"), self.host

        def look(task):
            self.assertEqual(task.output(), "ownown", task.output("stderr"))

        mounts = [{"type": "bind", "source": "alloc/data/x/sub", "target": "/a"}, {"type": "bind", "source": "alloc/data/x/f", "target": "/b"}]
        self.rounds(prepare, sh("cat /a/f /b", mounts=mounts), look)

    def test_nomads_own_folders(self):
        """alloc/logs is mounted for every task, and lies where the others can write."""
        def prepare(task):
            self.put(os.path.join(task.alloc_dir, "alloc/logs/f"), "own")
            return os.path.join(task.alloc_dir, "alloc/logs"), self.host

        def look(task):
            with open(os.path.join(task.dir, "local/seen")) as f:
                self.assertIn(f.read(), ("own", ""))  # or there is such a link in what it has as /alloc

        self.rounds(prepare, sh("cat /alloc/logs/f >/local/seen"), look, stdout_path="/dev/null", stderr_path="/dev/null")

    def test_the_output(self):
        """The shim opens it as root, to write."""
        def prepare(task):
            return task.said["stdout_path"], os.path.join(self.host, "f")

        def look(task):
            with open(os.path.join(self.host, "f")) as f:
                self.assertEqual(f.read(), "the host's")
            self.assertEqual(task.output(), "said\n")

        self.rounds(prepare, sh("echo said"), look)

    def test_a_seccomp_profile(self):
        forbids = '{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["mkdir","mkdirat"],"action":"SCMP_ACT_ERRNO"}]}'
        self.put(os.path.join(self.host, "f"), forbids.replace("mkdir", "mknod"))

        def prepare(task):
            self.put(os.path.join(task.alloc_dir, "alloc/data/x/f"), forbids)
            return os.path.join(task.alloc_dir, "alloc/data/x"), self.host

        def look(task):
            self.assertEqual(task.output(), "no\n", task.output("stderr"))

        self.rounds(prepare, sh("mkdir /tmp/new && echo yes || echo no", seccomp_profile="../alloc/data/x/f"), look)


class Outputs(TaskCase):
    """What is no FIFO is not opened at all: of a device that alone may do something."""

    def is_refused(self, task):
        self.fails(task, sh("echo said"), "neither a FIFO nor /dev/null")
        self.assertEqual(self.running(), [])

    def replaced(self):
        task = Task(self)
        os.unlink(task.said["stdout_path"])
        return task, task.said["stdout_path"]

    def test_a_file(self):
        task, path = self.replaced()
        with open(path, "w") as f:
            f.write("kept")
        self.is_refused(task)
        with open(path) as f:
            self.assertEqual(f.read(), "kept")

    def test_a_link_to_a_fifo(self):
        task, path = self.replaced()
        os.mkfifo(os.path.join(self.folder, "other"))
        os.symlink(os.path.join(self.folder, "other"), path)
        self.is_refused(task)

    def test_a_folder(self):
        task, path = self.replaced()
        os.mkdir(path)
        self.is_refused(task)

    def test_a_device(self):
        task, path = self.replaced()
        os.mknod(path, 0o20666, os.makedev(1, 3))
        self.is_refused(task)

    def test_a_folder_above_that_is_a_link(self):
        task = Task(self)
        logs = os.path.join(task.alloc_dir, "alloc/logs")
        os.rename(logs, os.path.join(self.folder, "logs"))
        os.symlink(os.path.join(self.folder, "logs"), logs)
        self.fails(task, sh("echo said"), "link")


class Logs(TaskCase):
    """The agent opens what is in alloc/logs by its name, to write: whatever a job mounts, it neither writes there nor puts another folder there."""

    def test_no_way_to_write_there(self):
        self.configure(volumes={"enabled": False})
        for volumes, folder in (((), "/alloc"), (("../alloc:/a",), "/a"), (("{dir}:/x",), "/x/alloc"), (("alloc/logs:/a/logs", "alloc:/a"), "/a"),
                                (("alloc/logs:/alloc/logs",), "/alloc"), (("alloc/data/up:/a",), "/a")):
            with self.subTest(volumes=volumes):
                task = Task(self)
                os.symlink("..", os.path.join(task.alloc_dir, "alloc/data/up"))
                logs = os.path.join(task.alloc_dir, "alloc/logs")
                script = f"cd {folder}; for way in 'touch logs/x' 'rm logs/.t.stdout.fifo' 'mv logs gone' 'mv {folder} {folder}.gone'; do "
                task.start(sh(script + "! $way || echo $way; done; touch data/x", volumes=[v.format(dir=task.alloc_dir) for v in volumes]))
                self.assertEqual(task.wait()["exit_code"], 0, task.output("stderr"))
                task.close()
                self.assertEqual(task.output(), "")
                self.assertEqual(sorted(os.listdir(logs)), [".t.stderr.fifo", ".t.stdout.fifo"])
                self.assertTrue(os.path.exists(os.path.join(task.alloc_dir, "alloc/data/x")))
                task.destroy()


    def test_no_folder_is_made_there(self):
        self.configure(volumes={"enabled": False})
        for source, words in (("alloc/logs/t.stdout.1", "the agent alone writes"), ("alloc/logs/a/b", "the agent alone writes"),
                              ("alloc/data/up/logs/t.stdout.1", "a link in it"), ("alloc/data/logs/a", "a link in it|the agent alone writes")):
            with self.subTest(source):
                task = Task(self)
                os.symlink("..", os.path.join(task.alloc_dir, "alloc/data/up"))
                os.symlink("../logs", os.path.join(task.alloc_dir, "alloc/data/logs"))
                with self.assertRaisesRegex(Failed, words):
                    task.start(sh("true", volumes=[f"{source}:/f"]))
                self.assertEqual(sorted(os.listdir(os.path.join(task.alloc_dir, "alloc/logs"))), [".t.stderr.fifo", ".t.stdout.fifo"])


class Propagation(TaskCase):
    """Of a source in the allocation's folder, which is mounted elsewhere first."""

    def setUp(self):
        super().setUp()
        self.of = Task(self)
        self.source = os.path.join(self.of.alloc_dir, "alloc/data")
        self.mount(self.source, "--make-shared")
        os.mkdir(os.path.join(self.source, "early"))
        os.mkdir(os.path.join(self.source, "late"))
        self.mount(os.path.join(self.source, "early"))

    def mount(self, at, *options):
        subprocess.run(["mount", "-t", "tmpfs", "x", at], check=True)
        self.addCleanup(subprocess.run, ["umount", "-l", at], check=True)
        if options:
            subprocess.run(["mount", *options, at], check=True)
        with open(os.path.join(at, "f"), "w") as f:
            f.write("there\n")

    def start(self, *options, **conf):
        mounts = [{"type": "bind", "source": "alloc/data", "target": "/x", "options": ["rbind", *options]}]
        script = "cat /x/early/f; while [ ! -e /local/go ]; do sleep 0.1; done; cat /x/late/f || true; [ ! -e /local/make ] || mount -t tmpfs y /x/made"
        self.of.start(sh(script, mounts=mounts, **conf))
        wait_until("its start", lambda: "there" in self.of.output())
        self.assertTrue(os.path.ismount(os.path.join(self.source, "early")))  # what is below the held mount is the host's still

    def go_on(self):
        self.mount(os.path.join(self.source, "late"))
        with open(os.path.join(self.of.dir, "local/go"), "w"):
            pass
        self.assertEqual(self.of.wait()["exit_code"], 0, self.of.output("stderr"))
        self.of.close()
        return self.of.output()

    def test_private(self):
        self.start()
        self.assertEqual(self.go_on(), "there\n")

    def test_slave(self):
        self.start("rslave")
        self.assertEqual(self.go_on(), "there\nthere\n")

    def test_shared(self):
        os.mkdir(os.path.join(self.source, "made"))
        with open(os.path.join(self.of.dir, "local/make"), "w"):
            pass
        self.start("rshared", privileged=True)
        self.addCleanup(subprocess.run, ["umount", os.path.join(self.source, "made")], check=True)
        self.assertEqual(self.go_on(), "there\nthere\n")
        self.assertTrue(os.path.ismount(os.path.join(self.source, "made")))


class Names(TaskCase):
    def test_of_a_task_that_leads_out(self):
        for name in ("..", ".", "../x", "a/b"):
            self.fails(Task(self), sh("true"), "is no name of a task", name=name)

    def test_a_place_of_a_plugin_that_was_killed(self):
        """Held mounts of it are taken away by whoever removes the job, and by prune."""
        task, before = Task(self), mountinfo()
        task.start(sh("sleep 1000"))
        (place,) = [os.path.join(path, "map.held.0") for path in glob.glob(f"/run/davit/{Machine.ns}/t-*") if os.path.isdir(path)]
        os.mkdir(place)
        subprocess.run(["mount", "-t", "tmpfs", "davit", place], check=True)
        os.mkdir(os.path.join(place, "0"))
        subprocess.run(["mount", "--rbind", task.dir, os.path.join(place, "0")], check=True)
        task.destroy()
        self.assertEqual(mountinfo(), before)
        self.assertTrue(os.path.exists(os.path.join(task.dir, "local")))


class Odd(TaskCase):
    """What no job should say: each is an error of one line, or a task that runs; the plugin stays, and nothing of it does."""
    OPTIONS = (
        {"image": "../../etc/passwd"}, {"image": "a b"}, {"image": "x" * 5000}, {"image": "\x1b[31mx"}, {"image": "--help"}, {"image": "x\ny"},
        {"image": "x@sha256:zz"},
        {"command": "--version"}, {"command": "\n"}, {"command": "x" * 5000}, {"args": ["x" * 200000]}, {"args": ["a"] * 20000},
        {"labels": [{"a\nb": "c"}]}, {"labels": [{"a": "x" * 5000}]}, {"labels": [{f"k{n}": "v" for n in range(2000)}]},
        {"hostname": "../x"}, {"hostname": "a\nb"}, {"hostname": "x" * 300}, {"extra_hosts": ["a\n1.2.3.4 b:1.2.3.4"]},
        {"mounts": [{"type": "tmpfs", "target": f"/m{n}"} for n in range(3000)]}, {"mounts": [{"type": "tmpfs", "target": "/../../x\ny"}]},
        {"mounts": [{"type": "bind", "source": "local/" + "d/" * 3000, "target": "/x"}]},
        {"mounts": [{"type": "bind", "source": "local/a\0b", "target": "/x"}]},
        {"devices": [{"host_path": "/etc/shadow"}]}, {"devices": [{"host_path": "/dev/../etc"}]},
        {"sysctl": [{"net.ipv4.ip_forward": "1\n2"}]}, {"sysctl": [{"net/../kernel.x": "1"}]},
        {"cap_add": ["x" * 5000]}, {"ulimit": [{"nofile": "1e999"}]}, {"cwd": "../../.."}, {"cwd": "/a\nb"}, {"seccomp_profile": "{}"},
        {"load": "../../../etc/passwd"},
        {"load": "local"}, {"runtime": "../../bin/sh"}, {"snapshotter": "../x"}, {"cgroupns": "container:x"}, {"pid_mode": "container:x"},
        {"group_add": ["-1"]})
    FIELDS = (
        {"env": {"A=B": "x"}}, {"env": {"": "y"}}, {"env": {"A\nB": "z"}}, {"env": {"L": "x" * 140000}},
        {"env": {f"K{n}": "v" for n in range(20000)}},
        {"alloc_id": "../../x"}, {"alloc_id": "x" * 5000}, {"alloc_id": "a\nb"}, {"user": "-1"}, {"user": "0\n0"}, {"user": "x" * 5000},
        {"job_name": "\x01\n"},
        {"stdout_path": "relative"}, {"stdout_path": "/proc/self/fd/1"}, {"stdout_path": "/" + "x" * 5000}, {"alloc_dir": "/"},
        {"alloc_dir": "/none"}, {"alloc_dir": "/../x"})
    IDS = ("../../../etc/x/t/0", "a\nb/t/0", "x" * 5000, "/", "-", "a/../../b", "\x1b[31m", "a/t/%s%n")

    def survives(self, conf, **fields):
        task = Task(self)
        if "id" in fields:
            task.id = fields["id"]
            self.made.append(task.id)
        try:
            task.start(sh("true", **conf), **fields)
            self.assertIsNotNone(task.wait())
        except Failed as failed:
            self.assertTrue(failed.message, (conf, fields))
            self.assertNotIn("\n", failed.message)
            self.assertNotIn("\x1b", failed.message)
        task.destroy()
        self.assertIsNone(self.plugin.process.poll(), (conf, fields))

    def test_options(self):
        for conf in self.OPTIONS:
            self.survives(conf)

    def test_fields(self):
        for fields in self.FIELDS:
            self.survives({}, **fields)

    def test_ids(self):
        for id in self.IDS:
            self.survives({}, id=id)
