"""The images that Kubernetes' suite of its container runtime interface asks for, by their usual names: made here, around busybox."""
import io
import json
import os
import shutil
import subprocess
import tarfile

from lib import registry, rootfs

APPLETS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "cri", "applets.c")
ARCHITECTURE = {"x86_64": "amd64", "aarch64": "arm64"}.get(os.uname().machine, os.uname().machine)
KUBERNETES, STAGING = "e2e-test-images/", "k8s-staging-cri-tools/"
PAUSE = "pause:davit"
PASSWD = """root:x:0:0:root:/root:/bin/sh
daemon:x:1:1:daemon:/usr/sbin:/bin/false
sys:x:3:3:sys:/dev:/bin/false
www-data:x:33:33:www-data:/var/www:/bin/false
nobody:x:65534:65534:nobody:/home:/bin/false
"""
GROUP = "root:x:0:\ndaemon:x:1:\nsys:x:3:\nwww-data:x:33:\nnobody:x:65534:\n"
OWN_USER = "default-user:x:1000:1000::/home/default-user:/bin/sh\n"
OWN_GROUPS = "default-user:x:1000:\ngroup-defined-in-image:x:50000:default-user\n"


class Unavailable(Exception):
    """They cannot be made here; the text says why."""


class Image:
    """As registry.push() takes it. @layers: tar archives; @config: members of the image's own."""

    def __init__(self, *layers, **config):
        self.layers = layers
        config.setdefault("Env", ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"])
        self.config = json.dumps({"os": "linux", "architecture": ARCHITECTURE, "config": config,
                                  "rootfs": {"type": "layers", "diff_ids": [registry.digest(layer) for layer in layers]}}).encode()
        self.manifest = json.dumps({
            "schemaVersion": 2, "mediaType": registry.MANIFEST, "config": _descriptor(registry.CONFIG, self.config),
            "layers": [_descriptor(registry.LAYER, layer) for layer in layers]}).encode()

    def blobs(self):
        return {registry.digest(data): data for data in (self.config, *self.layers)}


def _descriptor(media_type, data):
    return {"mediaType": media_type, "digest": registry.digest(data), "size": len(data)}


class Layer:
    """A tar archive, entry by entry."""

    def __init__(self):
        self.raw = io.BytesIO()
        self.tar = tarfile.open(fileobj=self.raw, mode="w")

    def folder(self, name, mode=0o755):
        return self._add(name, mode, type=tarfile.DIRTYPE)

    def file(self, name, data, mode=0o644):
        info = tarfile.TarInfo(name)
        info.size, info.mode = len(data), mode
        self.tar.addfile(info, io.BytesIO(data))
        return self

    def link(self, name, target):
        """A hard one: where a path is masked, only that name is."""
        return self._add(name, 0o755, type=tarfile.LNKTYPE, linkname=target)

    def _add(self, name, mode, **members):
        info = tarfile.TarInfo(name)
        info.mode = mode
        for key, value in members.items():
            setattr(info, key, value)
        self.tar.addfile(info)
        return self

    def data(self):
        self.tar.close()
        return self.raw.getvalue()


def _applets(folder):
    """The program of tests/cri/applets.c."""
    path = os.path.join(folder, "applets")
    if not shutil.which("cc"):
        raise Unavailable("no cc program (package gcc)")
    done = subprocess.run(["cc", "-static", "-O2", "-s", "-o", path, APPLETS], capture_output=True, text=True)
    if done.returncode:
        raise Unavailable("cc -static: " + (done.stderr.strip().splitlines() or ["?"])[-1])
    with open(path, "rb") as f:
        return f.read()


def _busybox():
    """Its bytes, and its applets' names."""
    program = rootfs.busybox()
    if rootfs.libraries(program):
        raise Unavailable("busybox is not static (package busybox-static)")
    with open(program, "rb") as f:
        data = f.read()
    return data, subprocess.run([program, "--list"], capture_output=True, text=True, check=True).stdout.split()


def _shell(busybox):
    """Debian's busybox has a shell that runs its own ls whatever is mounted over /bin/ls, which the suite looks at (masked paths): one
    whose table has no ls goes to the file."""
    return busybox.replace(b"\0ls\0", b"\0lr\0") if busybox.count(b"\0ls\0") == 1 else busybox


def _base(applets):
    busybox, names = _busybox()
    layer = Layer()
    for folder in ("bin", "dev", "etc", "home", "usr", "usr/bin", "usr/sbin", "var", "var/run", "var/www"):
        layer.folder(folder)
    layer.folder("root", 0o700).folder("tmp", 0o1777)
    layer.file("bin/busybox", busybox, 0o755).file("bin/sh", _shell(busybox), 0o755).file("bin/applets", applets, 0o755)
    for name in names:
        if name not in ("busybox", "sh", "pgrep", "ipcs"):
            layer.link("bin/" + name, "bin/busybox")
    layer.link("bin/pgrep", "bin/applets").link("bin/ipcs", "bin/applets")
    return layer.file("etc/passwd", PASSWD.encode()).file("etc/group", GROUP.encode()).data()


def _own_users():
    return Layer().file("etc/passwd", (PASSWD + OWN_USER).encode()).file("etc/group", (GROUP + OWN_GROUPS).encode()) \
        .folder("home/default-user").data()


def make(folder):
    """(name, image) of each; @folder is for what is compiled. Unavailable says why not."""
    applets = _applets(folder)
    base = _base(applets)

    def web(name):
        return Layer().file("usr/sbin/" + name, applets, 0o755).data()

    def marked(mark):
        return Image(base, Layer().file(mark, b"").data(), Cmd=["sh"])

    yield PAUSE, Image(Layer().file("pause", applets, 0o755).data(), Entrypoint=["/pause"], User="65535:65535")
    yield KUBERNETES + "busybox:1.29-2", Image(base, Cmd=["sh"])
    yield KUBERNETES + "nginx:1.14-2", Image(base, web("nginx"), Cmd=["/usr/sbin/nginx", "80"])
    yield KUBERNETES + "httpd:2.4.39-4", Image(base, web("httpd"), Cmd=["/usr/sbin/httpd", "80"])
    yield STAGING + f"hostnet-nginx-{ARCHITECTURE}:latest", Image(base, web("nginx"), Cmd=["/usr/sbin/nginx", "12003"])
    yield KUBERNETES + "nonewprivs:1.3", Image(base, Layer().file("nnp", applets, 0o4755).data(), Entrypoint=["/nnp"], User="1000")
    for name, user in (("uid", "1002"), ("username", "www-data"), ("uid-group", "1003:1004"), ("username-group", "www-data:1004")):
        yield STAGING + f"test-image-user-{name}:latest", Image(base, Cmd=["sh"], User=user)
    yield STAGING + "test-image-predefined-group:latest", Image(base, _own_users(), Cmd=["sh"], User="1000")
    for name in ("1", "2", "3", "latest"):
        yield STAGING + f"test-image-{name}:latest", marked("test-image-" + name)
    for tag in ("1", "2", "3"):
        yield STAGING + f"test-image-tags:{tag}", marked("same-image")
    for tag in ("test", "all"):
        yield STAGING + f"test-image-tag:{tag}", marked(tag)


def of_containerd(folder):
    """The same for containerd's own tests."""
    applets = _applets(folder)
    base = _base(applets)
    pause = Image(Layer().file("pause", applets, 0o755).data(), Entrypoint=["/pause"])
    for name in ("busybox:1.36", "alpine:3.14.0", "nginx:1.27.0"):
        yield "containerd/" + name, Image(base, Layer().file("usr/sbin/nginx", applets, 0o755).data(), Cmd=["sh"])
    for tag in ("3.6", "3.10.1"):
        yield "pause:" + tag, pause
    volume = Layer().folder("test_dir").file("test_dir/test_file", b"test_content\n") \
        .file("bin/bash", b'#!/bin/sh\nexec /bin/sh "$@"\n', 0o755).data()
    for name in ("volume-copy-up:2.2", "volume-ownership:2.1"):
        yield "containerd/" + name, Image(base, volume, Cmd=["sh"], Volumes={"/test_dir": {}})


def push_all(host, folder):
    """All of them into the registry at @host."""
    for name, image in (*make(folder), *of_containerd(folder)):
        repository, tag = name.rsplit(":", 1)
        registry.push(host, repository, tag, image)
