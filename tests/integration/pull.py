"""davit pull against docker-registry, and against a registry that fails."""
import base64
import json
import os
import signal
import time

from lib import leaks
from lib.case import Case, Machine, Terminal, wait_until
from lib.registry import Faulty, Image, index, push, registry_of
from lib.services import Registry


class Pulling(Case):
    def fails_to_pull(self, *words, **kw):
        """A line of progress, then the error."""
        return self.fails("pull", *words, progress=True, **kw)


PORTS = iter(range(15000, 15100))


class RealRegistry(Pulling):
    auth = False

    @classmethod
    def setUpClass(cls):
        cls.registry = registry_of(cls, next(PORTS), cls.auth)
        cls.image = Image(Machine.rootfs)

    def pulled(self, name):
        self.addCleanup(lambda: self.davit("image", "rm", name, code=None))
        return name


class Pull(RealRegistry):
    def test_and_run(self):
        push(self.registry.host, "app", "1", self.image)
        name = self.pulled(f"{self.registry.host}/app:1")
        result = self.davit("pull", name)
        self.assertIn("app:1", result.out + result.err)
        self.assertEqual(self.davit("run", "--rm", "--network", "none", name).out, "pulled\n")

    def test_run_pulls_what_is_missing(self):
        push(self.registry.host, "deep/er/app", "2", self.image)
        name = self.pulled(f"{self.registry.host}/deep/er/app:2")
        self.assertEqual(self.davit("run", "--rm", "--network", "none", name).out, "pulled\n")
        self.davit("run", "--rm", "--network", "none", "--pull", "never", name)
        self.davit("run", "--rm", "--network", "none", "--pull", "always", name)

    def test_picks_the_platform(self):
        machine = {"x86_64": "amd64", "aarch64": "arm64"}.get(os.uname().machine, os.uname().machine)
        other = Image(Machine.rootfs, cmd=("echo", "wrong"), platform=("linux", "s390x"))
        push(self.registry.host, "multi", "x", other)
        push(self.registry.host, "multi", "1", self.image, extra=index([(other, "linux", "s390x"), (self.image, "linux", machine)]))
        name = self.pulled(f"{self.registry.host}/multi:1")
        self.assertEqual(self.davit("run", "--rm", "--network", "none", name).out, "pulled\n")

    def test_by_digest(self):
        from lib.registry import digest
        push(self.registry.host, "exact", "1", self.image)
        name = self.pulled(f"{self.registry.host}/exact@{digest(self.image.manifest)}")
        self.davit("pull", name)

    def test_what_is_not_there(self):
        push(self.registry.host, "app", "1", self.image)
        self.fails_to_pull(f"{self.registry.host}/app:nope", says=["app:nope", "not found"])
        self.fails_to_pull(f"{self.registry.host}/none:1", says=["none:1"])

    def test_two_at_once(self):
        push(self.registry.host, "twice", "1", Image(Machine.rootfs, cmd=("echo", "both")))
        name = self.pulled(f"{self.registry.host}/twice:1")
        processes = [self.start("pull", name) for _ in range(3)]
        for process in processes:
            _, err = process.communicate(timeout=60 * Machine.slow)
            self.assertEqual(process.returncode, 0, err)


