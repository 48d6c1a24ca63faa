"""What the virtual machine is made of, in a cache folder outside the checkout: Debian's cloud kernel, out of its package, which is never installed, and a
disk with a Debian of its own, by debootstrap: systemd, containerd, both engines, CNI plugins, and what the tests call.
"""
import fcntl
import glob
import hashlib
import os
import shutil
import subprocess
import tempfile
import time

CACHE = os.path.join(os.environ.get("XDG_CACHE_HOME", os.path.expanduser("~/.cache")), "davit")
META = "linux-image-cloud-amd64"
SUITE = "bookworm"
PACKAGES = ("systemd", "systemd-sysv", "udev", "dbus", "kmod", "iproute2", "iptables", "procps", "util-linux", "e2fsprogs", "ca-certificates", "apparmor",
            "containerd", "runc", "crun", "containernetworking-plugins", "busybox-static", "python3", "python3-yaml",
            "libjson-c5", "libyaml-0-2", "libprotobuf-c1", "libnghttp2-14", "libmd0", "libcurl4", "libarchive13", "libzstd1",
            "libasan8", "libubsan1", "libcmocka0",  # of the tests' own programs
            "curl", "docker-registry", "libcap2-bin", "openssl", "runsc", "skopeo")  # what tests call; those without are skipped
SIZE = 4 << 30
MODULES = ("br_netfilter", "loop", "bfq")  # the kernel asks for the others itself
# what is asked of it is run last, with its words on the console; a beat tells that the kernel lives
UNITS = {
    "davit-vm.service": """[Unit]
Description=What the machine is booted for
RequiresMountsFor=/host
After=multi-user.target
[Service]
Type=simple
Environment=HOME=/root LANG=C.UTF-8 NO_COLOR=1
ExecStart=/bin/sh /vm/run
KillMode=process
[Install]
WantedBy=graphical.target
""",
    "davit-vm-beat.service": """[Unit]
Description=A beat
DefaultDependencies=no
[Service]
ExecStart=/bin/sh -c 'while sleep 5; do echo; done >/dev/ttyS1'
[Install]
WantedBy=sysinit.target
""",
    "host.mount": """[Unit]
Description=The machine outside
[Mount]
What=host
Where=/host
Type=virtiofs
Options=ro
""",
}
RUN = r"""#!/bin/sh
exec </dev/null >/dev/ttyS0 2>&1
. /host$(cat /vm/where)/command
"""
NOT_WANTED = ("getty.target", "apt-daily.timer", "apt-daily-upgrade.timer", "dpkg-db-backup.timer", "e2scrub_all.timer", "fstrim.timer",
              "systemd-timesyncd.service", "systemd-journal-flush.service", "e2scrub_reap.service", "serial-getty@ttyS0.service", "docker-registry.service",
              "apparmor.service")  # davit loads its profile itself
UNUSED = 14 * 86400  # seconds: a disk that was not begun with for so long goes, when another one is made


class Unavailable(Exception):
    """No virtual machine here; the text says why."""


def program(*names):
    for name in names:
        found = name if os.access(name, os.X_OK) else shutil.which(name)
        if found:
            return found
    raise Unavailable(f"no {os.path.basename(names[0])} program")


def must(*command, **kw):
    done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, **kw)
    if done.returncode:
        raise Unavailable(f"{' '.join(command[:3])}: {(done.stderr or done.stdout).strip().splitlines()[-1:]}")
    return done.stdout


def kernel():
    """(vmlinuz, the folder of its modules) out of Debian's package."""
    for tool in ("apt-cache", "apt-get", "dpkg-deb"):
        program(tool)
    depends = must("apt-cache", "depends", META).split()
    package = next((word for word in depends if word.startswith("linux-image-") and word != META), None)
    if not package:
        raise Unavailable(f"apt knows no {META}")
    folder = os.path.join(CACHE, package)
    if not os.path.isdir(folder):
        os.makedirs(CACHE, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=CACHE) as work:
            os.chmod(work, 0o755)
            must("apt-get", "-q", "download", package, cwd=work)
            must("dpkg-deb", "-x", glob.glob(work + "/*.deb")[0], work + "/tree")
            release = os.listdir(work + "/tree/lib/modules")[0]
            must("busybox", "depmod", "-b", work + "/tree", release)
            os.rename(work + "/tree", folder)
    return glob.glob(folder + "/boot/vmlinuz-*")[0], folder + "/lib/modules"


