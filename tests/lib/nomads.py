"""Nomad, which Debian has not, built from its Go module into a cache folder outside the checkout: the oracle of job files, and the agent
that containerd-driver runs under."""
import json
import os
import shutil
import subprocess

from lib import containerds

VERSION = "1.10.5"
# Nomad 2.x cannot be had as a module: its path has no /v2, so that Go takes none of its tags, and the proxy has no commits of it. The
# tests' plugin client (tests/driver) asks for Init and Shutdown in its place.
NEWER = "1.11.3"
WINIO = ("Microsoft/go-winio", "endocrimes/go-winio v0.4.13-0.20190628114223-fb47a8b41948")
HCL = ("hashicorp/hcl", "hashicorp/hcl v1.0.1-nomad-1")
# `go install` refuses a module with replacements; an empty one that requires it and has those of them that are not folders does not.
# The api module has no tags: it is the tag's own commit, or one near it that the proxy has. (Go, replacements) of each:
RECIPES = {
    "1.10.5": ("1.24.7", [WINIO, HCL, ("hashicorp/nomad/api", "hashicorp/nomad/api v0.0.0-20250909143645-a3b86c697f38")]),
    "1.11.3": ("1.25.8", [WINIO, HCL, ("hashicorp/nomad/api", "hashicorp/nomad/api v0.0.0-20260324203407-b27b0c2e019a")]),
}


class NotBuilt(Exception):
    """Go is there, and does not build it."""


def build(version=VERSION):
    """The path of nomad, built when it is not in the cache: some minutes. containerds.Unavailable: this machine has no Go; NotBuilt."""
    folder = os.path.join(containerds.cache(), f"nomad-{version}")
    program = os.path.join(folder, "nomad")
    if os.path.exists(program):
        return program
    go = containerds.find_go()
    half = folder + ".part"
    shutil.rmtree(half, ignore_errors=True)
    os.makedirs(half)
    _write_module(half, version)
    print(f"building nomad {version} into {folder}", flush=True)
    done = subprocess.run(["nice", go, "build", "-tags", "hashicorpmetrics", "-ldflags=-s -w", "-o", half + "/nomad",
                           "github.com/hashicorp/nomad"], cwd=half, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          env=dict(os.environ, GOFLAGS="-mod=mod -trimpath -buildvcs=false", GOTOOLCHAIN="local"))
    if done.returncode:
        shutil.rmtree(half)
        raise NotBuilt(f"go build nomad {version}: " + (done.stdout.strip().splitlines() or ["?"])[-1])
    os.rename(half, folder)
    return program


def _write_module(folder, version):
    go, replaced = RECIPES[version]
    rows = "".join(f"\tgithub.com/{old} => github.com/{new}\n" for old, new in replaced)
    with open(os.path.join(folder, "go.mod"), "w") as f:
        f.write(f"module peer\n\ngo {go}\n\nrequire github.com/hashicorp/nomad v{version}\n\nreplace (\n{rows})\n")
    with open(os.path.join(folder, "peer.go"), "w") as f:
        f.write('package peer\n\nimport _ "github.com/hashicorp/nomad/command"\n')


def read(program, path, *args, env=None):
    """What nomad reads of the job file @path, as it would be sent to a server; or None and what it says against it."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith("NOMAD_")}
    done = subprocess.run([program, "job", "run", "-output", *args, path], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60,
                          env=dict(clean, **(env or {})))
    if done.returncode:
        return None, done.stderr.strip()
    return json.loads(done.stdout)["Job"], ""