class Credentials(RealRegistry):
    auth = True

    def test_are_needed(self):
        push(self.registry.host, "secret", "1", self.image, user="davit:hunter2")
        self.fails_to_pull(f"{self.registry.host}/secret:1", says=["secret:1"], env={"HOME": self.folder})

    def config(self, content):
        os.makedirs(os.path.join(self.folder, ".docker"), exist_ok=True)
        with open(os.path.join(self.folder, ".docker/config.json"), "w") as f:
            json.dump(content, f)
        return {"HOME": self.folder, "DOCKER_CONFIG": os.path.join(self.folder, ".docker")}

    def test_from_the_configuration(self):
        push(self.registry.host, "secret", "2", self.image, user="davit:hunter2")
        env = self.config({"auths": {self.registry.host: {"auth": base64.b64encode(b"davit:hunter2").decode()}}})
        self.davit("pull", self.pulled(f"{self.registry.host}/secret:2"), env=env)

    def test_wrong_ones(self):
        push(self.registry.host, "secret", "3", self.image, user="davit:hunter2")
        env = self.config({"auths": {self.registry.host: {"auth": base64.b64encode(b"davit:wrong").decode()}}})
        result = self.fails_to_pull(f"{self.registry.host}/secret:3", says=[self.registry.host], env=env)
        self.assertNotIn("wrong", result.err)  # never the password

    def test_from_a_helper(self):
        push(self.registry.host, "secret", "4", self.image, user="davit:hunter2")
        helper = os.path.join(self.folder, "docker-credential-test")
        with open(helper, "w") as f:
            f.write('#!/bin/sh\nread host\necho "{\\"ServerURL\\":\\"$host\\",\\"Username\\":\\"davit\\",\\"Secret\\":\\"hunter2\\"}"\n')
        os.chmod(helper, 0o755)
        env = self.config({"credHelpers": {self.registry.host: "test"}})
        env["PATH"] = self.folder + ":" + os.environ["PATH"]
        self.davit("pull", self.pulled(f"{self.registry.host}/secret:4"), env=env)


    def started(self, name, *flags, says=None, **more):
        """A job of the image in a file of its own, beside a configuration that has nothing; davit's command lines meanwhile."""
        task = {"image": name, "pull": "always", **more}
        path = os.path.join(self.folder, "job.json")
        with open(path, "w") as f:
            json.dump({"name": "pulls", "tasks": [task], "network": "none"}, f)
        self.addCleanup(lambda: self.davit("rm", "-f", "pulls", code=None))
        env = self.config({})
        if says:
            return self.fails("run", *flags, "-f", path, progress=True, says=says, env=env)
        return self.davit("run", *flags, "-f", path, env=env)

    def test_of_a_job(self):
        push(self.registry.host, "secret", "5", self.image, user="davit:hunter2")
        name = self.pulled(f"{self.registry.host}/secret:5")
        self.assertEqual(self.started(name, auth={"username": "davit", "password": "hunter2"}).out, "pulled\n")
        kept = self.davit("inspect", "pulls").out
        self.assertNotIn("hunter2", kept)
        self.assertNotIn('"auth"', kept)

    def test_of_a_job_that_are_wrong(self):
        push(self.registry.host, "secret", "6", self.image, user="davit:hunter2")
        result = self.started(f"{self.registry.host}/secret:6", auth={"username": "davit", "password": "wrong"},
                              says=["secret:6", "--creds"])
        self.assertNotIn("wrong", result.err)

    def test_by_a_flag(self):
        push(self.registry.host, "secret", "7", self.image, user="davit:hunter2")
        name, env = self.pulled(f"{self.registry.host}/secret:7"), self.config({})
        printed = self.davit("run", "--dry-run", "--format", "json", "--creds", "davit:hunter2", name)
        self.assertNotIn("hunter2", printed.out + printed.err)
        self.assertIn("not printed", printed.err)
        self.davit("run", "--rm", "--network", "none", "--creds", "davit:hunter2", name, env=env)

    def test_of_the_command(self):
        push(self.registry.host, "secret", "10", self.image, user="davit:hunter2")
        name, env = self.pulled(f"{self.registry.host}/secret:10"), self.config({})
        self.fails_to_pull("--creds", "davit:wrong", name, says=["secret:10"], env=env)
        self.davit("pull", "--creds", "davit:hunter2", name, env=env)
        self.davit("image", "rm", name)
        path = os.path.join(self.folder, "auth.json")
        with open(path, "w") as f:
            json.dump({"auths": {self.registry.host: {"auth": base64.b64encode(b"davit:hunter2").decode()}}}, f)
        self.davit("pull", "--authfile", path, name, env=env)
        self.fails("pull", "--creds", ":hunter2", name, says="flag --creds: not USER[:PASSWORD]", env=env)

    def test_a_password_that_is_asked_for(self):
        push(self.registry.host, "secret", "11", self.image, user="davit:hunter2")
        name, env = self.pulled(f"{self.registry.host}/secret:11"), self.config({})
        for words in (("pull",), ("run", "--rm", "--network", "none")):
            self.fails(*words, "--creds", "davit", name, env=env, says=["no password for user davit, and no terminal", "--authfile"])
        for words in (("pull",), ("run", "--rm", "--pull", "always", "--network", "none")):
            term = Terminal(self, *words, "--creds", "davit", name, env=env)
            term.expect("Password for davit: ")
            term.type("hunter2\n")
            term.expect("\n")
            self.assertEqual(term.wait(), 0)
            self.assertNotIn("hunter2", term.seen)
            self.assertTrue(term.restored())
        term = Terminal(self, "pull", "--creds", "davit", name, env=env)
        term.expect("Password for davit: ")
        term.type("\x03")
        self.assertEqual(term.wait(), 130, term.rest())

    def test_in_a_file(self):
        push(self.registry.host, "secret", "8", self.image, user="davit:hunter2")
        name = self.pulled(f"{self.registry.host}/secret:8")
        path = os.path.join(self.folder, "auth.json")
        with open(path, "w") as f:
            json.dump({"auths": {self.registry.host: {"auth": base64.b64encode(b"davit:hunter2").decode()}}}, f)
        self.assertEqual(self.started(name, "--rm", auth={"file": "auth.json"}).out, "pulled\n")
        self.davit("run", "--rm", "--pull", "always", "--network", "none", "--authfile", path, name, env=self.config({}))
        os.unlink(path)
        self.started(name, auth={"file": "auth.json"}, says=["auth.json", "No such file"])

    def test_no_command_line_shows_them(self):
        push(self.registry.host, "secret", "9", self.image, user="davit:hunter2")
        name = self.pulled(f"{self.registry.host}/secret:9")
        with open(os.path.join(self.folder, "job.json"), "w") as f:
            json.dump({"tasks": [{"image": name, "auth": {"username": "davit", "password": "hunter2"}}], "network": "none"}, f)
        seen, env = [], self.config({})
        process = self.start("run", "--rm", "-f", "job.json", env=dict(os.environ, **env))
        while process.poll() is None:
            for pid in filter(str.isdigit, os.listdir("/proc")):
                try:
                    with open(f"/proc/{pid}/cmdline") as line, open(f"/proc/{pid}/environ") as its:
                        seen.append(line.read())
                        self.assertNotIn("hunter2", seen[-1] + its.read())
                except OSError:
                    pass
        self.assertEqual(process.returncode, 0, process.stderr.read())
        self.assertTrue(any("davit-image" in line and "--login" in line for line in seen))


