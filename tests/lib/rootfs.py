"""A busybox root file system as a tar archive, made from the machine's own busybox."""
import io
import os
import re
import shutil
import subprocess
import tarfile

FILES = {
    "etc/passwd": "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\nweb:x:1000:1001:web:/www:/bin/sh\n",
    "etc/group": "root:x:0:\nnogroup:x:65534:\nwebs:x:1001:web\naudio:x:29:web\n",
    "www/index.html": "<h1>served by davit</h1>\n",
    "bin/noexec": "not a program\n",
    "data/seed": "from the image\n",
}
EXECUTABLE = {"bin/badformat": "\x7fELF and nothing more\n"}


def busybox():
    path = shutil.which("busybox")
    if not path:
        raise FileNotFoundError("no busybox program (package busybox-static)")
    return os.path.realpath(path)


def libraries(program):
    """What a dynamically linked busybox needs."""
    out = subprocess.run(["ldd", program], capture_output=True, text=True).stdout
    return re.findall(r"(/\S+) \(0x", out)


def _add(tar, name, data, mode):
    info = tarfile.TarInfo(name)
    info.size, info.mode = len(data), mode
    tar.addfile(info, io.BytesIO(data))


def _add_kind(tar, name, kind, mode=0o755, link=""):
    info = tarfile.TarInfo(name)
    info.type, info.mode, info.linkname = kind, mode, link
    tar.addfile(info)


def write(path, files=FILES, executable=EXECUTABLE):
    program = busybox()
    with tarfile.open(path, "w") as tar:
        for name in ("bin", "etc", "dev", "proc", "sys", "root", "www", "data", "var"):
            _add_kind(tar, name, tarfile.DIRTYPE)
        _add_kind(tar, "tmp", tarfile.DIRTYPE, 0o1777)
        for source in [program] + libraries(program):
            with open(source, "rb") as f:
                _add(tar, "bin/busybox" if source == program else source.lstrip("/"), f.read(), 0o755)
        for applet in subprocess.run([program, "--list"], capture_output=True, text=True, check=True).stdout.split():
            if applet != "busybox":
                _add_kind(tar, "bin/" + applet, tarfile.SYMTYPE, 0o777, "busybox")
        for name, text in files.items():
            _add(tar, name, text.encode(), 0o644)
        for name, text in executable.items():
            _add(tar, name, text.encode(), 0o755)
    return path


if __name__ == "__main__":
    import sys
    write(sys.argv[1], dict(FILES, **{"www/index.html": "<h1>Hello from a container</h1>\n"}))
