"""Images in registries: pushing to a real one, and one of our own that can be told to fail."""
import base64
import contextlib
import hashlib
import http.server
import json
import os
import threading
import unittest
import urllib.parse
import urllib.request

from lib import leaks
from lib.case import Machine
from lib.services import Registry

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar"


def registry_of(cls, port, auth=False, **more):
    """docker-registry for all tests of a class, which are skipped where there is none."""
    try:
        registry = Registry(Machine.work, port, auth, **more)
    except FileNotFoundError as why:
        raise unittest.SkipTest(str(why)) from None
    cls.addClassCleanup(registry.stop)
    leaks.baseline_pids.add(registry.process.pid)
    return registry


def digest(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


def platform_members(os, architecture, variant=None):
    return {"os": os, "architecture": architecture, **({"variant": variant} if variant else {})}


class Image:
    """One layer and a command. @platform: with a variant where there are several. @unique: a layer that no containerd has yet."""

    def __init__(self, rootfs, cmd=("echo", "pulled"), platform=("linux", "amd64"), unique=False):
        with open(rootfs, "rb") as f:
            self.layer = f.read()
        if unique:
            self.layer += os.urandom(512)  # behind the archive's end
        self.config = json.dumps({**platform_members(*platform), "config": {"Cmd": list(cmd), "Env": ["PATH=/bin"]},
                                  "rootfs": {"type": "layers", "diff_ids": [digest(self.layer)]}}).encode()
        self.manifest = json.dumps({
            "schemaVersion": 2, "mediaType": MANIFEST,
            "config": {"mediaType": CONFIG, "digest": digest(self.config), "size": len(self.config)},
            "layers": [{"mediaType": LAYER, "digest": digest(self.layer), "size": len(self.layer)}]}).encode()

    def blobs(self):
        return {digest(self.config): self.config, digest(self.layer): self.layer}


def index(entries):
    """@entries: (image, os, architecture), or with a variant."""
    return json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": [
        {"mediaType": MANIFEST, "digest": digest(i.manifest), "size": len(i.manifest), "platform": platform_members(*platform)}
        for i, *platform in entries]}).encode()


def push(host, repository, tag, image, user=None, extra=None):
    """Into a registry that speaks plain HTTP; @extra is a further manifest that gets the tag (an index)."""
    def ask(method, path, data=None, **headers):
        request = urllib.request.Request(path if path.startswith("http") else f"http://{host}{path}", data=data, method=method)
        if user:
            request.add_header("Authorization", "Basic " + base64.b64encode(user.encode()).decode())
        for key, value in headers.items():
            request.add_header(key.replace("_", "-"), value)
        return urllib.request.urlopen(request, timeout=30)

    for name, data in image.blobs().items():
        where = ask("POST", f"/v2/{repository}/blobs/uploads/", b"").headers["Location"]
        join = "&" if "?" in where else "?"
        ask("PUT", f"{where}{join}digest={name}", data, Content_Type="application/octet-stream")
    ask("PUT", f"/v2/{repository}/manifests/{tag if not extra else digest(image.manifest)}", image.manifest, Content_Type=MANIFEST)
    if extra:
        ask("PUT", f"/v2/{repository}/manifests/{tag}", extra, Content_Type=INDEX)


