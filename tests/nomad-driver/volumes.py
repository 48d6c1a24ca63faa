"""Folders of the host's: volumes and how mounts go through them, devices, tmpfs."""
import os
import subprocess

from lib.case import Machine
from lib.nomad_case import NomadCase, task_block


def volume(name="v", source="shared", more=""):
    return f'volume "{name}" {{\n type = "host"\n source = "{source}"\n{more}\n}}\n'


def mounted(name="v", at="/v", more=""):
    return f'volume_mount {{\n volume = "{name}"\n destination = "{at}"\n{more}\n}}\n'


class Propagation(NomadCase):
    """As plugins for storage (CSI) need it."""

    def setUp(self):
        super().setUp()
        self.source = os.path.join(Machine.work, "volumes/shared")
        subprocess.run(["mount", "--bind", self.source, self.source], check=True)
        subprocess.run(["mount", "--make-shared", self.source], check=True)
        os.makedirs(self.source + "/below", exist_ok=True)
        self.addCleanup(subprocess.run, ["umount", "-lR", self.source], capture_output=True)

    def mount_on_host(self):
        subprocess.run(["mount", "-t", "tmpfs", "tmpfs", self.source + "/below"], check=True)
        with open(self.source + "/below/file", "w") as f:
            f.write("from the host")

    def test_from_the_host(self):
        job = self.job(group=volume(), more=mounted(more='propagation_mode = "host-to-task"')).running()
        self.mount_on_host()
        self.assertEqual(job.run("cat", "/v/below/file"), "from the host")

    def test_private(self):
        job = self.job(group=volume(), more=mounted(more='propagation_mode = "private"')).running()
        self.mount_on_host()
        job.run("cat", "/v/below/file", code=1)

    def test_both_ways(self):
        job = self.job(group=volume(), config={"privileged": True}, more=mounted(more='propagation_mode = "bidirectional"')).running()
        job.sh("mount -t tmpfs tmpfs /v/below && echo from the task > /v/below/file")
        with open(self.source + "/below/file") as f:
            self.assertEqual(f.read(), "from the task\n")


class Mounts(NomadCase):
    def test_a_volume_goes_from_task_to_task(self):
        first = self.sh_job("echo kept > /v/file", group=volume(source="s1"), more=mounted()).completed()
        self.assertEqual(first.exit_code(), 0)
        job = self.job(group=volume(source="s1"), more=mounted()).running()
        self.assertEqual(job.run("cat", "/v/file"), "kept\n")
        os.unlink(os.path.join(Machine.work, "volumes/s1/file"))

    def test_memory(self):
        job = self.job(config={"tmpfs": ["/scratch"], "shm_size": "16m"}).running()
        self.assertIn("tmpfs", job.sh("grep ' /scratch ' /proc/mounts"))
        self.assertRegex(job.sh("df -k /dev/shm"), r"\b16384\b")

    def test_forms_of_mounts(self):
        with open(os.path.join(self.folder, "file"), "w") as f:
            f.write("of the host")
        job = self.job(raw=f"""
            mount {{
              type = "bind"
              source = "{self.folder}"
              target = "/one"
              readonly = true
            }}
            mount {{
              type = "tmpfs"
              target = "/two"
              tmpfs_options {{
                size = 1048576
              }}
            }}
            volumes = ["{self.folder}:/three:ro", "local:/four"]""").running()
        self.assertEqual(job.run("cat", "/one/file"), "of the host")
        self.assertEqual(job.run("cat", "/three/file"), "of the host")
        job.sh("touch /two/x /four/y")
        job.sh("touch /one/no", code=1)
        self.assertTrue(os.path.exists(job.dir("local", "y")))

    def test_devices(self):
        job = self.job(config={"devices": ["/dev/fuse"] if os.path.exists("/dev/fuse") else ["/dev/null"]}).running()
        job.run("stat", "/dev/fuse" if os.path.exists("/dev/fuse") else "/dev/null")

    def test_a_device_with_rights(self):
        job = self.job(raw='devices = [{\n host_path = "/dev/zero"\n container_path = "/dev/nothing"\n cgroup_permissions = "r"\n}]').running()
        self.assertEqual(job.sh("head -c 3 /dev/nothing | wc -c").strip(), "3")


class HostPaths(NomadCase):
    options = {"volumes": {"enabled": False}}

    def test_they_are_the_operators_to_allow(self):
        job = self.job(config={"volumes": ["/etc:/host-etc"]}).failed()
        self.assertIn("volumes", "\n".join(job.says()))
        allowed = self.job(config={"volumes": ["local:/mine"]}).running()
        allowed.sh("touch /mine/x")

    def test_a_link_does_not_lead_out(self):
        """What a task has put into its allocation's folder: the same mount is made of a folder and not of a link."""
        for make, state in (("mkdir", "running"), ("ln -s /etc", "failed")):
            with self.subTest(make):
                job = self.group(
                    task_block(("sh", "-c", f"{make} /alloc/data/out"), name="before", more='lifecycle {\n hook = "prestart"\n}\n'),
                    task_block(config={"volumes": ["../alloc/data/out:/out"]})).wait(state, seconds=60)
                self.assertEqual(job.exit_code("before"), 0)
                if state == "failed":
                    job.waits_for_event("/alloc/data/out: a link in it leads out of the allocation's folder; .*volumes { enabled = true }")
                    self.assertEqual((job.state()["Restarts"], job.containers()), (0, []))
