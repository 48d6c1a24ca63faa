"""Security contexts: who a process is and what it may do, as its own /proc says."""
import json
import os

from lib import cri
from lib.case import wait_until
from lib.cri_case import CriCase, on_both

FIELDS = ("Uid", "Gid", "Groups", "CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb", "NoNewPrivs", "Seccomp")
NET_ADMIN, CHOWN = 12, 0


def context(**members):
    return {"linux": {"security_context": members}}


def proc(c, path="/proc/1/status"):
    """Of its first process."""
    rows = dict(line.split(":", 1) for line in c.sh(f"cat {path}").splitlines() if ":" in line)
    return {key: rows[key].split() for key in FIELDS if key in rows}


def has(capabilities, bit):
    return int(capabilities[0], 16) >> bit & 1 == 1


class Identity(CriCase):
    @on_both
    def test_users(self):
        pod, seen = self.pod(), {}
        for name, members, uid, gid, groups in (
                ("none", {}, "0", "0", None),
                ("number", {"run_as_user": {"value": 1000}}, "1000", None, None),
                ("number and group", {"run_as_user": {"value": 1234}, "run_as_group": {"value": 4321}}, "1234", "4321", None),
                ("name", {"run_as_username": "web"}, "1000", "1001", None),
                ("more groups", {"run_as_user": {"value": 5}, "supplemental_groups": [77, 78]}, "5", None, {"77", "78"})):
            c = pod.run(**context(**members))
            seen[name] = {key: proc(c)[key] for key in ("Uid", "Gid", "Groups", "CapEff")}
            self.assertEqual(seen[name]["Uid"], [uid] * 4, name)
            self.assertEqual(seen[name]["Gid"], [gid] * 4 if gid else seen[name]["Gid"], name)
            self.assertTrue(groups is None or groups <= set(seen[name]["Groups"]), name)
            c.stop()
        return seen

    @on_both
    def test_unknown_user(self):
        pod = self.pod()
        return cri.status_of("CreateContainer", pod_sandbox_id=pod.id, sandbox_config=pod.config, config={
            "metadata": {"name": "x"}, "image": {"image": pod.container().config["image"]["image"]}, **context(run_as_username="nobodyhere")})

    @on_both
    def test_sandbox(self):
        """The sandbox's own process has its own context."""
        pod = self.pod(linux={"security_context": {"run_as_user": {"value": 4000}, "run_as_group": {"value": 4001}, "readonly_rootfs": True}})
        wait_until("its program", lambda: os.readlink(f"/proc/{pod.pid()}/exe").endswith("/pause"))
        with open(f"/proc/{pod.pid()}/status") as f:
            rows = dict(line.split(":", 1) for line in f)
        seen = {key: rows[key].split() for key in FIELDS}
        self.assertEqual(seen["Uid"], ["4000"] * 4)
        return seen


class Capabilities(CriCase):
    @on_both
    def test_table(self):
        pod, seen = self.pod(), {}
        for name, members, admin, chown in (
                ("default", {}, False, True), ("added", {"add_capabilities": ["NET_ADMIN"]}, True, True),
                ("dropped", {"drop_capabilities": ["CHOWN"]}, False, False), ("none", {"drop_capabilities": ["ALL"]}, False, False),
                ("one", {"drop_capabilities": ["ALL"], "add_capabilities": ["NET_ADMIN"]}, True, False)):
            c = pod.run(**context(capabilities=members))
            seen[name] = proc(c)
            self.assertEqual((has(seen[name]["CapEff"], NET_ADMIN), has(seen[name]["CapEff"], CHOWN)), (admin, chown), name)
            self.assertEqual(seen[name], proc(c, "/proc/self/status"), "exec is as its container")
            c.stop()
        return seen

    @on_both
    def test_privileged(self):
        pod = self.pod(linux={"security_context": {"privileged": True}})
        c = pod.run(**context(privileged=True))
        seen = proc(c)
        self.assertTrue(has(seen["CapEff"], NET_ADMIN))
        self.assertEqual(seen["Seccomp"], ["0"])
        c.sh("mount -t tmpfs none /mnt 2>/dev/null || { mkdir /mnt; mount -t tmpfs none /mnt; }")
        return seen, c.sh("ls /dev | sort | head -20; cat /proc/self/mountinfo | grep -c ' ro,' || true")

    @on_both
    def test_privileged_in_another(self):
        pod = self.pod()
        c = pod.container()
        return cri.status_of("CreateContainer", pod_sandbox_id=pod.id, sandbox_config=pod.config, config=cri.merge(
            dict(c.config, metadata={"name": "x"}), context(privileged=True)))


