"""Ensembles: several allocations of one file, and what each key of theirs does inside."""
import os
import re
import shutil
import socket
import urllib.request

from lib.case import Case, Machine, wait_until

EXAMPLES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../examples/ensemble")


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def fetch(port, path):
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/{path}", timeout=5) as answer:
        return answer.read().decode()


class Ensemble(Case):
    def write(self, name, text, mode=0o644):
        path = os.path.join(self.folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w") as f:
            f.write(text)
        os.chmod(path, mode)
        return path

    def one(self, keys="", execution="", name="one"):
        """The file of an ensemble with one allocation, "a"; its job is one-a."""
        self.addCleanup(lambda: self.davit("rm", "-f", "-v", name + "-a", code=None))
        return self.write(name + ".yaml", "version: V1\nallocations:\n  a:\n    executor: containerd\n"
                          f"    execution: {{image: '{Machine.image}', runtime: {Machine.engine}{execution}}}\n{keys}")

    def example(self, name, **instead):
        shutil.copytree(EXAMPLES, self.folder, dirs_exist_ok=True)
        path = os.path.join(self.folder, name)
        with open(path) as f:
            text = f.read()
        for old, new in {"docker.io/library/busybox:latest": Machine.image, "runtime: runc": f"runtime: {Machine.engine}", **instead}.items():
            text = text.replace(old, new)
        return self.write(name, text)

    def inside(self, job, *command, code=0):
        return self.davit("exec", job, *command, code=code).out

    def begin(self, keys="", execution=", cmd: [sleep, 1000]"):
        self.need_network()
        self.davit("run", "-d", "-f", self.one(keys, execution))


class Shop(Ensemble):
    """Three allocations that share a volume and know each other by name, with scripts that run first and a forwarded port."""

    def setUp(self):
        super().setUp()
        self.need_network()
        self.port = free_port()
        self.names = ["shop-store", "shop-web", "shop-customer"]
        self.addCleanup(self.remove_volumes, "shop-stock")
        self.addCleanup(lambda: self.davit("rm", "-f", *self.names, code=None))
        self.file = self.example("shop.yaml", **{"public: 8080": f"public: {self.port}"})

    def test_inside(self):
        started = self.davit("run", "-d", "-f", self.file, "--runtime", Machine.engine)
        self.assertEqual(started.out.split(), self.names)
        stock = "apples at davit\n12 a pound\n"
        self.assertEqual(self.inside("shop-store", "cat", "/stock/stock"), stock)
        self.assertEqual(self.inside("shop-web", "cat", "/stock/stock"), stock)
        self.assertEqual(fetch(self.port, "stock"), stock)
        self.assertEqual(self.inside("shop-store", "hostname").strip(), "store")
        self.assertIn("Read-only", self.davit("exec", "shop-web", "touch", "/stock/x", code=1).err)
        self.assertEqual(self.inside("shop-store", "sh", "-c", "cat /proc/1/cmdline | tr '\\0' ' '").split()[0], "sh")
        limits = self.inside("shop-store", "sh", "-c", "cat /sys/fs/cgroup/memory/memory.limit_in_bytes 2>/dev/null || cat /sys/fs/cgroup/memory.max")
        self.assertEqual(limits.split()[0], str(128 << 20))

    def test_names(self):
        self.davit("run", "-d", "-f", self.file, "--runtime", Machine.engine)
        self.assertEqual(self.davit("wait", "shop-customer").out.strip(), "0")  # it found web by its name
        self.assertEqual(self.davit("logs", "shop-customer").out, "bought\n")

    def test_a_second_one_is_refused_before_anything_starts(self):
        self.davit("run", "-d", "-f", self.file, "--runtime", Machine.engine)
        self.fails("run", "-d", "-f", self.file, says="shop-store", progress=True)
        self.assertEqual(self.state("shop-web"), "running")


class Provision(Ensemble):
    def log(self):
        return self.davit("logs", "one-a").out

    def test_in_order_then_the_command(self):
        self.need_network()
        self.write("s/1.sh", "#!/bin/sh\necho one $A $0; pwd; id -u; touch /made\n", 0o755)
        self.write("s/2", "echo two; ls /made\n")  # neither executable nor with #!
        file = self.one("    provision: [s/1.sh, s/2]\n",
                        ", working_directory: /tmp, environment: {A: b}, entrypoint: [sh, -c], cmd: ['echo three $A; exit 5']")
        ran = self.davit("run", "-f", file, code=5)
        self.assertRegex(ran.out, r"^one b \S+\n/tmp\n0\ntwo\n/made\nthree b\n$")

    def test_one_that_fails(self):
        self.need_network()
        self.write("bad.sh", "#!/bin/sh\nexit 7\n", 0o755)
        self.write("later.sh", "#!/bin/sh\necho later\n", 0o755)
        ran = self.davit("run", "-f", self.one("    provision: [bad.sh, later.sh]\n", ", cmd: [echo, command]"), code=7)
        self.assertEqual(ran.out, "")
        self.assertIn("script failed, exit code 7", ran.err)

    def test_the_command_is_process_1_and_gets_signals(self):
        self.write("s.sh", "#!/bin/sh\necho made > /made\n", 0o755)
        self.begin("    provision: [s.sh]\n", ", cmd: [sh, -c, \"trap 'echo bye; exit 9' TERM; echo ready $$; while :; do sleep 0.1; done\"]")
        wait_until("the trap", lambda: "ready 1" in self.log())
        self.assertEqual(self.inside("one-a", "cat", "/made"), "made\n")
        self.davit("kill", "-s", "TERM", "one-a")
        self.assertEqual(self.davit("wait", "one-a").out.strip(), "9")
        self.assertIn("bye", self.log())

    def test_the_images_own_command(self):
        """Known only once the image is here: davit-init goes before it all the same."""
        self.need_network()
        self.write("s.sh", "#!/bin/sh\necho first\n", 0o755)
        ran = self.davit("run", "-f", self.one("    provision: [s.sh]\n"), code=None)
        self.assertTrue(ran.out.startswith("first\n"), ran)

    def test_scripts_are_read_only_inside(self):
        path = self.write("s.sh", "#!/bin/sh\nexit 0\n", 0o755)
        self.begin("    provision: [s.sh]\n")
        mounts = self.inside("one-a", "cat", "/proc/self/mountinfo")
        line = next(m for m in mounts.splitlines() if m.split()[3].endswith("/s.sh"))
        target = line.split()[4]
        self.assertIn("ro", line.split()[5].split(","))
        self.davit("exec", "one-a", "sh", "-c", f"echo x > {target}", code=1)
        with open(path) as f:
            self.assertEqual(f.read(), "#!/bin/sh\nexit 0\n")


class Keys(Ensemble):
    def test_a_key_file(self):
        self.write("a.pub", "ssh-ed25519 AAAA a")
        self.write("b.pub", "ssh-ed25519 BBBB b\n")
        self.begin("    keys: [{type: ssh, files: [a.pub, b.pub], dest: /root/.ssh/authorized_keys}]\n")
        self.assertEqual(self.inside("one-a", "cat", "/root/.ssh/authorized_keys"), "ssh-ed25519 AAAA a\nssh-ed25519 BBBB b\n")
        self.assertEqual(self.inside("one-a", "stat", "-c", "%a %u", "/root/.ssh/authorized_keys").strip(), "600 0")
        self.davit("exec", "one-a", "sh", "-c", "echo x > /root/.ssh/authorized_keys", code=1)
        self.davit("restart", "-t", "0", "one-a")
        self.assertIn("AAAA", self.inside("one-a", "cat", "/root/.ssh/authorized_keys"))

    def test_volumes(self):
        os.makedirs(os.path.join(self.folder, "src"))
        self.write("src/x", "from the host\n")
        self.addCleanup(self.remove_volumes, "ens-named")
        self.begin("    volumes: [{src: src, mount_destination: /in, read_only: true}, {name: ens-named, mount_destination: /v}]\n")
        self.assertEqual(self.inside("one-a", "cat", "/in/x"), "from the host\n")
        self.davit("exec", "one-a", "touch", "/in/y", code=1)
        self.inside("one-a", "touch", "/v/y")
        self.assertIn("ens-named", self.davit("volume", "ls").out)

    def test_examples(self):
        self.need_network()
        self.addCleanup(lambda: self.davit("rm", "-f", "hello-hello", "keys-box", code=None))
        self.assertEqual(self.davit("run", "-f", self.example("hello.yaml"), "--runtime", Machine.engine).out, "hello from an ensemble\n")
        out = self.davit("run", "-f", self.example("keys.yaml")).out
        self.assertIn("somebody@example", out)
        self.assertIn("Runs in the store", out)


class Wrong(Ensemble):
    def test_the_place_is_named(self):
        rows = [
            ("    imag: x\n", "one.yaml:6:5: allocation a: unknown key \"imag\""),
            ("    depends_on: [b]\n", "one.yaml:6:18: allocation a: depends_on: no allocation is called \"b\""),
            ("    volume: {type: glusterfs, name: x, mount_destination: /x}\n", "one.yaml:6:20: allocation a: volume: volume of type glusterfs"),
            ("    executor: docker\n", "one.yaml:6:5: key is given twice: \"executor\""),
            ("    provision: [nothing.sh]\n", "one.yaml:6:17: allocation a: provision script"),
            ("    keys: &k [*k]\n", "one.yaml:6:15: an alias within its own anchor \"k\""),
        ]
        for keys, says in rows:
            with self.subTest(keys):
                self.fails("run", "-f", self.one(keys), says=says)
                self.gone("one-a")

    def test_namespace_and_network_by_default(self):
        dry = self.davit("run", "--dry-run", "--format", "json", "-f", self.one(), env={"CONTAINERD_NAMESPACE": ""})
        self.assertIn('"namespace": "nunet"', re.sub(r'":\s*"', '": "', dry.out))
        self.assertIn('"network": "nunet-bridge"', re.sub(r'":\s*"', '": "', dry.out))

    def test_what_is_passed_over_is_said_once(self):
        file = self.one("nodes: {n: {allocations: [a], redundancy: 2}}\nedges: [{S: n, T: m}]\n")
        told = self.davit("run", "--dry-run", "-f", file).err
        self.assertEqual(told.count("ignored"), 1, told)
        self.assertIn("edges", told)
        self.assertIn("redundancy", told)
