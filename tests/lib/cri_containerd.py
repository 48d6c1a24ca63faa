"""A containerd with the CRI plugin, a handler for each of our two shims, images from a registry of ours, and a bridge for pods."""
import json
import os
import re
import shutil
import subprocess

from lib import cri_images, services

SHIM, ENGINES = "containerd-shim-davit-v2", ("runc", "crun")
CNI_FOLDERS = ("/opt/cni/bin", "/usr/lib/cni", "/usr/libexec/cni")
NETWORK = {"cniVersion": "1.0.0", "name": "davit-cri", "plugins": [
    {"type": "bridge", "bridge": "cni-cri0", "isGateway": True, "ipMasq": True, "promiscMode": True,
     "ipam": {"type": "host-local", "ranges": [[{"subnet": "10.88.0.0/16"}]], "routes": [{"dst": "0.0.0.0/0"}]}},
    {"type": "portmap", "capabilities": {"portMappings": True}}]}
HOSTS = ("_default", "registry.k8s.io", "gcr.io", "ghcr.io")  # whose images the registry stands for
PLUGIN_1 = 'plugins."io.containerd.grpc.v1.cri"'
RUNTIME_2, IMAGES_2 = "plugins.'io.containerd.cri.v1.runtime'", "plugins.'io.containerd.cri.v1.images'"


def make_path(work, program, shim, engines):
    """A PATH with these engines alone, our shim, and containerd's own stock one: links to every other program of the machine's."""
    folder = os.path.join(work, "path")
    os.mkdir(folder)
    shutil.copy2(shim, os.path.join(work, SHIM))  # a build may go on beside the tests
    init = os.path.join(os.path.dirname(shim), "../davit-init/davit-init")  # stands beside it
    if os.path.exists(init):
        shutil.copy2(init, work)
    links = {SHIM: os.path.join(work, SHIM)}
    for place in [os.path.dirname(os.path.realpath(shutil.which(program)))] + os.environ["PATH"].split(":") + ["/usr/sbin", "/sbin"]:
        for name in os.listdir(place) if os.path.isdir(place) else ():
            if name not in ENGINES or name in engines:
                links.setdefault(name, os.path.join(place, name))
    for name, target in links.items():
        os.symlink(target, os.path.join(folder, name))
    return folder


def cni_folder():
    """Where the plugins are, or None."""
    return next((d for d in CNI_FOLDERS if os.path.exists(os.path.join(d, "bridge"))), None)


def lowers_oom_score():
    """May a container have a lower score than we do? Not without CAP_SYS_RESOURCE."""
    return subprocess.run(["sh", "-c", "echo -999 >/proc/self/oom_score_adj"], capture_output=True).returncode == 0


def version(program):
    """Its three numbers: builds and distributions write more behind them."""
    said = subprocess.run([program, "--version"], capture_output=True, text=True).stdout
    return re.search(r"\d+\.\d+\.\d+", said)[0]


class CriContainerd(services.Containerd):
    """@handlers: {name: (runtime type, {option: value}[, the shim's path])}; @host: of the registry; @path: where it finds shims and engines;
    @sandboxers: {name: who makes its pods}, for a containerd 2."""

    def __init__(self, program, work, handlers, host, path=None, sandboxers=None):
        os.makedirs(work, exist_ok=True)
        super().__init__(program, work)
        self.handlers, self.host, self.work, self.path, self.sandboxers = handlers, host, work, path, sandboxers or {}
        self._write_network()
        self._write_hosts()
        with open(self.config, "w") as f:
            f.write("\n".join(self._lines()) + "\n")

    def _write_network(self):
        os.makedirs("/etc/cni/net.d", exist_ok=True)
        with open("/etc/cni/net.d/10-davit-cri.conflist", "w") as f:
            json.dump(NETWORK, f)

    def _write_hosts(self):
        for name in HOSTS:
            folder = os.path.join(self.work, "certs.d", name)
            os.makedirs(folder, exist_ok=True)
            with open(os.path.join(folder, "hosts.toml"), "w") as f:
                f.write(f'server = "http://{self.host}"\n[host."http://{self.host}"]\n  capabilities = ["pull", "resolve"]\n')

    def _lines(self):
        yield from self._version_2() if version(self.program).startswith("1.") else self._version_3()

    def _head(self, version):
        return [f"version = {version}", f'root = "{self.root}"', 'state = "/run/containerd"', "[grpc]", f'address = "{services.SOCKET}"']

    def _version_2(self):
        yield from self._head(2)
        yield from (f"[{PLUGIN_1}]", f'sandbox_image = "{self.host}/{cri_images.PAUSE}"', self._oom())
        yield from (f"[{PLUGIN_1}.registry]", f'config_path = "{self.work}/certs.d"')
        yield from (f"[{PLUGIN_1}.cni]", f'bin_dir = "{cni_folder()}"', 'conf_dir = "/etc/cni/net.d"')
        yield from self._runtimes(PLUGIN_1)

    def _version_3(self):
        yield from self._head(3)
        yield from (f"[{IMAGES_2}.pinned_images]", f'sandbox = "{self.host}/{cri_images.PAUSE}"')
        yield from (f"[{IMAGES_2}.registry]", f'config_path = "{self.work}/certs.d"')
        yield from (f"[{RUNTIME_2}]", self._oom())
        yield from (f"[{RUNTIME_2}.cni]", f'bin_dirs = ["{cni_folder()}"]', 'conf_dir = "/etc/cni/net.d"')
        yield from self._runtimes(RUNTIME_2)

    def _oom(self):
        return f"restrict_oom_score_adj = {'false' if lowers_oom_score() else 'true'}"

    def _runtimes(self, plugin):
        for name, (kind, options, *path) in self.handlers.items():
            yield f"[{plugin}.containerd.runtimes.{name}]"
            yield f'runtime_type = "{kind}"'
            yield from (f'runtime_path = "{p}"' for p in path)
            if name in self.sandboxers:
                yield f'sandboxer = "{self.sandboxers[name]}"'
            if options:
                yield f"[{plugin}.containerd.runtimes.{name}.options]"
                yield from (f'{key} = "{value}"' for key, value in options.items())
