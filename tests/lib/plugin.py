"""containerd-driver without Nomad: a host of go-plugin's that starts it, speaks to it (plugin-call), and gives it tasks as the agent does.

Configurations are encoded as Nomad does it: by the schema that the driver itself gives, with every option in it, in cty's MessagePack.
"""
import base64
import contextlib
import json
import os
import queue
import re
import select
import shutil
import struct
import subprocess
import threading
import unittest
import uuid

from lib.case import Machine

COOKIE = {"NOMAD_PLUGIN_MAGIC_COOKIE": "e4327c2e01eabfd75a8a67adb114fb34a757d57eee7728d857a8cec6e91a7255", "PLUGIN_MIN_PORT": "10000",
          "PLUGIN_MAX_PORT": "25000", "PLUGIN_PROTOCOL_VERSIONS": "2"}


def pack(value):
    """MessagePack in cty's way: keys sorted, the shortest form of each."""
    if value is None:
        return b"\xc0"
    if isinstance(value, bool):
        return b"\xc3" if value else b"\xc2"
    if isinstance(value, int):
        return pack_int(value)
    if isinstance(value, float):
        return b"\xcb" + struct.pack(">d", value)
    if isinstance(value, str):
        data = value.encode()
        return pack_head(len(data), (0xa0, 32), b"\xd9", b"\xda", b"\xdb") + data
    if isinstance(value, (list, tuple)):
        return pack_head(len(value), (0x90, 16), None, b"\xdc", b"\xdd") + b"".join(pack(v) for v in value)
    return pack_head(len(value), (0x80, 16), None, b"\xde", b"\xdf") + b"".join(pack(k) + pack(value[k]) for k in sorted(value))


def pack_int(n):
    if -32 <= n < 128:
        return struct.pack("b", n) if n < 0 else bytes([n])
    for code, form, low, high in ((b"\xcc", ">B", 0, 2**8), (b"\xcd", ">H", 0, 2**16), (b"\xce", ">I", 0, 2**32), (b"\xcf", ">Q", 0, 2**64),
                                  (b"\xd0", ">b", -2**7, 0), (b"\xd1", ">h", -2**15, 0), (b"\xd2", ">i", -2**31, 0), (b"\xd3", ">q", -2**63, 0)):
        if low <= n < high:
            return code + struct.pack(form, n)
    raise OverflowError(n)


def pack_head(n, fixed, one, two, four):
    if n < fixed[1]:
        return bytes([fixed[0] | n])
    if one and n < 256:
        return one + bytes([n])
    return two + struct.pack(">H", n) if n < 65536 else four + struct.pack(">I", n)


def literal(text):
    """HCL of a default: a JSON value, but for what stands before an object's values."""
    return json.loads(re.sub(r"(\w+)\s*=", r'"\1":', text))


def shaped(spec, given):
    """@given, a dict of what a job file says, in the shape that @spec (hclspec, as plugin-call prints it) makes of it."""
    if "object" in spec:
        members = spec["object"]["attributes"]
        unknown = set(given) - {name_of(v) or k for k, v in members.items()}
        if unknown:
            raise KeyError(f"no argument or block type is named {sorted(unknown)}")
        return {k: shaped(v, given) for k, v in members.items()}
    if "default" in spec:
        value = shaped(spec["default"]["primary"], given)
        return value if value is not None else shaped(spec["default"]["default"], given)
    if "literal" in spec:
        return literal(spec["literal"]["value"])
    if "attr" in spec:
        return of_type(given.get(spec["attr"]["name"]), spec["attr"]["type"])
    for kind in ("block_list", "block_set"):
        if kind in spec:
            found = given.get(spec[kind]["name"]) or []
            return [shaped(spec[kind]["nested"], one) for one in (found if isinstance(found, list) else [found])]
    if "block_value" in spec:
        found = given.get(spec["block_value"]["name"])
        return shaped(spec["block_value"]["nested"], found) if found is not None else None
    if "block_attrs" in spec:
        return given.get(spec["block_attrs"]["name"])
    raise NotImplementedError(spec)


def of_type(value, kind):
    """Nomad takes a map where a list of maps is asked for."""
    return [value] if isinstance(value, dict) and kind.startswith("list(") else value


def name_of(spec):
    if "default" in spec:
        return name_of(spec["default"]["primary"])
    return next((v["name"] for v in spec.values() if isinstance(v, dict) and v.get("name")), None)


