"""Plugins for devices that the agent runs: what they give reaches the task."""
import os
import shutil
import unittest

from lib import containerds, nomads
from lib.case import Machine, wait_until
from lib.nomad_agent import config_block
from lib.nomad_case import NomadCase

ONE = 'device "nomad/file/mock" {}'


def prepare():
    """Outside the sandbox, where there is a network. The cases say that there is no Go."""
    try:
        nomads.build_device_plugins()
    except (containerds.Unavailable, nomads.NotBuilt) as why:
        print(why, flush=True)


class FilesAsDevices(NomadCase):
    """Around Nomad's example: what is in a folder are its devices, and those that anybody may execute are not healthy."""

    @classmethod
    def setUpClass(cls):
        try:
            shutil.copy2(nomads.build_device_plugins()[cls.plugin], Machine.agent.plugins)
        except containerds.Unavailable as why:
            raise unittest.SkipTest(str(why)) from None
        cls.devices = os.path.join(Machine.work, cls.plugin)
        shutil.rmtree(cls.devices, ignore_errors=True)
        os.makedirs(cls.devices)
        cls.make_devices()
        bad = "bad-" + os.urandom(3).hex()  # the server may still know those of the last agent
        with open(os.path.join(cls.devices, bad), "w") as f:
            os.fchmod(f.fileno(), 0o777)
        Machine.agent.stop()
        options = config_block({"dir": cls.devices, "list_period": "100ms"})
        Machine.agent.others = f'plugin "{cls.plugin}" {{\n  config {{\n{options}\n  }}\n}}\n'
        NomadCase.seen = None  # it has one process more
        super().setUpClass()
        wait_until("the node's devices", lambda: bad in cls.known(), 60)

    @classmethod
    def tearDownClass(cls):
        Machine.agent.stop()
        Machine.agent.others = ""
        NomadCase.seen = None

    @classmethod
    def known(cls):
        rows = (Machine.agent.node()["NodeResources"] or {}).get("Devices") or []
        return {i["ID"]: i["Healthy"] for row in rows for i in row["Instances"]}


class Example(FilesAsDevices):
    plugin = "device-example"

    @classmethod
    def make_devices(cls):
        with open(os.path.join(cls.devices, "good"), "w") as f:
            f.write("good\n")

    def content(self, name):
        with open(os.path.join(self.devices, name)) as f:
            return f.read()

    def test_a_mount(self):
        """Of the healthy one alone, also when the task starts again; another job waits for it."""
        self.assertEqual(sorted(self.known().values()), [False, True])
        job = self.sh_job("cat /tmp/task-mounts/*; echo written >> /tmp/task-mounts/good; exec sleep 1000", resources=ONE).running()
        job.waits_for_log(r"\Agood\n\Z")
        wait_until("what it writes", lambda: self.content("good") == "good\nwritten\n")
        self.agent.restart_task(job.alloc, "t")
        job.waits_for_log(r"\Agood\ngood\nwritten\n\Z")
        other = self.job(resources=ONE)
        wait_until("the other's evaluation", other.blocked, 30)
        self.assertIn("devices: no devices match", other.blocked())
        job.stop()
        self.assertEqual(other.running(60).run("ls", "/tmp/task-mounts"), "good\n")


class Nodes(FilesAsDevices):
    plugin = "device-nodes"

    @classmethod
    def make_devices(cls):
        host = next((path for path in ("/dev/fuse", "/dev/net/tun", "/dev/kmsg") if os.path.exists(path)), None)
        if not host:
            raise unittest.SkipTest("no device here that every container has not anyway")
        path = os.path.join(cls.devices, "n1")
        os.mknod(path, 0o020666, os.stat(host).st_rdev)
        os.chmod(path, 0o666)

    def test_a_node_a_mount_and_environment(self):
        """With the permissions that were given: it is read, and not written."""
        script = ("echo of $GIVEN_DEVICES; (: </dev/given/n1) && echo reads; (: >/dev/given/n1) && echo writes; ls /tmp/task-mounts; "
                  "chmod 600 /tmp/task-mounts/n1 || echo keeps; exec sleep 1000")
        job = self.sh_job(script, resources=ONE).running()
        job.waits_for_log(r"\Aof n1\nreads\nn1\nkeeps\n\Z")
        job.waits_for_log(r"/dev/given/n1: Operation not permitted\n.*Read-only file system", kind="stderr")
