"""davit runtime: what is found, and containerd's configuration for it, which containerd itself reads back."""
import glob
import json
import os
import shutil
import subprocess
import tomllib

from lib.case import Case, Machine

CRI = {2: "io.containerd.grpc.v1.cri", 3: "io.containerd.cri.v1.runtime"}


class Config(Case):
    def setUp(self):
        super().setUp()
        self.path = os.path.join(self.folder, "config.toml")

    def put(self, text, name="config.toml"):
        path = os.path.join(self.folder, name)
        with open(path, "w") as f:
            f.write(text)
        return path

    def config(self, *args, code=0):
        return self.davit("runtime", "config", "--config", self.path, *args, code=code)

    def write(self, *args):
        return self.config("--write", *args)

    def text(self, path=None):
        with open(path or self.path) as f:
            return f.read()

    def kept(self):
        return glob.glob(self.path + ".*.bak")

    def read_by_containerd(self, path=None):
        """The runtimes that containerd makes of the file, by its own loader."""
        done = subprocess.run([Machine.containerd.program, "--config", path or self.path, "config", "dump"], capture_output=True, text=True, check=True)
        plugins = tomllib.loads(done.stdout)["plugins"]
        return {k: v for key in CRI.values() for k, v in plugins.get(key, {}).get("containerd", {}).get("runtimes", {}).items()}

    def is_second(self):
        return Machine.containerd.version().startswith(("2.", "v2."))

    def test_each_form_is_read(self):
        for form in ("2", "3") if self.is_second() else ("2",):
            self.put(self.config("--form", form).out)
            read = self.read_by_containerd()
            self.assertEqual({"davit", "runc", "crun", "runsc", "kata"} - set(read), set())
            self.assertEqual(read["crun"]["runtime_type"], "io.containerd.runc.v2")
            self.assertTrue(read["crun"]["options"]["BinaryName"].endswith("crun"))
            self.assertTrue(read["kata"]["privileged_without_host_devices"])
            self.assertEqual(read["kata"]["pod_annotations"], ["io.katacontainers.*"])
            self.assertEqual(read["kata"]["container_annotations"], ["io.katacontainers.*"])
            self.assertEqual(read["runsc"]["runtime_type"], "io.containerd.runsc.v1")
            os.unlink(self.path)

    def test_it_is_written_once(self):
        before = '# mine\nversion = 2\n\n[plugins."io.containerd.gc.v1.scheduler"]\n  pause_threshold = 0.02 # as it was\n'
        self.put(before)
        os.chmod(self.path, 0o640)
        self.write("crun")
        after = self.text()
        self.assertTrue(after.startswith(before))
        self.assertEqual([self.text(p) for p in self.kept()], [before])
        self.assertEqual(os.stat(self.path).st_mode & 0o7777, 0o640)
        self.assertIn("has it", self.write("crun").out)
        self.assertEqual((self.text(), len(self.kept())), (after, 1))
        self.write("kata", "--untrusted")
        read = self.read_by_containerd()
        self.assertEqual(read["untrusted"]["runtime_type"], "io.containerd.kata.v2")
        self.assertTrue(read["crun"]["options"]["BinaryName"].endswith("crun"))

    def test_only_its_own_table_changes(self):
        section = f'[plugins."{CRI[2]}".containerd.runtimes.'
        self.put(f'version = 2\n{section}crun]\nruntime_type = "old"\n# of runc\n{section}runc]\nruntime_type = "io.containerd.runc.v2"\n'
                 f'{section}runc.options]\nSystemdCgroup = true\n')
        self.write("crun")
        self.assertIn("# of runc\n", self.text())
        read = self.read_by_containerd()
        self.assertTrue(read["crun"]["options"]["SystemdCgroup"])
        self.assertTrue(read["runc"]["options"]["SystemdCgroup"])
        self.write("crun", "--systemd-cgroup=false")
        self.assertNotIn("SystemdCgroup", self.text().split("# of runc")[0])

    def test_a_new_file(self):
        self.assertIn("is written", self.write("davit").out)
        self.assertEqual(self.kept(), [])
        self.assertIn("davit.v2", self.read_by_containerd()["davit"]["runtime_type"].replace("-", "."))

    def test_imports(self):
        """The last word on the plugin is an import's, in 1.x the only one."""
        part = self.put(f'[plugins."{CRI[2]}"]\nsandbox_image = "local"\n', "part.toml")
        self.put(f'version = 2\nimports = ["part.toml"]\n[plugins."{CRI[2]}"]\nsandbox_image = "other"\n')
        before = self.text()
        self.write("kata")
        self.assertEqual(self.text(), before)
        self.assertIn("io.containerd.kata.v2", self.text(part))
        self.assertEqual(self.read_by_containerd()["kata"]["runtime_type"], "io.containerd.kata.v2")

    def test_what_is_refused_stays(self):
        link = os.path.join(self.folder, "link")
        os.symlink("config.toml", link)
        os.chmod(self.folder, 0o777)
        for text, args, says in (("version = 2\nnonsense", ("davit",), "line 2"),
                                 ("version = 9\n", ("davit",), "up to version 4"),
                                 (f'version = 2\n[plugins."{CRI[2]}".containerd]\nruntimes = {{ davit = {{ a = 1 }} }}\n', ("davit",), "header of its own"),
                                 ("version = 2\n", ("davit", "--config", link), "is a link"),
                                 ("version = 2\n", ("runc", "--untrusted"), "kernel of its own"),
                                 ("version = 2\n", ("lxc",), "not one of davit, runc"),
                                 ("version = 2\n", ("davit", "--form", "3"), "keeps its version")):
            self.put(text)
            self.assertIn(says, self.davit("runtime", "config", "--write", "--config", self.path, *args, code=125).err)
            self.assertEqual((self.text(), self.kept()), (text, []))
        self.assertIn("of which runtime", self.config("--write", code=125).err)

    def test_a_plugin_that_is_off(self):
        self.put(f'version = 2\ndisabled_plugins = ["{CRI[2]}"]\n')
        self.assertIn(f'disabled_plugins has "{CRI[2]}"', self.config("davit").err)
        self.put("version = 2\n")
        self.assertNotIn("disabled_plugins", self.config("davit").err)

    def test_the_file_of_the_containerd_that_runs(self):
        result = self.davit("runtime", "config", "runc")
        self.assertIn(f"{Machine.containerd.config}: disabled_plugins has", result.err)
        self.assertIn("version = 2", result.out)


