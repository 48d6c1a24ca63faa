"""A machine for tests/nomad-driver: a containerd, a registry, the images of the jobs, and an agent of Nomad with the driver."""
import json
import os
import shutil

from lib import leaks, nomad_agent, nomad_images, registry, services
from lib.case import Machine

PORT = 5000
PROGRAMS = {"containerd-driver": "src/driver", "davit": "src/cli", "davit-image": "src/davit-image", "davit-logger": "src/davit-logger",
            "davit-monitor": "src/monitor", "davit-init": "src/davit-init"}
VOLUMES = ("s1", "shared", "stock")
CNI_NETWORK = {"cniVersion": "1.0.0", "name": "tests", "plugins": [
    {"type": "bridge", "bridge": "cni-tests0", "isGateway": True, "ipMasq": True,
     "ipam": {"type": "host-local", "ranges": [[{"subnet": "10.99.0.0/16"}]], "routes": [{"dst": "0.0.0.0/0"}]}},
    {"type": "portmap", "capabilities": {"portMappings": True}}]}


def copy_programs(build):
    """Side by side in the agent's plugin folder, where a build beside the tests does not reach them."""
    folder = os.path.join(Machine.work, "plugins")
    os.makedirs(folder)
    for name, home in PROGRAMS.items():
        shutil.copy2(os.path.join(build, home, name), folder)
    return folder


def make(args):
    """containerd, started; Machine.agent is made and not started."""
    services.PAUSE = 0.05  # each look is a request to the agent, or several
    build = os.path.abspath(args.build)
    plugins = copy_programs(build)
    Machine.davit = os.path.join(plugins, "davit")
    if args.shim:
        Machine.shim = shutil.copy2(args.shim, os.path.join(plugins, "containerd-shim-davit-v2"))
    containerd = services.Containerd(args.containerd, Machine.work)
    containerd.path = ":".join([os.path.dirname(containerd.program), plugins, os.environ["PATH"], containerd.more_programs])
    containerd.start()
    Machine.containerd = containerd
    os.makedirs("/etc/cni/net.d", exist_ok=True)
    with open("/etc/cni/net.d/tests.conflist", "w") as f:
        json.dump(CNI_NETWORK, f)
    nomad_images.load(containerd)
    if shutil.which("docker-registry"):
        Machine.host = services.Registry(Machine.work, PORT).host
    leaks.baseline_pids.update(int(p) for p in os.listdir("/proc") if p.isdigit())
    Machine.agent = nomad_agent.Agent(args.nomad, plugins, os.path.join(Machine.work, "nomad"))
    for name in VOLUMES:
        os.makedirs(os.path.join(Machine.work, "volumes", name))
        os.chmod(os.path.join(Machine.work, "volumes", name), 0o777)
    Machine.agent.client = "".join(f'  host_volume "{name}" {{\n    path = "{Machine.work}/volumes/{name}"\n  }}\n' for name in VOLUMES)
    Machine.agent.usual = {"containerd_runtime": Machine.runtime(), "stats_interval": "1s"}
    Machine.agent.options = dict(Machine.agent.usual)
    return containerd


def push(name, image):
    """Into the registry; returns the name that a job has for it."""
    repository, tag = name.rsplit(":", 1)
    registry.push(Machine.host, repository, tag, image)
    return f"{Machine.host}/{name}"


def end():
    Machine.agent.stop()
    if os.environ.get("DAVIT_KEEP_AGENT_LOG"):
        shutil.copy(Machine.agent.log_path, os.environ["DAVIT_KEEP_AGENT_LOG"])
