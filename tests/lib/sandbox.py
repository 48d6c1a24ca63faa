"""A machine of our own to test in: namespaces (mount, network, processes, IPC, host name) in which nothing reaches the host.

/run is empty, /etc, /var/lib and /opt take changes that are forgotten, the network has nothing but `lo`, and everything that was
started dies with the sandbox.
"""
import os
import shutil
import subprocess
import sys
import tempfile

WORK = "DAVIT_TEST_WORK"  # set inside: the sandbox's scratch folder, a tmpfs
DISK = "DAVIT_TEST_DISK"  # set outside: the scratch folder stays on the disk that it is made on


class Unavailable(Exception):
    """This machine cannot have a sandbox; the text says why."""


def inside():
    return WORK in os.environ


def enter(argv):
    """Run @argv inside a new sandbox; returns its exit status."""
    if os.geteuid() != 0:
        raise Unavailable("containers need root")
    if not shutil.which("unshare"):
        raise Unavailable("no unshare program (package util-linux)")
    probe = subprocess.run(["unshare", "-mnpiuf", "--propagation", "private", "true"], capture_output=True, text=True)
    if probe.returncode:
        raise Unavailable("namespaces are not allowed here: " + probe.stderr.strip())
    work = tempfile.mkdtemp(prefix="davit-test.")
    try:
        env = dict(os.environ, **{WORK: work})
        return subprocess.run(["unshare", "--mount", "--net", "--pid", "--ipc", "--uts", "--fork", "--kill-child", "--propagation", "private",
                               sys.executable] + argv, env=env, stdin=subprocess.DEVNULL).returncode
    finally:
        shutil.rmtree(work) if os.environ.get(DISK) else os.rmdir(work)  # its tmpfs went with the namespace


def split_off_init():
    """We are process 1 here: stay behind to reap orphans, and let a child go on with the tests."""
    child = os.fork()
    if child == 0:
        return
    while True:
        pid, status = os.wait()
        if pid == child:
            os._exit(os.waitstatus_to_exitcode(status) & 0xff)


def mount(*args):
    done = subprocess.run(["mount", *args], capture_output=True, text=True)
    if done.returncode:
        raise Unavailable(f"mount {' '.join(args)}: {done.stderr.strip()}")


def overlay(work, path):
    """Changes below @path stay in the sandbox."""
    upper, scratch = (os.path.join(work, "overlay", kind + path.replace("/", "-")) for kind in ("up", "work"))
    os.makedirs(upper)
    os.makedirs(scratch)
    mount("-t", "overlay", "-o", f"lowerdir={path},upperdir={upper},workdir={scratch}", "overlay", path)


def mount_cgroups():
    """crun wants the hugetlb controller where there is a v1 hierarchy, Nomad's agent cpuset."""
    if os.path.exists("/sys/fs/cgroup/cgroup.controllers"):
        return
    for name in ("hugetlb", "cpuset"):
        path = "/sys/fs/cgroup/" + name
        if not os.path.ismount(path):
            os.makedirs(path, exist_ok=True)
            subprocess.run(["mount", "-t", "cgroup", "-o", name, "cgroup", path], capture_output=True)


def setup():
    """First thing inside: make the private places. Returns the scratch folder."""
    work = os.environ[WORK]
    split_off_init()
    mount("-t", "proc", "proc", "/proc")
    if not os.environ.get(DISK):
        mount("-t", "tmpfs", "-o", "mode=755", "tmpfs", work)
    for path in ("/etc", "/var/lib"):
        overlay(work, path)
    mount("-t", "tmpfs", "-o", "mode=755", "tmpfs", "/run")
    for path in ("/run/lock", "/run/netns", "/etc/cni/net.d", "/var/lib/davit", "/var/lib/cni", work + "/davit", work + "/cni"):
        os.makedirs(path, exist_ok=True)
    # overlayfs takes no overlay as its upper folder, so what davit's own engine stores stands on the tmpfs itself
    mount("--bind", work + "/davit", "/var/lib/davit")
    mount("--bind", work + "/cni", "/var/lib/cni")
    mount("-t", "tmpfs", "tmpfs", "/etc/cni/net.d")
    mount_cgroups()
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    return work
