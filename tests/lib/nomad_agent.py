"""A real Nomad agent (server and client in one) on the machine inside the machine, with containerd-driver as its plugin; and its HTTP API.

The agent's working folder outlives it: what a SIGKILL, a restart or a reboot leaves is there when it starts again.
"""
import base64
import json
import os
import re
import signal
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request

from lib import cri_containerd, websocket
from lib.case import Machine, wait_until

DRIVER = "containerd-driver"
NOMADS_OWN = "raw_exec"  # what fails with it, too, is not the driver's fault
PORT = 4646
DENIED = "env_aws,env_gce,env_azure,env_digitalocean,consul,vault"
# Ports of tasks lie beside those that a kernel gives to clients: a busy machine has none of these in use.
CONFIG = """
bind_addr = "127.0.0.1"
data_dir = "{data}"
plugin_dir = "{plugins}"
log_level = "DEBUG"
leave_on_interrupt = false
leave_on_terminate = false
disable_update_check = true
advertise {{
  http = "127.0.0.1"
  rpc = "127.0.0.1"
  serf = "127.0.0.1"
}}
telemetry {{
  publish_allocation_metrics = true
  publish_node_metrics = true
}}
server {{
  enabled = true
  bootstrap_expect = 1
  heartbeat_grace = "120s"
  default_scheduler_config {{
    memory_oversubscription_enabled = true
  }}
}}
client {{
  enabled = true
  servers = ["127.0.0.1"]
  network_interface = "lo"
  cpu_total_compute = 16000
  memory_total_mb = 16000
  disk_total_mb = 200000
  disk_free_mb = 200000
  min_dynamic_port = 20000
  max_dynamic_port = 21000
  max_kill_timeout = "60s"
  cni_path = "{cni}"
  cni_config_dir = "/etc/cni/net.d"
  gc_interval = "1h"
  gc_max_allocs = 400
  gc_disk_usage_threshold = 99
  gc_inode_usage_threshold = 99
  options = {{
    "fingerprint.denylist" = "{denied}"
    "driver.allowlist" = "{drivers}"
  }}
{client}
}}
plugin "raw_exec" {{
  config {{
    enabled = true
  }}
}}
{plugin_blocks}
"""


class Refused(Exception):
    """What the agent has against a request."""

    def __init__(self, code, text):
        super().__init__(f"{code}: {text}")
        self.code, self.text = code, text


class Api:
    """Nomad's HTTP API, as JSON."""

    def __init__(self, port=PORT):
        self.base = f"http://127.0.0.1:{port}/v1"

    def call(self, method, path, body=None, seconds=60.0, raw=False, **query):
        url = f"{self.base}/{path}" + ("?" + urllib.parse.urlencode(query) if query else "")
        data = json.dumps(body).encode() if body is not None else None
        request = urllib.request.Request(url, data=data, method=method)
        try:
            with urllib.request.urlopen(request, timeout=seconds * Machine.slow) as answer:
                said = answer.read()
        except urllib.error.HTTPError as e:
            with e:
                raise Refused(e.code, e.read().decode(errors="replace").strip()) from None
        return said.decode(errors="replace") if raw else json.loads(said or b"null")

    def get(self, path, **query):
        return self.call("GET", path, **query)

    def put(self, path, body=None, **query):
        return self.call("PUT", path, body, **query)

    def answers(self):
        try:
            return self.get("status/leader", seconds=2.0) != ""
        except (OSError, Refused, ValueError):
            return False


