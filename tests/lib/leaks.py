"""What a test may leave behind: nothing. A snapshot of everything that davit makes, and the difference of two of them."""
import glob
import os
import re
import subprocess
import time

FOLDERS = {
    "network namespace": "/run/netns/*",
    "allocated address": "/var/lib/cni/networks/*/[0-9]*.*",
    "CNI result": "/var/lib/cni/results/*",
    "run-time file": "/run/davit/*/*",
    "file of the job": "/run/davit/*/*/*",
    "log": "/var/lib/davit/logs/*/*",
    "kept log": "/var/lib/davit/kept/*/*",
    "file below /etc": "/var/lib/davit/files/*/*",
    "volume": "/var/lib/davit/volumes/*/*",
    "FIFO": "/run/containerd/fifo/*",
    "engine state": "/run/containerd/runc/*/*",
    "bundle": "/run/containerd/io.containerd.runtime.v2.task/*/*",
}
# made once with a network, not by a job: chains, and the rules that lead to them
STATIC_RULE = re.compile(r"-A (FORWARD|PREROUTING|POSTROUTING|OUTPUT|INPUT|CNI-FORWARD|CNI-HOSTPORT-(MASQ|SETMARK)|CNI-ISOLATION-STAGE-\d)\b")
OF_A_JOB = re.compile(r'--comment "?(name: |dnat )|-[sd] \d+\.\d+\.\d+\.\d+/32\b')
baseline_pids = set()      # servers of the tests
last = None                # what the last test left, and its class
own_namespace = "davit"    # cgroups are the whole machine's: only those of a name that no other run has are looked at
CHAIN_OF_A_JOB = re.compile(r":(CNI-(?:DN-)?[0-9a-f]{12,})")


def lines(*command):
    return subprocess.run(command, capture_output=True, text=True, timeout=60).stdout.splitlines()


def text_of_plugin(name):
    """What a CNI plugin of this host says anywhere in its program."""
    for folder in ("/opt/cni/bin", "/usr/lib/cni", "/usr/libexec/cni"):
        path = os.path.join(folder, name)
        if os.path.exists(path):
            with open(path, "rb") as f:
                return f.read().decode(errors="replace")
    return ""


def firewall():
    found = set()
    for line in lines("iptables-save"):
        if CHAIN_OF_A_JOB.match(line):
            found.add("iptables chain " + line.split()[0][1:])
        elif line.startswith("-A ") and (OF_A_JOB.search(line) or not STATIC_RULE.match(line)):
            found.add("iptables rule " + line)
    return found


def links():
    return {"link " + line.split(": ")[1] for line in lines("ip", "-o", "link") if " veth" in line or "@" in line.split(": ")[1]}


def processes():
    found = set()
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as f:
                command = f.read().replace(b"\0", b" ").decode(errors="replace").strip()
            with open(f"/proc/{pid}/stat") as f:
                state, parent = f.read().rsplit(")", 1)[1].split()[:2]
        except (FileNotFoundError, ProcessLookupError):
            continue
        if command and state != "Z" and parent != "0" and not _ours(int(pid)):
            found.add(f"process {pid} {command[:120]}")
    return found


def _ours(pid):
    return pid in (1, os.getpid()) or pid in baseline_pids


def cgroups():
    found = set()
    for root in glob.glob("/sys/fs/cgroup/*/") + ["/sys/fs/cgroup/"]:
        found.update("cgroup " + path for path in glob.glob(f"{root}{own_namespace}/*/"))
    return found


def remove_cgroups():
    for path in sorted(glob.glob(f"/sys/fs/cgroup/**/{own_namespace}", recursive=True)):
        subprocess.run(["find", path, "-depth", "-type", "d", "-exec", "rmdir", "{}", ";"], capture_output=True)


def records(containerd):
    found = set()
    for ns in containerd.ctr("namespaces", "ls", "-q", check=False).stdout.split():
        for kind in ("containers", "tasks", "leases"):
            out = containerd.ctr(kind, "ls", "-q", ns=ns, check=False).stdout
            found.update(f"{kind[:-1]} {ns}/{name}" for name in out.split())
        for line in containerd.ctr("snapshots", "ls", ns=ns, check=False).stdout.splitlines()[1:]:
            if not line.rstrip().endswith("Committed"):
                found.add(f"snapshot {ns}/{line.split()[0]}")
        out = containerd.ctr("content", "active", ns=ns, check=False).stdout
        found.update(f"ingest {ns}/{line.split()[0]}" for line in out.splitlines()[1:])
    return found


def mounts():
    with open("/proc/self/mounts") as f:
        return {"mount " + line.split()[1] for line in f if "/containerd/" in line or "/netns/" in line or "/davit/" in line}


def everything(containerd):
    own = f"process {containerd.process.pid} " if containerd.process else "none"
    return {w for w in on_the_host() if not w.startswith(own)} | records(containerd)


def on_the_host():
    """All but what containerd knows."""
    found = firewall() | links() | processes() | cgroups() | mounts()
    for kind, pattern in FOLDERS.items():
        found.update(f"{kind} {path}" for path in glob.glob(pattern) if not path.startswith("/run/davit/engine/"))
    return found


def before(owner, containerd):
    """What is there before a test of @owner: its last test has just seen it, and nobody else has run between."""
    global last
    seen, last = last, None
    return seen[1] if seen and seen[0] is owner else everything(containerd)


def since(before, containerd, seconds=5.0, owner=None):
    """What is there now and was not in @before; shims and loggers get a moment to end."""
    global last
    end = time.monotonic() + seconds
    while True:
        now = everything(containerd)
        left = now - before
        if not left or time.monotonic() > end:
            last = None if left else (owner, now)
            return sorted(left)
        time.sleep(0.05)


def sweep(containerd):
    """Force everything away, so that the next test starts clean."""
    for ns in containerd.ctr("namespaces", "ls", "-q", check=False).stdout.split():
        for task in containerd.ctr("tasks", "ls", "-q", ns=ns, check=False).stdout.split():
            containerd.ctr("tasks", "rm", "-f", task, ns=ns, check=False)
        for name in containerd.ctr("containers", "ls", "-q", ns=ns, check=False).stdout.split():
            containerd.ctr("containers", "rm", name, ns=ns, check=False)
        for name in containerd.ctr("leases", "ls", "-q", ns=ns, check=False).stdout.split():
            containerd.ctr("leases", "rm", name, ns=ns, check=False)
        for line in containerd.ctr("snapshots", "ls", ns=ns, check=False).stdout.splitlines()[1:]:
            if not line.rstrip().endswith("Committed"):
                containerd.ctr("snapshots", "rm", line.split()[0], ns=ns, check=False)
    for path in glob.glob("/run/netns/*"):
        subprocess.run(["umount", "-l", path], capture_output=True)
        os.unlink(path)
    for pattern in ("/var/lib/cni/networks/*/[0-9]*.*", "/var/lib/cni/results/*", "/run/davit/*/*", "/var/lib/davit/logs/*/*", "/var/lib/davit/kept/*/*",
                    "/var/lib/davit/files/*/*", "/var/lib/davit/volumes/*/*"):
        for path in glob.glob(pattern):
            subprocess.run(["rm", "-rf", "--one-file-system", path], capture_output=True)
