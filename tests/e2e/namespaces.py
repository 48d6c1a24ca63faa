"""--pid, --ipc, --uts, --cgroupns: whose namespaces a job is in."""
import os
import socket

from lib.case import Case, Machine, get


class Namespaces(Case):
    def of(self, kind, *flags):
        """The namespace of @kind that a job with @flags is in."""
        return self.run_sh(f"readlink /proc/self/ns/{kind}", *flags).out.strip()

    def test_modes(self):
        for kind, flag in (("pid", "--pid"), ("ipc", "--ipc"), ("uts", "--uts"), ("cgroup", "--cgroupns")):
            host = os.readlink(f"/proc/self/ns/{kind}")
            self.assertEqual(self.of(kind, flag, "host"), host)
            self.assertNotEqual(self.of(kind, flag, "private"), host)
            if kind != "cgroup":
                self.assertNotEqual(self.of(kind), host)
        self.assertEqual(self.of("cgroup") != os.readlink("/proc/self/ns/cgroup"), os.path.exists("/sys/fs/cgroup/cgroup.controllers"))

    def test_pid_host(self):
        self.assertEqual(self.run_sh(f"cat /proc/{os.getpid()}/comm", "--pid", "host").out, open("/proc/self/comm").read())
        self.assertNotEqual(self.run_sh("echo $$", "--pid", "host").out.strip(), "1")
        self.davit("run", "--rm", "--network", "none", "--pid", "host", "--init", Machine.image, "sh", "-c", "(sleep 0.1 &); exit 4", code=4)
        name = self.job("--pid", "host", command=("sh", "-c", "sleep 1000 & sleep 1000"))
        self.davit("stop", "-t", "1", name)  # the other process of its cgroup as well, or it would be left behind
        self.assertEqual(self.state(name), "exited")

    def test_ipc_host(self):
        path = f"/dev/shm/davit-{os.urandom(4).hex()}"
        self.addCleanup(lambda: os.path.exists(path) and os.unlink(path))
        self.run_sh(f"echo shared >{path}", "--ipc", "host")
        with open(path) as f:
            self.assertEqual(f.read(), "shared\n")
        self.run_sh(f"! [ -e {path} ]")

    def test_uts_host(self):
        out = self.run_sh("hostname; echo $HOSTNAME; cat /etc/hostname", "--uts", "host").out.split()
        self.assertEqual(out, [socket.gethostname()] * 3)
        self.fails("run", "--rm", "--uts", "host", "--hostname", "x", Machine.image, "true", says="hostname and uts host")
        self.fails("run", "--rm", "--uts", "host", "--sysctl", "kernel.domainname=x", Machine.image, "true", says="uts host")

    def test_what_goes_not_together(self):
        self.fails("run", "--rm", "--ipc", "host", "--shm-size", "1m", Machine.image, "true", says="shm-size and ipc host")
        self.fails("run", "--rm", "--ipc", "host", "--sysctl", "kernel.sem=1 2 3 4", Machine.image, "true", says="ipc host")
        self.fails("run", "--rm", "--pid", "container:x", Machine.image, "true", says="neither host nor private")
        shim = os.path.join(self.folder, "containerd-shim-kata-v2")  # a stand-in: it comes to no start
        with open(shim, "w") as f:
            f.write("#!/bin/sh\nexit 1\n")
        os.chmod(shim, 0o755)
        with open(os.path.join(self.folder, "kata.toml"), "w"):
            pass
        for flag, mode in (("--pid", "host"), ("--ipc", "host"), ("--uts", "host"), ("--cgroupns", "host"), ("--userns", "private")):
            self.fails("run", "--rm", "--runtime", "io.containerd.kata.v2", flag, mode, Machine.image, "true", says="kernel of its own",
                       env={"PATH": f"{self.folder}:{os.environ['PATH']}", "KATA_CONF_FILE": f"{self.folder}/kata.toml"})

    def test_all_at_once_and_exec(self):
        name = self.job("--pid", "host", "--ipc", "host", "--uts", "host", "--cgroupns", "host", network="host")
        out = self.davit("exec", name, "sh", "-c", "for n in pid ipc uts net cgroup; do readlink /proc/self/ns/$n; done").out.split()
        self.assertEqual(out, [os.readlink(f"/proc/self/ns/{n}") for n in ("pid", "ipc", "uts", "net", "cgroup")])
        self.assertEqual(get(self.rows("ps", "-a")[0], "name", "names"), name)


class Paths(Case):
    """Masked and read-only ones."""

    def test_usual(self):
        out = self.run_sh("wc -c </proc/interrupts; wc -c </proc/timer_list; ls /sys/firmware | wc -l; "
                          "(echo 1 >/proc/sys/vm/swappiness) 2>/dev/null || echo refused").out
        self.assertEqual(out.split(), ["0", "0", "0", "refused"])

    def test_unmask(self):
        self.assertNotEqual(self.run_sh("wc -c </proc/timer_list", "--security-opt", "unmask=/proc/timer_list").out.strip(), "0")
        self.assertEqual(self.run_sh("wc -c </proc/interrupts", "--security-opt", "unmask=/proc/timer_*").out.strip(), "0")
        for all in ("unmask=ALL", "systempaths=unconfined"):
            out = self.run_sh("wc -c </proc/timer_list; grep -c ' /proc/' /proc/mounts; true", "--security-opt", all).out.split()
            self.assertNotEqual(out[0], "0")
            self.assertEqual(out[1], "0")

    def test_user_namespace_with_ipc_of_the_host(self):
        out = self.run_sh("readlink /proc/self/ns/ipc; [ -k /dev/shm ] && echo sticky", "--userns", "private", "--ipc", "host").out.split()
        self.assertEqual(out, [os.readlink("/proc/self/ns/ipc"), "sticky"])

    def test_mask(self):
        with open(os.path.join(self.folder, "secret"), "w"):
            out = self.run_sh("wc -c </etc/passwd; ls -A /d | wc -l; wc -c </proc/interrupts", "-v", f"{self.folder}:/d",
                              "--security-opt", "mask=/etc/passwd:/d").out.split()
        self.assertEqual(out, ["0", "0", "0"])
        self.fails("run", "--rm", "--security-opt", "mask=etc", Machine.image, "true", says="not an absolute path")


class Null(Case):
    def test_the_hosts_stays_the_hosts(self):
        name = self.job("-u", "1000:1000")
        self.davit("exec", "-u", "1001", name, "true")
        self.davit("exec", "-d", "-u", "1001", name, "true")
        st = os.stat("/dev/null")
        self.assertEqual((st.st_uid, st.st_gid, st.st_mode & 0o7777), (0, 0, 0o666))