class WithShim(Case):
    """davit's shim stands beside it, whatever the jobs of other tests have."""

    def setUp(self):
        super().setUp()
        self.shim = os.path.join(os.path.dirname(Machine.davit), "containerd-shim-davit-v2")
        if not Machine.shim:
            shutil.copy2(Machine.own_shim, self.shim)
            self.addCleanup(os.unlink, self.shim)


class Found(WithShim):
    def rows_of(self, *args):
        return {r["name"]: r for r in self.rows_json(*args)}

    def rows_json(self, *args):
        return [json.loads(line) for line in self.davit("runtime", "ls", "--format", "json", *args).out.splitlines()]

    def test_what_is_here(self):
        rows = self.rows_of()
        stock, own = rows["io.containerd.runc.v2"], rows["io.containerd.davit.v2"]
        self.assertEqual((stock["kind"], stock["runs"]), ("shim", True))
        self.assertEqual(stock["path"], os.path.join(os.path.dirname(Machine.containerd.program), "containerd-shim-runc-v2"))
        self.assertTrue(own["runs"] and own["version"])
        self.assertEqual(own["path"], self.shim)
        runc = rows["runc"]
        version = subprocess.run([runc["path"], "--version"], capture_output=True, text=True).stdout.split()[2]
        self.assertEqual((runc["kind"], runc["runs"], runc["version"]), ("engine", True, version))

    def test_why_not(self):
        """A shim that containerd does not find, Kata's without a guest, and gVisor's without its engine."""
        folder = os.path.join(self.folder, "bin")
        os.mkdir(folder)
        for name in ("containerd-shim-kata-v2", "containerd-shim-mine-v1"):
            with open(os.path.join(folder, name), "w") as f:
                f.write("#!/bin/sh\necho '  Version:  3.2.1'\n")
            os.chmod(os.path.join(folder, name), 0o755)
        env = {"PATH": folder + ":" + os.environ["PATH"]}
        rows = {r["name"]: r for r in map(json.loads, self.davit("runtime", "ls", "--format", "json", env=env).out.splitlines())}
        mine = rows["io.containerd.mine.v1"]
        self.assertEqual((mine["runs"], mine["version"]), (False, "3.2.1"))
        self.assertIn("containerd does not look there", mine["why"])
        self.assertEqual(mine["remedy"], "davit run --runtime " + mine["path"])
        self.assertFalse(rows["io.containerd.kata.v2"]["runs"])

    def test_forms(self):
        table = self.davit("runtime", "ls").out.splitlines()
        self.assertEqual(table[0].split(), ["NAME", "KIND", "VERSION", "RUNS", "PATH", "WHY", "NOT"])
        self.assertEqual(len(table) - 1, len(self.rows_json()))
        self.assertEqual(self.davit("runtime", "ls", "-q", "--filter", "name=runc.v2").out, "io.containerd.runc.v2\n")
        self.assertEqual(self.davit("runtime", "ls", "--filter", "name=davit", "--format", "{{.Kind}} {{.Runs}} {{.Why}}").out, "shim true \n")
        self.assertEqual({r["kind"] for r in self.rows_json("--filter", "kind=engine")}, {"engine"})
        self.assertTrue(all(r["runs"] for r in self.rows_json("--filter", "runs=true")))
        self.assertIn("not name=PART", self.davit("runtime", "ls", "--filter", "x", code=125).err)
        self.assertIn("Nmae", self.davit("runtime", "ls", "--format", "{{.Nmae}}", code=125).err)


