"""crictl and critest, Kubernetes' client and suite of its container runtime interface, built from their Go module into a cache folder."""
import os
import shutil
import subprocess

from lib import containerds

VERSION = "1.34.0"
MODULE = f"module peer\n\ngo 1.24.1\n\nrequire sigs.k8s.io/cri-tools v{VERSION}\n"
COMMANDS = (("build", "-o", "crictl", "sigs.k8s.io/cri-tools/cmd/crictl"), ("test", "-vet=off", "-c", "-o", "critest", "sigs.k8s.io/cri-tools/cmd/critest"))


def build():
    """The folder of crictl and critest, built when they are not in the cache: some minutes. containerds.Unavailable says why not."""
    folder = os.path.join(containerds.cache(), f"cri-tools-{VERSION}")
    if os.path.exists(os.path.join(folder, "critest")):
        return folder
    go = containerds.find_go()
    print(f"building crictl and critest {VERSION} into {folder}", flush=True)
    half = folder + ".part"
    shutil.rmtree(half, ignore_errors=True)
    os.makedirs(half)
    with open(os.path.join(half, "go.mod"), "w") as f:
        f.write(MODULE)
    for verb, *words in COMMANDS:
        done = subprocess.run(["nice", go, verb, "-ldflags=-s -w", *words], cwd=half, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True,
                              env=dict(os.environ, CGO_ENABLED="0", GOFLAGS="-mod=mod -trimpath -buildvcs=false", GOTOOLCHAIN="local"))
        if done.returncode:
            raise containerds.Unavailable(f"go {verb} {words[-1]}: " + (done.stdout.strip().splitlines() or ["?"])[-1])
    os.rename(half, folder)
    return folder
