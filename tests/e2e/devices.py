"""Devices: --device, --device-cgroup-rule, and by CDI --device VENDOR/CLASS=NAME and --gpus."""
import json
import os
import stat

from lib.case import Case, Machine, wait_until


def edits(**kw):
    return {"containerEdits": kw}


class Rules(Case):
    def opens(self, rule, number="c 10 229", *flags):
        """Can a job with @rule make the device @number (fuse, which is nobody's without being asked for) and open it?"""
        flags = flags + (("--device-cgroup-rule", rule) if rule else ())
        return "yes" in self.run_sh(f"mknod /tmp/d {number} && (: <>/tmp/d) && echo yes; true", *flags).out

    def test_rules(self):
        self.assertTrue(self.opens(None, "c 1 5"))  # zero, which everybody has
        self.assertFalse(self.opens(None))
        for rule in ("c 10:229 rwm", "c 10:* rwm", "c *:229 rwm", "a *:* rwm"):
            self.assertTrue(self.opens(rule), rule)
        for rule in ("c 10:229 m", "c 10:229 rm", "b 10:229 rwm", "c 10:230 rwm"):
            self.assertFalse(self.opens(rule), rule)
        self.fails("run", "--rm", "--device-cgroup-rule", "c 1 rwm", Machine.image, "true", says="not TYPE MAJOR:MINOR ACCESS")

    def test_device(self):
        out = self.run_sh("stat -c '%t:%T' /dev/k; head -c1 /dev/k | wc -c; (echo >/dev/k) 2>/dev/null || echo no", "--device", "/dev/zero:/dev/k:r")
        self.assertEqual(out.out.split()[:2], ["1:5", "1"])
        out = self.run_sh("ls /dev/some", "--device", f"{self.a_folder()}:/dev/some").out
        self.assertEqual(out.split(), ["one", "two"])

    def a_folder(self):
        folder = os.path.join(self.folder, "devs")
        os.mkdir(folder)
        for minor, name in ((3, "one"), (5, "two")):
            os.mknod(os.path.join(folder, name), 0o666 | stat.S_IFCHR, os.makedev(1, minor))
        with open(os.path.join(folder, "text"), "w"):
            return folder


