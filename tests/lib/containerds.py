"""Containerd releases that Debian has not, built from Go modules into a cache folder outside the checkout."""
import os
import shutil
import subprocess

VERSIONS = ("1.7.28", "2.2.1")
PROGRAMS = ("containerd", "containerd-shim-runc-v2", "ctr")


class Unavailable(Exception):
    """It cannot be built here; the text says why."""


def cache():
    base = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    return os.path.join(base, "davit")


def find_go():
    go = shutil.which("go", path=os.environ["PATH"] + ":/usr/local/go/bin:/usr/lib/go/bin")
    if not go:
        raise Unavailable("no go program")
    return go


def build(version):
    """The path of containerd @version, built when it is not in the cache."""
    folder = os.path.join(cache(), f"containerd-{version}")
    program = os.path.join(folder, "containerd")
    if os.path.exists(program):
        return program
    go = find_go()
    print(f"building containerd {version} into {folder}", flush=True)
    half = folder + ".part"
    shutil.rmtree(half, ignore_errors=True)
    os.makedirs(half)
    make = _required if version.startswith("1.") else _installed
    make(go, version, half)
    os.rename(half, folder)
    return program


def _run(command, folder, **env):
    subprocess.run(command, cwd=folder, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                   env=dict(os.environ, CGO_ENABLED="0", GOFLAGS="-trimpath", GOTOOLCHAIN="local", **env))


def _required(go, version, folder):
    """1.x: its module has replacements, so `go install` refuses it; an empty module that requires it does not."""
    with open(os.path.join(folder, "go.mod"), "w") as f:
        f.write(f"module peer\n\ngo 1.23\n\nrequire github.com/containerd/containerd v{version}\n")
    _run([go, "mod", "download", "github.com/containerd/containerd"], folder)
    _run([go, "build", "-mod=mod", "-ldflags=-s -w", "-o", folder + "/"] +
         [f"github.com/containerd/containerd/cmd/{p}" for p in PROGRAMS], folder)


def _installed(go, version, folder):
    _run([go, "install", "-ldflags=-s -w"] + [f"github.com/containerd/containerd/v2/cmd/{p}@v{version}" for p in PROGRAMS], folder,
         GOBIN=folder)