class Confinement(CriCase):
    @on_both
    def test_no_new_privileges(self):
        pod = self.pod()
        seen = {flag: proc(pod.run(**context(no_new_privs=flag))) for flag in (False, True)}
        self.assertEqual([seen[flag]["NoNewPrivs"] for flag in seen], [["0"], ["1"]])
        return seen

    @on_both
    def test_read_only_root(self):
        c = self.container(**context(readonly_rootfs=True))
        code, _, err = c.sync("touch", "/data/new")
        self.assertEqual(code, 1)
        self.assertIn("Read-only", err)
        c.sh("touch /dev/shm/new")

    @on_both
    def test_paths(self):
        """Masked ones are empty or cannot be entered, read-only ones cannot be written."""
        c = self.container(**context(masked_paths=["/proc/version", "/data", "/www/index.html"], readonly_paths=["/proc/sys", "/tmp"]))
        self.assertEqual(c.sh("ls /data; cat /www/index.html; wc -c </proc/version"), "0\n")
        self.assertNotEqual(c.sync("touch", "/tmp/x")[0], 0)
        return c.sync("sh", "-c", "echo 1 >/proc/sys/kernel/hostname")[0], c.sh("grep -E ' /(data|tmp|proc)' /proc/self/mountinfo | cut -d' ' -f5,6 | sort")

    @on_both
    def test_default_paths(self):
        c = self.container()
        return c.sh("grep -E ' /(proc|sys)' /proc/self/mountinfo | cut -d' ' -f5,6 | sort")

    @on_both
    def test_seccomp(self):
        profile = self.file("profile.json", json.dumps({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
            {"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO"}]}))
        pod, seen = self.pod(), {}
        for name, members, mode in (("default", {"profile_type": "RuntimeDefault"}, "2"), ("none", {"profile_type": "Unconfined"}, "0"),
                                    ("own", {"profile_type": "Localhost", "localhost_ref": profile}, "2")):
            c = pod.run(**context(seccomp=members))
            seen[name] = proc(c)["Seccomp"], c.sync("mkdir", "/tmp/made")[0], c.sync("unshare", "-n", "true")[0]
            self.assertEqual(seen[name][0], [mode], name)
            self.assertEqual(seen[name][1] != 0, name == "own", name)
            c.stop()
        return seen

    @on_both
    def test_seccomp_of_nowhere(self):
        pod = self.pod()
        return cri.status_of("CreateContainer", pod_sandbox_id=pod.id, sandbox_config=pod.config, config=cri.merge(
            dict(pod.container().config, metadata={"name": "x"}), context(seccomp={"profile_type": "Localhost", "localhost_ref": "/nowhere.json"})))

    @on_both
    def test_devices(self):
        c = self.container(devices=[{"host_path": "/dev/null", "container_path": "/dev/mine", "permissions": "rw"}])
        c.sh("echo x >/dev/mine")
        return c.sh("ls -l /dev/mine | cut -c1-10; ls /dev | sort")

    @on_both
    def test_limits_of_its_user(self):
        """Resource limits and the like are those that the engine is told; ours adds nothing."""
        c = self.container()
        return c.sh("ulimit -a; umask; cat /proc/1/oom_score_adj; cat /proc/1/environ | tr '\\0' '\\n' | cut -d= -f1 | sort; ls -l /proc/1/fd | wc -l")
