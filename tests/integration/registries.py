"""Registries as davit-image meets them: tokens, redirects, mirrors, certificates, hosts that lie."""
import base64
import http.server
import io
import json
import os
import ssl
import subprocess
import tarfile
import threading
import time
import unittest
import urllib.parse

from lib.case import Case, Machine
from lib.registry import MANIFEST, Image, digest


def davit_image():
    """The program beside the davit under test: installed, or in the build folder."""
    folder = os.path.dirname(Machine.davit)
    for place in (folder, os.path.join(folder, "../davit-image"), os.path.join(folder, "../libexec/davit")):
        program = os.path.join(place, "davit-image")
        if os.path.isfile(program):
            return program
    raise unittest.SkipTest("no davit-image beside davit")


def tar(name, data):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as made:
        info = tarfile.TarInfo(name)
        info.size = len(data)
        made.addfile(info, io.BytesIO(data))
    return out.getvalue()


class Server:
    """HTTP on loopback: @answer(request) returns (status, headers, body)."""

    def __init__(self, answer, tls=None):
        self.asked = []  # (path, headers)
        owner = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *args):
                pass

            def do_GET(self):
                length = int(self.headers.get("Content-Length") or 0)
                self.form = self.rfile.read(length).decode() if length else ""
                owner.asked.append((self.path, dict(self.headers)))
                status, headers, body = answer(self)
                self.send_response(status)
                headers = {"Content-Length": str(len(body)), **headers}
                self.close_connection = headers["Content-Length"] != str(len(body))  # a promise that is not kept
                for key, value in headers.items():
                    self.send_header(key, value)
                self.end_headers()
                try:
                    self.wfile.write(body)
                except OSError:
                    self.close_connection = True

            do_POST = do_GET

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.server.handle_error = lambda *args: None  # a client that hangs up is none of ours
        if tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*tls)
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.host = f"127.0.0.1:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()

    def sent(self, part):
        """The Authorization headers of requests whose path holds @part."""
        return [headers.get("Authorization") for path, headers in self.asked if part in path]


class Registries(Case):
    def setUp(self):
        super().setUp()
        self.image = Image(Machine.rootfs, cmd=("echo", self.id()), unique=True)
        self.env = dict(os.environ, DOCKER_CONFIG=self.folder)
        self.env.pop("CONTAINERD_ADDRESS", None)

    def server(self, answer, tls=None):
        server = Server(answer, tls)
        self.addCleanup(server.stop)
        return server

    def content(self, request):
        """What a registry without further ado answers."""
        name = urllib.parse.urlsplit(request.path).path.rsplit("/", 1)[1]
        if "/manifests/" in request.path:
            return 200, {"Content-Type": MANIFEST}, self.image.manifest
        blob = self.image.blobs().get(name)
        return (200, {}, blob) if blob is not None else (404, {}, b"{}")

    def config(self, host, **entry):
        with open(os.path.join(self.folder, "config.json"), "w") as f:
            json.dump({"auths": {host: entry}}, f)

    def hosts(self, registry, text):
        folder = os.path.join(self.folder, "hosts", registry)
        os.makedirs(folder, exist_ok=True)
        with open(os.path.join(folder, "hosts.toml"), "w") as f:
            f.write(text)
        return folder

    def pull(self, name, *flags):
        """The image that was pulled, or the error."""
        done = subprocess.run([davit_image(), "pull", name, "--quiet", "--hosts-dir", os.path.join(self.folder, "hosts"), *flags],
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, env=self.env, timeout=60 * Machine.slow)
        self.assertEqual(done.stderr, "")
        result = json.loads(done.stdout)
        self.assertEqual(done.returncode, 1 if "error" in result else 0)
        if "images" in result:
            self.addCleanup(lambda: self.davit("image", "rm", "--force", name, code=None))
            return result["images"][0]
        return result["error"]

    def succeeds(self, name, *flags):
        got = self.pull(name, *flags)
        self.assertEqual(got.get("digest"), digest(self.image.manifest), got)


