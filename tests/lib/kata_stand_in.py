#!/usr/bin/env python3
"""A stand-in for Kata's shim, which no machine without /dev/kvm can run: containerd-shim-runc-v2 behind it does the work.

It notes, beside itself, what containerd gives it: the options of `start` and of Create (which it takes away again, since runc's shim
knows no runtimeoptions), which interfaces the network namespace had when the sandbox was made, and which tasks were started and signalled.
Grouping is that of runc's shim: by the annotations of a pod. As Kata does, it refuses a container whose sandbox does not run.
"""
import hashlib
import json
import os
import shutil
import socket
import struct
import subprocess
import sys
import threading

NAME, REAL = "containerd-shim-kata-v2", "containerd-shim-runc-v2"


def install(folder):
    """The program in @folder; what it notes is in @folder/notes."""
    os.makedirs(os.path.join(folder, "notes"), exist_ok=True)
    path = os.path.join(folder, NAME)
    shutil.copy(__file__, path)
    os.chmod(path, 0o755)
    return path


def notes(folder):
    """What was noted, oldest first."""
    found = [e for e in os.scandir(os.path.join(folder, "notes")) if not e.name.endswith(".new")]  # that is being written
    found.sort(key=lambda e: e.stat().st_mtime_ns)
    out = []
    for entry in found:
        with open(entry.path) as f:
            out.append(json.load(f))
    return out


def forget(folder):
    for entry in os.scandir(os.path.join(folder, "notes")):
        os.unlink(entry.path)


# -- messages

def varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            return value, at


def fields(data):
    """(number, bytes as they stand, value) of each."""
    at = 0
    while at < len(data):
        begin = at
        key, at = varint(data, at)
        if key & 7 == 2:
            size, at = varint(data, at)
            value, at = data[at:at + size], at + size
        elif key & 7 == 0:
            value, at = varint(data, at)
        else:
            size = 8 if key & 7 == 1 else 4
            value, at = data[at:at + size], at + size
        yield key >> 3, data[begin:at], value


def number(value):
    out = b""
    while value > 127:
        out += bytes([value & 127 | 128])
        value >>= 7
    return out + bytes([value])


def text_any(data):
    """An Any with options of either kind, in words."""
    members = {n: v for n, _, v in fields(data)}
    kind = members.get(1, b"").decode()
    names = {"runtimeoptions.v1.Options": {1: "type_url", 2: "config_path", 3: "config_body"}}.get(kind, {})
    values = {names.get(n, str(n)): v.decode() if isinstance(v, bytes) else v for n, _, v in fields(members.get(2, b""))}
    return {"type": kind, "options": values}


# -- the shim

def home():
    return os.path.dirname(os.path.abspath(sys.argv[0]))


def note(what, **more):
    path = os.path.join(home(), "notes", f"{what}-{os.getpid()}-{os.urandom(4).hex()}")
    with open(path + ".new", "w") as f:
        json.dump(dict(more, what=what), f)
    os.rename(path + ".new", path)


def interfaces(spec):
    """Of the network namespace that the spec names."""
    for n in spec["linux"]["namespaces"]:
        if n["type"] == "network" and n.get("path"):
            out = subprocess.run(["nsenter", "--net=" + n["path"], "ip", "-o", "link"], capture_output=True, text=True).stdout
            return [line.split(":")[1].strip().split("@")[0] for line in out.splitlines()]
    return None


def without_options(payload):
    """A CreateTaskRequest as runc's shim can take it."""
    members = {n: v for n, _, v in fields(payload)}
    with open(os.path.join(members[2].decode(), "config.json")) as f:
        spec = json.load(f)
    note("create", id=members[1].decode(), interfaces=interfaces(spec), annotations=spec.get("annotations", {}),
         devices=spec["linux"].get("devices", []), options=text_any(members[10]) if 10 in members else None)
    return b"".join(raw for n, raw, _ in fields(payload) if n != 10)


RUNNING = set()  # sandboxes


def refused(payload):
    """Why a container of a pod cannot be made now."""
    members = {n: v for n, _, v in fields(payload)}
    with open(os.path.join(members[2].decode(), "config.json")) as f:
        annotations = json.load(f).get("annotations", {})
    sandbox = annotations.get("io.kubernetes.cri.sandbox-id")
    return annotations.get("io.kubernetes.cri.container-type") == "container" and sandbox not in RUNNING


