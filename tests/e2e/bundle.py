"""--bundle: a folder with a config.json is run as it stands."""
import json
import os
import subprocess
import tarfile
import tempfile
import urllib.request

from lib.case import Case, Machine, Terminal, get, wait_until


class Bundle(Case):
    def bundle(self, **process):
        """A folder that the engine's own `spec` has made, with the tests' root file system."""
        folder = tempfile.mkdtemp(dir=Machine.work)
        root = os.path.join(folder, "rootfs")
        os.mkdir(root)
        with tarfile.open(Machine.rootfs) as tar:
            tar.extractall(root)
        subprocess.run([Machine.engine, "spec"], cwd=folder, check=True)
        self.edit(folder, lambda spec: spec["process"].update({"terminal": False, "args": ["sleep", "1000"], **process}))
        return folder

    def edit(self, folder, change):
        path = os.path.join(folder, "config.json")
        with open(path) as f:
            spec = json.load(f)
        change(spec)
        with open(path, "w") as f:
            json.dump(spec, f)
        return spec

    def start(self, folder, *flags, command=(), network="none"):
        name = "t-" + os.urandom(4).hex()
        self.addCleanup(lambda: self.davit("rm", "-f", name, code=None))
        self.davit("run", "-d", "--name", name, "--network", network, "--bundle", folder, *flags, *command)
        return name

    def inside(self, name, script):
        return self.davit("exec", name, "sh", "-c", script).out.strip()

    def test_runs_as_it_stands(self):
        folder = self.bundle(env=["PATH=/bin", "FROM=bundle"], cwd="/data")
        self.edit(folder, lambda spec: (spec.update({"hostname": "its-own"}), spec["root"].update({"readonly": True})))
        with open(os.path.join(folder, "config.json")) as f:
            before = f.read()
        name = self.start(folder)
        self.assertEqual(self.inside(name, "hostname; pwd; tr '\\0' '\\n' </proc/1/environ | grep FROM; cat seed").split("\n"),
                         ["its-own", "/data", "FROM=bundle", "from the image"])
        self.assertEqual(self.inside(name, "touch /data/x 2>/dev/null || echo read-only"), "read-only")
        pid = get(self.rows("inspect", name)[0], "state")["pid"]
        with open(f"/proc/{pid}/cgroup") as f:
            self.assertIn(f"/{Machine.ns}/", f.read())
        with open(f"/proc/{pid}/status") as f:  # the capabilities of `runc spec` are not davit's fourteen
            effective = next(int(line.split()[1], 16) for line in f if line.startswith("CapEff:"))
        numbers = {"CAP_AUDIT_WRITE": 29, "CAP_KILL": 5, "CAP_NET_BIND_SERVICE": 10}
        wanted = json.loads(before)["process"]["capabilities"]["effective"]
        self.assertEqual(effective, sum(1 << numbers[c] for c in wanted))
        record = self.rows("inspect", name)[0]
        self.assertEqual(get(record, "job")["tasks"][0], {"bundle": folder})
        self.assertIn(name, self.davit("ps").out)
        self.davit("stop", "-t", "1", name)
        self.davit("start", name)
        self.assertEqual(self.inside(name, "hostname"), "its-own")
        self.davit("rm", "-f", name)
        self.gone(name)
        self.assertTrue(os.path.exists(os.path.join(folder, "rootfs/data/seed")))
        with open(os.path.join(folder, "config.json")) as f:
            self.assertEqual(f.read(), before)

    def test_writes_go_to_its_root(self):
        folder = self.bundle(args=["sh", "-c", "echo new >/data/written"])
        self.edit(folder, lambda spec: spec["root"].update({"readonly": False}))
        self.davit("run", "--rm", "--network", "none", "--bundle", folder)
        with open(os.path.join(folder, "rootfs/data/written")) as f:
            self.assertEqual(f.read(), "new\n")

    def test_command_logs_and_codes(self):
        folder = self.bundle(args=["sh", "-c", "echo its own; exit 4"])
        self.assertEqual(self.davit("run", "--rm", "--network", "none", "--bundle", folder, code=4).out, "its own\n")
        self.assertEqual(self.davit("run", "--rm", "--network", "none", "--bundle", folder, "echo", "another").out, "another\n")
        self.davit("run", "--rm", "--network", "none", "--bundle", folder, "no-such-program", code=127)
        name = self.start(folder)
        self.assertEqual(self.davit("wait", name).out.strip(), "4")
        wait_until("its log", lambda: self.davit("logs", name).out == "its own\n")
        self.fails("export", name, says="bundle")
        made = "t-" + os.urandom(4).hex()
        self.addCleanup(lambda: self.davit("rm", "-f", made, code=None))
        self.davit("create", "--name", made, "--network", "none", "--bundle", folder)
        self.assertEqual(self.state(made), "created")

    def test_terminal_is_the_flags(self):
        folder = self.bundle(args=["sh", "-c", "tty; stty size"], terminal=True)
        self.davit("run", "--rm", "--network", "none", "--bundle", folder, "sh", "-c", "! tty")
        term = Terminal(self, "run", "--rm", "-it", "--network", "none", "--bundle", folder)
        term.expect("/dev/")
        self.assertEqual(term.wait(), 0)

    def test_mounts_below_the_bundle(self):
        folder = self.bundle()
        with open(os.path.join(folder, "told"), "w") as f:
            f.write("by the bundle\n")
        self.edit(folder, lambda spec: spec["mounts"].append(
            {"destination": "/data/seed", "type": "bind", "source": "told", "options": ["bind", "ro"]}))
        self.assertEqual(self.inside(self.start(folder), "cat /data/seed"), "by the bundle")

    def test_file(self):
        folder = self.bundle()
        name = "t-" + os.urandom(4).hex()
        path = os.path.join(os.path.dirname(folder), name + ".json")
        with open(path, "w") as f:
            json.dump({"name": name, "network": "none", "tasks": [{"bundle": os.path.basename(folder)}]}, f)
        self.addCleanup(lambda: self.davit("rm", "-f", name, code=None))
        self.davit("run", "-d", "-f", path)
        self.assertEqual(self.inside(name, "cat /data/seed"), "from the image")

    def test_network(self):
        self.need_network()
        folder = self.bundle(args=["httpd", "-f", "-p", "8080", "-h", "/www"])
        name = self.start(folder, "-p", "127.0.0.1:18093:8080", network="davit")

        def served():
            try:
                with urllib.request.urlopen("http://127.0.0.1:18093/", timeout=2) as answer:
                    return b"served by davit" in answer.read()
            except OSError:
                return False
        wait_until("its port", served)
        self.assertIn("eth0", self.inside(name, "ls /sys/class/net || cat /proc/net/dev"))

    def test_networks_that_do_not_fit(self):
        folder = self.bundle()
        run = ("run", "--rm", "--bundle", folder)
        self.fails(*run, "--network", "host", says="network namespace of its own")
        network = {"type": "network"}
        self.edit(folder, lambda spec: spec["linux"]["namespaces"].remove(network))
        self.fails(*run, "--network", "none", says="--network host")
        self.davit(*run, "--network", "host", "true")
        self.edit(folder, lambda spec: spec["linux"]["namespaces"].append({**network, "path": "/proc/1/ns/net"}))
        self.fails(*run, "--network", "host", says="joins the network namespace /proc/1/ns/net")
        self.davit(*run, "--network", "none", "true")

    def test_dry_run(self):
        folder = self.bundle()
        plan = self.davit("run", "--dry-run", "--network", "none", "--bundle", folder).out
        self.assertNotIn("snapshot:", plan)
        self.assertIn(folder, plan)
        spec = self.json("run", "--dry-run", "--format", "spec", "--network", "none", "--bundle", folder, "true")
        self.assertEqual(spec["root"]["path"], os.path.realpath(os.path.join(folder, "rootfs")))
        self.assertEqual(spec["process"]["args"], ["true"])

    def test_wrong_bundles(self):
        folder = self.bundle()
        config = os.path.join(folder, "config.json")
        with open(config) as f:
            good = json.load(f)
        run = ("run", "--rm", "--network", "none", "--bundle", folder)
        self.fails(*run[:-1], folder + "/nowhere", says=["bundle", "nowhere"])
        self.fails(*run[:-1], config, says="bundle")
        self.fails(*run[:-1], folder + "/rootfs", says=["config.json", "runc spec"])
        self.fails(*run, "-e", "A=B", says="conflicting options: env and bundle")
        self.fails(*run, "--hostname", "x", says="conflicting options: hostname and bundle")
        for text, says in (("", "config.json"), ("{", "config.json"), ("[]", "ociVersion"), ("{}", "ociVersion"),
                           ({**good, "ociVersion": "2.0"}, "ociVersion"), ({**good, "root": "rootfs"}, "root.path"),
                           ({**good, "root": {"path": "none"}}, "none"), ({**good, "root": {"path": "config.json"}}, "not a folder"),
                           ({**good, "process": {**good["process"], "args": []}}, "process.args"),
                           ({**good, "process": {**good["process"], "args": [1]}}, "process.args"),
                           ({**good, "process": {**good["process"], "cwd": "x"}}, "process.cwd"), ({**good, "linux": 7}, "linux"),
                           (" " * (4 << 20) + "{}", "longer than")):
            with open(config, "w") as f:
                f.write(text if isinstance(text, str) else json.dumps(text))
            self.fails(*run, says=[folder, says])
        os.unlink(config)
        os.symlink("/etc/passwd", config)
        self.fails(*run, says=["config.json", "link"])
        os.unlink(config)
        os.mkfifo(config)
        self.fails(*run, says=["config.json", "a FIFO"])