class Tokens(Registries):
    def token_registry(self, user=None, form=None):
        """A registry whose token service is at its own /token; @user: the Basic value that it wants."""
        def answer(request):
            if request.path.startswith("/token"):
                if user and request.headers.get("Authorization") != user:
                    return 401, {}, b"{}"
                if form and urllib.parse.parse_qs(request.form) != form:
                    return 400, {}, b"{}"
                return 200, {}, json.dumps({"access_token" if form else "token": "t0ken"}).encode()
            if request.headers.get("Authorization") != "Bearer t0ken":
                return 401, {"WWW-Authenticate": f'Bearer realm="http://{server.host}/token",service="tests",scope="repository:a/b:pull"'}, b"{}"
            return self.content(request)

        server = self.server(answer)
        return server

    def test_a_realm_with_a_query(self):
        def answer(request):
            if request.path.startswith("/token"):
                return 200, {}, b'{"token":"t0ken"}'
            if request.headers.get("Authorization") != "Bearer t0ken":
                return 401, {"WWW-Authenticate": f'Bearer realm="http://{server.host}/token?account=a%20b",service="s"'}, b"{}"
            return self.content(request)

        server = self.server(answer)
        self.succeeds(f"{server.host}/a/b:1")
        self.assertIn("/token?account=a%20b&service=s&scope=repository%3Aa%2Fb%3Apull", [p for p, _ in server.asked])

    def test_anonymous(self):
        server = self.token_registry()
        self.succeeds(f"{server.host}/a/b:1")
        query = urllib.parse.parse_qs(urllib.parse.urlsplit([p for p, _ in server.asked if p.startswith("/token")][0]).query)
        self.assertEqual(query, {"service": ["tests"], "scope": ["repository:a/b:pull"]})
        self.assertEqual(len([p for p, _ in server.asked if p.startswith("/token")]), 1)

    def test_with_a_password(self):
        basic = "Basic " + base64.b64encode(b"joe:secret").decode()
        server = self.token_registry(user=basic)
        refused = self.pull(f"{server.host}/a/b:1")
        self.assertEqual(refused["code"], "unauthenticated")
        self.assertIn("davit login " + server.host, refused["hint"])
        self.config(server.host, auth=base64.b64encode(b"joe:secret").decode())
        self.succeeds(f"{server.host}/a/b:1")
        self.assertEqual(set(server.sent("/blobs/")), {"Bearer t0ken"})  # the password goes to the token service only

    def test_with_an_identity_token(self):
        server = self.token_registry(form={"service": ["tests"], "scope": ["repository:a/b:pull"], "grant_type": ["refresh_token"],
                                           "client_id": ["davit"], "refresh_token": ["id&entity"]})
        self.config(server.host, identitytoken="id&entity")
        self.succeeds(f"{server.host}/a/b:1")

    def test_that_runs_out(self):
        state = {"n": 0}

        def answer(request):
            if request.path.startswith("/token"):
                state["n"] += 1
                return 200, {}, json.dumps({"token": f"t{state['n']}"}).encode()
            wanted = "t1" if "/manifests/" in request.path else "t2"
            if request.headers.get("Authorization") != "Bearer " + wanted:
                return 401, {"WWW-Authenticate": f'Bearer realm="http://{server.host}/token"'}, b"{}"
            return self.content(request)

        server = self.server(answer)
        self.succeeds(f"{server.host}/a:1")

    def test_that_runs_out_for_several_layers_at_once(self):
        layers = [self.image.layer] + [tar(f"marker{i}", os.urandom(8)) for i in range(3)]
        config = json.loads(self.image.config)
        config["rootfs"]["diff_ids"] = [digest(x) for x in layers]
        self.image.config = json.dumps(config).encode()
        manifest = json.loads(self.image.manifest)
        manifest["config"].update(digest=digest(self.image.config), size=len(self.image.config))
        manifest["layers"] = [dict(manifest["layers"][0], digest=digest(x), size=len(x)) for x in layers]
        self.image.manifest = json.dumps(manifest).encode()
        blobs = {digest(x): x for x in [self.image.config, *layers]}
        given, refused = [], threading.Barrier(3, timeout=20)

        def answer(request):
            if request.path.startswith("/token"):
                given.append(f"t{len(given)}")
                return 200, {}, json.dumps({"token": given[-1]}).encode()
            token, name = (request.headers.get("Authorization") or "").removeprefix("Bearer "), request.path.rsplit("/", 1)[1]
            layer = name in blobs and name != digest(self.image.config)
            if not token or layer and token == "t0":
                if layer:
                    refused.wait()  # so that three are refused at a time
                return 401, {"WWW-Authenticate": f'Bearer realm="http://{server.host}/token",service="s"'}, b"{}"
            return 200, {}, blobs.get(name, self.image.manifest)

        server = self.server(answer)
        self.succeeds(f"{server.host}/a:1")
        self.assertEqual(given, ["t0", "t1"])

    def test_that_are_never_enough(self):
        def answer(request):
            if request.path.startswith("/token"):
                return 200, {}, b'{"token":"x"}'
            return 401, {"WWW-Authenticate": f'Bearer realm="http://{server.host}/token"'}, b"{}"

        server = self.server(answer)
        self.assertEqual(self.pull(f"{server.host}/a:1")["code"], "unauthenticated")
        self.assertLess(len(server.asked), 8)

    def test_service_that_fails_at_first(self):
        state = {"n": 0}

        def answer(request):
            if request.path.startswith("/token"):
                state["n"] += 1
                return (503, {}, b"{}") if state["n"] == 1 else (429, {"Retry-After": "1"}, b"{}") if state["n"] == 2 else (200, {}, b'{"token":"t"}')
            if request.headers.get("Authorization") != "Bearer t":
                return 401, {"WWW-Authenticate": f'Bearer realm="http://{server.host}/token"'}, b"{}"
            return self.content(request)

        server = self.server(answer)
        self.succeeds(f"{server.host}/a:1")
        self.assertEqual(state["n"], 3)

    def test_damaged(self):
        for body in (b"", b"[]", b"{}", b'{"token":""}', b'{"token":"a\\r\\nX: y"}', b'{"token":' + b'"x' * (1 << 20)):
            def answer(request, body=body):
                if request.path.startswith("/token"):
                    return 200, {}, body
                return 401, {"WWW-Authenticate": f'Bearer realm="http://{server.host}/token"'}, b"{}"

            server = self.server(answer)
            self.assertIn("token", self.pull(f"{server.host}/a:1")["message"])

    def test_a_challenge_of_another_kind(self):
        server = self.server(lambda request: (401, {"WWW-Authenticate": "Negotiate"}, b"{}"))
        self.assertIn("kind of login", self.pull(f"{server.host}/a:1")["message"])

    def test_no_challenge(self):
        server = self.server(lambda request: (401, {}, b"{}"))
        error = self.pull(f"{server.host}/a:1")
        self.assertIn("names no way to log in", error["message"])
        self.assertIn("image registry?", error["hint"])

    def test_a_password_in_lines(self):
        """As base64(1) writes it; Docker skips the line ends."""
        server = self.token_registry(user="Basic " + base64.b64encode(b"joe:secret").decode())
        self.config(server.host, auth="\n".join(base64.b64encode(b"joe:secret").decode()[i:i + 5] for i in range(0, 16, 5)) + "\r\n")
        self.succeeds(f"{server.host}/a/b:1")

    def test_an_identity_is_not_carried_elsewhere(self):
        thief = self.server(lambda request: (200, {}, b'{"token":"t"}'))

        def answer(request):
            if request.path.startswith("/token"):
                return 307, {"Location": f"http://{thief.host}/token"}, b""
            return 401, {"WWW-Authenticate": f'Bearer realm="http://{server.host}/token"'}, b"{}"

        server = self.server(answer)
        self.config(server.host, identitytoken="identity")
        self.assertIn("not allowed", self.pull(f"{server.host}/a:1")["message"])
        self.assertEqual(thief.asked, [])


