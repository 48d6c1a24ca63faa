"""A WebSocket client (RFC 6455), and over it the streams of a kubelet's exec, attach and port-forward: a byte before each message
says of which."""
import base64
import contextlib
import json
import os
import select
import socket
import struct
import time
import urllib.parse

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
V4, V5 = "v4.channel.k8s.io", "v5.channel.k8s.io"  # in v5 a stream can be closed, too
STDIN, STDOUT, STDERR, STATUS, RESIZE, ENDED = 0, 1, 2, 3, 4, 255


class WebSocket:
    def __init__(self, url, protocols, seconds=30.0):
        parts = urllib.parse.urlsplit(url)
        self.seconds = seconds
        self.socket = socket.create_connection((parts.hostname, parts.port), seconds)
        self.held, self.reason = b"", ""  # of the peer's close
        path = parts.path + ("?" + parts.query if parts.query else "")
        spoken = f"Sec-WebSocket-Protocol: {', '.join(protocols)}\r\n" if protocols else ""
        self.socket.sendall((f"GET {path} HTTP/1.1\r\nHost: {parts.netloc}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                             f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {base64.b64encode(os.urandom(16)).decode()}\r\n"
                             f"{spoken}\r\n").encode())
        head = self._head()
        if not head[0].split(" ", 2)[1] == "101":
            self.close()
            raise ConnectionError(f"{url}: {head[0]}")
        fields = dict(line.lower().split(": ", 1) for line in head[1:] if ": " in line)
        self.protocol = fields.get("sec-websocket-protocol", "")

    def _head(self):
        while b"\r\n\r\n" not in self.held:
            self._more()
        head, self.held = self.held.split(b"\r\n\r\n", 1)
        return head.decode().split("\r\n")

    def _more(self):
        data = self.socket.recv(65536)
        if not data:
            raise ConnectionError("the peer has closed the connection")
        self.held += data

    def _take(self, n):
        while len(self.held) < n:
            self._more()
        data, self.held = self.held[:n], self.held[n:]
        return data

    def send(self, data, opcode=BINARY):
        """A client's frames are masked."""
        n = len(data)
        head = struct.pack("!BB", 0x80 | opcode, 0x80 | n) if n < 126 else \
            struct.pack("!BBH", 0x80 | opcode, 0x80 | 126, n) if n < 65536 else struct.pack("!BBQ", 0x80 | opcode, 0x80 | 127, n)
        mask = os.urandom(4)
        self.socket.sendall(head + mask + bytes(b ^ mask[i & 3] for i, b in enumerate(data)))

    def _frame(self):
        first, second = self._take(2)
        n = second & 0x7f
        if n == 126:
            n, = struct.unpack("!H", self._take(2))
        elif n == 127:
            n, = struct.unpack("!Q", self._take(8))
        return first & 0x80, first & 0x0f, self._take(n)

    def recv(self):
        """The next message; None when the peer has closed."""
        message = b""
        while True:
            try:
                final, opcode, data = self._frame()
            except ConnectionError:
                return None
            if opcode == CLOSE:
                self.reason = data[2:].decode(errors="replace")
                return None
            if opcode == PING:
                self.send(data, PONG)
            if opcode in (PING, PONG):
                continue
            message += data
            if final:
                return message

    def ready(self, seconds):
        return bool(self.held) or bool(select.select([self.socket], [], [], max(seconds, 0))[0])

    def close(self):
        with contextlib.suppress(OSError):
            self.send(b"", CLOSE)
        self.socket.close()


class Streams:
    """Of a process."""

    def __init__(self, url, protocols=(V5, V4), seconds=30.0):
        self.web = WebSocket(url, protocols, seconds)
        self.seen = {STDOUT: b"", STDERR: b"", STATUS: b""}
        self.ended, self.seconds = False, seconds

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.web.close()

    def type(self, text):
        self.web.send(bytes([STDIN]) + text.encode())

    def resize(self, width, height):
        self.web.send(bytes([RESIZE]) + json.dumps({"Width": width, "Height": height}).encode())

    def can_end_input(self):
        return self.web.protocol == V5

    def end_input(self):
        self.web.send(bytes([ENDED, STDIN]))

    def _turn(self, end):
        if not self.web.ready(end - time.monotonic()):
            raise TimeoutError(f"not within {self.seconds:g} s; there is {self.seen}")
        message = self.web.recv()
        if message is None:
            self.ended = True
        elif message and message[0] in self.seen:
            self.seen[message[0]] += message[1:]

    def expect(self, words, stream=STDOUT):
        """Until they have come; what is up to their end is forgotten."""
        end, words = time.monotonic() + self.seconds, words.encode()
        while words not in self.seen[stream]:
            if self.ended:
                raise AssertionError(f"{words} did not come; there is {self.seen}")
            self._turn(end)
        self.seen[stream] = self.seen[stream].split(words, 1)[1]

    def wait(self):
        """Its output, its error output and its exit code, once it has ended."""
        end = time.monotonic() + self.seconds
        while not self.ended:
            self._turn(end)
        return self.seen[STDOUT].decode(), self.seen[STDERR].decode(), exit_code(self.seen[STATUS])


def exit_code(status):
    """Of a status as Kubernetes has it; None: there is none, as where one was attached."""
    if not status:
        return None
    status = json.loads(status)
    if status.get("status") == "Success":
        return 0
    causes = (status.get("details") or {}).get("causes") or []
    return next((int(c["message"]) for c in causes if c.get("reason") == "ExitCode"), status.get("message"))


def through_port(url, port, data, seconds=30.0):
    """What comes back through a forwarded port, and the error's text."""
    web = WebSocket(f"{url}?port={port}", (V4,), seconds)
    seen, places = [b"", b""], [b"", b""]  # data and error; each begins with the port
    try:
        web.send(b"\0" + data)
        while True:
            message = web.recv()
            if message is None:
                return seen[0], seen[1].decode()
            kind, rest = message[0], message[1:]
            if len(places[kind]) < 2:
                places[kind] += rest
            else:
                seen[kind] += rest
            if seen[1] or (seen[0] and seen[0].endswith(b"\n")):
                return seen[0], seen[1].decode()
    finally:
        web.close()