def mirror():
    """That of this machine's own apt."""
    rows = must("apt-get", "indextargets", "--format", "$(SITE) $(RELEASE) $(COMPONENT)").splitlines()
    for site, release, component in (row.split() for row in rows if len(row.split()) == 3):
        if release == SUITE and component == "main":
            return site
    raise Unavailable(f"apt has no {SUITE}: debootstrap needs it")


def tree(folder, modules):
    """The file system of the guest."""
    packages = ",".join(PACKAGES)
    must(program("debootstrap", "/usr/sbin/debootstrap"), "--variant=minbase", f"--include={packages}", SUITE, folder, mirror(),
                 env=dict(os.environ, LC_ALL="C", DEBIAN_FRONTEND="noninteractive"))
    shutil.copytree(modules, os.path.join(folder, "lib/modules"), dirs_exist_ok=True)
    for release in os.listdir(os.path.join(folder, "lib/modules")):
        must("chroot", folder, "/sbin/depmod", release)  # busybox's has no index that systemd reads
    shutil.rmtree(os.path.join(folder, "var/cache/apt"))
    units = os.path.join(folder, "etc/systemd/system")
    for name, text in UNITS.items():
        with open(os.path.join(units, name), "w") as f:
            f.write(text)
    wants = {"davit-vm.service": "graphical.target", "davit-vm-beat.service": "sysinit.target"}
    for name, target in wants.items():
        os.makedirs(os.path.join(units, target + ".wants"), exist_ok=True)
        os.symlink(f"../{name}", os.path.join(units, target + ".wants", name))
    for name in glob.glob(os.path.join(units, "*.wants/containerd.service")):  # it is for those to start who want the machine's own
        os.unlink(name)
    for name in NOT_WANTED:
        path = os.path.join(units, name)
        if os.path.lexists(path):
            os.unlink(path)
        os.symlink("/dev/null", path)
    os.makedirs(os.path.join(folder, "vm"))
    os.makedirs(os.path.join(folder, "host"))
    with open(os.path.join(folder, "vm/run"), "w") as f:
        f.write(RUN)
    for name, text in (("etc/hostname", "davit-vm\n"), ("etc/fstab", "/dev/vda / ext4 errors=remount-ro 0 1\n"),
                       ("etc/modules-load.d/vm.conf", "\n".join(MODULES) + "\n")):
        with open(os.path.join(folder, name), "w") as f:
            f.write(text)


def image():
    """The disk that machines begin with, made once, and anew when this file is another one: minutes."""
    vmlinuz, modules = kernel()
    with open(__file__, "rb") as f:
        key = hashlib.sha256(f.read()).hexdigest()[:12]
    path = os.path.join(CACHE, f"guest-{SUITE}-{os.path.basename(vmlinuz)[len('vmlinuz-'):]}-{key}.img")
    with open(os.path.join(CACHE, "guest.lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not os.path.exists(path):
            make(path, modules)
        os.utime(path)
    return path


def make(path, modules):
    for old in glob.glob(os.path.join(CACHE, "guest-*.img")):
        if os.path.getmtime(old) < time.time() - UNUSED:
            os.unlink(old)
    with tempfile.TemporaryDirectory(dir=CACHE) as work:
        os.chmod(work, 0o755)
        tree(work + "/tree", modules)
        with open(work + "/disk", "wb") as f:
            f.truncate(SIZE)
        must(program("mke2fs", "/usr/sbin/mke2fs", "/sbin/mke2fs"), "-q", "-F", "-t", "ext4", "-d", work + "/tree", work + "/disk")
        os.rename(work + "/disk", path)