class Faults(Pulling):
    resumable = False

    def _look_for_leaks(self):
        """What was fetched of a layer may wait for the next pull, kept by a lease that expires."""
        if self.resumable:
            self.before |= {x for x in leaks.everything(Machine.containerd) if x.startswith(("ingest ", "lease ")) and "layer-" in x or
                            "davit-image-" in x}
        super()._look_for_leaks()

    def registry(self, fault=None, cmd=("echo", "fine")):
        found = Faulty(Image(Machine.rootfs, cmd=cmd, unique=True), fault)
        self.addCleanup(found.stop)
        return found

    def test_wrong_digest(self):
        registry = self.registry("digest")
        self.fails_to_pull(f"{registry.host}/x:1", says=["digest"])

    def test_truncated_layer(self):
        registry = self.registry("truncated")
        self.resumable = True
        self.fails_to_pull(f"{registry.host}/x:1", says=[registry.host])

    def test_server_error(self):
        registry = self.registry("500")
        self.fails_to_pull(f"{registry.host}/x:1", says=["500"])

    def test_a_manifest_that_is_none(self):
        for fault in ("manifest", "huge"):
            registry = self.registry(fault)
            self.fails_to_pull(f"{registry.host}/x:1", says=["x:1"])

    def test_nobody_listens(self):
        self.fails_to_pull("127.0.0.1:1/x:1", says=["127.0.0.1:1", "refused"])

    def test_a_broken_connection_is_resumed(self):
        registry = self.registry("once", cmd=("echo", "resumed"))
        name = f"{registry.host}/x:1"
        self.addCleanup(lambda: self.davit("image", "rm", name, code=None))
        self.davit("pull", name)
        self.assertTrue([r for p, r in registry.asked if r], "no request for the rest")

    def test_a_pull_that_takes_too_long(self):
        registry = self.registry("hang", cmd=("echo", "late"))
        self.resumable = True
        began = time.monotonic()
        self.fails("run", "--rm", "--network", "none", "--pull-timeout", "1s", f"{registry.host}/x:1", progress=True,
                   says=[f"image {registry.host}/x:1: not fetched within 1 s", "kept for the next try"])
        self.assertLess(time.monotonic() - began, 10 * Machine.slow)

    def test_interrupted(self):
        registry = self.registry("hang", cmd=("echo", "hanging"))
        self.resumable = True
        process = self.start("pull", f"{registry.host}/x:1", process_group=0)
        wait_until("the layer's request", lambda: len([p for p, _ in registry.asked if "/blobs/" in p]) > 0)
        time.sleep(0.2)  # the other blob may come meanwhile
        began = time.monotonic()
        os.killpg(process.pid, signal.SIGINT)
        _, err = process.communicate(timeout=30)
        self.assertIn(process.returncode, (130, 125), err)
        self.assertLess(time.monotonic() - began, 8 * Machine.slow)