class Own(WithShim):
    """davit's own shim."""

    def test_beside_davit(self):
        """containerd's PATH has it not: it is started by its path."""
        self.look_at(self.job("--runtime", "davit"))

    def run_davit(self, *args, runtime):
        """Without what the harness adds."""
        env = {k: v for k, v in os.environ.items() if k != "DAVIT_RUNTIME"}
        return subprocess.run([Machine.davit, *args], env={**env, **({"DAVIT_RUNTIME": runtime} if runtime else {})}, check=True, capture_output=True)

    def test_is_the_default(self):
        """And what stands in the environment goes before it."""
        for runtime, want in ((None, self.shim), ("davit", self.shim), ("runc", "io.containerd.runc.v2")):
            self.addCleanup(lambda: self.davit("rm", "-f", "own", code=None))
            self.run_davit("run", "-d", "--name", "own", "--network", "none", Machine.image, "sleep", "1000", runtime=runtime)
            self.assertEqual(self.json("inspect", "own")[0]["runtime"], want)
            if want == self.shim:
                self.look_at("own")
            self.davit("rm", "-f", "own")

    def test_a_job_keeps_its_runtime(self):
        """Whatever the default is when it is started again."""
        for first, then in (("runc", None), (None, "runc")):
            self.addCleanup(lambda: self.davit("rm", "-f", "kept", code=None))
            self.run_davit("run", "-d", "--name", "kept", "--network", "none", Machine.image, "sh", "-c", "echo ran", runtime=first)
            runtime = self.json("inspect", "kept")[0]["runtime"]
            self.davit("wait", "kept")
            self.run_davit("start", "kept", runtime=then)
            self.davit("wait", "kept")
            self.assertEqual(self.davit("logs", "kept").out, "ran\nran\n")
            self.assertEqual(self.json("inspect", "kept")[0]["runtime"], runtime)
            self.davit("rm", "-f", "kept")

    def test_doctor(self):
        self.assertIn(f"davit's shim: {self.shim}, for jobs that name no other runtime", self.davit("doctor", code=None).out)

    def look_at(self, name):
        self.assertEqual(self.json("inspect", name)[0]["runtime"], self.shim)
        self.assertEqual(self.davit("exec", name, "echo", "in").out, "in\n")
        self.davit("stop", "-t", "1", name)
        self.davit("start", name)
        self.assertEqual(self.davit("exec", name, "echo", "again").out, "again\n")
