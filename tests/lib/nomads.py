"""Nomad, which Debian has not, built from its Go module into a cache folder outside the checkout: the oracle of job files."""
import json
import os
import shutil
import subprocess

from lib import containerds

VERSION = "1.10.5"
# `go install` refuses a module with replacements; an empty one that requires it and has those of them that are not folders does not.
# The api module has no tags: it is the tag's own commit.
MODULE = f"""module peer

go 1.24.7

require github.com/hashicorp/nomad v{VERSION}

replace (
	github.com/Microsoft/go-winio => github.com/endocrimes/go-winio v0.4.13-0.20190628114223-fb47a8b41948
	github.com/hashicorp/hcl => github.com/hashicorp/hcl v1.0.1-nomad-1
	github.com/hashicorp/nomad/api => github.com/hashicorp/nomad/api v0.0.0-20250909143645-a3b86c697f38
)
"""


def build():
    """The path of nomad, built when it is not in the cache: some minutes. containerds.Unavailable says why not."""
    folder = os.path.join(containerds.cache(), f"nomad-{VERSION}")
    program = os.path.join(folder, "nomad")
    if os.path.exists(program):
        return program
    go = containerds.find_go()
    print(f"building nomad {VERSION} into {folder}", flush=True)
    half = folder + ".part"
    shutil.rmtree(half, ignore_errors=True)
    os.makedirs(half)
    with open(os.path.join(half, "go.mod"), "w") as f:
        f.write(MODULE)
    with open(os.path.join(half, "peer.go"), "w") as f:
        f.write('package peer\n\nimport _ "github.com/hashicorp/nomad/command"\n')
    done = subprocess.run(["nice", go, "build", "-tags", "hashicorpmetrics", "-ldflags=-s -w", "-o", "nomad", "github.com/hashicorp/nomad"],
                          cwd=half, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          env=dict(os.environ, GOFLAGS="-mod=mod -trimpath", GOTOOLCHAIN="local"))
    if done.returncode:
        raise containerds.Unavailable("go build nomad: " + (done.stdout.strip().splitlines() or ["?"])[-1])
    os.rename(half, folder)
    return program


def read(program, path, *args, env=None):
    """What nomad reads of the job file @path, as it would be sent to a server; or None and what it says against it."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith("NOMAD_")}
    done = subprocess.run([program, "job", "run", "-output", *args, path], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60,
                          env=dict(clean, **(env or {})))
    if done.returncode:
        return None, done.stderr.strip()
    return json.loads(done.stdout)["Job"], ""