class Redirects(Registries):
    def test_do_not_carry_the_login(self):
        elsewhere = self.server(self.content)
        basic = "Basic " + base64.b64encode(b"joe:secret").decode()

        def answer(request):
            if request.headers.get("Authorization") != basic:
                return 401, {"WWW-Authenticate": 'Basic realm="x"'}, b"{}"
            if "/blobs/" in request.path:
                return 307, {"Location": f"http://{elsewhere.host}{request.path}"}, b"{}"
            return self.content(request)

        server = self.server(answer)
        self.config(server.host, auth=base64.b64encode(b"joe:secret").decode())
        self.succeeds(f"{server.host}/a:1")
        self.assertEqual(len(elsewhere.asked), 2)
        self.assertEqual(set(elsewhere.sent("/blobs/")), {None})

    def test_to_a_host_that_wants_a_login(self):
        """Whoever a redirect leads to must not be told the registry's password."""
        def elsewhere(request):
            return 401, {"WWW-Authenticate": f'Bearer realm="http://{thief.host}/token",service="s"'}, b"{}"

        def registry(request):
            if request.headers.get("Authorization") != "Basic " + base64.b64encode(b"joe:secret").decode():
                return 401, {"WWW-Authenticate": 'Basic realm="x"'}, b"{}"
            if digest(self.image.layer) in request.path:
                return 307, {"Location": f"http://{other.host}/blob"}, b""
            return self.content(request)

        thief = self.server(lambda request: (200, {}, b'{"token":"t"}'))
        other, server = self.server(elsewhere), self.server(registry)
        self.config(server.host, auth=base64.b64encode(b"joe:secret").decode())
        message = self.pull(f"{server.host}/a:1")["message"]
        self.assertIn("it redirects to " + other.host, message)
        self.assertEqual(set(thief.sent("/token")), {None})
        self.assertEqual(set(other.sent("/blob")), {None, "Bearer t"})

    def wants_token(self, token, service):
        def answer(request):
            if request.headers.get("Authorization") != "Bearer " + token:
                return 401, {"WWW-Authenticate": f'Bearer realm="http://{service().host}/token",service="s"'}, b"{}"
            return self.content(request)
        return answer

    def test_to_a_host_with_a_free_token(self):
        """Manifests and blobs are elsewhere, and each host has tokens of its own."""
        def registry(request):
            if request.path.startswith("/token"):
                return 200, {}, b'{"token":"first"}'
            if request.headers.get("Authorization") != "Bearer first":
                return 401, {"WWW-Authenticate": f'Bearer realm="http://{server.host}/token",service="s"'}, b"{}"
            return 307, {"Location": f"http://{other.host}{request.path}"}, b"x" * 100000

        tokens = self.server(lambda request: (200, {}, b'{"token":"second"}'))
        other = self.server(self.wants_token("second", lambda: tokens))
        server = self.server(registry)
        self.config(other.host, auth=base64.b64encode(b"joe:secret").decode())  # anybody could answer there: no TLS
        self.succeeds(f"{server.host}/a:1")
        self.assertEqual(set(tokens.sent("/token")), {None})
        self.assertEqual(len(tokens.asked), 1)
        self.assertEqual(set(other.sent("/v2/")), {None, "Bearer second"})
        self.assertEqual(set(server.sent("/v2/")), {None, "Bearer first"})

    def test_there_and_back(self):
        def registry(request):
            if request.headers.get("Authorization") != "Basic " + base64.b64encode(b"joe:secret").decode():
                return 401, {"WWW-Authenticate": 'Basic realm="x"'}, b"{}"
            if "back" not in request.path:
                return 307, {"Location": f"http://{other.host}{request.path}"}, b""
            return self.content(request)

        other = self.server(lambda request: (302, {"Location": f"http://{server.host}{request.path.replace('/v2/', '/v2/back/')}"}, b""))
        server = self.server(registry)
        self.config(server.host, auth=base64.b64encode(b"joe:secret").decode())
        self.succeeds(f"{server.host}/a:1")
        self.assertEqual(set(other.sent("/v2/")), {None})

    def test_headers_of_a_mirror_stay_with_it(self):
        other = self.server(self.content)
        server = self.server(lambda request: (307, {"Location": f"http://{other.host}{request.path}"}, b""))
        self.hosts("example.test", f'server = "http://{server.host}"\n[header]\nx-key = "secret"\nAuthorization = "Basic c2VjcmV0"\n')
        self.succeeds("example.test/a:1")
        self.assertTrue(all(h.get("x-key") == "secret" for _, h in server.asked))
        self.assertFalse([h for _, h in other.asked if "x-key" in h or "Authorization" in h])
        self.assertTrue(all("manifest" in h["Accept"] for _, h in other.asked))

    def test_bodies_without_end(self):
        server = self.server(lambda request: (307, {"Location": f"http://{other.host}{request.path}"}, b"x" * (64 << 20)))
        other = self.server(self.content)
        self.succeeds(f"{server.host}/a:1")

    def test_end(self):
        server = self.server(lambda request: (302, {"Location": request.path + "x"}, b""))
        self.pull(f"{server.host}/a:1")
        self.assertLess(len(server.asked), 20)

    def test_to_a_file(self):
        server = self.server(lambda request: (302, {"Location": "file:///etc/passwd"}, b""))
        self.assertIn("not allowed", self.pull(f"{server.host}/a:1")["message"])