def noted_call(method, payload):
    members = {n: v for n, _, v in fields(payload)}
    if method in ("Start", "Kill", "Delete") and not members.get(2):
        RUNNING.add(members[1].decode()) if method == "Start" else None
        note(method.lower() + "-task", id=members[1].decode(), signal=members.get(3) if method == "Kill" else None)


def rewritten(body):
    members = {n: v for n, _, v in fields(body)}
    if b"Task" in members.get(1, b""):
        noted_call(members[2].decode(), members.get(3, b""))
    if members.get(2) == b"Create" and b"Task" in members.get(1, b"") and refused(members[3]):
        return b"".join(raw if n != 3 else b"\x1a\x00" for n, raw, _ in fields(body))  # nothing to make: the shim fails
    if members.get(2) != b"Create" or b"Task" not in members.get(1, b""):
        return body
    payload = without_options(members[3])
    return b"".join(raw if n != 3 else b"\x1a" + number(len(payload)) + payload for n, raw, _ in fields(body))


def read_all(sock, size):
    data = b""
    while len(data) < size:
        more = sock.recv(size - len(data))
        if not more:
            raise EOFError
        data += more
    return data


def forward(source, sink, change):
    try:
        while True:
            size, stream, kind, flags = struct.unpack(">IIBB", read_all(source, 10))
            body = change(read_all(source, size))
            sink.sendall(struct.pack(">IIBB", len(body), stream, kind, flags) + body)
    except (EOFError, OSError):
        for s in (source, sink):
            try:
                s.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


def serve(listener, real):
    """Until the shim behind has gone."""
    while True:
        front, _ = listener.accept()
        back = socket.socket(socket.AF_UNIX)
        try:
            back.connect(real)
        except OSError:
            return
        threading.Thread(target=forward, args=(front, back, rewritten), daemon=True).start()
        threading.Thread(target=forward, args=(back, front, lambda body: body), daemon=True).start()
        threading.Thread(target=end_with, args=(real,), daemon=True).start()


def end_with(real):
    """A connection of its own that says when the shim behind ends."""
    with socket.socket(socket.AF_UNIX) as s:
        try:
            s.connect(real)
            s.recv(1)
        except OSError:
            pass
    os._exit(0)


def stand_before(real):
    """The address of ours for the shim at @real."""
    path = "/run/containerd/s/kata-" + hashlib.sha256(real.encode()).hexdigest()[:24]
    with socket.socket(socket.AF_UNIX) as s:
        if s.connect_ex(path) == 0:
            return path
    if os.path.exists(path):
        os.unlink(path)
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    listener.listen()
    if os.fork() == 0:
        os.setsid()
        null = os.open(os.devnull, os.O_RDWR)
        for fd in (0, 1, 2):
            os.dup2(null, fd)
        try:
            serve(listener, real)
        finally:
            os._exit(0)
    return path


NO_GUEST = "no-guest"  # a file beside the notes: it fails as Kata does where there is no /dev/kvm


def start(args):
    if os.path.exists(os.path.join(home(), NO_GUEST)):
        print("Could not access KVM kernel module: No such file or directory")
        sys.exit(1)
    given = sys.stdin.buffer.read()
    try:
        note("start", id=args[args.index("-id") + 1], options=text_any(given) if given else None)
    except (IndexError, ValueError):
        note("start", id=args[args.index("-id") + 1], options=None)  # containerd 2.3 has another message there
    done = subprocess.run([shutil.which(REAL)] + args, stdin=subprocess.DEVNULL, capture_output=True)
    if done.returncode:
        sys.stdout.buffer.write(done.stdout + done.stderr)
        sys.exit(done.returncode)
    answer = done.stdout.decode().strip()
    real = json.loads(answer)["address"] if answer.startswith("{") else answer
    path = stand_before(real[len("unix://"):])
    print(answer.replace(real, "unix://" + path), end="")
    sys.stdout.flush()
    os._exit(0)


def main():
    if "start" in sys.argv[1:]:
        start(sys.argv[1:])
    os.execv(shutil.which(REAL), [REAL] + sys.argv[1:])


if __name__ == "__main__":
    main()
