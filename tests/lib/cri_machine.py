"""A machine for tests/cri: a containerd with the CRI plugin, the stock shim and ours with the same engine, and our images."""
import os

from lib import cri, cri_images, registry, rootfs, services
from lib.case import Machine
from lib.cri_containerd import CriContainerd, make_path

PORT = 5000
IMAGE, SIGNALLED, OTHER = "davit/busybox:1", "davit/signalled:1", "davit/other:1"


def _images(work):
    with open(rootfs.write(os.path.join(work, "busybox.tar")), "rb") as f:
        layer = f.read()
    yield IMAGE, cri_images.Image(layer, Cmd=["sh"])
    yield SIGNALLED, cri_images.Image(layer, Cmd=["sh"], StopSignal="SIGUSR1", User="web")
    yield OTHER, cri_images.Image(layer, Cmd=["true"])
    yield next(cri_images.make(work))  # the sandbox's


def _push(host, work):
    for name, image in _images(work):
        repository, tag = name.rsplit(":", 1)
        registry.push(host, repository, tag, image)


class Ready(CriContainerd):
    """Started only when the CRI plugin knows its containers again."""

    def _ready(self):
        return super()._ready() and cri.status_of("Status") == "OK"


def make(program, engine, shim):
    """Started, and its images pulled. FileNotFoundError, cri_images.Unavailable: it cannot be made here."""
    host = services.Registry(Machine.work, PORT).host
    _push(host, Machine.work)
    handlers = {name: (f"io.containerd.{kind}.v2", {"BinaryName": engine}) for name, kind in ((cri.STOCK, "runc"), (cri.OURS, "davit"))}
    containerd = Ready(program, Machine.work, handlers, host, make_path(Machine.work, program, shim, [engine]))
    containerd.start()
    Machine.host, Machine.image = host, f"{host}/{IMAGE}"
    for name in (IMAGE, SIGNALLED, cri_images.PAUSE):
        cri.call("PullImage", image={"image": f"{host}/{name}"})
    return containerd