class Ranges(Registries):
    """The layer's first answer breaks off in the middle; the request for the rest is answered by @rest(body, start)."""

    def pulls(self, rest):
        def answer(request):
            status, headers, body = self.content(request)
            wanted = request.headers.get("Range")
            if body != self.image.layer:
                return status, headers, body
            if wanted:
                return rest(body, int(wanted[len("bytes="):].rstrip("-")))
            return status, {"Content-Length": str(len(body))}, body[:len(body) // 2]

        server = self.server(answer)
        self.succeeds(f"{server.host}/a:1")
        self.assertTrue([headers for _, headers in server.asked if "Range" in headers])

    def test_the_rest(self):
        self.pulls(lambda body, start: (206, {"Content-Range": f"bytes {start}-{len(body) - 1}/{len(body)}"}, body[start:]))

    def test_that_are_not_known(self):
        self.pulls(lambda body, start: (200, {}, body))

    def test_from_another_place(self):
        self.pulls(lambda body, start: (206, {"Content-Range": f"bytes 0-{len(body) - 1}/{len(body)}"}, body))

    def test_without_a_place(self):
        self.pulls(lambda body, start: (206, {}, body[start:]))


def zstd(data):
    """@data as one frame of raw blocks (RFC 8878, 3.1.1): no program is needed to make it."""
    frame = b"\x28\xb5\x2f\xfd\xa0" + len(data).to_bytes(4, "little")
    for at in range(0, len(data), 1 << 17):
        block = data[at:at + (1 << 17)]
        last = at + len(block) == len(data)
        frame += (len(block) << 3 | last).to_bytes(3, "little") + block
    return frame


class Kinds(Registries):
    def manifest(self, **changes):
        """The image's manifest with another only layer."""
        manifest = json.loads(self.image.manifest)
        manifest["layers"][0].update(changes)
        self.image.manifest = json.dumps(manifest).encode()

    def test_zstd(self):
        plain, packed = self.image.layer, zstd(self.image.layer)
        self.manifest(mediaType="application/vnd.oci.image.layer.v1.tar+zstd", digest=digest(packed), size=len(packed))
        self.assertIn(digest(plain).encode(), self.image.config)
        self.image.layer = packed
        self.succeeds(f"{self.server(self.content).host}/a:1")

    def test_a_layer_that_may_not_be_distributed(self):
        elsewhere = self.server(self.content)
        self.manifest(mediaType="application/vnd.docker.image.rootfs.foreign.diff.tar.gzip", digest="sha256:" + "5" * 64,
                      urls=[f"http://{elsewhere.host}/v2/a/blobs/{digest(self.image.layer)}"])
        error = self.pull(f"{self.server(self.content).host}/a:1")
        self.assertEqual(error["code"], "not found")
        self.assertIn("its manifest names another place", error["message"])
        self.assertEqual(elsewhere.asked, [])

    def test_schema_1(self):
        self.image.manifest = json.dumps({"schemaVersion": 1, "name": "a", "tag": "1", "fsLayers": [], "history": [], "signatures": []}).encode()
        self.assertIn("schema 1", self.pull(f"{self.server(self.content).host}/a:1")["message"])

    def test_other_platforms(self):
        entries = [{"mediaType": MANIFEST, "digest": "sha256:" + "7" * 64, "size": 500, "platform": {"os": o, "architecture": a}}
                   for o, a in (("linux", "s390x"), ("windows", "amd64"))]
        self.image.manifest = json.dumps({"schemaVersion": 2, "manifests": entries}).encode()
        error = self.pull(f"{self.server(self.content).host}/a:1", "--platform", "linux/amd64")
        self.assertIn("linux/amd64", error["message"])
        self.assertIn("linux/s390x, windows/amd64", error["hint"])

    def test_words_that_are_not_utf8(self):
        """What a peer says reaches the caller as JSON that can be read."""
        def answer(request):
            return 401, {"WWW-Authenticate": 'Bearer realm="ftp://caf\xe9/\xff"'}, b"{}"

        self.assertIn("is no address", self.pull(f"{self.server(answer).host}/a:1")["message"])

    def test_a_page_instead_of_a_manifest(self):
        """As the page of a network that wants a login first, or of a proxy."""
        def answer(request):
            return 200, {"Content-Type": "text/html"}, b"<html>log in to the network</html>"

        error = self.pull(f"{self.server(answer).host}/a:1")
        self.assertIn("manifest", error["message"])
        self.assertIn("a proxy may have answered", error["hint"])

    def test_of_one_platform(self):
        host = self.server(self.content).host
        error = self.pull(f"{host}/a:1", "--platform", "linux/arm64")
        self.assertEqual(error["code"], "not found")
        self.assertIn("no image for platform linux/arm64", error["message"])
        self.assertIn("there is: linux/amd64", error["hint"])
        self.succeeds(f"{host}/a:1", "--platform", "linux/amd64")

    def test_artifacts(self):
        chart = {"mediaType": "application/vnd.cncf.helm.config.v1+json"}
        for config, layer, extra, kind in (
                (chart, "application/vnd.cncf.helm.chart.content.v1.tar+gzip", {}, "helm.config"),
                ({"mediaType": "application/vnd.oci.empty.v1+json"}, "application/vnd.oci.image.layer.v1.tar",
                 {"artifactType": "application/vnd.example.model"}, "example.model"),
                ({}, "application/vnd.in-toto+json", {}, "in-toto")):
            self.image = Image(Machine.rootfs)
            self.manifest(mediaType=layer)
            manifest = dict(json.loads(self.image.manifest), **extra)
            manifest["config"].update(config)
            self.image.manifest = json.dumps(manifest).encode()
            error = self.pull(f"{self.server(self.content).host}/a:1")
            self.assertIn("no container image but an artifact of type", error["message"])
            self.assertIn(kind, error["message"])


class Limits(Registries):
    def test_headers_without_end(self):
        for name in ("x-many", "x-many-{}"):
            def answer(request, name=name):
                for i in range(4000):
                    request.wfile.write(f"HTTP/1.1 200 OK\r\n".encode() if i == 0 else f"{name.format(i)}: {'v' * 8000}\r\n".encode())
                return self.content(request)

            error = self.pull(f"{self.server(answer).host}/a:1")
            self.assertIn("headers are longer", error["message"])

    def test_are_waited_out(self):
        state = {}

        def answer(request):
            state[request.path] = state.get(request.path, 0) + 1
            if digest(self.image.layer) in request.path and state[request.path] == 1:
                state["at"] = time.monotonic()
                return 429, {"Retry-After": "2"}, b"{}"
            if digest(self.image.layer) in request.path:
                state["again"] = time.monotonic()
            return self.content(request)

        self.succeeds(f"{self.server(answer).host}/a:1")
        self.assertGreaterEqual(state["again"] - state["at"], 1.9)


class Mirrors(Registries):
    def test_are_asked_first(self):
        mirror, origin = self.server(self.content), self.server(lambda request: (500, {}, b""))
        self.hosts("example.test", f'server = "http://{origin.host}"\n[host."http://{mirror.host}"]\n')
        self.succeeds("example.test/a:1")
        self.assertEqual(origin.asked, [])
        self.assertTrue(all("ns=example.test" in path for path, _ in mirror.asked))

    def test_that_fail_give_way(self):
        for status in (404, 403, 400):
            mirror, origin = self.server(lambda request, s=status: (s, {}, b"{}")), self.server(self.content)
            self.hosts("example.test", f'server = "http://{origin.host}"\n[host."http://{mirror.host}"]\n')
            self.succeeds("example.test/a:1")
            self.image = Image(Machine.rootfs, unique=True)

    def test_that_are_down_give_way(self):
        origin = self.server(self.content)
        self.hosts("example.test", f'server = "http://{origin.host}"\n[host."http://127.0.0.1:1"]\n')
        self.succeeds("example.test/a:1")

    def test_capabilities(self):
        mirror, origin = self.server(self.content), self.server(self.content)
        self.hosts("example.test", f'server = "http://{origin.host}"\n[host."http://{mirror.host}"]\ncapabilities = ["pull"]\n'
                                   '[host."http://%s".header]\nx-test = "yes"\n' % mirror.host)
        self.succeeds("example.test/a:1")
        self.assertEqual([p for p, _ in mirror.asked if p.startswith("/v2/a/manifests/1")], [])
        self.assertTrue(origin.asked[0][0].startswith("/v2/a/manifests/1"))
        self.assertTrue(mirror.asked)
        self.assertTrue(all(headers.get("x-test") == "yes" for _, headers in mirror.asked))

    def test_a_file_that_is_wrong(self):
        self.hosts("example.test", "server = [\n")
        message = self.pull("example.test/a:1")["message"]
        self.assertIn("hosts.toml", message)
        self.assertIn("line", message)


class Certificates(Registries):
    @classmethod
    def setUpClass(cls):
        cls.folder_of_keys = os.path.join(Machine.work, "keys")
        os.makedirs(cls.folder_of_keys, exist_ok=True)
        cls.cert, cls.key = (os.path.join(cls.folder_of_keys, name) for name in ("cert.pem", "key.pem"))
        try:
            subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
                            "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", cls.key, "-out", cls.cert],
                           check=True, capture_output=True)
        except FileNotFoundError:
            raise unittest.SkipTest("no openssl program") from None

    def test_are_checked(self):
        server = self.server(self.content, tls=(self.cert, self.key))
        self.hosts(server.host, f'server = "https://{server.host}"\n')
        refused = self.pull(f"{server.host}/a:1")
        self.assertIn("certificate", refused["message"])
        self.assertIn("ca", refused["hint"])
        self.assertEqual(server.asked, [])

    def test_of_an_own_authority(self):
        server = self.server(self.content, tls=(self.cert, self.key))
        self.hosts(server.host, f'server = "https://{server.host}"\nca = "{self.cert}"\n')
        self.succeeds(f"{server.host}/a:1")

    def test_may_be_ignored(self):
        server = self.server(self.content, tls=(self.cert, self.key))
        self.hosts(server.host, f'server = "https://{server.host}"\nskip_verify = true\n')
        self.succeeds(f"{server.host}/a:1")

    def test_a_token_service_without_tls_gets_no_password(self):
        tokens = self.server(lambda request: (200, {}, b'{"token":"x"}'))
        server = self.server(lambda request: (401, {"WWW-Authenticate": f'Bearer realm="http://{tokens.host}/token"'}, b"{}"),
                             tls=(self.cert, self.key))
        self.hosts(server.host, f'server = "https://{server.host}"\nca = "{self.cert}"\n')
        self.config(server.host, auth=base64.b64encode(b"joe:secret").decode())
        self.assertIn("no TLS", self.pull(f"{server.host}/a:1")["message"])
        self.assertEqual(tokens.asked, [])


