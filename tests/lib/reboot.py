"""A machine that loses its power, as far as one inside another can: everything that runs is killed, what stood in memory is gone."""
import contextlib
import glob
import os
import re
import shutil
import signal
import subprocess
import uuid

from lib import leaks
from lib.case import Machine, wait_until

KEPT = ("/run/lock",)
BOOT = "/proc/sys/kernel/random/boot_id"


def cgroups():
    """Of Nomad's tasks, whatever the version, and of davit's jobs."""
    found = [p for top in ("*/nomad", "nomad.slice") for p in glob.glob(f"/sys/fs/cgroup/{top}/**/", recursive=True) if re.search(r"[0-9a-f-]{36}", p)]
    return found + [p for top in ("*/", "") for p in glob.glob(f"/sys/fs/cgroup/{top}{leaks.own_namespace}/*/")]


def _new_boot():
    """The kernel has another name for it each time."""
    path = os.path.join(Machine.work, "boot_id")
    with open(path, "w") as f:
        f.write(f"{uuid.uuid4()}\n")
    if not os.path.ismount(BOOT):
        subprocess.run(["mount", "--bind", path, BOOT], check=True)


def real_boot():
    """As it was: with a mount on its /proc the kernel mounts no other in a user namespace."""
    while os.path.ismount(BOOT):
        subprocess.run(["umount", BOOT], check=True)


def _mounts():
    """Of what containers, network namespaces and tasks had, the last first."""
    with open("/proc/self/mounts") as f:
        points = [line.split()[1].encode().decode("unicode_escape") for line in f]
    return [p for p in reversed(points) if p.startswith(("/run/", "/var/run/")) or "/alloc/" in p]


def _kill_all():
    """Every process but ours, the first, and the servers that belong to the tests."""
    kept = leaks.baseline_pids | {1, os.getpid()}
    for pid in [int(p) for p in os.listdir("/proc") if p.isdigit() and int(p) not in kept]:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def _alive():
    kept = leaks.baseline_pids | {1, os.getpid()}
    found = []
    for pid in [p for p in os.listdir("/proc") if p.isdigit() and int(p) not in kept]:
        with contextlib.suppress(OSError), open(f"/proc/{pid}/stat") as f:
            if f.read().rsplit(")", 1)[1].split()[0] != "Z" and os.path.exists(f"/proc/{pid}/exe"):
                found.append(pid)
    return found


def reboot(*servers):
    """They are down afterwards: whoever starts them is the machine that comes up."""
    groups = {p for p in cgroups() for pid in _pids(p) if pid not in (1, os.getpid())}
    for server in servers:
        leaks.baseline_pids.discard(server.process.pid)
        server.process.kill()
        server.process.wait()
        server.process = None

    def killed():
        _kill_all()
        return not _alive()
    wait_until("the end of everything", killed, 30)
    for point in _mounts():
        subprocess.run(["umount", "-l", point], capture_output=True)
    for path in glob.glob("/run/*"):
        if path not in KEPT:
            shutil.rmtree(path, ignore_errors=True) if os.path.isdir(path) and not os.path.islink(path) else os.unlink(path)
    os.makedirs("/run/netns", exist_ok=True)
    for link in subprocess.run(["ip", "-o", "link"], capture_output=True, text=True).stdout.splitlines():
        name = link.split(": ")[1].split("@")[0]
        if name != "lo":
            subprocess.run(["ip", "link", "del", name], capture_output=True)
    for table in ("nat", "filter", "mangle", "raw"):
        subprocess.run(["iptables", "-t", table, "-F"], capture_output=True)
        subprocess.run(["iptables", "-t", table, "-X"], capture_output=True)
    for path in sorted(groups, reverse=True):
        with contextlib.suppress(OSError):
            os.rmdir(path)
    _new_boot()


def _pids(group):
    with contextlib.suppress(OSError), open(group + "cgroup.procs") as f:
        return [int(line) for line in f.read().split() if line != "0"]
    return []