class Refused(Exception):
    """The end of a call that was not well."""

    def __init__(self, end):
        super().__init__(f"{end['status']}: {end['message']}")
        self.status, self.text, self.recoverable = end["status"], end["message"], end.get("recoverable")


class Call:
    """One call of a session; answers are read in their order."""

    def __init__(self, session, number):
        self.session, self.number, self.lines = session, number, queue.Queue()

    def next(self, seconds=30.0):
        """The next answer; None at a good end."""
        line = self.lines.get(timeout=seconds * Machine.slow)
        if "reply" in line:
            return line["reply"]
        if line["status"]:
            raise Refused(line)
        return None

    def only(self, seconds=60.0):
        answer = self.next(seconds)
        assert self.next(seconds) is None
        return answer

    def send(self, **message):
        self.session.say({"id": self.number, "send": message})

    def end(self):
        self.session.say({"id": self.number, "end": True})

    def cancel(self):
        self.session.say({"id": self.number, "cancel": True})


class Session:
    """plugin-call session: any number of calls at once."""

    def __init__(self, address):
        program = os.path.join(Machine.tools, "tests/driver/plugin-call")
        self.process = subprocess.Popen([program, "--address", address, "session"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.calls, self.count, self.errors = {}, 0, []
        self.process.stdout.readline()
        self.thread = threading.Thread(target=self.read, daemon=True)
        self.thread.start()

    def read(self):
        for line in self.process.stdout:
            answer = json.loads(line)
            if "error" in answer:
                self.errors.append(answer["error"])
            elif answer["id"] in self.calls:
                self.calls[answer["id"]].lines.put(answer)
        for call in list(self.calls.values()):
            call.lines.put({"status": 14, "message": "the session has ended"})

    def say(self, line):
        self.process.stdin.write(json.dumps(line) + "\n")
        self.process.stdin.flush()

    def call(self, method, request=None, timeout=None):
        self.count += 1
        call = self.calls[self.count] = Call(self, self.count)
        self.say({"id": self.count, "call": method, **({"request": request} if request is not None else {}), **({"timeout": timeout} if timeout else {})})
        return call

    def close(self):
        self.process.stdin.close()
        self.process.wait(30)
        self.thread.join(10)
        self.process.stdout.close()


class Plugin:
    """One containerd-driver, started and configured as an agent does it."""

    def __init__(self, folder, **options):
        self.folder, self.options = folder, dict({"containerd_addr": Machine.containerd.address, "containerd_namespace": Machine.ns,
                                                  "containerd_runtime": "io.containerd.runc.v2"}, **options)
        self.log_path = os.path.join(folder, "plugin.log")
        self.start()

    @staticmethod
    def program():
        built, beside = os.path.join(Machine.tools, "src/driver/containerd-driver"), os.path.join(os.path.dirname(Machine.davit), "containerd-driver")
        if not os.path.exists(built):
            raise unittest.SkipTest(f"no containerd-driver in {Machine.tools}")
        if not os.path.exists(beside):
            shutil.copy2(built, beside)
        return beside

    def start(self):
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen([self.program()], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log,
                                            env=dict(os.environ, TMPDIR=self.folder, **COOKIE), text=True)
        self.handshake = self.process.stdout.readline().strip()
        parts = self.handshake.split("|")
        assert parts[:3] == ["1", "2", "unix"] and parts[4] == "grpc", f"{self.handshake}\n{self.log()}"
        self.address = parts[3]
        self.session = Session(self.address)
        self.schema = self.ask("ConfigSchema")["spec"]
        self.configure(**self.options)
        self.task_schema = self.ask("TaskConfigSchema")["spec"]

    def configure(self, **options):
        config = base64.b64encode(pack(shaped(self.schema, options))).decode()
        self.ask("SetConfig", {"msgpack_config": config, "nomad_config": {"driver": {}}, "plugin_api_version": "v0.1.0"})

    def ask(self, method, request=None, seconds=60.0):
        return self.session.call(method, request if request is not None else {}).only(seconds)

    def log(self):
        with open(self.log_path, errors="replace") as f:
            return f.read()

    def kill(self):
        """As if it had crashed; its tasks go on."""
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()
        self.session.close()

    def stop(self):
        """As the agent does it, which gives it two seconds."""
        if self.process.poll() is None:
            with contextlib.suppress(Exception):
                self.ask("/plugin.GRPCController/Shutdown", seconds=2.0)
            try:
                self.process.wait(2.0 * Machine.slow)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.session.close()
        self.process.stdout.close()
        return self.process.returncode


class Task:
    """A task of an allocation of its own: folders, FIFOs and their reader as Nomad has them."""

    def __init__(self, plugin, folder, name="web"):
        self.plugin, self.name, self.alloc = plugin, name, str(uuid.uuid4())
        self.alloc_dir = os.path.join(folder, "allocs", self.alloc)
        self.dir = os.path.join(self.alloc_dir, name)
        self.logs = os.path.join(self.alloc_dir, "alloc/logs")
        for path in ("alloc/logs", "alloc/tmp", "alloc/data", f"{name}/local", f"{name}/secrets", f"{name}/tmp"):
            os.makedirs(os.path.join(self.alloc_dir, path))
        self.text, self.ended, self.threads = {"stdout": b"", "stderr": b""}, threading.Event(), []
        self.fifos = {stream: os.path.join(self.logs, f".{name}.{stream}.fifo") for stream in self.text}
        for stream, path in self.fifos.items():
            os.mkfifo(path, 0o600)
            thread = threading.Thread(target=self.read, args=(stream, os.open(path, os.O_RDONLY | os.O_NONBLOCK)), daemon=True)
            thread.start()
            self.threads.append(thread)
        self.again()

    def again(self):
        """The next attempt of the same task."""
        self.id = f"{self.alloc}/{self.name}/{os.urandom(4).hex()}"

    def read(self, stream, fd):
        while not self.ended.is_set() or select.select([fd], [], [], 0)[0]:
            if select.select([fd], [], [], 0.05)[0]:
                data = os.read(fd, 65536)
                self.text[stream] += data
                if not data and self.ended.wait(0.02):
                    break
        os.close(fd)

    def config(self, options, **fields):
        return dict({"id": self.id, "name": self.name, "alloc_id": self.alloc, "alloc_dir": self.alloc_dir, "task_group_name": "group", "job_name": "job",
                     "job_id": "job", "namespace": "default", "node_name": "node", "node_id": "node-id",
                     "msgpack_driver_config": base64.b64encode(pack(shaped(self.plugin.task_schema, options))).decode(),
                     "stdout_path": self.fifos["stdout"], "stderr_path": self.fifos["stderr"],
                     "env": {"NOMAD_ALLOC_DIR": "/alloc", "NOMAD_TASK_DIR": "/local", "NOMAD_SECRETS_DIR": "/secrets"},
                     "resources": {"allocated_resources": {"cpu": {"cpu_shares": 100}, "memory": {"memory_mb": 128}},
                                   "linux_resources": {"cpu_shares": 100, "memory_limit_bytes": 128 << 20}}}, **fields)

    def start(self, options, seconds=60.0, **fields):
        self.handle = self.plugin.ask("StartTask", {"task": self.config(dict({"image": Machine.image}, **options), **fields)}, seconds)["handle"]
        return self.handle

    def wait(self, seconds=60.0):
        answer = self.plugin.ask("WaitTask", {"task_id": self.id}, seconds)
        assert not answer.get("err"), answer
        return answer["result"]

    def stop(self, signal="", seconds=5):
        self.plugin.ask("StopTask", {"task_id": self.id, "signal": signal, "timeout": {"seconds": seconds}})

    def destroy(self, force=True):
        self.plugin.ask("DestroyTask", {"task_id": self.id, "force": force})

    def exec(self, *command, seconds=30):
        """Its output, and the exit code."""
        answer = self.plugin.ask("ExecTask", {"task_id": self.id, "command": list(command), "timeout": {"seconds": seconds}})
        return base64.b64decode(answer["stdout"]).decode(), base64.b64decode(answer["stderr"]).decode(), answer["result"]["exit_code"]

    def recover(self):
        self.plugin.ask("RecoverTask", {"handle": dict(self.handle, config=dict(self.handle["config"], msgpack_driver_config=""))})

    def close(self):
        """The readers take what is left."""
        self.ended.set()
        for thread in self.threads:
            thread.join(10)

    def output(self, stream="stdout"):
        return self.text[stream].decode(errors="replace")
