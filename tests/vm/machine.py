"""A virtual machine under software emulation: Debian's cloud kernel with pure cgroup v2, this machine's own file system below it. debian.py
has one with a Debian of its own.

The root is an overlay: this machine's files, read-only through virtiofs, and a tmpfs above. /persist is a small disk that a
reboot keeps. The kernel comes from Debian's package, fetched into a cache folder outside the checkout, never installed.
"""
import glob
import os
import shutil
import subprocess
import tempfile
import time

CACHE = os.path.join(os.environ.get("XDG_CACHE_HOME", os.path.expanduser("~/.cache")), "davit")
META = "linux-image-cloud-amd64"
FIRST = ("virtio_pci", "virtio_blk", "fuse", "virtiofs", "overlay")
LATER = ("bridge", "veth", "br_netfilter", "nf_tables", "nft_compat", "nft_chain_nat", "nft_ct", "xt_comment", "xt_MASQUERADE", "xt_multiport", "xt_nat",
         "xt_mark", "xt_conntrack", "xt_addrtype", "xt_tcpudp", "loop", "bfq", "ip_tables", "iptable_filter", "iptable_nat", "nf_conntrack")
INIT = r"""#!/busybox sh
/busybox mkdir -p /proc /sys /dev /lower /rw /new
/busybox mount -t proc proc /proc
/busybox mount -t sysfs sysfs /sys
/busybox mount -t devtmpfs dev /dev
for m in FIRST; do /busybox modprobe $m || echo "VM: no module $m"; done
/busybox mount -t virtiofs -o ro host /lower || { echo "VM: no virtiofs"; /busybox poweroff -f; }
/busybox mount -t tmpfs -o mode=755,size=80% tmpfs /rw
/busybox mkdir /rw/up /rw/work
/busybox mount -t overlay -o lowerdir=/lower,upperdir=/rw/up,workdir=/rw/work overlay /new
for d in proc sys dev; do /busybox mount --move /$d /new/$d; done
/busybox mkdir -p /new/persist /new/lib/modules
/busybox mount -t ext4 /new/dev/vda /new/persist
exec /busybox switch_root /new /bin/sh /persist/init
"""
SECOND = r"""
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 NO_COLOR=1
mount -t tmpfs -o mode=755 tmpfs /run
mkdir -p /dev/pts /dev/shm /run/lock
mount -t devpts devpts /dev/pts
ln -s /proc/self/fd /dev/fd; ln -s fd/0 /dev/stdin; ln -s fd/1 /dev/stdout; ln -s fd/2 /dev/stderr
mount -t tmpfs tmpfs /dev/shm
mount -t cgroup2 cgroup2 /sys/fs/cgroup
mount -t securityfs securityfs /sys/kernel/security
mount --bind MODULES /lib/modules
for m in LATER; do busybox modprobe $m 2>/dev/null; done
for d in lib/davit lib/cni; do mkdir -p /persist/$d /var/$d; mount --bind /persist/$d /var/$d; done
mkdir -p /persist/net.d /etc/cni/net.d; mount --bind /persist/net.d /etc/cni/net.d
ip link set lo up
hostname davit-vm
cd FOLDER
while sleep 5; do echo; done >/dev/ttyS1 &
COMMAND
echo "VM-EXIT $?"
sync
busybox poweroff -f
"""


CUT = "VM-CUT"  # a line of this takes the power away at once
HANGS = 300  # seconds until the first beat, and without one; they come each 5 s of the machine's own


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


def cut_is_asked(console):
    if not os.path.exists(console):
        return False
    with open(console, "rb") as f:
        f.seek(max(0, os.path.getsize(console) - 4096))
        return f"\n{CUT}".encode() in f.read()


