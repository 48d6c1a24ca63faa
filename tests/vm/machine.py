"""A virtual machine under software emulation: a Debian with systemd on pure cgroup v2 (debian.py). /host is the file system of the machine that
runs it, read-only. What was written stays over boots.
"""
import os
import shutil
import subprocess
import time

import debian
from debian import Unavailable, must, program

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
WITH_US = ("setpriv", "--pdeathsig", "KILL")  # none outlives who started it
CUT = "VM-CUT"  # a line of this takes the power away at once
HANGS = 300  # seconds until the first beat, and without one; they come each 5 s of the machine's own


def cut_is_asked(console):
    if not os.path.exists(console):
        return False
    with open(console, "rb") as f:
        f.seek(max(0, os.path.getsize(console) - 4096))
        return f"\n{CUT}".encode() in f.read()


class Machine:
    """One disk, booted as often as one likes."""
    def __init__(self, work):
        self.work = work
        self.qemu, self.virtiofsd = program("qemu-system-x86_64"), program("/usr/lib/qemu/virtiofsd")
        self.vmlinuz, self.modules = debian.kernel()
        self.disk = os.path.join(work, "disk")
        self.initrd = self._initrd()
        subprocess.run(["cp", "--sparse=always", debian.image(), self.disk], check=True)
        where = os.path.join(work, "where")
        with open(where, "w") as f:
            f.write(work + "\n")
        must(program("debugfs", "/usr/sbin/debugfs", "/sbin/debugfs"), "-w", "-R", f"write {where} /vm/where", self.disk)

    def _initrd(self):
        tree = os.path.join(self.work, "initrd")
        release = os.listdir(self.modules)[0]
        needed = self._with_dependencies(release)
        for path in needed:
            os.makedirs(os.path.dirname(f"{tree}/lib/modules/{release}/{path}"), exist_ok=True)
            shutil.copy(f"{self.modules}/{release}/{path}", f"{tree}/lib/modules/{release}/{path}")
        shutil.copy(program("busybox"), tree + "/busybox")
        must("busybox", "depmod", "-b", tree, release)
        with open(tree + "/init", "w") as f:
            f.write(INIT.replace("FIRST", " ".join(FIRST)))
        os.chmod(tree + "/init", 0o755)
        image = os.path.join(self.work, "initrd.cpio")
        with open(image, "w") as f:
            names = subprocess.run(["find", ".", "-print"], cwd=tree, capture_output=True, text=True, check=True).stdout
            subprocess.run(["busybox", "cpio", "-o", "-H", "newc"], cwd=tree, input=names, text=True, stdout=f, stderr=subprocess.DEVNULL, check=True)
        return image

    def _with_dependencies(self, release):
        """Paths of the modules that are needed at once and of what they need, from modules.dep."""
        with open(f"{self.modules}/{release}/modules.dep") as f:
            rows = dict(line.strip().split(":", 1) for line in f if ":" in line)
        by_name = {os.path.basename(path).split(".")[0].replace("-", "_"): path for path in rows}
        found, waiting = [], [by_name[name] for name in FIRST if name in by_name]
        while waiting:
            path = waiting.pop()
            if path not in found:
                found.append(path)
                waiting += rows[path].split()
        return found

    def boot(self, command, folder, seconds, quiet=None, end="poweroff"):
        """Run @command (sh) in the machine when systemd has started everything; (its exit status or None, what it printed). It is cut off when its
        kernel hangs, or it has printed nothing for @quiet seconds. @end: poweroff, reboot, which ends it likewise, or CUT."""
        last = f"echo {CUT}; sleep 60" if end == CUT else f"sync; systemctl {end} --no-wall"
        with open(os.path.join(self.work, "command"), "w") as f:
            f.write(f"cd /host{folder}\n{command}\necho VM-EXIT $?\n{last}\n")
        socket, console, beat = (os.path.join(self.work, name) for name in ("fs.sock", "console", "beat"))
        for path in (console, beat):  # of the boot before
            if os.path.exists(path):
                os.unlink(path)
        log = open(os.path.join(self.work, "virtiofsd.log"), "w")
        files = subprocess.Popen([*WITH_US, self.virtiofsd, "-f", "--socket-path=" + socket, "-o", "source=/,cache=always,sandbox=chroot"],
                                 stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        limit = time.monotonic() + 10
        while not os.path.exists(socket):
            if files.poll() is not None or time.monotonic() > limit:
                with open(log.name) as f:
                    raise Unavailable("virtiofsd ended: " + (f.read().strip().splitlines() or ["it says nothing"])[-1])
            time.sleep(0.05)
        machine = subprocess.Popen([
            *WITH_US, self.qemu, "-accel", "tcg,thread=single", "-cpu", "max", "-smp", "2", "-m", "3G", "-nodefaults", "-no-reboot", "-display", "none",
            "-serial", "file:" + console, "-serial", "file:" + beat, "-kernel", self.vmlinuz, "-initrd", self.initrd,
            "-append", "console=ttyS0 quiet panic=-1 systemd.show_status=0 systemd.default_timeout_start_sec=600",
            "-object", "memory-backend-memfd,id=mem,size=3G,share=on", "-numa", "node,memdev=mem",
            "-chardev", "socket,id=fs,path=" + socket, "-device", "vhost-user-fs-pci,chardev=fs,tag=host",
            # what it has written is this machine's, whatever becomes of it: a flush has nothing to do
            "-drive", f"file={self.disk},format=raw,if=virtio,cache=unsafe", "-device", "virtio-rng-pci"], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            self._watch(machine, time.monotonic() + seconds, {beat: HANGS, console: quiet or seconds})
        finally:
            for process in (machine, files):
                if process.poll() is None:
                    process.kill()
                process.wait()
            if os.path.exists(socket):
                os.unlink(socket)
        with open(console, errors="replace") as f:
            text = f.read().replace("\r\n", "\n")
        code = [line.split()[1] for line in text.splitlines() if line.startswith("VM-EXIT ")]
        return (int(code[-1]) if code else None), text

    @staticmethod
    def _watch(machine, end, files):
        """Until it ends, or one of @files has not grown for as many seconds as are said for it."""
        sizes, grown = {}, {}
        while machine.poll() is None and time.monotonic() < end:
            for path, seconds in files.items():
                if cut_is_asked(path):
                    return
                size = os.path.getsize(path) if os.path.exists(path) else 0
                if sizes.get(path) != size:
                    sizes[path], grown[path] = size, time.monotonic()
                elif time.monotonic() > grown[path] + seconds:
                    return
            time.sleep(0.2)
