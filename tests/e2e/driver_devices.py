"""What a plugin for devices gives a task, and the mounts that are Nomad's own (volume_mount, CSI), as the agent sends them: looked at inside."""
import os
import subprocess

from lib.case import wait_until
from lib.driver_plugin import Failed
from lib.options_case import OptionsCase

FULL = os.makedev(1, 7)


class Devices(OptionsCase):
    def device(self, rdev=FULL, access="rw", inside="/dev/given"):
        path = os.path.join(self.folder, "node-" + os.urandom(4).hex())
        os.mknod(path, 0o666 | 0o020000, rdev)
        os.chmod(path, 0o666)
        return {"host_path": path, "task_path": inside, "cgroup_permissions": access}

    def test_devices(self):
        """By the path that the task knows, and with the permissions that were given: nothing said is all."""
        host = next((path for path in ("/dev/fuse", "/dev/net/tun", "/dev/kmsg") if os.path.exists(path)), None)
        if not host:
            self.skipTest("no device here that every container has not anyway")
        script = "ls /dev/given; (: </dev/given) && echo reads; (: >/dev/given) && echo writes"
        for access, wanted in (("r", "reads"), ("w", "writes"), ("rw", "reads\nwrites"), ("rwm", "reads\nwrites"), ("", "reads\nwrites")):
            with self.subTest(access):
                self.assertEqual(self.says({}, script, devices=[self.device(os.stat(host).st_rdev, access)]), "/dev/given\n" + wanted)

    def test_beside_those_of_the_job(self):
        theirs = {"host_path": "/dev/zero", "container_path": "/dev/job-s", "cgroup_permissions": "r"}
        said = self.says({"devices": [theirs]}, "ls -l /dev/given /dev/other /dev/job-s", devices=[self.device(), self.device(inside="/dev/other")])
        self.assertRegex(said, r"c.* 1, +7 .*/dev/given\n")
        self.assertRegex(said, r"c.* 1, +7 .*/dev/other\b")
        self.assertRegex(said, r"c.* 1, +5 .*/dev/job-s\b")

    def test_device_env(self):
        """It goes before what the job says."""
        said = self.says({}, "echo $GIVEN $OURS $OTHER", env={"GIVEN": "job", "OURS": "ours"}, device_env={"GIVEN": "by-plugin", "OTHER": "too"})
        self.assertEqual(said, "by-plugin ours too")

    def test_one_that_is_not_there(self):
        with self.assertRaisesRegex(Failed, "/dev/nobody"):
            self.start_with({}, devices=[{"host_path": "/dev/nobody", "task_path": "/dev/x", "cgroup_permissions": "rw"}])


class Mounts(OptionsCase):
    def setUp(self):
        super().setUp()
        self.host = os.path.join(self.folder, "host")
        os.makedirs(self.host)
        with open(os.path.join(self.host, "given"), "w") as f:
            f.write("given\n")

    def mount(self, **more):
        return dict({"host_path": self.host, "task_path": "/m"}, **more)

    def test_readonly(self):
        script = "cat /m/given; touch /m/new 2>&1"
        self.assertRegex(self.says({}, script, mounts=[self.mount(readonly=True)]), r"^given\n.*Read-only")
        self.assertFalse(os.path.exists(os.path.join(self.host, "new")))
        self.assertEqual(self.says({}, script, mounts=[self.mount()]), "given")
        self.assertTrue(os.path.exists(os.path.join(self.host, "new")))

    def test_a_file(self):
        """As a plugin gives a driver's library; and where its folder is not there."""
        mount = {"host_path": os.path.join(self.host, "given"), "task_path": "/opt/vendor/lib/given", "readonly": True}
        self.assertEqual(self.says({}, "cat /opt/vendor/lib/given", mounts=[mount]), "given")

    def test_they_are_no_folders_of_the_job_s(self):
        """The operator has permitted them in another place; those of the job stay forbidden."""
        self.configure(volumes={"enabled": False})
        self.assertEqual(self.says({}, "cat /m/given", mounts=[self.mount()]), "given")
        with self.assertRaisesRegex(Failed, "volumes are not enabled"):
            self.start_with({"volumes": [f"{self.host}:/other"]}, mounts=[self.mount()])

    def test_selinux_label(self):
        """Where the kernel has none it is nothing; a label that is none is passed over."""
        for label in ("z", "Z", "", "x"):
            self.assertEqual(self.says({}, "cat /m/given", mounts=[self.mount(selinux_label=label)]), "given")

    def test_a_source_that_is_not_there(self):
        with self.assertRaisesRegex(Failed, "/nobody"):
            self.start_with({}, mounts=[self.mount(host_path="/nobody")])

    def test_propagation_mode(self):
        """What is mounted on the host comes to the task, what the task mounts to the host, or neither."""
        os.makedirs(self.host + "/host")
        os.makedirs(self.host + "/task")
        subprocess.run(["mount", "--bind", self.host, self.host], check=True)
        self.addCleanup(subprocess.run, ["umount", "-R", self.host], check=True)
        subprocess.run(["mount", "--make-shared", self.host], check=True)
        script = "mount -t tmpfs none /m/task; touch /local/ready; while [ ! -e /local/go ]; do sleep 0.1; done; grep -c ' /m/host ' /proc/self/mountinfo"
        for mode, inside, outside in (("", "0", False), ("private", "0", False), ("host-to-task", "1", False), ("bidirectional", "1", True)):
            with self.subTest(mode):
                handle = self.start_with({"cap_add": ["sys_admin"], "apparmor_profile": "unconfined"}, script,
                                         mounts=[self.mount(propagation_mode=mode)])
                local = os.path.join(handle["config"]["alloc_dir"], "t/local/")
                wait_until("its mount", lambda local=local: os.path.exists(local + "ready"))
                subprocess.run(["mount", "-t", "tmpfs", "none", self.host + "/host"], check=True)
                with open("/proc/self/mountinfo") as f:
                    self.assertEqual(f" {self.host}/task " in f.read(), outside)
                open(local + "go", "w").close()
                self.assertEqual(self.said(handle)[0], inside)
                self.destroy(handle["config"]["id"])
                subprocess.run(["umount", self.host + "/host"], check=True)
                subprocess.run(["umount", self.host + "/task"], capture_output=True)
        with self.assertRaisesRegex(Failed, 'propagation_mode "sideways" is not known'):
            self.start_with({}, mounts=[self.mount(propagation_mode="sideways")])