class Exec:
    """A process beside a task, as `nomad alloc exec` starts it."""

    def __init__(self, alloc, task, command, tty=False, seconds=30.0):
        query = urllib.parse.urlencode({"task": task, "tty": str(tty).lower(), "command": json.dumps(list(command))})
        self.web = websocket.WebSocket(f"http://127.0.0.1:{PORT}/v1/client/allocation/{alloc}/exec?{query}", (), seconds * Machine.slow)
        self.seconds, self.code, self.ended, self.raw = seconds * Machine.slow, None, False, ""
        self.seen = {"stdout": b"", "stderr": b""}
        self.closed = set()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.web.close()

    def _send(self, **message):
        self.web.send(json.dumps(message).encode(), websocket.TEXT)

    def type(self, text):
        self._send(stdin={"data": base64.b64encode(text.encode()).decode()})

    def end_input(self):
        self._send(stdin={"close": True})

    def resize(self, height, width):
        self._send(tty_size={"height": height, "width": width})

    def heartbeat(self):
        self._send()

    def _turn(self, end):
        if not self.web.ready(end - time.monotonic()):
            raise TimeoutError(f"exec: not within {self.seconds:g} s; there is {self.seen}")
        message = self.web.recv()
        if message is None:
            self.ended, self.raw = True, self.raw + self.web.reason
            return
        try:
            frame = json.loads(message)
        except ValueError:  # of a close: why
            self.raw += message.decode(errors="replace")
            return
        for name in self.seen:
            part = frame.get(name) or {}
            self.seen[name] += base64.b64decode(part.get("data") or "")
            if part.get("close"):
                self.closed.add(name)
        if frame.get("exited"):
            self.code, self.ended = (frame.get("result") or {}).get("exit_code", 0), True

    def expect(self, pattern, name="stdout"):
        """Until @pattern has come; what is up to its end is forgotten."""
        end = time.monotonic() + self.seconds
        while True:
            found = re.search(pattern.encode(), self.seen[name])
            if found:
                self.seen[name] = self.seen[name][found.end():]
                return found
            if self.ended:
                raise AssertionError(f"exec: {pattern!r} did not come; there is {self.seen}, exit code {self.code}")
            self._turn(end)

    def wait(self):
        """(output, error output, exit code), once it has ended."""
        end = time.monotonic() + self.seconds
        while not self.ended:
            self._turn(end)
        return self.seen["stdout"].decode(), self.seen["stderr"].decode(), self.code


def hcl(value):
    """A Python value as HCL has it."""
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{json.dumps(k)} = {hcl(v)}" for k, v in value.items()) + " }"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(hcl(v) for v in value) + "]"
    return json.dumps(value)


def block(values):
    """Members of a block, a line each."""
    return "\n".join(f"    {key} = {hcl(value)}" for key, value in values.items())


def config_block(values):
    """The same of a configuration: what holds members is a block of its own."""
    return "\n".join(f"    {k} {{\n{config_block(v)}\n    }}" if isinstance(v, dict) else f"    {k} = {hcl(v)}" for k, v in values.items())


