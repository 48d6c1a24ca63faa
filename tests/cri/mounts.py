"""Mounts of pods, with each propagation."""
import os
import subprocess

from lib import cri
from lib.cri_case import CriCase, on_both


def mount(*words):
    subprocess.run(["mount", *words], check=True)


class Mounts(CriCase):
    def shared(self):
        """A folder of the machine's whose mounts others see."""
        path = os.path.join(self.folder, f"{self.handler}-shared")
        os.makedirs(path)
        mount("-t", "tmpfs", "tmpfs", path)
        self.stack.callback(lambda: subprocess.run(["umount", "-R", "-l", path], check=True))
        mount("--make-rshared", path)
        os.makedirs(path + "/sub")
        return path

    @on_both
    def test_propagation(self):
        """What is mounted on the machine afterwards, and what is mounted in the container: seen by the other or not."""
        seen = {}
        for mode, into, out in (("PRIVATE", False, False), ("HOST_TO_CONTAINER", True, False), ("BIDIRECTIONAL", True, True)):
            path = self.shared() if not seen else seen.pop("path")
            seen["path"] = path
            pod = self.pod(linux={"security_context": {"privileged": True}})
            c = pod.run(mounts=[{"host_path": path, "container_path": "/shared", "propagation": "PROPAGATION_" + mode}],
                        linux={"security_context": {"privileged": True}})
            os.makedirs(f"{path}/{mode}-host")
            mount("-t", "tmpfs", "tmpfs", f"{path}/{mode}-host")
            with open(f"{path}/{mode}-host/file", "w"):
                pass
            c.sh(f"mkdir /shared/{mode}-in; mount -t tmpfs none /shared/{mode}-in; touch /shared/{mode}-in/file")
            seen[mode] = c.sync("test", "-e", f"/shared/{mode}-host/file")[0] == 0, os.path.exists(f"{path}/{mode}-in/file")
            self.assertEqual(seen[mode], (into, out), mode)
            pod.end()
        seen.pop("path")
        return seen

    @on_both
    def test_shared_needed(self):
        """Bidirectional of a folder that is not shared is refused."""
        path = os.path.join(self.folder, f"{self.handler}-private")
        os.makedirs(path)
        mount("-t", "tmpfs", "tmpfs", path)
        self.stack.callback(lambda: subprocess.run(["umount", path], check=True))
        mount("--make-private", path)
        pod = self.pod()
        return cri.status_of("CreateContainer", pod_sandbox_id=pod.id, sandbox_config=pod.config, config=dict(
            pod.container().config, metadata={"name": "x"},
            mounts=[{"host_path": path, "container_path": "/m", "propagation": "PROPAGATION_BIDIRECTIONAL"}]))

    @on_both
    def test_kinds(self):
        folder = os.path.join(self.folder, self.handler)
        os.makedirs(folder)
        file = self.file(f"{self.handler}-file", "of the machine\n")
        c = self.container(mounts=[{"host_path": folder, "container_path": "/folder"}, {"host_path": folder, "container_path": "/only-read", "readonly": True},
                                   {"host_path": file, "container_path": "/etc/one"}, {"host_path": folder + "/new", "container_path": "/deep/er/new"}])
        self.assertEqual(c.sh("cat /etc/one; echo written >/folder/x; cat /only-read/x"), "of the machine\nwritten\n")
        self.assertNotEqual(c.sync("touch", "/only-read/y")[0], 0)
        self.assertTrue(os.path.isdir(folder + "/new"))
        return c.sh("ls -d /deep/er/new; grep -c only-read /proc/self/mountinfo")

    @on_both
    def test_below_each_other(self):
        """One inside another, in whatever order they come."""
        outer, inner = (os.path.join(self.folder, f"{self.handler}-{name}") for name in ("outer", "inner"))
        os.makedirs(outer + "/in")
        os.makedirs(inner)
        with open(inner + "/leaf", "w") as f:
            f.write("leaf")
        c = self.container(mounts=[{"host_path": inner, "container_path": "/tree/in"}, {"host_path": outer, "container_path": "/tree"}])
        self.assertEqual(c.sh("cat /tree/in/leaf"), "leaf")

    @on_both
    def test_gone_afterwards(self):
        """No mount of a pod is left with anybody once it is removed."""
        pod = self.pod()
        c = pod.run(mounts=[{"host_path": self.folder, "container_path": "/m"}])
        ids = c.id, pod.id
        pod.end()
        with open("/proc/self/mountinfo") as f:
            text = f.read()
        self.assertEqual([i for i in ids if i in text], [])
