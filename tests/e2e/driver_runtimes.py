"""A task's runtime by each of its names. Kata's shim has a stand-in (lib/kata_stand_in.py); gVisor's is one, too, before a true runsc."""
import base64
import os
import shutil

from lib import kata_stand_in
from lib.case import Machine, wait_until
from lib.driver_plugin import Failed, Task
from lib.options_case import OptionsCase

# runsc takes no network and no limits where tests have no right to the host's (gvisor.py)
RUNSC_SHIM = '#!/bin/sh\nPATH={folder}:$PATH exec containerd-shim-runc-v2 "$@"\n'
RUNSC = '#!/bin/sh\nexec {runsc} --network=none --ignore-cgroups --platform=ptrace "$@"\n'
SHORT = {"runc": "io.containerd.runc.v2", "crun": "io.containerd.runc.v2", "kata": "io.containerd.kata.v2", "runsc": "io.containerd.runsc.v1"}


class Runtimes(OptionsCase):
    def setUp(self):
        self.bin = Machine.containerd.more_programs
        self.path = os.environ["PATH"]
        os.environ["PATH"] += ":" + self.bin  # the plugin's, which looks whether there is one
        self.addCleanup(os.environ.update, PATH=self.path)
        super().setUp()

    def put(self, folder, name, text):
        os.makedirs(folder, exist_ok=True)
        path = os.path.join(folder, name)
        with open(path, "w") as f:
            f.write(text)
        os.chmod(path, 0o755)
        self.addCleanup(os.unlink, path)

    def runs(self, name, script, **options):
        """What it says, what containerd has noted of it, and how it ends when it is told to."""
        said = self.says(dict(options, runtime=name), script)
        self.writes(name, options)
        handle = self.start_with(dict(options, runtime=name), "trap 'exit 5' TERM; touch /local/ready; while :; do sleep 0.1; done")
        wait_until("its trap", lambda: os.path.exists(os.path.join(handle["config"]["alloc_dir"], "t/local/ready")))
        record = self.container(handle)["Runtime"]
        self.session.ask("StopTask", task_id=handle["config"]["id"], timeout={"seconds": 60})
        self.assertEqual(self.wait_task(handle).next(60)["result"]["exit_code"], 5)
        self.destroy(handle["config"]["id"])
        return said, record

    def writes(self, name, options):
        """Into Nomad's FIFOs and its folders, all of which the driver holds."""
        task = Task(self)
        os.mkdir(os.path.join(task.dir, "local/data"))
        script = "echo out; echo err >&2; echo x >/data/made && cp /data/made /local/copied && cat /alloc/here"
        with open(os.path.join(task.alloc_dir, "alloc/here"), "w") as f:
            f.write("shared\n")
        task.start(dict(options, runtime=name, image=Machine.image, command="sh", args=["-c", script],
                        mounts=[{"type": "bind", "source": "local/data", "target": "/data"}]))
        self.assertEqual(task.wait()["exit_code"], 0)
        task.destroy()
        task.close()
        self.assertEqual((task.output(), task.output("stderr")), ("out\nshared\n", "err\n"))
        for place in ("local/data/made", "local/copied"):
            self.assertTrue(os.path.exists(os.path.join(task.dir, place)), place)

    def test_engines(self):
        said, record = self.runs("runc", "echo ran")
        self.assertEqual((said, record["Name"]), ("ran", SHORT["runc"]))
        if shutil.which("crun"):
            said, record = self.runs("crun", "echo ran")
            self.assertEqual((said, record["Name"]), ("ran", SHORT["crun"]))
            self.assertIn(b"crun", base64.b64decode(record["Options"]["value"]))

    def test_davit_s_own(self):
        shutil.copy2(Machine.own_shim, self.bin)
        self.addCleanup(os.unlink, os.path.join(self.bin, "containerd-shim-davit-v2"))
        for name in ("davit", os.path.join(self.bin, "containerd-shim-davit-v2")):
            self.configure(allow_runtimes=[name])  # a path is a program that runs as root: only a list permits it
            said, record = self.runs(name, "echo ran")
            self.assertEqual(said, "ran")
            self.assertRegex(record["Name"], r"io\.containerd\.davit\.v2|containerd-shim-davit-v2$")
        self.configure()
        with self.assertRaisesRegex(Failed, "allow_runtimes"):
            self.start_with({"runtime": name})

    def test_kata(self):
        kata_stand_in.install(self.bin)
        self.addCleanup(os.unlink, os.path.join(self.bin, kata_stand_in.NAME))
        kata_stand_in.forget(self.bin)
        with self.assertRaisesRegex(Failed, "no configuration.toml in /etc/kata-containers"):
            self.start_with({"runtime": "kata"})
        os.makedirs("/etc/kata-containers")
        self.addCleanup(shutil.rmtree, "/etc/kata-containers")
        open("/etc/kata-containers/configuration.toml", "w").close()
        said, record = self.runs("kata", "echo ran")
        self.assertEqual((said, record["Name"]), ("ran", SHORT["kata"]))
        made = [n for n in kata_stand_in.notes(self.bin) if n["what"] == "create"]
        self.assertEqual([n["options"]["options"] for n in made], [{"config_path": "/etc/kata-containers/configuration.toml"}] * 3)
        self.assertIn("eth0", made[0]["interfaces"])
        with self.assertRaisesRegex(Failed, "(?i)vm runtime.*; choose another, or network_mode = \"none\"$"):  # davit says --network none
            self.start_with({"runtime": "kata", "host_network": True})

    def test_gvisor(self):
        """The task has another kernel."""
        if not shutil.which("runsc"):
            self.skipTest("runsc is not installed")
        self.put(self.bin, "containerd-shim-runsc-v1", RUNSC_SHIM.format(folder=os.path.join(self.bin, "gvisor")))
        self.put(os.path.join(self.bin, "gvisor"), "runc", RUNSC.format(runsc=shutil.which("runsc")))
        said, record = self.runs("runsc", "dmesg", network_mode="none")
        self.assertIn("Starting gVisor", said)
        self.assertEqual(record["Name"], SHORT["runsc"])

    def test_one_that_is_not_there(self):
        for name in ("kata", "runsc", "io.containerd.nobody.v1"):
            if not shutil.which("containerd-shim-runsc-v1") or name != "runsc":
                with self.assertRaisesRegex(Failed, f"runtime {name}: its shim is not installed"):
                    self.start_with({"runtime": name})