class Machine:
    """One disk, booted as often as one likes."""
    init, modules_at_once, append = INIT, FIRST, "systemd.unified_cgroup_hierarchy=1"

    def __init__(self, work):
        self.work = work
        self.qemu, self.virtiofsd = program("qemu-system-x86_64"), program("/usr/lib/qemu/virtiofsd")
        self.busybox = program("busybox")
        self.vmlinuz, self.modules = kernel()
        self.disk, self.content = os.path.join(work, "disk"), os.path.join(work, "content")
        self.initrd = self._initrd()
        os.makedirs(self.content)

    def _initrd(self):
        tree = os.path.join(self.work, "initrd")
        release = os.listdir(self.modules)[0]
        needed = self._with_dependencies(release)
        for path in needed:
            os.makedirs(os.path.dirname(f"{tree}/lib/modules/{release}/{path}"), exist_ok=True)
            shutil.copy(f"{self.modules}/{release}/{path}", f"{tree}/lib/modules/{release}/{path}")
        shutil.copy(self.busybox, tree + "/busybox")
        must("busybox", "depmod", "-b", tree, release)
        with open(tree + "/init", "w") as f:
            f.write(self.init.replace("FIRST", " ".join(self.modules_at_once)))
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
        found, waiting = [], [by_name[name] for name in self.modules_at_once if name in by_name]
        while waiting:
            path = waiting.pop()
            if path not in found:
                found.append(path)
                waiting += rows[path].split()
        return found

    def boot(self, command, folder, seconds, quiet=None):
        """Run @command (sh) in the machine; (its exit status or None, what it printed). It is cut off when its kernel hangs, or it has printed
        nothing for @quiet seconds."""
        self._prepare(command, folder)
        socket, console, beat = (os.path.join(self.work, name) for name in ("fs.sock", "console", "beat"))
        for path in (console, beat):  # of the boot before
            if os.path.exists(path):
                os.unlink(path)
        log = open(os.path.join(self.work, "virtiofsd.log"), "w")
        files = subprocess.Popen([self.virtiofsd, "-f", "--socket-path=" + socket, "-o", "source=/,cache=always,sandbox=chroot"], stdin=subprocess.DEVNULL,
                                 stdout=log, stderr=log)
        end = time.monotonic() + 10
        while not os.path.exists(socket):
            if files.poll() is not None or time.monotonic() > end:
                with open(log.name) as f:
                    raise Unavailable("virtiofsd ended: " + (f.read().strip().splitlines() or ["it says nothing"])[-1])
            time.sleep(0.05)
        machine = subprocess.Popen([
            self.qemu, "-accel", "tcg,thread=single", "-cpu", "max", "-smp", "2", "-m", "3G", "-nodefaults", "-no-reboot", "-display", "none",
            "-serial", "file:" + console, "-serial", "file:" + beat, "-kernel", self.vmlinuz, "-initrd", self.initrd,
            "-append", "console=ttyS0 quiet panic=-1 " + self.append,
            "-object", "memory-backend-memfd,id=mem,size=3G,share=on", "-numa", "node,memdev=mem",
            "-chardev", "socket,id=fs,path=" + socket, "-device", "vhost-user-fs-pci,chardev=fs,tag=host",
            "-drive", f"file={self.disk},format=raw,if=virtio", "-device", "virtio-rng-pci"], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
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

    def _prepare(self, command, folder):
        script = SECOND.replace("MODULES", self.modules).replace("LATER", " ".join(LATER)).replace("FOLDER", folder)
        self._write_init(script.replace("COMMAND", command))

    def _write_init(self, script):
        """The disk is made at the first boot; later ones find what the machine itself wrote."""
        if not os.path.exists(self.disk):
            with open(self.content + "/init", "w") as f:
                f.write(script)
            with open(self.disk, "wb") as f:
                f.truncate(1 << 30)
            must(program("mke2fs", "/usr/sbin/mke2fs", "/sbin/mke2fs"), "-q", "-F", "-t", "ext4", "-d", self.content, self.disk)
            return
        path = os.path.join(self.work, "init")
        with open(path, "w") as f:
            f.write(script)
        debugfs = program("debugfs", "/usr/sbin/debugfs", "/sbin/debugfs")
        must(program("e2fsck", "/usr/sbin/e2fsck", "/sbin/e2fsck"), "-p", self.disk)
        must(debugfs, "-w", "-R", "rm /init", self.disk)
        must(debugfs, "-w", "-R", f"write {path} /init", self.disk)
