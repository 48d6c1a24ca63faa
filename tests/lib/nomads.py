"""Nomad, which Debian has not, built from its Go module into a cache folder outside the checkout: the oracle of job files, and the agent
that containerd-driver runs under. And plugins for devices: its own example, whose devices are files of a folder, and one around it."""
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


# The example gives a task the files as mounts that can be written. This one gives each as a node and as a mount that cannot, and environment.
DEVICE_PLUGIN = """package main

import (
	"path/filepath"
	"strings"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/nomad/plugins"
	"github.com/hashicorp/nomad/plugins/base"
	"github.com/hashicorp/nomad/plugins/device"
	"github.com/hashicorp/nomad/plugins/device/cmd/example"
)

type nodes struct{ *example.FsDevice }

func (n nodes) PluginInfo() (*base.PluginInfoResponse, error) {
	apis := []string{device.ApiVersion010}
	return &base.PluginInfoResponse{Type: base.PluginTypeDevice, PluginApiVersions: apis, PluginVersion: "v1", Name: "nodes"}, nil
}

func (n nodes) Reserve(ids []string) (*device.ContainerReservation, error) {
	given, err := n.FsDevice.Reserve(ids)
	if err != nil {
		return nil, err
	}
	for _, m := range given.Mounts {
		m.ReadOnly = true
		inside := "/dev/given/" + filepath.Base(m.HostPath)
		given.Devices = append(given.Devices, &device.DeviceSpec{TaskPath: inside, HostPath: m.HostPath, CgroupPerms: "r"})
	}
	given.Envs = map[string]string{"GIVEN_DEVICES": strings.Join(ids, ",")}
	return given, nil
}

func main() {
	plugins.Serve(func(log hclog.Logger) interface{} { return nodes{example.NewExampleDevice(log)} })
}
"""
DEVICE_PLUGINS = {"device-example": "github.com/hashicorp/nomad/plugins/device/cmd/example/cmd", "device-nodes": "."}


class NotBuilt(Exception):
    """Go is there, and does not build it."""


def build(version=VERSION):
    """The path of nomad, built when it is not in the cache: some minutes. containerds.Unavailable: this machine has no Go; NotBuilt."""
    return os.path.join(_built(f"nomad-{version}", version, 'package peer\n\nimport _ "github.com/hashicorp/nomad/command"\n',
                               {"nomad": "github.com/hashicorp/nomad"}), "nomad")


def build_device_plugins():
    """The paths of DEVICE_PLUGINS by their names, in the same way. Any Nomad takes them."""
    folder = _built(f"nomad-devices-{VERSION}", VERSION, DEVICE_PLUGIN, DEVICE_PLUGINS)
    return {name: os.path.join(folder, name) for name in DEVICE_PLUGINS}


def _built(name, version, source, programs):
    """The folder of the cache that has @programs (packages by the names of what they become); @source: of the module's own package."""
    folder = os.path.join(containerds.cache(), name)
    if all(os.path.exists(os.path.join(folder, p)) for p in programs):
        return folder
    go = containerds.find_go()
    half = folder + ".part"
    shutil.rmtree(half, ignore_errors=True)
    os.makedirs(half)
    _write_module(half, version, source)
    print(f"building {', '.join(programs)} of nomad {version} into {folder}", flush=True)
    for program, package in programs.items():
        done = subprocess.run(["nice", go, "build", "-tags", "hashicorpmetrics", "-ldflags=-s -w", "-o", os.path.join(half, program), package],
                              cwd=half, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              env=dict(os.environ, GOFLAGS="-mod=mod -trimpath -buildvcs=false", GOTOOLCHAIN="local"))
        if done.returncode:
            shutil.rmtree(half)
            raise NotBuilt(f"go build {package} of nomad {version}: " + (done.stdout.strip().splitlines() or ["?"])[-1])
    os.rename(half, folder)
    return folder


def _write_module(folder, version, source):
    go, replaced = RECIPES[version]
    rows = "".join(f"\tgithub.com/{old} => github.com/{new}\n" for old, new in replaced)
    with open(os.path.join(folder, "go.mod"), "w") as f:
        f.write(f"module peer\n\ngo {go}\n\nrequire github.com/hashicorp/nomad v{version}\n\nreplace (\n{rows})\n")
    with open(os.path.join(folder, "peer.go"), "w") as f:
        f.write(source)


def read(program, path, *args, env=None):
    """What nomad reads of the job file @path, as it would be sent to a server; or None and what it says against it."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith("NOMAD_")}
    done = subprocess.run([program, "job", "run", "-output", *args, path], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60,
                          env=dict(clean, **(env or {})))
    if done.returncode:
        return None, done.stderr.strip()
    return json.loads(done.stdout)["Job"], ""
