"""containerd-driver without Nomad: started as the agent starts it, and asked by plugin-call (tests/driver), many calls at once."""
import contextlib
import json
import os
import queue
import select
import signal
import subprocess
import threading
import time
import unittest
import uuid

from lib import hclspec
from lib.case import Case, Machine, wait_until

COOKIE = {"NOMAD_PLUGIN_MAGIC_COOKIE": "e4327c2e01eabfd75a8a67adb114fb34a757d57eee7728d857a8cec6e91a7255",
          "PLUGIN_PROTOCOL_VERSIONS": "2", "PLUGIN_MIN_PORT": "10000", "PLUGIN_MAX_PORT": "25000"}


def built(path):
    found = os.path.join(Machine.tools, path)
    if not os.access(found, os.X_OK):
        raise unittest.SkipTest(f"{path} is not built in {Machine.tools}")
    return found


class Plugin:
    """The process: it is killed at the end of the case, whatever became of it."""

    def __init__(self, case, *runner, **env):
        self.log = open(os.path.join(case.folder, "plugin.log"), "a+")
        self.process = subprocess.Popen([*runner, built("src/driver/containerd-driver")], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=self.log,
                                        text=True, env=dict(os.environ, **COOKIE, **env))
        case.addCleanup(self.end)
        said = self.process.stdout.readline().strip().split("|")
        if len(said) < 5:
            raise AssertionError(f"no handshake: {said}\n{self.said()}")
        self.address = said[3]
        self.schemas = {}

    def said(self):
        self.log.seek(0)
        return self.log.read()

    def kill(self, sig=signal.SIGKILL):
        self.process.send_signal(sig)
        self.process.wait(20 * Machine.slow)

    def stop(self):
        """As SIGTERM does: at once, and well."""
        self.kill(signal.SIGTERM)
        if self.process.returncode != 0 or "Sanitizer" in self.said():
            raise AssertionError(f"the plugin ended with {self.process.returncode}:\n{self.said()}")

    def end(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.process.stdout.close()
        self.log.close()
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.address)


class Failed(Exception):
    def __init__(self, line):
        super().__init__(line.get("message"))
        self.status, self.message, self.recoverable = line.get("status"), line.get("message"), line.get("recoverable")


class Call:
    def __init__(self, session, id):
        self.session, self.id, self.lines = session, id, queue.Queue()

    def next(self, seconds=30.0):
        """The next reply; None at the end of a stream that ended well."""
        try:
            line = self.lines.get(timeout=seconds * Machine.slow)
        except queue.Empty:
            raise TimeoutError(f"call {self.id}: no answer within {seconds} s") from None
        if "reply" in line:
            return line["reply"]
        if line.get("status"):
            raise Failed(line)
        if "error" in line:
            raise ValueError(line["error"])
        return None

    def waits(self, seconds):
        """Nothing comes for so long."""
        with contextlib.suppress(queue.Empty):
            raise AssertionError(f"call {self.id}: {self.lines.get(timeout=seconds)}")

    def cancel(self):
        self.session.say(id=self.id, cancel=True)


class Session:
    """A client on a connection of its own."""

    def __init__(self, case, plugin):
        self.process = subprocess.Popen([built("tests/driver/plugin-call"), "--address", plugin.address, "session"], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True)
        case.addCleanup(self.end)
        self.plugin, self.calls, self.last = plugin, {}, 0
        threading.Thread(target=self._read, args=(self.process.stdout,), daemon=True).start()

    def _read(self, stream):
        for text in stream:
            line = json.loads(text)
            id = line.get("id", self.last if "error" in line else None)  # a line that plugin-call cannot read is the last one's
            if id in self.calls:
                self.calls[id].lines.put(line)

    def say(self, **line):
        self.process.stdin.write(json.dumps(line) + "\n")
        self.process.stdin.flush()

    def begin(self, method, **request):
        self.last += 1
        call = self.calls[self.last] = Call(self, self.last)
        self.say(id=self.last, call=method, request=request)
        return call

    def ask(self, method, seconds=60.0, **request):
        return self.begin(method, **request).next(seconds)

    def encoded(self, schema, values):
        """Options as the agent sends them: in the shape of the plugin's own schema, which it is asked for once."""
        known = self.plugin.schemas
        if schema not in known:
            known[schema] = self.ask(schema)["spec"]
        return hclspec.encoded(known[schema], values)

    def end(self):
        if self.process.poll() is None:
            with contextlib.suppress(OSError):
                self.process.stdin.close()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.process.stdout.close()


