"""davit's own shim as a program: what `start`, -info and -v read and print, as each containerd calls them."""
import json
import os
import pty
import signal
import subprocess

from lib.case import Machine, wait_until
from lib.shim_case import ShimCase

CONTAINERD = ("-address", "/run/no-containerd.sock", "-publish-binary", "/usr/bin/containerd")


def varint(n):
    out = b""
    n &= (1 << 64) - 1
    while n > 127:
        out, n = out + bytes([n & 127 | 128]), n >> 7
    return out + bytes([n])


def message(**fields):
    """A protobuf message: f1=..., f2=...; text, bytes or a number."""
    out = b""
    for name, value in fields.items():
        number, value = int(name[1:]), value.encode() if isinstance(value, str) else value
        out += varint(number << 3) + varint(value) if isinstance(value, int) else varint(number << 3 | 2) + varint(len(value)) + value
    return out


def fields(data):
    """{number: [value, ...]} of a message."""
    found, at = {}, 0

    def number():
        nonlocal at
        n = shift = 0
        while True:
            byte, at, = data[at], at + 1
            n, shift = n | (byte & 127) << shift, shift + 7
            if byte < 128:
                return n
    while at < len(data):
        key = number()
        value = number()
        if key & 7 == 2:
            value, at = data[at:at + value], at + value
        found.setdefault(key >> 3, []).append(value)
    return found


class Program(ShimCase):
    def shim(self, *args, input=b"", **kw):
        done = subprocess.run([Machine.shim, *args], cwd=self.folder, capture_output=True, timeout=30 * Machine.slow,
                              **(kw if "stdin" in kw else {"input": input}))
        self.assertEqual((done.returncode, done.stderr), (0, b""))
        return done.stdout

    def start(self, id, **kw):
        """A server without a containerd."""
        with open(os.path.join(self.folder, "config.json"), "w") as f:
            f.write("{}")
        return self.shim("-namespace", "x", *CONTAINERD, "-id", id, "start", **kw)

    def end_shim(self, id):
        pid = self.shim_of(id)
        os.kill(pid, signal.SIGTERM)
        wait_until("the shim's end", lambda: not os.path.exists(f"/proc/{pid}"))

    def test_start(self):
        address = self.start("plain")
        self.assertTrue(address.startswith(b"unix:///run/containerd/s/"))
        self.assertEqual(self.start("plain"), address)  # the same server
        options = message(f1="containerd.runc.v1.Options", f2=message(f6="runc"))
        self.assertTrue(self.start("options", input=options).startswith(b"unix:///run/containerd/s/"))
        self.end_shim("plain")
        self.end_shim("options")

    def test_start_of_2_3(self):
        folder = f"/run/s-{os.urandom(3).hex()}"  # a socket's path has 107 bytes
        self.addCleanup(os.rmdir, folder)
        params = message(f1="new", f2="x", f3=-4, f4="2.3.0", f5="/run/c.sock.ttrpc", f9=folder)
        result = fields(self.start("new", input=params))
        self.assertEqual((result[1], result[3]), ([2], [b"ttrpc"]))
        self.assertTrue(result[2][0].startswith(b"unix://" + folder.encode()))
        self.assertEqual(len(os.listdir(folder)), 1)
        self.end_shim("new")
        self.assertEqual(os.listdir(folder), [])

    def test_parameters_of_another(self):
        """Older options that can be read as such a message."""
        for params in (message(f1="other", f2="x"), message(f1="odd", f2="other")):
            self.assertTrue(self.shim("-namespace", "x", *CONTAINERD, "-id", "odd", "start", input=params).startswith(b"unix:///run/"))
        self.end_shim("odd")

    def test_nobody_s_standard_input(self):
        master, slave = pty.openpty()
        r, w = os.pipe()
        for fd in (slave, r):
            self.shim("-namespace", "x", *CONTAINERD, "-id", "idle", "start", stdin=fd)
        for fd in (master, slave, r, w):
            os.close(fd)
        self.end_shim("idle")

    def test_info(self):
        engine = os.path.join(self.folder, "engine")
        with open(engine, "w") as f:
            f.write("#!/bin/sh\n[ \"$*\" = features ] && echo '{\"ociVersionMin\":\"1.0.0\"}'\n")
        os.chmod(engine, 0o755)
        options = message(f1="containerd.runc.v1.Options", f2=message(f6=engine))
        info = fields(self.shim("-info", input=options))
        self.assertEqual(info[1], [b"io.containerd.davit.v2"])
        self.assertEqual(info[3], [options])
        features = fields(info[4][0])
        self.assertEqual(features[1], [b"types.containerd.io/opencontainers/runtime-spec/1/features/Features"])
        self.assertEqual(json.loads(features[2][0]), {"ociVersionMin": "1.0.0"})
        self.assertEqual([fields(e) for e in info[5]], [{1: [b"io.davit.engine"], 2: [engine.encode()]}])

    def test_info_of_what_is_not_there(self):
        info = fields(self.shim("-info", stdin=subprocess.DEVNULL))
        self.assertEqual(info[1], [b"io.containerd.davit.v2"])
        options = message(f1="containerd.runc.v1.Options", f2=message(f6="/no/such/engine"))
        info = fields(self.shim("-info", input=options))
        self.assertEqual(sorted(info), [1, 2, 3])

    def test_version(self):
        self.assertRegex(self.shim("-v").decode(), r"\Acontainerd-shim-davit-v2 \d+\.\d+\.\d+\n\Z")
