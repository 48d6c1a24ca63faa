"""--userns private: root inside is nobody outside, and whose files are whose is right on both sides."""
import glob
import json
import os
import re
import subprocess

from lib.case import Case, Machine, Terminal, get, wait_until

FIRST = 0x70000000


class UserNamespace(Case):
    def private(self, *flags, **kw):
        return self.job("--userns", "private", *flags, **kw)

    def inside(self, name, script, *flags, code=0):
        return self.davit("exec", *flags, name, "sh", "-c", script, code=code).out

    def pid(self, name):
        row = next(r for r in self.rows("ps", "-a") if get(r, "name", "names") == name)
        return get(row, "pid")

    def test_ids(self):
        name = self.private()
        self.assertEqual(self.inside(name, "cat /proc/self/uid_map /proc/self/gid_map").split(), ["0", str(FIRST), "65536"] * 2)
        self.assertEqual(self.inside(name, "id -u; id -g").split(), ["0", "0"])
        with open(f"/proc/{self.pid(name)}/status") as f:
            ids = re.findall(r"^[UG]id:\t(\d+)", f.read(), re.M)
        self.assertEqual(ids, [str(FIRST)] * 2)
        self.assertNotEqual(os.readlink(f"/proc/{self.pid(name)}/ns/user"), os.readlink("/proc/self/ns/user"))

    def test_host_is_the_default(self):
        for flags in ((), ("--userns", "host")):
            self.assertEqual(self.run_sh("cat /proc/self/uid_map", *flags).out.split(), ["0", "0", "4294967295"])

    def test_whose_the_root_file_system_is(self):
        name = self.private(command=("sh", "-c", "echo new >/new; chown 7:8 /new; sleep 1000"))
        wait_until("its file", lambda: "new" in self.inside(name, "ls /"))
        # every file of the image, root folder and what is mounted; but for /proc and /sys, the host's to show, and devices
        nobody = self.inside(name, "find / -xdev '(' -user 65534 -o -group 65534 ')' ! -path '/dev/*' ! -path /proc ! -path /sys")
        self.assertEqual(nobody, "")
        self.assertEqual(self.inside(name, "stat -c '%u:%g' / /bin /etc/passwd /new /dev /dev/shm /dev/pts /etc/hosts /etc/resolv.conf /etc/hostname").split(),
                         ["0:0"] * 3 + ["7:8"] + ["0:0"] * 6)
        self.inside(name, "echo x >>/etc/passwd && touch /bin/x && rm /bin/x && mkdir /d && chown 5:6 /d && echo 1.2.3.4 a >>/etc/hosts")
        root = f"/proc/{self.pid(name)}/root"
        for path, uid, gid in (("", 0, 0), ("bin", 0, 0), ("etc/passwd", 0, 0), ("new", 7, 8), ("d", 5, 6)):
            st = os.lstat(f"{root}/{path}")
            self.assertEqual((st.st_uid, st.st_gid), (FIRST + uid, FIRST + gid), path)

    def test_volumes_and_binds(self):
        folder = os.path.join(self.folder, "bound")
        os.mkdir(folder)
        with open(os.path.join(folder, "theirs"), "w") as f:
            f.write("x")
        os.chown(os.path.join(folder, "theirs"), 12, 34)
        volume = "v-" + os.urandom(3).hex()
        self.addCleanup(self.remove_volumes, volume)
        name = self.private("-v", f"{folder}:/b", "-v", f"{volume}:/v", "-v", f"{folder}/theirs:/f:ro", "--tmpfs", "/t")
        self.assertEqual(self.inside(name, "stat -c %u:%g /b /b/theirs /f /v /t").split(), ["0:0", "12:34", "12:34", "0:0", "0:0"])
        self.inside(name, "echo a >/b/ours; echo a >/v/ours; chown 3:4 /b/ours /v/ours; echo x >/t/x; ! (echo >>/f) 2>/dev/null")
        path = get(self.json("volume", "inspect", volume)[0], "path", "mountpoint")
        for file in (os.path.join(folder, "ours"), os.path.join(path, "ours")):  # as any other job would see them
            st = os.stat(file)
            self.assertEqual((st.st_uid, st.st_gid), (3, 4))
        self.assertEqual(self.run_sh("stat -c %u:%g /v/ours", "-v", f"{volume}:/v").out.strip(), "3:4")

    def test_what_is_mounted_below_a_shared_bind_stays_the_hosts(self):
        if tuple(int(n) for n in os.uname().release.split(".")[:2]) < (6, 3):
            self.skipTest("no tmpfs of this kernel takes idmapped mounts")
        folder = os.path.join(self.folder, "bound")
        below = os.path.join(folder, "below")
        for path in (folder, below):
            os.makedirs(path, exist_ok=True)
            subprocess.run(["mount", "-t", "tmpfs", "x", path], check=True)
            self.addCleanup(subprocess.run, ["umount", "-l", path], check=True)
            subprocess.run(["mount", "--make-shared", path], check=True)
        name = self.private("-v", f"{folder}:/b")
        if Machine.engine != "crun":  # 1.8 binds what is below in no user namespace
            self.assertIn(" /b/below ", self.inside(name, "cat /proc/self/mountinfo"))
        self.assertTrue(os.path.ismount(below))

    def test_a_volume_is_filled(self):
        name = "t-" + os.urandom(4).hex()
        self.addCleanup(lambda: self.davit("rm", "-f", "-v", name, code=None))
        self.davit("run", "-d", "--name", name, "--network", "none", "--userns", "private", "-v", "/etc", Machine.image, "sleep", "1000")
        self.assertEqual(self.inside(name, "stat -c %u:%g /etc /etc/passwd").split(), ["0:0"] * 2)

    def test_users_and_exec(self):
        name = self.private("-u", "1000:1000", "--group-add", "50")
        self.assertEqual(self.inside(name, "id -u; id -g; id -G").split(), ["1000", "1000", "1000", "50"])
        self.assertEqual(self.inside(name, "id -u; stat -c %u /proc/self/", "-u", "0").split(), ["0", "0"])
        self.inside(name, "echo x >/root-only", code=1)
        self.assertEqual(os.stat(f"/proc/{self.pid(name)}").st_uid, FIRST + 1000)

    def test_network_is_its_own(self):
        name = self.private("--cap-add", "NET_ADMIN", "--sysctl", "net.ipv4.ip_forward=1")
        self.assertEqual(self.inside(name, "cat /proc/sys/net/ipv4/ip_forward; ls /sys/class/net").split(), ["1", "lo"])
        self.inside(name, "ping -c1 -W1 127.0.0.1 && ip link set lo down && ip link set lo up")
        self.assertEqual(self.inside(name, "sleep 3 | nc -l -p 80 & sleep 0.5; echo x | nc -w 1 127.0.0.1 80; wait", "-u", "1000").strip(), "x")

    def test_bridge_and_port(self):
        self.need_network()
        name = self.private("-p", "8089:80", command=("sh", "-c", "while :; do echo hello | nc -l -p 80; done"), network="davit")
        self.assertIn("eth0", self.inside(name, "ls /sys/class/net; ip addr"))
        import socket

        def answers():
            with socket.socket() as s:
                s.settimeout(1)
                try:
                    s.connect((self.address(name), 80))
                    return s.recv(100) == b"hello\n"
                except OSError:
                    return False
        wait_until("an answer", answers)

    def address(self, name):
        return re.search(r"inet (\d+\.\d+\.\d+\.\d+).*eth0", self.inside(name, "ip -4 addr show eth0")).group(1)

    def test_terminal_and_init(self):
        term = Terminal(self, "run", "--rm", "-it", "--init", "--userns", "private", "--network", "none", Machine.image, "sh", "-c",
                        "stat -c %u $(tty); cat /proc/1/comm; stat -c %u /dev/davit-init; echo READY; read x; echo got $x")
        term.expect(r"0\ndavit-init\n0\nREADY")
        term.type("word\n")
        term.expect("got word")
        self.assertEqual(term.wait(), 0)

    def test_again_after_its_end(self):
        folder = os.path.join(self.folder, "bound")
        os.mkdir(folder)
        name = self.private("-v", f"{folder}:/b", command=("sh", "-c", "echo x >>/made; echo y >>/b/made; stat -c %u:%g /made /b /b/made / /etc/hosts"))
        self.davit("wait", name)
        self.davit("start", name)
        wait_until("its end", lambda: self.davit("logs", name).out.count("0:0") == 10)
        self.assertEqual(os.stat(f"{folder}/made").st_uid, 0)

    def maps(self):
        with open("/proc/self/mountinfo") as f:
            return [line for line in f if "/map." in line.split()[4]]

    def test_nothing_is_left_mounted(self):
        name = self.private("-v", f"{self.folder}:/b")
        self.assertEqual(self.maps(), [])
        self.assertEqual(glob.glob("/run/davit/*/*/map.*"), [])
        self.davit("stop", "-t", "1", name)
        self.fails("run", "--rm", "--userns", "private", "--network", "none", Machine.image, "no-such-program", code=127)
        self.assertEqual(self.maps(), [])

    def test_a_davit_that_is_killed(self):
        """While the engine makes the container: what was mounted for it goes with what else it left."""
        hook = os.path.join(self.folder, "hook")
        with open(hook, "w") as f:
            f.write(f"#!/bin/sh\necho >{self.folder}/here\nsleep 3\n")
        os.chmod(hook, 0o755)
        os.makedirs("/etc/cdi", exist_ok=True)
        with open("/etc/cdi/slow.json", "w") as f:
            json.dump({"cdiVersion": "0.5.0", "kind": "v.com/slow", "devices": [{"name": "a", "containerEdits": {
                "hooks": [{"hookName": "createRuntime", "path": hook}]}}]}, f)
        self.addCleanup(os.unlink, "/etc/cdi/slow.json")
        name = "t-" + os.urandom(4).hex()
        davit = self.start("run", "-d", "--name", name, "--network", "none", "--userns", "private", "--device", "v.com/slow=a",
                           "-v", f"{self.folder}:/b", Machine.image, "sleep", "1000")
        wait_until("the hook", lambda: os.path.exists(f"{self.folder}/here"))
        self.assertNotEqual(self.maps(), [])
        davit.kill()
        davit.wait()
        self.davit("rm", "-f", name)
        self.assertEqual(self.maps(), [])
        self.gone(name)

    def test_range_of_subuid(self):
        for path, first in (("/etc/subuid", 300000), ("/etc/subgid", 500000)):
            with open(path, "a") as f:
                f.write(f"davit:{first}:65536\n")
            self.addCleanup(lambda path=path, first=first: self.without(path, f"davit:{first}:65536\n"))
        name = self.private()
        self.assertEqual(self.inside(name, "cat /proc/self/uid_map /proc/self/gid_map").split(), ["0", "300000", "65536", "0", "500000", "65536"])
        self.assertEqual(self.inside(name, "stat -c %u:%g /etc/passwd").strip(), "0:0")

    def without(self, path, line):
        with open(path) as f:
            text = f.read()
        with open(path, "w") as f:
            f.write(text.replace(line, ""))

    def test_joined_network(self):
        one = self.private()
        two = self.private(network=f"container:{one}")
        self.assertEqual(os.readlink(f"/proc/{self.pid(one)}/ns/user"), os.readlink(f"/proc/{self.pid(two)}/ns/user"))
        self.assertEqual(self.inside(two, "ls /sys/class/net; stat -c %u /etc").split(), ["lo", "0"])
        host = self.job()
        self.fails("run", "--rm", "--userns", "private", "--network", f"container:{host}", Machine.image, "true",
                   says="not of a user namespace of its own")
        self.davit("run", "--rm", "--network", f"container:{one}", Machine.image, "ls", "/sys/class/net")

    def test_export_has_the_images_owners(self):
        name = self.private(command=("sh", "-c", "echo x >/new; chown 7:8 /new; chown 9 /etc/passwd"))
        self.davit("wait", name)
        import tarfile
        tar = os.path.join(self.folder, "x.tar")
        self.davit("export", "-o", tar, name)
        with tarfile.open(tar) as t:
            owners = {m.name.strip("./"): (m.uid, m.gid) for m in t}
        self.assertEqual((owners["new"], owners["etc/passwd"], owners["bin/busybox"]), ((7, 8), (9, 0), (0, 0)))
        self.assertLess(max(max(o) for o in owners.values()), 65536)

    def test_what_goes_not_together(self):
        for flags, words in ((("--privileged",), "privileged and userns private"), (("--pid", "host"), "pid host and userns private")):
            self.fails("run", "--rm", "--userns", "private", "--network", "none", *flags, Machine.image, "true", says=words)
        self.fails("run", "--rm", "--userns", "private", "--network", "host", Machine.image, "true", says="network host and userns private")
        self.fails("run", "--rm", "--userns", "other", Machine.image, "true", says="neither host nor private")
