"""davit image and images: import, load, list, inspect, remove."""
import hashlib
import io
import json
import os
import shutil
import signal
import subprocess
import tarfile
import time

from lib.case import Case, Machine


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

    def test_a_pipe_that_nobody_writes(self):
        os.mkfifo(self.path("pipe"))
        process = self.start("image", "load", "-i", self.path("pipe"), process_group=0)
        time.sleep(1)
        os.killpg(process.pid, signal.SIGINT)
        _, err = process.communicate(timeout=20 * Machine.slow)
        self.assertEqual(process.returncode, 130, err)
        self.assertIn("interrupted", err)

    def test_truncated(self):
        path = oci_archive(self.path("o.tar"), "cut:1")
        os.truncate(path, os.path.getsize(path) // 2)
        self.fails("image", "load", "-i", path, progress=True)
        self.assertNotIn("cut", self.davit("images").out)


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
        time.sleep(1)
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