class Lies(Registries):
    def test_more_bytes_than_promised(self):
        def answer(request):
            status, headers, body = self.content(request)
            return status, headers, body + b"more" if body == self.image.layer else body

        server = self.server(answer)
        self.assertIn("longer than", self.pull(f"{server.host}/a:1")["message"])

    def test_a_manifest_of_another_digest(self):
        server = self.server(self.content)
        other = "sha256:" + "0" * 64
        self.assertIn("wrong digest", self.pull(f"{server.host}/a@{other}")["message"])

    def test_a_configuration_that_does_not_fit(self):
        self.image.config = json.dumps({"os": "linux", "architecture": "amd64", "rootfs": {"type": "layers", "diff_ids": []}}).encode()
        manifest = json.loads(self.image.manifest)
        manifest["config"].update(digest=digest(self.image.config), size=len(self.image.config))
        self.image.manifest = json.dumps(manifest).encode()
        server = self.server(self.content)
        self.assertIn("0 layer digests for 1 layers", self.pull(f"{server.host}/a:1")["message"])

    def test_a_layer_that_unpacks_to_something_else(self):
        self.image.config = json.dumps({"os": "linux", "architecture": "amd64",
                                        "rootfs": {"type": "layers", "diff_ids": ["sha256:" + "1" * 64]}}).encode()
        manifest = json.loads(self.image.manifest)
        manifest["config"].update(digest=digest(self.image.config), size=len(self.image.config))
        self.image.manifest = json.dumps(manifest).encode()
        server = self.server(self.content)
        self.assertIn("configuration says", self.pull(f"{server.host}/a:1")["message"])

    def test_an_index_in_itself_without_end(self):
        def answer(request):
            depth = int(request.path.rsplit("/", 1)[1]) if request.path.endswith(("0", "1")) and "sha256" not in request.path else 0
            body = made[depth] if "sha256" not in request.path else by_digest[request.path.rsplit("/", 1)[1]]
            return 200, {}, body

        made, inner = [], self.image.manifest
        by_digest = {digest(inner): inner}
        for _ in range(6):
            inner = json.dumps({"schemaVersion": 2, "manifests": [{"mediaType": MANIFEST, "digest": digest(inner), "size": len(inner)}]}).encode()
            by_digest[digest(inner)] = inner
        made.append(inner)
        server = self.server(answer)
        self.assertIn("inside each other", self.pull(f"{server.host}/a:0")["message"])

    def test_a_length_that_is_too_large(self):
        """Every byte of the layer came, and its digest says so."""
        def answer(request):
            status, headers, body = self.content(request)
            return status, dict(headers, **{"Content-Length": str(len(body) + 10)} if body == self.image.layer else {}), body

        server = self.server(answer)
        self.succeeds(f"{server.host}/a:1")
        self.assertEqual(len([p for p, _ in server.asked if digest(self.image.layer) in p]), 1)

    def test_a_passing_failure(self):
        state = {}

        def answer(request):
            state[request.path] = state.get(request.path, 0) + 1
            if state[request.path] == 1:
                return 503, {"Retry-After": "0"}, b"{}"
            return self.content(request)

        server = self.server(answer)
        self.succeeds(f"{server.host}/a:1")
