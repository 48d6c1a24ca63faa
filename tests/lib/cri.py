"""A client of the Container Runtime Interface: calls by tests/cri/cri-call, pods and containers."""
import base64
import contextlib
import json
import os
import subprocess

from lib.case import Machine, wait_until
from lib.services import SOCKET

STOCK, OURS = "runc", "davit"
HANDLERS = (STOCK, OURS)
STATUSES = {1: "CANCELLED", 2: "UNKNOWN", 3: "INVALID", 4: "DEADLINE", 5: "NOT_FOUND", 6: "EXISTS", 9: "PRECONDITION", 12: "UNIMPLEMENTED",
            13: "INTERNAL", 14: "UNAVAILABLE"}


class CriError(Exception):
    """The call ended with a status."""

    def __init__(self, method, status, text):
        super().__init__(f"{method}: {STATUSES.get(status, status)}: {text}")
        self.status, self.text = STATUSES.get(status, status), text


def command(method, within=60):
    return [os.path.join(Machine.tools, "tests/cri/cri-call"), "--address", SOCKET, "--timeout", str(int(within * Machine.slow)), method]


def call(method, within=60, **request):
    """The answer, within so many seconds; of a stream the last message."""
    done = subprocess.run(command(method, within), input=json.dumps(request), capture_output=True, text=True)
    if done.returncode in STATUSES:
        raise CriError(method, done.returncode, done.stderr.strip())
    if done.returncode:
        raise AssertionError(f"cri-call {method}: exit {done.returncode}: {done.stderr.strip()}")
    lines = done.stdout.splitlines()
    return json.loads(lines[-1]) if lines else None


def status_of(method, **request):
    """What the call ends with."""
    try:
        call(method, **request)
    except CriError as e:
        return e.status
    return "OK"


def merge(to, more):
    """@more over @to: objects member by member."""
    for key, value in more.items():
        to[key] = merge(dict(to[key]), value) if isinstance(value, dict) and isinstance(to.get(key), dict) else value
    return to


class Container:
    def __init__(self, pod, image=None, **config):
        self.pod, self.name = pod, config.pop("name", "c" + os.urandom(3).hex())
        self.log_path = os.path.join(pod.logs, self.name + ".log")
        self.config = merge({"metadata": {"name": self.name}, "image": {"image": image or Machine.image}, "command": ["sleep", "1000"],
                             "log_path": self.name + ".log"}, config)
        self.id = call("CreateContainer", pod_sandbox_id=pod.id, config=self.config, sandbox_config=pod.config)["container_id"]

    def start(self):
        call("StartContainer", container_id=self.id)
        return self

    def stop(self, timeout=0):
        call("StopContainer", container_id=self.id, timeout=timeout)

    def remove(self):
        call("RemoveContainer", container_id=self.id)

    def status(self):
        return call("ContainerStatus", container_id=self.id)["status"]

    def info(self):
        return json.loads(call("ContainerStatus", container_id=self.id, verbose=True)["info"]["info"])

    def pid(self):
        return self.info()["pid"]

    def state(self):
        return self.status()["state"].removeprefix("CONTAINER_")

    def wait(self, seconds=20.0):
        """Its status once it has ended."""
        wait_until(f"the end of {self.name}", lambda: self.state() == "EXITED", seconds)
        return self.status()

    def sync(self, *cmd, timeout=0):
        """Exit code, output and error output."""
        r = call("ExecSync", container_id=self.id, cmd=list(cmd), timeout=timeout)
        return r["exit_code"], *(base64.b64decode(r[k]).decode(errors="replace") for k in ("stdout", "stderr"))

    def sh(self, script, timeout=0):
        """The output of a script that succeeds."""
        code, out, err = self.sync("sh", "-c", script, timeout=timeout)
        if code:
            raise AssertionError(f"{script}: exit {code}: {out}{err}")
        return out

    def log(self):
        with contextlib.suppress(FileNotFoundError), open(self.log_path) as f:
            return f.read()
        return ""

    def printed(self, stream="stdout"):
        """What its log has of a stream."""
        return text_of(self.log(), stream)


def text_of(log, stream="stdout"):
    text = ""
    for line in log.splitlines():
        _, name, kind, rest = (line + " ").split(" ", 3)
        if name == stream:
            text += rest[:-1] + ("\n" if kind == "F" else "")
    return text


class Pod:
    """A sandbox, in a cgroup below the one that leaks.py looks at."""

    def __init__(self, handler, folder, network="NODE", pid="CONTAINER", ipc="POD", **config):
        self.handler, self.name = handler, "p" + os.urandom(3).hex()
        self.logs = os.path.join(folder, self.name)
        self.config = merge({
            "metadata": {"name": self.name, "uid": self.name, "namespace": "tests"}, "log_directory": self.logs,
            "linux": {"cgroup_parent": "/" + Machine.ns,
                      "security_context": {"namespace_options": {"network": network, "pid": pid, "ipc": ipc}}}}, config)
        self.options = self.config["linux"]["security_context"]["namespace_options"]
        self.id = call("RunPodSandbox", config=self.config, runtime_handler=handler)["pod_sandbox_id"]

    def container(self, image=None, **config):
        """Created, in the pod's namespaces."""
        return Container(self, image, **merge({"linux": {"security_context": {"namespace_options": dict(self.options)}}}, config))

    def run(self, *command, image=None, **config):
        return self.container(image, **dict({"command": list(command)} if command else {}, **config)).start()

    def status(self):
        return call("PodSandboxStatus", pod_sandbox_id=self.id)["status"]

    def pid(self):
        return json.loads(call("PodSandboxStatus", pod_sandbox_id=self.id, verbose=True)["info"]["info"])["pid"]

    def stop(self):
        call("StopPodSandbox", pod_sandbox_id=self.id)

    def remove(self):
        call("RemovePodSandbox", pod_sandbox_id=self.id)

    def end(self):
        """Whatever is left of it; a containerd that is away is started."""
        if Machine.containerd.process is None:
            Machine.containerd.start()
        with contextlib.suppress(CriError):
            self.stop()
        with contextlib.suppress(CriError):
            self.remove()