class Faulty:
    """A registry on loopback that serves one image at every name, with one fault.

    Faults: "digest" (a layer with other bytes), "truncated" (a layer that ends early), "500" (every blob), "once" (the first
    blob request breaks off in the middle), "manifest" (no JSON), "huge" (a manifest without end), "hang" (a layer never comes),
    "drips" (a layer comes bit by bit, until it is released), "busy" (its first @busy answers are 503).
    """

    def __init__(self, image, fault=None, busy=0):
        self.image, self.fault, self.busy, self.asked, self.broken = image, fault, busy, [], False
        owner = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *args):
                pass

            def do_HEAD(self):
                self.do_GET()

            def do_GET(self):
                owner.serve(self)

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.host = f"127.0.0.1:{self.server.server_port}"
        self.released = threading.Event()
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    def stop(self):
        self.released.set()
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()

    def serve(self, request):
        self.asked.append((request.path, request.headers.get("Range")))
        if self.fault == "busy" and len(self.asked) <= self.busy:
            return self.answer(request, b'{"errors":[{"code":"UNAVAILABLE","message":"out of breath"}]}', "application/json", code=503)
        if request.path == "/v2/":
            return self.answer(request, b"{}")
        if "/manifests/" in request.path:
            body = b"<html>" if self.fault == "manifest" else self.image.manifest
            if self.fault == "huge":
                body += b" " * (16 << 20)
            return self.answer(request, body, MANIFEST, {"Docker-Content-Digest": digest(body)})
        blob = self.image.blobs().get(request.path.rsplit("/", 1)[1])
        if blob is None or self.fault == "500":
            return self.answer(request, b'{"errors":[{"code":"UNKNOWN","message":"out of order"}]}', "application/json", code=500)
        return self.blob(request, blob)

    def blob(self, request, blob):
        layer, first = blob is not self.image.config, not self.broken
        if layer and self.fault == "digest":
            blob = bytes([blob[0] ^ 1]) + blob[1:]
        if layer and self.fault == "hang":
            self.released.wait(60)
        if layer and self.fault == "drips":
            return self.answer(request, blob, drips=True)
        if layer and (self.fault == "truncated" or self.fault == "once" and first):
            self.broken = True
            return self.answer(request, blob[:len(blob) // 2], length=len(blob))
        wanted = request.headers.get("Range")
        if wanted:
            start = int(wanted.split("=")[1].split("-")[0])
            return self.answer(request, blob[start:], code=206, extra={"Content-Range": f"bytes {start}-{len(blob) - 1}/{len(blob)}"})
        return self.answer(request, blob)

    def drip(self, request, body):
        at, bit = 0, max(1, len(body) // 1000)
        while at < len(body):
            if self.released.wait(0.2):
                bit = len(body)
            request.wfile.write(body[at:at + bit])
            request.wfile.flush()
            at += bit

    def answer(self, request, body, kind="application/octet-stream", extra=None, code=200, length=None, drips=False):
        request.send_response(code)
        request.send_header("Content-Type", kind)
        request.send_header("Content-Length", str(length or len(body)))
        for key, value in (extra or {}).items():
            request.send_header(key, value)
        request.end_headers()
        try:
            if request.command != "HEAD":
                self.drip(request, body) if drips else request.wfile.write(body)
            if length:
                request.close_connection = True
                request.wfile.flush()
        except OSError:
            request.close_connection = True


class Taking:
    """A registry on loopback that takes images, with one fault. @asked: (method, path, Authorization, bytes that came) of each request.

    Faults: "breaks" (the first blob's connection breaks in the middle; it knows how much has come), "forgets" (and it does not), "busy" (429 to
    the first two uploads), "small" (nothing above @limit bytes), "denies" (403), "unknown" (no such repository), "digest" (it says that what
    came is something else), "elsewhere" (uploads go to @other, another such registry), "leads" (the same by a redirect). @user: Basic, of all.
    """

    def __init__(self, fault=None, limit=1 << 20, other=None, user=None):
        self.fault, self.limit, self.other, self.user = fault, limit, other, user
        self.asked, self.blobs, self.manifests, self.open, self.broken, self.refused = [], {}, {}, {}, 0, 0
        owner = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *args):
                pass

            def handle_expect_100(self):
                return owner.length(self) <= owner.limit or owner.fault != "small" or super().handle_expect_100()

            def do_GET(self):
                owner.serve(self)

            do_HEAD = do_POST = do_PUT = do_PATCH = do_GET

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.host = f"127.0.0.1:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()

    def of(self, method, what=""):
        return [a for a in self.asked if a[0] == method and what in a[1]]

    @staticmethod
    def length(request):
        return int(request.headers.get("Content-Length") or 0)

    def serve(self, request):
        breaks = self.fault in ("breaks", "forgets") and not self.broken and self.length(request) > 4096
        said = (request.headers.get("Authorization") or "")
        too_much = self.fault == "small" and self.length(request) > self.limit
        body = b"" if too_much else request.rfile.read(self.length(request) // (2 if breaks else 1))
        self.asked.append((request.command, request.path, said, len(body)))
        if self.user and said != "Basic " + base64.b64encode(self.user.encode()).decode():
            return self.answer(request, 401, {"WWW-Authenticate": 'Basic realm="here"'})
        if too_much:
            request.close_connection = True
            return self.answer(request, 413)
        path, _, query = request.path.partition("?")
        if "/manifests/" in path:
            self.manifests[path.rsplit("/", 1)[1]] = body
            return self.answer(request, 201)
        if path.endswith("/blobs/uploads/"):
            return self.upload(request)
        if "/upload/" in path:
            return self.part(request, path.rsplit("/", 1)[1], query, body, breaks)
        return self.answer(request, 200 if path.rsplit("/", 1)[1] in self.blobs else 404)

    def upload(self, request):
        refusal = {"denies": 403, "unknown": 404}.get(self.fault)
        if refusal:
            return self.answer(request, refusal, body=b'{"errors":[{"code":"DENIED","message":"not for you"}]}')
        if self.fault == "busy" and self.refused < 2:
            self.refused += 1
            return self.answer(request, 429, {"Retry-After": "0"})
        id = os.urandom(4).hex()
        self.open[id] = b""
        if self.other:
            self.other.open[id] = b""
        there = f"http://{self.other.host}" if self.fault == "elsewhere" else ""
        return self.answer(request, 202, {"Location": f"{there}/upload/{id}?state=1"})

    def part(self, request, id, query, body, breaks):
        if self.fault == "leads":
            return self.answer(request, 307, {"Location": f"http://{self.other.host}{request.path}"})
        if breaks:
            self.broken += 1
            self.open[id] += body
            if self.fault == "forgets":
                del self.open[id]
            request.close_connection = True
            return None
        if id not in self.open:
            return self.answer(request, 404)
        where = {"Location": f"/upload/{id}?state={len(self.open[id])}", "Range": f"0-{len(self.open[id]) - 1}"}
        if request.command == "GET":
            return self.answer(request, 204, where)
        if request.command == "PATCH":
            begin = int(request.headers["Content-Range"].split("-")[0])
            if begin != len(self.open[id]):
                return self.answer(request, 416)
            self.open[id] += body
            return self.answer(request, 202, where)
        data, wanted = self.open.pop(id) + body, urllib.parse.parse_qs(query)["digest"][0]
        if self.fault == "digest" or digest(data) != wanted:
            return self.answer(request, 400, body=b'{"errors":[{"code":"DIGEST_INVALID","message":"no"}]}')
        self.blobs[wanted] = data
        return self.answer(request, 201)

    def answer(self, request, code, extra=None, body=b""):
        request.send_response(code)
        for key, value in (extra or {}).items():
            request.send_header(key, value)
        if code != 204:
            request.send_header("Content-Length", str(len(body)))
        with contextlib.suppress(OSError):  # who has failed at another blob waits for no answer
            request.end_headers()
            if request.command != "HEAD":
                request.wfile.write(body)