class Cdi(Case):
    def setUp(self):
        super().setUp()
        self.files = []
        self.addCleanup(self.remove_files)

    def remove_files(self):
        for path in self.files:
            os.unlink(path)

    def put(self, devices, name="davit-test.json", folder="/etc/cdi", kind="vendor.com/class", version="0.7.0", **more):
        os.makedirs(folder, exist_ok=True)
        path = os.path.join(folder, name)
        with open(path, "w") as f:
            json.dump({"cdiVersion": version, "kind": kind, "devices": [dict(name=n, **d) for n, d in devices.items()], **more}, f)
        if path not in self.files:
            self.files.append(path)

    def with_devices(self, script, *names, flags=()):
        return self.run_sh(script, *(x for n in names for x in ("--device", n)), *flags).out.split()

    def test_nodes(self):
        self.put({"a": edits(deviceNodes=[{"path": "/dev/mine", "hostPath": "/dev/zero"}]),
                  "b": edits(deviceNodes=[{"path": "/dev/b", "type": "c", "major": 1, "minor": 11, "fileMode": 0o640, "uid": 7, "gid": 8, "permissions": "r"},
                                          {"path": "/dev/null"}])})
        self.assertEqual(self.with_devices("stat -c %t:%T /dev/mine; head -c3 /dev/mine | wc -c", "vendor.com/class=a"), ["1:5", "3"])
        self.assertEqual(self.with_devices("stat -c %t:%T:%u:%g:%a /dev/b; [ -e /dev/mine ] || echo none", "vendor.com/class=b"), ["1:b:7:8:640", "none"])
        # a process that is not root owns what the file does not give to anybody
        self.assertEqual(self.with_devices("stat -c %u:%g /dev/mine", "vendor.com/class=a", flags=("-u", "5:6")), ["5:6"])
        self.assertEqual(self.with_devices("head -c3 /dev/mine | wc -c", "vendor.com/class=a", flags=("--privileged",)), ["3"])

    def test_mounts_environment_groups(self):
        with open(os.path.join(self.folder, "lib"), "w") as f:
            f.write("driver\n")
        self.put({"a": edits(env=["A=device", "PATH=/bin"], additionalGids=[0, 4242], mounts=[
            {"hostPath": f"{self.folder}/lib", "containerPath": "/usr/lib/driver", "options": ["ro", "nosuid", "bind"]},
            {"hostPath": "tmpfs", "containerPath": "/t", "type": "tmpfs", "options": ["size=1m"]}])}, containerEdits={"env": ["ALL=file", "A=file"]})
        out = self.with_devices("echo $A $ALL; cat /usr/lib/driver; id -G; (echo >>/usr/lib/driver) 2>/dev/null || echo refused; "
                                "grep -c ' /t tmpfs' /proc/mounts",
                                "vendor.com/class=a", flags=("-e", "A=job", "-u", "77:77"))
        self.assertEqual(out[:3], ["device", "file", "driver"])
        self.assertIn("4242", out)
        self.assertNotIn("0", out)  # no file makes a process one of root's group
        self.assertEqual(out[-2:], ["refused", "1"])

    def test_hooks(self):
        log = os.path.join(self.folder, "hooks")
        hook = os.path.join(self.folder, "hook")
        with open(hook, "w") as f:
            f.write(f'#!/bin/sh\nread state\necho "$0 $1 $X" >>{log}\n')
        os.chmod(hook, 0o755)
        names = ("createRuntime", "createContainer", "poststart", "poststop")
        self.put({"a": edits(hooks=[{"hookName": n, "path": hook, "args": ["as", n], "env": ["X=y"], "timeout": 10} for n in names])})
        self.with_devices("true", "vendor.com/class=a")
        def said():
            with open(log) as f:
                return f.read().splitlines()
        wait_until("the last hook", lambda: len(said()) >= len(names))
        self.assertEqual([line.split()[1:] for line in said()], [[n, "y"] for n in names])

    def test_a_hook_that_fails(self):
        self.put({"a": edits(hooks=[{"hookName": "createRuntime", "path": "/bin/false"}])})
        self.fails("run", "--rm", "--network", "none", "--device", "vendor.com/class=a", Machine.image, "true")

    def test_later_folder_counts(self):
        self.put({"a": edits(env=["FROM=etc"])})
        self.put({"a": edits(env=["FROM=run"])}, folder="/var/run/cdi", name="other.json")
        self.assertEqual(self.with_devices("echo $FROM", "vendor.com/class=a"), ["run"])
        self.put({"a": edits(env=["FROM=run"])}, folder="/var/run/cdi", name="third.json")
        self.fails("run", "--rm", "--device", "vendor.com/class=a", Machine.image, "true",
                   says="both in /var/run/cdi/other.json and in /var/run/cdi/third.json")

    def test_unknown(self):
        self.put({"a": edits(env=["A=1"]), "b": edits(env=["A=1"])})
        self.fails("run", "--rm", "--device", "vendor.com/class=c", Machine.image, "true",
                   says=("vendor.com/class=c", "there are vendor.com/class=a, vendor.com/class=b"))
        self.put({"x": edits(env=["A"])}, name="wrong.json", kind="w/x")
        self.fails("run", "--rm", "--device", "w/x=x", Machine.image, "true", says="/etc/cdi/wrong.json:1:")
        self.assertEqual(self.with_devices("echo $A", "vendor.com/class=a"), ["1"])
        self.fails("run", "--rm", "--device", "w/x=", Machine.image, "true", says="not VENDOR/CLASS=NAME")

    def test_gpus(self):
        self.put({n: edits(env=[f"GPU_{n}=1"]) for n in ("0", "1", "all", "GPU-1a")}, kind="nvidia.com/gpu")
        for flag, want in (("all", "GPU_all"), ("1", "GPU_0"), ("2", "GPU_0 GPU_1"), ("device=1", "GPU_1"), ("device=0,GPU-1a", "GPU_0 GPU_GPU-1a")):
            out = self.davit("run", "--rm", "--network", "none", "--gpus", flag, Machine.image, "env").out
            self.assertEqual({line.split("=")[0] for line in out.splitlines() if line.startswith("GPU_")}, set(want.split()), flag)
        self.fails("run", "--rm", "--gpus", "3", Machine.image, "true", says="nvidia.com/gpu=2")
        self.fails("run", "--rm", "--gpus", "some", Machine.image, "true", says="all, a number, or device=")

    def test_yaml(self):
        os.makedirs("/etc/cdi", exist_ok=True)
        with open("/etc/cdi/nvidia.yaml", "w") as f:
            f.write("---\ncdiVersion: 0.5.0\nkind: nvidia.com/gpu\ndevices:\n- name: '0'\n  containerEdits:\n    env:\n    - FROM=yaml\n"
                    "    deviceNodes:\n    - path: /dev/nvidia0\n      hostPath: /dev/null\ncontainerEdits:\n  env: [ALL=yes]\n")
        self.files.append("/etc/cdi/nvidia.yaml")
        out = self.run_sh("echo $FROM $ALL; stat -c %t:%T /dev/nvidia0", "--gpus", "1").out.split()
        self.assertEqual(out, ["yaml", "yes", "1:3"])

    def test_started_again(self):
        self.put({"a": edits(env=["A=1"], deviceNodes=[{"path": "/dev/mine", "hostPath": "/dev/zero"}])})
        name = self.job("--device", "vendor.com/class=a", command=("sh", "-c", "echo $A; stat -c %t:%T /dev/mine"))
        self.davit("wait", name)
        self.davit("start", name)
        wait_until("its end", lambda: self.davit("logs", name).out.split() == ["1", "1:5"] * 2)

    def test_in_a_user_namespace(self):
        with open(os.path.join(self.folder, "lib"), "w") as f:
            f.write("driver\n")
        self.put({"a": edits(mounts=[{"hostPath": f"{self.folder}/lib", "containerPath": "/l", "options": ["ro"]}],
                             deviceNodes=[{"path": "/dev/mine", "hostPath": "/dev/zero"}])})
        out = self.with_devices("stat -c %u /l; head -c3 /dev/mine | wc -c", "vendor.com/class=a", flags=("--userns", "private"))
        self.assertEqual(out, ["0", "3"])