class Agent:
    """@program: nomad; @plugins: a folder with the driver."""

    def __init__(self, program, plugins, work):
        self.program, self.plugins, self.work = program, plugins, work
        self.data = os.path.join(work, "data")
        self.config_path = os.path.join(work, "agent.hcl")
        self.log_path = os.path.join(work, "agent.log")
        self.api, self.process, self.log_from = Api(), None, 0
        self.client, self.others, self.options, self.env = "", "", {}, {}
        self.drivers = (DRIVER, NOMADS_OWN)
        os.makedirs(work, exist_ok=True)

    # -- its process

    def write_config(self):
        driver = f'plugin "{DRIVER}" {{\n  config {{\n{self.options if isinstance(self.options, str) else config_block(self.options)}\n  }}\n}}\n'
        with open(self.config_path, "w") as f:
            f.write(CONFIG.format(data=self.data, plugins=self.plugins, cni=cri_containerd.cni_folder() or "/opt/cni/bin", denied=DENIED,
                                  drivers=",".join(self.drivers), client=self.client, plugin_blocks=driver + self.others))

    def start(self, ready=True):
        self.write_config()
        env = {k: v for k, v in os.environ.items() if k != "AWS_CA_BUNDLE" and not k.startswith("NOMAD_")}
        with open(self.log_path, "a") as log:
            self.process = subprocess.Popen([self.program, "agent", "-config=" + self.config_path], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            env=dict(env, **self.env), cwd=self.work, start_new_session=True)
        if ready:
            self.wait_ready()

    def wait_ready(self, seconds=60.0):
        wait_until("the agent's leader", self._leads, seconds)
        wait_until("the node", lambda: self.node() and self.node()["Status"] == "ready", seconds)
        wait_until("a healthy driver", lambda: self.driver().get("Healthy"), seconds)

    def _leads(self):
        if self.process.poll() is not None:
            raise RuntimeError(f"the agent ended with {self.process.returncode}:\n{self.log()[-3000:]}")
        return self.api.answers()

    def stop(self, sig=signal.SIGTERM):
        """SIGTERM: it leaves its tasks and shuts its plugins down."""
        if self.process and self.process.poll() is None:
            self.process.send_signal(sig)
            self.process.wait(60 * Machine.slow)
        self.process = None

    def restart(self, sig=signal.SIGTERM, options=None):
        self.stop(sig)
        if options is not None:
            self.options = options
        self.start()

    def log(self):
        with open(self.log_path, errors="replace") as f:
            return f.read()

    def plugin_pids(self):
        """Of every containerd-driver from our folder."""
        path, found = os.path.join(self.plugins, DRIVER), []
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                if os.readlink(f"/proc/{pid}/exe") == path:
                    found.append(int(pid))
            except OSError:
                continue
        return found

    def plugin_pid(self):
        """Of the one that serves: others are for moments of the agent's start."""
        found = self.plugin_pids()
        if len(found) != 1:
            raise AssertionError(f"not one plugin, but {found}")
        return found[0]

    # -- what it knows

    def node(self):
        """The only node."""
        try:
            rows = self.api.get("nodes")
        except (OSError, Refused):
            return None
        return self.api.get("node/" + rows[0]["ID"]) if rows else None

    def driver(self, name=DRIVER):
        return ((self.node() or {}).get("Drivers") or {}).get(name) or {}

    def allocs(self, job):
        return sorted(self.api.get(f"job/{job}/allocations"), key=lambda a: a["CreateIndex"])

    def alloc(self, alloc_id):
        return self.api.get("allocation/" + alloc_id)

    def events(self, alloc_id, task):
        state = (self.alloc(alloc_id).get("TaskStates") or {}).get(task) or {}
        return state.get("Events") or []

    def says(self, alloc_id, task):
        """The texts of its events, as a person sees them."""
        return [f'{e["Type"]}: {e.get("DisplayMessage") or ""}' for e in self.events(alloc_id, task)]

    def logs(self, alloc_id, task, kind="stdout"):
        try:
            return self.api.get(f"client/fs/logs/{alloc_id}", raw=True, task=task, type=kind, plain="true")
        except Refused as e:
            if e.code in (404, 500):  # not written yet
                return ""
            raise

    def read(self, alloc_id, path):
        return self.api.get(f"client/fs/cat/{alloc_id}", raw=True, path=path)

    def stats(self, alloc_id, task=None):
        query = {"task": task} if task else {}
        return self.api.get(f"client/allocation/{alloc_id}/stats", **query)

    def alloc_dir(self, alloc_id):
        return os.path.join(self.data, "alloc", alloc_id)

    # -- what it is asked to do

    def parse(self, text):
        return self.api.put("jobs/parse", {"JobHCL": text, "Canonicalize": True})

    def submit(self, text):
        """The job's name."""
        job = self.parse(text)
        self.api.put("jobs", {"Job": job})
        return job["ID"]

    def stop_job(self, job, purge=False):
        return self.api.call("DELETE", f"job/{job}", purge=str(purge).lower())

    def signal(self, alloc_id, task, name):
        return self.api.put(f"client/allocation/{alloc_id}/signal", {"Signal": name, "Task": task})

    def restart_task(self, alloc_id, task):
        return self.api.put(f"client/allocation/{alloc_id}/restart", {"TaskName": task})

    def collect(self):
        """Everything that has ended is forgotten, its folders are gone."""
        self.api.put("system/gc")
        node = self.node()
        if node:
            self.api.get("client/gc", node_id=node["ID"])
