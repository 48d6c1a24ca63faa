"""The images that jobs of tests/nomad-driver name: made here around busybox, imported into containerd's namespace of Nomad's tasks."""
import io
import json
import os
import tarfile

from lib import cri_images, registry, rootfs
from lib.case import Machine

BUSYBOX = "docker.io/library/busybox:local"
UBUNTU = "docker.io/library/ubuntu:16.04"
REDIS = "docker.io/library/redis:alpine"
SIGNALS = "docker.io/shm32/signal_handler:1.0"
HELLO = "docker.io/shm32/hello:world"
STRESS = "docker.io/shm32/stress:1.0"
STOPS = "docker.io/library/stopsignal:1"  # its STOPSIGNAL is SIGUSR1
PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
HANDLER = b"""#!/bin/sh
for s in HUP INT TERM USR1 USR2; do trap "echo got $s; [ $s != TERM ] || exit 0" $s; done
echo ready
while :; do sleep 0.1; done
"""


def base():
    with open(rootfs.write(os.path.join(Machine.work, "nomad-busybox.tar")), "rb") as f:
        return f.read()


def images(layer):
    """(name, image) of each."""
    bash = cri_images.Layer().file("bin/bash", b'#!/bin/sh\nexec /bin/sh "$@"\n', 0o755).file("run/of-image", b"kept\n").data()
    handler = cri_images.Layer().file("bin/handler", HANDLER, 0o755).data()
    server = cri_images.Layer().file("bin/redis-server", b"#!/bin/sh\nexec sleep 100000\n", 0o755).data()
    yield BUSYBOX, cri_images.Image(layer, Cmd=["sh"], Env=[PATH])
    yield UBUNTU, cri_images.Image(layer, bash, Cmd=["/bin/bash"], Env=[PATH])
    yield REDIS, cri_images.Image(layer, server, Cmd=["redis-server"], Env=[PATH])
    yield SIGNALS, cri_images.Image(layer, handler, Cmd=["/bin/handler"], Env=[PATH])
    yield HELLO, cri_images.Image(layer, Entrypoint=["sh", "-c", "while :; do echo Hello world: sleeping for 3 seconds.; sleep 3; done"], Env=[PATH])
    yield STRESS, cri_images.Image(layer, Entrypoint=["sh", "-c", "echo stress: info: dispatching hogs; exec sleep 180"], Env=[PATH])
    yield STOPS, cri_images.Image(layer, handler, Cmd=["/bin/handler"], Env=[PATH], StopSignal="SIGUSR1")


def _add(tar, name, data):
    entry = tarfile.TarInfo(name)
    entry.size = len(data)
    tar.addfile(entry, io.BytesIO(data))


def archive(path, named):
    """An OCI layout of (name, image) pairs, as `ctr images import` takes it."""
    with tarfile.open(path, "w") as tar:
        _add(tar, "oci-layout", b'{"imageLayoutVersion": "1.0.0"}')
        rows, seen = [], set()
        for name, image in named:
            blobs = dict(image.blobs(), **{registry.digest(image.manifest): image.manifest})
            for digest, data in blobs.items():
                if digest not in seen:
                    _add(tar, "blobs/sha256/" + digest.split(":")[1], data)
                    seen.add(digest)
            rows.append({"mediaType": registry.MANIFEST, "digest": registry.digest(image.manifest), "size": len(image.manifest),
                         "annotations": {"io.containerd.image.name": name, "org.opencontainers.image.ref.name": name.rsplit(":", 1)[1]}})
        _add(tar, "index.json", json.dumps({"schemaVersion": 2, "mediaType": registry.INDEX, "manifests": rows}).encode())
    return path


def load(containerd):
    """All of them, unpacked."""
    path = archive(os.path.join(Machine.work, "nomad-images.tar"), images(base()))
    containerd.ctr("images", "import", "--digests=false", path, ns="nomad")
