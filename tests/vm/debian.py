"""A Debian of its own in the virtual machine: made by debootstrap into the cache folder, with systemd, containerd, both engines and CNI plugins from
Debian, and the cloud kernel. /host is the file system of the machine that runs it, read-only. What was written stays over boots.
"""
import fcntl
import os
import shutil
import subprocess
import tempfile

import machine

VERSION = 1  # of what is made here: another one is made anew
SUITE = "bookworm"
PACKAGES = ("systemd", "systemd-sysv", "udev", "dbus", "kmod", "iproute2", "iptables", "procps", "util-linux", "e2fsprogs", "ca-certificates", "apparmor",
            "containerd", "runc", "crun", "containernetworking-plugins", "busybox-static", "python3", "python3-yaml",
            "libjson-c5", "libyaml-0-2", "libprotobuf-c1", "libnghttp2-14", "libmd0", "libcurl4", "libarchive13", "libzstd1",
            "libasan8", "libubsan1")  # of the tests' own programs
SIZE = 4 << 30
FIRST = ("virtio_pci", "virtio_blk")
INIT = r"""#!/busybox sh
/busybox mkdir -p /proc /sys /dev /new
/busybox mount -t proc proc /proc
/busybox mount -t sysfs sysfs /sys
/busybox mount -t devtmpfs dev /dev
for m in FIRST; do /busybox modprobe $m || echo "VM: no module $m"; done
/busybox mount -t ext4 /dev/vda /new || { echo "VM: no root"; /busybox poweroff -f; }
for d in proc sys dev; do /busybox umount /$d; done
exec /busybox switch_root /new /sbin/init
"""
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
              "systemd-timesyncd.service", "systemd-journal-flush.service", "e2scrub_reap.service", "serial-getty@ttyS0.service")


def mirror():
    """That of this machine's own apt."""
    rows = machine.must("apt-get", "indextargets", "--format", "$(SITE) $(RELEASE) $(COMPONENT)").splitlines()
    for site, release, component in (row.split() for row in rows if len(row.split()) == 3):
        if release == SUITE and component == "main":
            return site
    raise machine.Unavailable(f"apt has no {SUITE}: debootstrap needs it")


def tree(folder, modules):
    """The file system of the guest."""
    packages = ",".join(PACKAGES)
    machine.must(machine.program("debootstrap", "/usr/sbin/debootstrap"), "--variant=minbase", f"--include={packages}", SUITE, folder, mirror(),
                 env=dict(os.environ, LC_ALL="C", DEBIAN_FRONTEND="noninteractive"))
    shutil.copytree(modules, os.path.join(folder, "lib/modules"), dirs_exist_ok=True)
    for release in os.listdir(os.path.join(folder, "lib/modules")):
        machine.must("chroot", folder, "/sbin/depmod", release)  # busybox's has no index that systemd reads
    shutil.rmtree(os.path.join(folder, "var/cache/apt"))
    units = os.path.join(folder, "etc/systemd/system")
    for name, text in UNITS.items():
        with open(os.path.join(units, name), "w") as f:
            f.write(text)
    wants = {"davit-vm.service": "graphical.target", "davit-vm-beat.service": "sysinit.target"}
    for name, target in wants.items():
        os.makedirs(os.path.join(units, target + ".wants"), exist_ok=True)
        os.symlink(f"../{name}", os.path.join(units, target + ".wants", name))
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
                       ("etc/modules-load.d/vm.conf", "\n".join(machine.LATER) + "\n")):
        with open(os.path.join(folder, name), "w") as f:
            f.write(text)


def image():
    """The disk that machines begin with, made once: minutes."""
    vmlinuz, modules = machine.kernel()
    path = os.path.join(machine.CACHE, f"guest-{SUITE}-{os.path.basename(vmlinuz)[len('vmlinuz-'):]}-{VERSION}.img")
    with open(path + ".lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not os.path.exists(path):
            with tempfile.TemporaryDirectory(dir=machine.CACHE) as work:
                os.chmod(work, 0o755)
                tree(work + "/tree", modules)
                with open(work + "/disk", "wb") as f:
                    f.truncate(SIZE)
                machine.must(machine.program("mke2fs", "/usr/sbin/mke2fs", "/sbin/mke2fs"), "-q", "-F", "-t", "ext4", "-d", work + "/tree", work + "/disk")
                os.rename(work + "/disk", path)
    return path


class Guest(machine.Machine):
    """boot() as a Machine has it: the command is run when systemd has started everything."""
    init, modules_at_once, append = INIT, FIRST, "systemd.show_status=0 systemd.default_timeout_start_sec=600"

    def __init__(self, work):
        super().__init__(work)
        self.last = "poweroff"  # or reboot, which ends it likewise
        subprocess.run(["cp", "--sparse=always", image(), self.disk], check=True)
        debugfs = machine.program("debugfs", "/usr/sbin/debugfs", "/sbin/debugfs")
        where = os.path.join(work, "where")
        with open(where, "w") as f:
            f.write(work + "\n")
        machine.must(debugfs, "-w", "-R", f"write {where} /vm/where", self.disk)

    def _prepare(self, command, folder):
        with open(os.path.join(self.work, "command"), "w") as f:
            f.write(f"cd /host{folder}\n{command}\necho VM-EXIT $?\nsync\nsystemctl {self.last} --no-wall\n")
