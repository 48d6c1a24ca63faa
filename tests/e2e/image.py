"""davit image and images: import, load, list, inspect, remove."""
import gzip
import hashlib
import io
import json
import os
import shutil
import signal
import subprocess
import tarfile
import time

from lib.case import Case, Machine, Terminal, is_open, wait_until, waiting


def digest(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


def layer(files):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name, text in files.items():
            info = tarfile.TarInfo(name)
            info.size, info.mode = len(text), 0o755
            tar.addfile(info, io.BytesIO(text))
    return out.getvalue()


def archive(path, members):
    with tarfile.open(path, "w") as tar:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return path


def rootfs_layer():
    with open(Machine.rootfs, "rb") as f:
        return f.read()


def config(layers, **extra):
    return json.dumps({"architecture": "amd64", "os": "linux", "rootfs": {"type": "layers", "diff_ids": [digest(x) for x in layers]},
                       "config": dict({"Cmd": ["cat", "/marker"], "Env": ["PATH=/bin", "FROM=archive"]}, **extra)}).encode()


def docker_archive(path, tag="from-docker:1", **extra):
    layers = [rootfs_layer(), layer({"marker": b"docker layers\n"})]
    conf = config(layers, **extra)
    name = digest(conf)[7:] + ".json"
    manifest = [{"Config": name, "RepoTags": [tag], "Layers": ["0/layer.tar", "1/layer.tar"]}]
    return archive(path, {name: conf, "0/layer.tar": layers[0], "1/layer.tar": layers[1], "manifest.json": json.dumps(manifest).encode()})


def oci_archive(path, tag="from-oci:1", spoil=None):
    layers = [rootfs_layer(), layer({"marker": b"oci layers\n"})]
    conf = config(layers)
    kind = "application/vnd.oci.image."
    manifest = json.dumps({"schemaVersion": 2, "mediaType": kind + "manifest.v1+json",
                           "config": {"mediaType": kind + "config.v1+json", "digest": digest(conf), "size": len(conf)},
                           "layers": [{"mediaType": kind + "layer.v1.tar", "digest": digest(x), "size": len(x)} for x in layers]}).encode()
    index = {"schemaVersion": 2, "manifests": [{"mediaType": kind + "manifest.v1+json", "digest": digest(manifest), "size": len(manifest),
                                                "annotations": {"org.opencontainers.image.ref.name": tag, "io.containerd.image.name":
                                                                "docker.io/library/" + tag}}]}
    blobs = {"blobs/sha256/" + digest(x)[7:]: x for x in [conf, manifest, *layers]}
    if spoil:
        spoil(blobs, layers)
    return archive(path, {"oci-layout": b'{"imageLayoutVersion":"1.0.0"}', "index.json": json.dumps(index).encode(), **blobs})


def whole_tar(path):
    """Does it end with the two blocks of zeros that end an archive?"""
    with open(path, "rb") as f:
        return f.read()[-1024:] == bytes(1024)


class Images(Case):
    def remove_later(self, name):
        self.addCleanup(lambda: self.davit("image", "rm", name, code=None))

    def path(self, name):
        return os.path.join(self.folder, name)


class Load(Images):
    def run_of(self, name):
        self.remove_later(name)
        return self.davit("run", "--rm", "--pull", "never", "--network", "none", name).out

    def test_docker_archive_from_a_file(self):
        self.assertIn("from-docker:1", self.davit("image", "load", "-i", docker_archive(self.path("d.tar"))).out)
        self.assertEqual(self.run_of("from-docker:1"), "docker layers\n")

    def test_a_working_folder_that_a_link_leads_to(self):
        os.makedirs(self.path("root/srv"))
        for name, to in (("away", "/var/lib/there"), ("near", "../../not/yet"), ("here", "/srv")):
            os.symlink(to, self.path("root/" + name))
        subprocess.run(["tar", "-C", self.path("root"), "-rf", shutil.copy(Machine.rootfs, self.path("links.tar")), "away", "near", "here",
                        "srv"], check=True)
        for name, where in (("/away", "/var/lib/there"), ("/away/sub", "/var/lib/there/sub"), ("/near", "/not/yet"), ("/here", "/srv"),
                            ("/here/new", "/srv/new"), ("/www/../x", "/x")):
            with self.subTest(workdir=name):
                self.davit("image", "import", "--cmd", "pwd", "--workdir", name, self.path("links.tar"), "links:1")
                self.assertEqual(self.davit("run", "--rm", "--network", "none", "links:1").out, where + "\n")
        self.assertEqual(self.davit("run", "--rm", "--network", "none", "-w", "/away", "links:1").out, "/var/lib/there\n")
        self.assertEqual(self.davit("run", "--rm", "--network", "none", "-w", "/near/x", "--tmpfs", "/not", "links:1").out, "/not/yet/x\n")
        self.remove_later("links:1")

    def test_volumes_that_cannot_be(self):
        self.remove_later("odd:1")
        for declared in ("/", "//./", "/a/.."):
            self.davit("image", "load", "-i", docker_archive(self.path("odd.tar"), tag="odd:1", Volumes={declared: {}}))
            for flags in ([], ["-v", f"{self.folder}:/x"]):
                self.fails("run", "--rm", "--network", "none", *flags, "odd:1", "true",
                           says=["image odd:1: it declares its root folder a volume", f'VOLUME "{declared}"', "build it again"])
        self.assertEqual(self.davit("volume", "ls", "-q").out, "")

    def test_a_volume_by_another_spelling(self):
        self.remove_later("odd:1")
        self.davit("image", "load", "-i", docker_archive(self.path("odd.tar"), tag="odd:1", Volumes={"/vol//": {}, "vol/.": {}}))
        for flags in (["-v", f"{self.folder}:/vol"], ["--tmpfs", "/vol/"], []):
            out = self.davit("run", "--rm", "--network", "none", *flags, "odd:1", "sh", "-c", "grep -c ' /vol ' /proc/mounts").out
            self.assertEqual(out, "1\n")

    def test_oci_archive_from_a_file(self):
        self.davit("image", "load", "-i", oci_archive(self.path("o.tar")))
        self.assertEqual(self.run_of("from-oci:1"), "oci layers\n")

    def test_from_standard_input_and_compressed(self):
        path = docker_archive(self.path("d.tar"), tag="from-gzip:1")
        with open(path, "rb") as f:
            packed = subprocess.run(["gzip", "-1"], stdin=f, capture_output=True, check=True).stdout
        done = subprocess.run([Machine.davit, "image", "load"], input=packed, capture_output=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(self.run_of("from-gzip:1"), "docker layers\n")

    def test_a_layer_that_is_not_its_digest(self):
        def spoil(blobs, layers):
            blobs["blobs/sha256/" + digest(layers[1])[7:]] = layer({"marker": b"evil layers\n"})
        self.fails("image", "load", "-i", oci_archive(self.path("x.tar"), "spoilt:1", spoil), says=["digest"], progress=True)

    def test_a_missing_layer(self):
        def spoil(blobs, layers):
            del blobs["blobs/sha256/" + digest(layers[1])[7:]]
        self.fails("image", "load", "-i", oci_archive(self.path("x.tar"), "partial:1", spoil), says=["sha256:"], progress=True)

    def test_what_is_no_archive(self):
        with open(self.path("text"), "w") as f:
            f.write("hello\n" * 1000)
        self.fails("image", "load", "-i", self.path("text"), says=["text"])
        self.fails("image", "load", "-i", self.path("none"), says=["none"])
        self.fails("image", "load", input="", says=["archive"])

    def test_what_has_no_end(self):
        """Its beginning says that it is no tar: neither its end nor a full disk is waited for."""
        packed = self.path("zeros.gz")
        with gzip.open(packed, "wb", 1) as f:
            for _ in range(300):
                f.write(bytes(1 << 20))
        with open("/dev/zero", "rb") as zeros:
            for args, more in ((("-i", packed), {}), (("-i", "/dev/zero"), {}), ((), {"stdin": zeros})):
                process = self.start("image", "load", *args, **more)
                self.assertIn("no image archive", process.communicate(timeout=20 * Machine.slow)[1])
                self.assertEqual(process.returncode, 125)

    def test_links_between_layers(self):
        """As docker save writes them: a layer that an earlier image has is a link to it."""
        layers = [rootfs_layer(), layer({"marker": b"linked layers\n"})]
        conf = config([layers[0], layers[1], layers[1]])
        manifest = [{"Config": "c.json", "RepoTags": ["linked:1"], "Layers": ["0/layer.tar", "1/layer.tar", "2/layer.tar"]}]
        path = archive(self.path("l.tar"), {"c.json": conf, "0/layer.tar": layers[0], "1/layer.tar": layers[1],
                                            "manifest.json": json.dumps(manifest).encode()})
        with tarfile.open(path, "a") as tar:
            info = tarfile.TarInfo("2/layer.tar")
            info.type, info.linkname = tarfile.SYMTYPE, "../1/layer.tar"
            tar.addfile(info)
        self.davit("image", "load", "-i", path)
        self.assertEqual(self.run_of("linked:1"), "linked layers\n")

    def test_too_many_layers_or_names(self):
        many = {"Layers": ["0/layer.tar"] * 1025}, {"Layers": ["0/layer.tar"], "RepoTags": [f"many:{i}" for i in range(1025)]}
        for extra, word in zip(many, ("1025 layers", "1025 names")):
            path = archive(self.path("m.tar"), {"c.json": config([b""]), "0/layer.tar": layer({"a": b"b"}),
                                                "manifest.json": json.dumps([dict({"Config": "c.json"}, **extra)]).encode()})
            self.fails("image", "load", "-i", path, says=[word], progress=True)

    def test_hostile_links(self):
        for link in ("/etc/passwd", "../../../../etc/passwd", "0/layer.tar"):
            path = self.path("h.tar")
            conf = config([rootfs_layer()])
            manifest = [{"Config": "c.json", "RepoTags": ["hostile:1"], "Layers": ["0/layer.tar"]}]
            archive(path, {"c.json": conf, "manifest.json": json.dumps(manifest).encode()})
            for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE):
                with tarfile.open(path, "a") as tar:
                    info = tarfile.TarInfo("0/layer.tar")
                    info.type, info.linkname = kind, link
                    tar.addfile(info)
                self.fails("image", "load", "-i", path, says=["0/layer.tar", "missing"], progress=True)

    def test_a_layer_with_holes(self):
        folder = self.path("sparse")
        os.makedirs(os.path.join(folder, "0"))
        with open(os.path.join(folder, "0/layer.tar"), "wb") as f:
            f.write(layer({"marker": b"x\n"}))
            f.truncate(8 << 20)
            f.seek(0, os.SEEK_END)
            f.write(b"\0" * 512 + b"end")
        for name, data in (("c.json", config([b""])), ("manifest.json", json.dumps([{"Config": "c.json", "RepoTags": ["holes:1"],
                                                                                   "Layers": ["0/layer.tar"]}]).encode())):
            with open(os.path.join(folder, name), "wb") as f:
                f.write(data)
        for form in ("gnu", "pax"):
            subprocess.run(["tar", "-S", f"--format={form}", "-C", folder, "-cf", self.path("s.tar"), "."], check=True)
            self.fails("image", "load", "-i", self.path("s.tar"), says=["0/layer.tar", "holes", "--sparse"], progress=True)

    def test_a_pipe_whose_writer_is_silent(self):
        os.mkfifo(self.path("pipe"))
        self.addCleanup(os.close, os.open(self.path("pipe"), os.O_RDWR))
        process = self.start("image", "load", "-i", self.path("pipe"), process_group=0)
        wait_until("davit-image at the pipe", lambda: is_open(self.path("pipe")))
        os.killpg(process.pid, signal.SIGINT)
        _, err = process.communicate(timeout=20 * Machine.slow)
        self.assertEqual(process.returncode, 130, err)
        self.assertIn("interrupted", err)

    def test_truncated(self):
        path = oci_archive(self.path("o.tar"), "cut:1")
        os.truncate(path, os.path.getsize(path) // 2)
        self.fails("image", "load", "-i", path, progress=True)
        self.assertNotIn("cut", self.davit("images").out)


class Stored(Images):
    """What of an archive comes into containerd, and at what cost."""

    def blobs(self):
        return set(Machine.containerd.ctr("content", "ls", "-q", ns=Machine.ns).stdout.split())

    def many(self, path, n):
        with tarfile.open(path, "a") as tar:
            for i in range(n):
                info = tarfile.TarInfo("blobs/sha256/" + digest(b"%d" % i)[7:])
                info.size = len(b"%d" % i)
                tar.addfile(info, io.BytesIO(b"%d" % i))
        return path

    def test_only_what_a_manifest_names(self):
        for make, name in ((docker_archive, "stored:1"), (oci_archive, "stored:2")):
            before = self.blobs()
            began = time.monotonic()
            self.davit("image", "load", "-i", self.many(make(self.path("m.tar"), tag=name), 10000))
            self.assertLess(time.monotonic() - began, 30 * Machine.slow)
            self.remove_later(name)
            self.assertLessEqual(len(self.blobs() - before), 4)

    def test_nothing_of_what_is_refused(self):
        before = self.blobs()
        began = time.monotonic()
        self.fails("image", "load", "-i", self.many(self.path("n.tar"), 20000), says=["more than 16384 entries"], progress=True)
        self.fails("image", "load", "-i", self.many(self.path("o.tar"), 5000), says=["no image archive"], progress=True)
        self.assertLess(time.monotonic() - began, 30 * Machine.slow)
        self.assertEqual(self.blobs(), before)

    def test_a_configuration_that_does_not_fit(self):
        layers = [layer({"a": os.urandom(99)}), layer({"b": os.urandom(99)})]
        path = archive(self.path("u.tar"), {"c.json": config(layers[:1]), "0": layers[0], "1": layers[1], "manifest.json": json.dumps(
            [{"Config": "c.json", "RepoTags": ["unfit:1"], "Layers": ["0", "1"]}]).encode()})
        before = self.blobs()
        self.fails("image", "load", "-i", path, says=["c.json", "1 layer digests for 2 layers"], progress=True)
        self.assertEqual(self.blobs(), before)

    def test_packed_and_from_anywhere(self):
        path = docker_archive(self.path("p.tar"), tag="packed:1")
        for tool in ("gzip", "xz", "zstd", "bzip2"):
            if not shutil.which(tool):
                continue
            with open(path, "rb") as f, open(path + "." + tool, "wb") as to:
                subprocess.run([tool, "-1", "-c"], stdin=f, stdout=to, check=True)
            for given in (["-i", path + "." + tool], []):
                with open(path + "." + tool, "rb") as f:
                    done = subprocess.run([Machine.davit, "image", "load", *given], stdin=f, capture_output=True, text=True)
                self.assertEqual((done.returncode, done.stdout), (0, "packed:1\n"), done.stderr)
                self.davit("image", "rm", "packed:1")
        with open(path, "rb+") as f:  # standard input that stands in the middle of a file
            data = f.read()
            f.seek(0)
            f.write(b"in front" + data)
        with open(path, "rb") as f:
            os.lseek(f.fileno(), 8, os.SEEK_SET)
            done = subprocess.run([Machine.davit, "image", "load"], stdin=f, capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.davit("image", "rm", "packed:1")
        self.assertEqual([x for x in os.listdir("/var/tmp") if x.startswith("davit-image")], [])

    def test_no_room_for_a_copy(self):
        small = self.path("small")
        os.mkdir(small)
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", small], check=True)
        self.addCleanup(lambda: subprocess.run(["umount", small], check=True))
        path = docker_archive(self.path("s.tar"), tag="small:1")
        with open(path, "rb") as f:
            done = subprocess.run([Machine.davit, "image", "load"], input=f.read(), capture_output=True, env=dict(os.environ, TMPDIR=small))
        self.assertEqual(done.returncode, 125)
        self.assertIn(b"TMPDIR", done.stderr)
        self.davit("image", "load", "-i", path, env=dict(os.environ, TMPDIR=small))
        self.remove_later("small:1")

    def test_a_header_without_end(self):
        packed = gzip.compress(b"", mtime=0)
        names = {"name": b"\x1f\x8b\x08\x08" + b"\0" * 6 + b"n" * (60 << 20) + b"\0" + packed[10:],
                 "second": gzip.compress(tarfile.TarInfo("a").tobuf()) + b"\x1f\x8b\x08\x10" + b"\0" * 6 + b"n" * (60 << 20) + b"\0" + packed[10:]}
        pax = tarfile.TarInfo("x")
        pax.type, pax.size = b"x", 60 << 20
        names["pax"] = pax.tobuf() + b"60 a=" + b"p" * (60 << 20)
        for name, data in names.items():
            with open(self.path(name), "wb") as f:
                f.write(data)
            says = "header too large" if name == "pax" else "header in it is longer than 4 MiB"
            for command in (["image", "load", "-i", self.path(name)], ["image", "import", self.path(name), "headers:1"]):
                self.fails(*command, says=[says], progress=True)


class Save(Images):
    def members(self, path):
        with tarfile.open(path) as tar:
            return {m.name: tar.extractfile(m).read() for m in tar.getmembers() if m.isfile()}

    def loaded(self, tag="save:1"):
        self.davit("image", "load", "-i", oci_archive(self.path("in.tar"), tag=tag))
        self.remove_later(tag)
        return self.json("image", "inspect", tag)[0]

    def runs(self, name, text="oci layers\n"):
        self.assertEqual(self.davit("run", "--rm", "--pull", "never", "--network", "none", name).out, text)

    def test_and_load_again(self):
        record = self.loaded()
        self.davit("image", "tag", "save:1", "example.test/other/name:2")
        self.remove_later("example.test/other/name:2")
        self.assertEqual(self.davit("image", "save", "-o", self.path("s.tar"), "save:1", "example.test/other/name:2", Machine.image).out, "")
        files = self.members(self.path("s.tar"))
        for name, data in files.items():
            if name.startswith("blobs/"):
                self.assertEqual(digest(data)[7:], name[13:])
        docker = json.loads(files["manifest.json"])
        self.assertEqual([x["RepoTags"] for x in docker], [["save:1", "example.test/other/name:2"], [Machine.image]])
        self.assertTrue(all(x["Config"] in files and set(x["Layers"]) <= set(files) for x in docker))
        self.assertEqual(len(json.loads(files["index.json"])["manifests"]), 3)
        for name in ("save:1", "example.test/other/name:2"):
            self.davit("image", "rm", name)
        self.assertEqual(set(self.davit("image", "load", "-i", self.path("s.tar")).out.split()),
                         {"save:1", "example.test/other/name:2", Machine.image})
        self.assertEqual(self.json("image", "inspect", "save:1")[0]["digest"], record["digest"])
        self.runs("example.test/other/name:2")
        before = os.path.getmtime(self.path("s.tar"))
        with open(self.path("again.tar"), "wb") as f:
            subprocess.run([Machine.davit, "image", "save", "save:1", "example.test/other/name:2", Machine.image], stdout=f, check=True)
        with open(self.path("again.tar"), "rb") as a, open(self.path("s.tar"), "rb") as b:
            self.assertEqual(a.read(), b.read())
        self.assertEqual(os.path.getmtime(self.path("s.tar")), before)

    def test_through_a_pipe(self):
        self.loaded("piped:1")
        saving = subprocess.Popen([Machine.davit, "image", "save", "-q", "piped:1"], stdout=subprocess.PIPE)
        done = subprocess.run([Machine.davit, "-n", Machine.ns, "image", "load"], stdin=saving.stdout, capture_output=True, text=True)
        saving.stdout.close()
        self.assertEqual((saving.wait(), done.returncode, done.stdout), (0, 0, "piped:1\n"), done.stderr)

    def test_one_that_is_named_twice(self):
        """In one form and another: it is in the archive once."""
        self.loaded("twice:1")
        self.davit("image", "save", "-q", "-o", self.path("s.tar"), "twice:1", "twice:1", "docker.io/library/twice:1")
        with tarfile.open(self.path("s.tar")) as tar:
            self.assertEqual([m["RepoTags"] for m in json.load(tar.extractfile("manifest.json"))], [["twice:1"]])
            self.assertEqual(len(json.load(tar.extractfile("index.json"))["manifests"]), 1)
        self.assertEqual(self.davit("image", "load", "-q", "-i", self.path("s.tar")).out, "twice:1\n")

    def test_what_docker_images_are(self):
        self.davit("image", "load", "-i", docker_archive(self.path("d.tar"), tag="savedocker:1"))
        self.remove_later("savedocker:1")
        self.davit("image", "save", "-o", self.path("s.tar"), "savedocker:1")
        self.davit("image", "rm", "savedocker:1")
        self.davit("image", "load", "-i", self.path("s.tar"))
        self.runs("savedocker:1", "docker layers\n")

    def test_for_ctr_and_skopeo(self):
        self.loaded("peers:1")
        self.davit("image", "save", "-o", self.path("s.tar"), "peers:1")
        ns = Machine.ns + "-peer"
        Machine.containerd.ctr("images", "import", self.path("s.tar"), ns=ns)
        self.assertIn("docker.io/library/peers:1", Machine.containerd.ctr("images", "ls", "-q", ns=ns).stdout)
        wait_until("an archive of ctr's that is whole: that of 2.2 may end before its last block is written", lambda: (
            Machine.containerd.ctr("images", "export", self.path("ctr.tar"), "docker.io/library/peers:1", ns=ns) and
            whole_tar(self.path("ctr.tar"))))
        Machine.containerd.ctr("images", "rm", "--sync", "docker.io/library/peers:1", ns=ns)
        Machine.containerd.ctr("namespaces", "rm", ns)
        self.davit("image", "load", "-i", self.path("ctr.tar"))
        self.runs("peers:1")
        if not shutil.which("skopeo"):
            return
        policy = self.path("policy.json")
        with open(policy, "w") as f:
            f.write('{"default":[{"type":"insecureAcceptAnything"}]}')
        for source in (f"oci-archive:{self.path('s.tar')}:1", f"docker-archive:{self.path('s.tar')}:peers:1"):
            to = "docker-archive:" + self.path("skopeo.tar") + ":frompeer:1"
            subprocess.run(["skopeo", "--policy", policy, "--tmpdir", self.folder, "copy", source, to], check=True, capture_output=True)
            self.davit("image", "load", "-i", self.path("skopeo.tar"))
            self.remove_later("frompeer:1")
            self.runs("frompeer:1")
            os.unlink(self.path("skopeo.tar"))

    def test_by_id_and_by_digest(self):
        record = self.loaded("byid:1")
        self.davit("image", "save", "-o", self.path("i.tar"), record["configDigest"][7:19])
        files = self.members(self.path("i.tar"))
        self.assertEqual(json.loads(files["manifest.json"])[0]["RepoTags"], [])
        loaded = self.davit("image", "load", "-i", self.path("i.tar")).out.strip()
        self.remove_later(loaded)
        self.assertRegex(loaded, "^localhost/loaded:[0-9a-f]{12}$")
        by = "byid@" + record["digest"]
        self.davit("image", "save", "-o", self.path("n.tar"), by)
        self.davit("image", "rm", "byid:1")
        self.assertEqual(self.davit("image", "load", "-i", self.path("n.tar")).out.strip(), by)
        self.remove_later(by)

    def test_nothing_stays_of_a_failure(self):
        self.fails("image", "save", "-o", self.path("none.tar"), "nothing:1", says=["nothing:1", "not found"])
        self.fails("image", "save", "-o", self.path("no/such.tar"), Machine.image, says=["no/such.tar"])
        self.fails("image", "save", "-o", self.folder, Machine.image, says=[self.folder])
        self.fails("image", "save", "--platform", "linux/s390x", "-o", self.path("none.tar"), Machine.image, says=["linux/s390x"])
        small = self.path("small")
        os.mkdir(small)
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", small], check=True)
        self.addCleanup(lambda: subprocess.run(["umount", small], check=True))
        with open(os.path.join(small, "s.tar"), "w") as f:
            f.write("before")
        self.fails("image", "save", "-o", os.path.join(small, "s.tar"), Machine.image, says=["s.tar"], progress=True)
        self.assertEqual(os.listdir(small), ["s.tar"])
        with open(os.path.join(small, "s.tar")) as f:
            self.assertEqual(f.read(), "before")
        self.assertEqual(os.listdir(self.folder), ["small"])

    def test_interrupted(self):
        process = self.start("image", "save", Machine.image, stdout=subprocess.PIPE, process_group=0)
        wait_until("a pipe that is full", lambda: waiting(process.stdout) >= 65536)
        os.killpg(process.pid, signal.SIGINT)
        self.assertEqual(process.wait(20 * Machine.slow), 130)
        process.stdout.close()

    def test_a_reader_that_leaves(self):
        process = self.start("image", "save", Machine.image, stdout=subprocess.PIPE)
        process.stdout.read(10)
        process.stdout.close()
        self.assertNotEqual(process.wait(20 * Machine.slow), 0)

    def test_a_terminal_is_refused(self):
        terminal = Terminal(self, "image", "save", Machine.image)
        terminal.expect("is a terminal")
        self.assertEqual(terminal.wait(), 125)

    def test_in_place(self):
        self.davit("image", "save", "-o", "/dev/null", Machine.image)
        self.assertTrue(os.path.exists("/dev/null") and not os.path.isfile("/dev/null"))
        os.symlink(self.path("real.tar"), self.path("link.tar"))
        with open(self.path("real.tar"), "w"):
            pass
        self.davit("image", "save", "-o", self.path("link.tar"), Machine.image)
        self.assertTrue(os.path.islink(self.path("link.tar")) and tarfile.is_tarfile(self.path("real.tar")))


class Import(Images):
    def test_with_a_configuration(self):
        self.davit("image", "import", "--cmd", "printenv X", "--env", "X=imported", "--user", "web", "--workdir", "/www", Machine.rootfs,
                   "imported:1", code=None)
        self.remove_later("imported:1")
        self.davit("image", "import", "--cmd", "id", Machine.rootfs, "imported:2")
        self.remove_later("imported:2")
        self.assertIn("uid=0", self.davit("run", "--rm", "--network", "none", "imported:2").out)

    def rootfs(self, name, add):
        """The machine's root file system and what @add(tar) puts behind it."""
        path = self.path(name + ".tar")
        shutil.copy(Machine.rootfs, path)
        with tarfile.open(path, "a") as tar:
            add(tar)
        return path

    def test_entries_that_lead_out(self):
        def member(tar, name, kind=tarfile.REGTYPE, link="", data=b""):
            info = tarfile.TarInfo(name)
            info.type, info.linkname, info.size = kind, link, len(data)
            tar.addfile(info, io.BytesIO(data))

        for name in ("../../outside", "a/../../outside", "..", "./.."):
            path = self.rootfs("dots", lambda tar, name=name: member(tar, name, data=b"evil"))
            self.fails("image", "import", path, "evil:1", says=["leads out of the root"], progress=True)

        outside = self.path("outside")

        def through_a_link(tar):
            member(tar, "way", tarfile.SYMTYPE, self.folder)
            member(tar, "way/outside", data=b"evil")

        def by_a_hard_link(tar):
            member(tar, "passwd", tarfile.LNKTYPE, "../../../../../../../../etc/passwd")

        def from_the_root(tar):
            member(tar, outside, data=b"evil")

        for add in (through_a_link, by_a_hard_link, from_the_root):
            made = self.davit("image", "import", "--cmd", "true", self.rootfs(add.__name__, add), "evil:1", code=None)
            self.assertIn(made.code, (0, 125), made)
            self.remove_later("evil:1")
            if made.code == 0:
                done = self.davit("run", "--rm", "--network", "none", "evil:1", "cat", "/passwd", code=None)
                self.assertNotIn("/bin/bash", done.out)
            self.assertFalse(os.path.exists(outside), add.__name__)
            self.davit("image", "rm", "evil:1", code=None)

    def test_what_a_root_file_system_may_hold(self):
        def add(tar):
            for name, kind in (("dev/null2", tarfile.CHRTYPE), ("pipe", tarfile.FIFOTYPE)):
                info = tarfile.TarInfo(name)
                info.type, info.devmajor, info.devminor, info.mode = kind, 1, 3, 0o666
                tar.addfile(info)
            info = tarfile.TarInfo("deep/" + "/".join(["d" * 90] * 5))
            info.size, info.pax_headers = 5, {"SCHILY.xattr.user.note": "kept"}
            tar.addfile(info, io.BytesIO(b"deep\n"))
            info = tarfile.TarInfo("owned")
            info.uid, info.gid, info.mode = 3000000, 4000000, 0o4755
            tar.addfile(info)

        self.davit("image", "import", self.rootfs("rich", add), "rich:1")
        self.remove_later("rich:1")
        out = self.davit("run", "--rm", "--network", "none", "rich:1", "sh", "-c",
                         "stat -c %t:%T /dev/null2 2>/dev/null; stat -c %F /pipe; cat /deep/*/*/*/*/*; stat -c '%u %g %a' /owned").out.splitlines()
        self.assertEqual(out[-3:], ["fifo", "deep", "3000000 4000000 4755"])

    def test_a_size_that_is_a_lie(self):
        header = bytearray(tarfile.TarInfo("huge").tobuf())
        header[124:136] = b"\x80" + b"\0" * 3 + b"\x7f" + b"\xff" * 7  # base 256: eight exbibytes
        header[148:156] = b" " * 8
        header[148:156] = b"%06o\0 " % sum(header)
        with open(self.path("lie.tar"), "wb") as f:
            f.write(bytes(header) + b"x" * 1024)
        self.fails("image", "import", self.path("lie.tar"), "lie:1", says=["lie.tar"], progress=True)
        self.fails("image", "load", "-i", self.path("lie.tar"), says=["lie.tar"], progress=True)

    def test_interrupted(self):
        process = self.start("image", "import", "-", "never:1", stdin=subprocess.PIPE, process_group=0)
        with open(Machine.rootfs, "rb") as f:
            process.stdin.buffer.write(f.read(300000)) if hasattr(process.stdin, "buffer") else process.stdin.write(f.read(300000))
        process.stdin.flush()
        wait_until("a reader", lambda: waiting(process.stdin) == 0)
        os.killpg(process.pid, signal.SIGINT)
        self.assertEqual(process.wait(20 * Machine.slow), 130)
        process.stdin.close()

    def test_not_a_tar(self):
        self.fails("image", "import", "/etc/passwd", "bad:1", says=["/etc/passwd"])
        self.fails("image", "import", Machine.rootfs, "Bad Name", says=["Bad Name"])


class Records(Images):
    def test_list(self):
        out = self.davit("images").out
        self.assertRegex(out, r"busybox\s+local|busybox:local")
        self.assertIn("busybox", self.davit("-n", "nowhere", "images", "-A").out)
        hint = self.davit("-n", "nowhere", "images")
        self.assertIn("davit", hint.out + hint.err)

    def test_inspect(self):
        text = json.dumps(self.json("image", "inspect", Machine.image))
        self.assertIn("sha256:", text)
        self.assertIn('"sh"', text)
        self.fails("image", "inspect", "nothing:1", says=["nothing:1"])

    def test_remove(self):
        self.davit("image", "import", Machine.rootfs, "shortlived:1")
        self.davit("image", "rm", "shortlived:1")
        self.assertNotIn("shortlived", self.davit("images").out)
        self.fails("image", "rm", "shortlived:1", says=["shortlived:1"])

    def test_in_use(self):
        name = self.job()
        self.fails("image", "rm", Machine.image, says=[Machine.image, name])


class Names(Images):
    def setUp(self):
        super().setUp()
        self.record = self.json("image", "inspect", Machine.image)[0]

    def runs(self, name):
        return self.davit("run", "--rm", "--network", "none", "--pull", "never", name, "echo", "fine").out == "fine\n"

    def test_every_id_that_is_shown(self):
        for full in (self.record["digest"], self.record["manifest"], self.record["configDigest"]):
            for what in (full, full[7:], full[7:19], full[:13]):
                self.assertTrue(self.runs(what), what)
                self.assertEqual(self.json("image", "inspect", what)[0]["name"], self.record["name"])

    def test_a_pipe_that_nobody_writes_to(self):
        os.mkfifo(self.path("fifo"))
        for command in (("image", "load", "-i"), ("image", "import")):
            self.fails(*command, self.path("fifo"), *(["x:1"] if command[1] == "import" else []), says=["nobody writes to"], progress=True)

    def test_an_id_that_is_not_there(self):
        for pull in ("missing", "never", "always"):
            self.fails("run", "--rm", "--pull", pull, "sha256:" + "1" * 64, says=["sha256:1111"])
        self.fails("image", "tag", "sha256:" + "1" * 64, "x:1", says=["not found"])
        self.fails("image", "tag", Machine.image, "sha256:" + "1" * 64, says=["ID"])

    def test_an_ambiguous_beginning(self):
        layers = [layer({"bin/x": b"x"})]
        seen = {}
        for i in range(1 << 16):  # two configurations whose digests begin with the same four digits
            text = config(layers, N=i)
            start = digest(text)[7:11]
            if start in seen:
                break
            seen[start] = text
        for n, conf in enumerate((seen[start], text)):
            path = archive(self.path("a.tar"), {"c.json": conf, "0.tar": layers[0], "manifest.json": json.dumps(
                [{"Config": "c.json", "RepoTags": [f"alike:{n}"], "Layers": ["0.tar"]}]).encode()})
            self.davit("image", "load", "-i", path)
            self.remove_later(f"alike:{n}")
        for command in (("image", "inspect"), ("image", "rm"), ("run", "--rm", "--network", "none")):
            self.fails(*command, start, says=["alike:0", "alike:1", digest(text)[7:19], "more digits"])
        self.assertEqual(self.json("image", "inspect", digest(text)[7:71])[0]["name"], "docker.io/library/alike:1")

    def test_a_digest_of_what_has_a_tag(self):
        self.davit("image", "tag", Machine.image, "example.test/a/b:1")
        self.remove_later("example.test/a/b:1")
        by = "example.test/a/b@" + self.record["digest"]
        for name in (by, by.replace("@", ":1@"), by.replace("@", ":other@")):
            self.assertTrue(self.runs(name), name)
        self.assertEqual(self.json("image", "inspect", by)[0]["name"], "example.test/a/b:1")
        self.fails("run", "--rm", "--pull", "never", "example.test/a/c@" + self.record["digest"], says=["not present"])
        self.fails("run", "--rm", "--pull", "never", "example.test/a/b@sha256:" + "1" * 64, says=["not present"])

    def test_a_name_with_a_false_digest(self):
        lie = "example.test/n@sha256:" + "1" * 64
        self.fails("image", "load", "-i", docker_archive(self.path("d.tar"), tag=lie), says=["sha256:1111"], progress=True)
        self.fails("image", "load", "-i", docker_archive(self.path("t.tar"), tag=lie.replace("@", ":1@")), says=["sha256:1111"], progress=True)
        self.fails("image", "import", Machine.rootfs, lie, says=["digest"])
        self.fails("image", "tag", Machine.image, lie, says=["sha256:1111"])
        Machine.containerd.ctr("images", "tag", self.record["name"], lie, ns=Machine.ns)  # another client is free to lie
        for command in (("run", "--rm", "--network", "none"), ("image", "inspect"), ("image", "history")):
            self.fails(*command, lie, says=["sha256:1111", "another digest"])
        self.fails("image", "tag", lie, "x:1", says=["another digest"])
        self.fails("image", "save", "-o", self.path("s.tar"), lie, says=["another digest"])
        self.assertEqual(self.davit("image", "rm", lie).out, lie + "\n")
        self.assertTrue(self.runs(Machine.image))

    def test_a_name_that_reads_like_a_digest(self):
        lie = "sha256:" + "1" * 64
        self.fails("image", "load", "-i", docker_archive(self.path("d.tar"), tag=lie), says=["as a digest is"], progress=True)
        Machine.containerd.ctr("images", "tag", self.record["name"], "docker.io/library/" + lie, ns=Machine.ns)
        self.fails("run", "--rm", "--network", "none", "--pull", "never", lie, says=["not present"])
        self.assertIn("docker.io/library/" + lie, self.davit("images").out)
        Machine.containerd.ctr("images", "rm", "docker.io/library/" + lie, ns=Machine.ns)

    def test_a_name_with_a_true_digest(self):
        true = "example.test/n@" + self.record["digest"]
        self.davit("image", "tag", Machine.image, true)
        self.remove_later(true)
        self.assertTrue(self.runs(true))

    def test_an_id_with_several_names(self):
        self.davit("image", "load", "-i", docker_archive(self.path("d.tar"), tag="several:1", Labels={"unique": "several"}))
        self.remove_later("several:1")
        self.davit("image", "tag", "several:1", "several:2")
        self.remove_later("several:2")
        self.assertEqual(self.davit("image", "tag", "several:1", "several:2").out, "")
        id = self.json("image", "inspect", "several:2")[0]["configDigest"][7:19]
        self.fails("image", "rm", id, says=["several:1", "several:2", "--force"])
        self.assertEqual(sorted(self.davit("image", "rm", "--force", id).out.split()), ["several:1", "several:2"])

    def test_a_job_is_named(self):
        self.davit("image", "tag", Machine.image, "used:1")
        self.remove_later("used:1")
        name = "uses-an-image"
        self.davit("run", "-d", "--name", name, "--network", "none", "used:1", "sleep", "1000")
        self.addCleanup(lambda: self.davit("rm", "-f", name))
        self.fails("image", "rm", "used:1", says=["job " + name, "davit rm " + name])


class History(Images):
    def test_steps_and_layers(self):
        layers = [rootfs_layer(), layer({"marker": b"history\n"})]
        conf = json.loads(config(layers))
        conf["history"] = [{"created": "2024-01-01T00:00:00Z", "created_by": "ADD rootfs / # \x1b[31m"},
                           {"created_by": "ENV A=" + "b" * 100, "empty_layer": True}, {"created_by": "RUN\ttouch\n marker", "comment": "why"}]
        conf = json.dumps(conf).encode()
        path = archive(self.path("h.tar"), {"c.json": conf, "0.tar": layers[0], "1.tar": layers[1], "manifest.json": json.dumps(
            [{"Config": "c.json", "RepoTags": ["history:1"], "Layers": ["0.tar", "1.tar"]}]).encode()})
        self.davit("image", "load", "-i", path)
        self.remove_later("history:1")
        rows = [json.loads(x) for x in self.davit("image", "history", "--format", "json", "history:1").out.splitlines()]
        self.assertEqual([x.get("layer") for x in rows], [digest(layers[1]), None, digest(layers[0])])
        self.assertEqual(rows[0]["comment"], "why")
        self.assertEqual(rows[2]["created_at"], "2024-01-01T00:00:00.000000000Z")
        table = self.davit("image", "history", "history:1").out
        self.assertIn("RUN touch marker", table)
        self.assertIn("...", table)
        self.assertNotIn("\x1b", table)
        self.assertIn("b" * 100, self.davit("image", "history", "--no-trunc", "history:1").out)
        self.assertEqual(self.davit("image", "history", "-q", "history:1").out.split(), [digest(layers[1]), digest(layers[0])])

    def test_layers_without_a_history(self):
        self.davit("image", "load", "-i", docker_archive(self.path("d.tar"), tag="nohistory:1"))
        self.remove_later("nohistory:1")
        self.assertEqual(len(self.davit("image", "history", "-q", "nohistory:1").out.split()), 2)


class Prune(Images):
    def prunes(self, *flags):
        out = self.davit("image", "prune", "--dry-run", *flags).out.splitlines()
        self.assertTrue(all(x.startswith("would remove ") for x in out), out)
        return {x[13:] for x in out}

    def test_what_nobody_named(self):
        target = self.json("image", "inspect", Machine.image)[0]["digest"]
        self.davit("image", "load", "-i", docker_archive(self.path("a.tar"), tag="prune:1", Labels={"prune": "1"}))
        digest_of = self.json("image", "inspect", "prune:1")[0]["digest"]
        alone = "example.test/prune@" + digest_of
        self.davit("image", "tag", "prune:1", alone)
        self.remove_later("prune:1")
        self.remove_later(alone)
        self.davit("image", "tag", Machine.image, "example.test/beside@" + target)
        self.remove_later("example.test/beside@" + target)
        self.assertEqual(self.prunes(), set())  # each has a tag too
        self.davit("image", "rm", "prune:1")
        self.assertEqual(self.prunes(), {alone})
        self.assertEqual(self.prunes("--filter", "label=prune=2"), set())
        self.assertEqual(self.prunes("--filter", "label=prune=1"), {alone})
        self.assertEqual(self.prunes("--filter", "label!=prune"), set())
        self.assertEqual(self.prunes("--filter", "until=1h"), set())
        self.assertEqual(self.davit("image", "prune").out, f"removed {alone}\n")
        self.fails("image", "inspect", alone, says=["not found"])
        self.fails("image", "prune", "--filter", "shape=round", says=["shape=round", "label="])

    def test_all_but_what_a_job_uses(self):
        self.davit("image", "tag", Machine.image, "prune:same")
        self.remove_later("prune:same")
        self.davit("image", "load", "-i", docker_archive(self.path("a.tar"), tag="prune:unused", Labels={"prune": "all"}))
        self.remove_later("prune:unused")
        self.job()
        prey = self.prunes("--all")
        self.assertIn("prune:unused", prey)
        self.assertFalse({Machine.image, "prune:same"} & prey, prey)
        self.assertNotIn("prune:unused", self.prunes("--all", "--filter", "dangling=true"))
