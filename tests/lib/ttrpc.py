"""Calls of a shim's Task service, as containerd makes them, for what neither ctr nor davit has: messages are lists of (number, value), a
value an int, text, bytes or another message."""
import os
import socket
import struct


def varint(n):
    out = b""
    while n > 0x7f:
        out += bytes((n & 0x7f | 0x80,))
        n >>= 7
    return out + bytes((n,))


def message(fields):
    out = b""
    for number, value in fields:
        if isinstance(value, int):
            out += varint(number << 3) + varint(value)
            continue
        data = value.encode() if isinstance(value, str) else value if isinstance(value, bytes) else message(value)
        out += varint(number << 3 | 2) + varint(len(data)) + data
    return out


def fields(data):
    """{number: its last value}"""
    at, found = 0, {}

    def number():
        nonlocal at
        n = shift = 0
        while True:
            n |= (data[at] & 0x7f) << shift
            at, shift = at + 1, shift + 7
            if not data[at - 1] & 0x80:
                return n
    while at < len(data):
        key = number()
        if key & 7 == 2:
            size = number()
            found[key >> 3] = data[at:at + size]
            at += size
        else:
            found[key >> 3] = number()
    return found


class Refused(Exception):
    def __init__(self, code, text):
        super().__init__(text)
        self.code = code


class Shim:
    def __init__(self, bundle):
        with open(os.path.join(bundle, "address")) as f:
            self.path = f.read().removeprefix("unix://")
        self.bundle = bundle

    def call(self, method, *of, service="containerd.task.v2.Task"):
        request = message([(1, service), (2, method), (3, message(of))])
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(60)
            s.connect(self.path)
            s.sendall(struct.pack(">IIBB", len(request), 1, 1, 0) + request)
            header = self.read(s, 10)
            answer = fields(self.read(s, struct.unpack(">I", header[:4])[0]))
        status = fields(answer.get(1, b""))
        if status.get(1):
            raise Refused(status[1], status.get(2, b"").decode())
        return fields(answer.get(2, b""))

    @staticmethod
    def read(s, n):
        data = b""
        while len(data) < n:
            more = s.recv(n - len(data))
            if not more:
                raise ConnectionError("the shim has closed the connection")
            data += more
        return data