class DriverCase(Case):
    """A plugin, and tasks with folders as Nomad makes them."""
    conf = {}
    runner = ()  # the program with its arguments that runs the plugin

    def setUp(self):
        super().setUp()
        self.made = []
        self.begin_plugin()

    def tearDown(self):
        for id in self.made:
            self.destroy(id)
        self.plugin.stop()

    def begin_plugin(self):
        self.plugin = Plugin(self, *self.runner)
        self.session = Session(self, self.plugin)
        self.configure(**self.conf)

    def configure(self, **options):
        """The operator's options, as the agent sends them."""
        conf = {"containerd_runtime": Machine.runtime(), "containerd_namespace": Machine.ns, **options}
        cores = [{"core_id": n, "base_speed": 2000} for n in (0, 1)]
        self.session.ask("SetConfig", msgpack_config=self.session.encoded("ConfigSchema", conf), plugin_api_version="v0.1.0",
                         nomad_config={"driver": {"topology": {"cores": cores}}})

    def task_options(self, values):
        return self.session.encoded("TaskConfigSchema", values)

    def new_plugin(self):
        """As the agent does it when one has died."""
        self.session.end()
        self.begin_plugin()

    def task(self, script="sleep 1000", config=None, memory=0, **more):
        """A TaskConfig."""
        alloc = str(uuid.uuid4())
        folder = os.path.join(self.folder, alloc)
        for name in ("t/local", "t/secrets", "t/private", "alloc/logs"):
            os.makedirs(os.path.join(folder, name))
        resources = {"allocated_resources": {"cpu": {"cpu_shares": 100}, "memory": {"memory_mb": memory or 64}},
                     "linux_resources": {"cpu_shares": 100, "memory_limit_bytes": (memory or 64) << 20}}
        values = {"image": Machine.image, "command": "sh", "args": ["-c", script], **(config or {})}
        return {"id": f"{alloc}/t/{os.urandom(4).hex()}", "name": "t", "alloc_id": alloc, "alloc_dir": folder, "node_id": "node-of-tests",
                "stdout_path": "/dev/null", "stderr_path": "/dev/null", "resources": resources, "msgpack_driver_config": self.task_options(values),
                **more}

    def start_task(self, *args, **kw):
        """Its handle, as Nomad keeps it; it is destroyed by whatever plugin is there in the end."""
        task = self.task(*args, **kw)
        self.made.append(task["id"])
        return self.session.ask("StartTask", task=task)["handle"]

    def destroy(self, id):
        self.session.ask("DestroyTask", task_id=id, force=True)

    def wait_task(self, handle):
        return self.session.begin("WaitTask", task_id=handle["config"]["id"])

    def recover(self, handle):
        """What an agent that has restarted still knows: not the options."""
        kept = dict(handle, config={k: v for k, v in handle["config"].items() if k != "msgpack_driver_config"})
        return self.session.ask("RecoverTask", handle=kept)

    def pid_of(self, handle):
        name = self.inspect(handle)["driver"]["attributes"]["containerName"]
        for line in Machine.containerd.ctr("tasks", "ls", ns=Machine.ns).stdout.splitlines():
            if line.split()[0] == name:
                return int(line.split()[1])
        return None

    def inspect(self, handle):
        return self.session.ask("InspectTask", task_id=handle["config"]["id"])

    def gone_from_containerd(self, handle_name):
        wait_until("the end of its container", lambda: handle_name not in Machine.containerd.ctr("containers", "ls", "-q", ns=Machine.ns).stdout)


class Task:
    """With FIFOs as Nomad makes them, and their reader."""

    def __init__(self, case):
        self.case, self.text, self.ended = case, {"stdout": b"", "stderr": b""}, threading.Event()
        self.said = case.task(env={"NOMAD_ALLOC_DIR": "/alloc", "NOMAD_TASK_DIR": "/local", "NOMAD_SECRETS_DIR": "/secrets"})
        self.id, self.alloc_dir = self.said["id"], self.said["alloc_dir"]
        self.dir, self.waited = os.path.join(self.alloc_dir, "t"), False
        os.makedirs(os.path.join(self.alloc_dir, "alloc/data"))
        self.threads = [self.reader(stream) for stream in self.text]
        case.addCleanup(self.close)
        case.made.append(self.id)

    def reader(self, stream):
        path = self.said[f"{stream}_path"] = os.path.join(self.alloc_dir, "alloc/logs", f".t.{stream}.fifo")
        os.mkfifo(path, 0o600)
        thread = threading.Thread(target=self.read, args=(stream, os.open(path, os.O_RDONLY | os.O_NONBLOCK)), daemon=True)
        thread.start()
        return thread

    def read(self, stream, fd):
        end = None  # of the patience with a shim that still copies what an ended task has said
        while end is None or time.monotonic() < end:
            if select.select([fd], [], [], 0.05)[0]:
                data = os.read(fd, 65536)
                self.text[stream] += data
                if not data and self.ended.wait(0.02):
                    break
            elif end is None and self.ended.is_set():
                end = time.monotonic() + (0.5 * Machine.slow if self.waited else 0)
        os.close(fd)

    def close(self):
        """The readers take what is left."""
        self.ended.set()
        for thread in self.threads:
            thread.join(10)

    def output(self, stream="stdout"):
        return self.text[stream].decode(errors="replace")

    def config(self, conf, **fields):
        return dict(self.said, msgpack_driver_config=self.case.task_options(conf), **fields)

    def begin(self, conf, **fields):
        return self.case.session.begin("StartTask", task=self.config(conf, **fields))

    def start(self, conf, **fields):
        return self.begin(conf, **fields).next(60)

    def wait(self):
        result = self.case.session.ask("WaitTask", task_id=self.id)["result"]
        self.waited = True
        return result

    def stop(self, signal="", seconds=5):
        self.case.session.ask("StopTask", task_id=self.id, signal=signal, timeout={"seconds": seconds})

    def destroy(self, force=True):
        self.case.session.ask("DestroyTask", task_id=self.id, force=force)
