"""davit push, login and logout against docker-registry, and against registries that fail."""
import base64
import json
import os
import stat

from lib.case import Case, Machine, Terminal
from lib.registry import Image, Taking, index, push, registry_of

PORTS = iter(range(15100, 15150))


class Pushing(Case):
    def named(self, name, source=None):
        """A further name of the tests' image, or of @source."""
        self.davit("image", "tag", source or Machine.image, name)
        return self.drops(name)

    def drops(self, name):
        self.addCleanup(lambda: self.davit("image", "rm", name, code=None))
        return name

    def fails_to_push(self, *words, **kw):
        return self.fails("push", *words, progress=True, **kw)

    def home(self, content=None):
        folder = os.path.join(self.folder, ".docker")
        os.makedirs(folder, exist_ok=True)
        self.config = os.path.join(folder, "config.json")
        if content is not None:
            with open(self.config, "w") as f:
                json.dump(content, f)
        return {"HOME": self.folder, "DOCKER_CONFIG": folder}

    def kept(self):
        with open(self.config) as f:
            return json.load(f)


class Push(Pushing):
    @classmethod
    def setUpClass(cls):
        cls.registry = registry_of(cls, next(PORTS))

    def test_and_pull_again(self):
        name = self.named(f"{self.registry.host}/deep/er/app:1")
        first = self.davit("push", name)
        self.assertRegex(first.out, rf"^{name}@sha256:[0-9a-f]{{64}}\n$")
        self.assertIn("davit: layer ", first.err)
        self.davit("image", "rm", name)
        self.assertEqual(self.davit("run", "--rm", "--network", "none", first.out.strip(), "echo", "there").out, "there\n")
        self.drops(first.out.strip())
        again = self.davit("image", "push", "-q", Machine.image, name)
        self.assertEqual((again.out, again.err), (first.out, ""))

    def test_what_it_prints(self):
        name = self.named(f"{self.registry.host}/printed:1")
        found = json.loads(self.davit("push", "--format", "json", name).out)
        self.assertEqual(found["name"], name)
        self.assertEqual(self.davit("push", "--format", "{{.digest}}", name).out.strip(), found["digest"])
        self.fails("push", "--format", "yaml", name, says="not text, json or a template")

    def test_of_several_platforms(self):
        machine = {"x86_64": "amd64", "aarch64": "arm64"}.get(os.uname().machine, os.uname().machine)
        here, other = Image(Machine.rootfs, unique=True), Image(Machine.rootfs, platform=("linux", "s390x"))
        push(self.registry.host, "both", "other", other)
        push(self.registry.host, "both", "1", here, extra=index([(other, "linux", "s390x"), (here, "linux", machine)]))
        name = self.drops(f"{self.registry.host}/both:1")
        self.davit("pull", name)
        target = f"{self.registry.host}/both-again:1"
        self.fails_to_push("--all-platforms", name, target, says=["linux/s390x", "is not here", "davit pull --platform"])
        one = self.davit("push", name, target)
        self.assertIn(f"only linux/{machine} of the image is here", one.err)
        self.davit("pull", "--platform", "linux/s390x", name)
        all_ = self.davit("push", name, target)
        self.assertNotIn("only", all_.err)
        self.assertNotEqual(one.out, all_.out)
        self.assertEqual(self.davit("push", "--all-platforms", name, target).out, all_.out)
        self.assertEqual(self.davit("push", "--platform", f"linux/{machine}", name, target).out, one.out)

    def test_what_is_not_there(self):
        self.fails_to_push(f"{self.registry.host}/nowhere:1", says=["nowhere:1", "not found"])
        name = self.named("127.0.0.1:1/x:1")
        self.fails_to_push(name, says=["127.0.0.1:1", "refused"])
        self.fails_to_push(Machine.image, f"{self.registry.host}/x@sha256:{'0' * 64}", says="a push goes to a tag")


class Login(Pushing):
    @classmethod
    def setUpClass(cls):
        cls.registry = registry_of(cls, next(PORTS), True)

    def test_push_and_logout(self):
        env, name = self.home(), self.named(f"{self.registry.host}/secret:1")
        self.fails_to_push(name, env=env, says=["wants a login", f"davit login {self.registry.host}"])
        done = self.davit("login", "-u", "davit", "--password-stdin", self.registry.host, input="hunter2\n", env=env)
        self.assertEqual(done.out, "Login succeeded\n")
        self.assertIn("unencrypted in " + self.config, done.err)
        self.assertEqual(stat.S_IMODE(os.stat(self.config).st_mode), 0o600)
        self.davit("push", name, env=env)
        self.davit("pull", name, env=env)
        self.assertEqual(self.davit("logout", self.registry.host, env=env).out, self.registry.host + "\n")
        self.assertEqual(self.kept(), {"auths": {}})
        self.fails_to_push(name, env=env, says="wants a login")
        self.assertIn("no login is kept for " + self.registry.host, self.davit("logout", self.registry.host, env=env).err)

    def test_credentials_of_the_command(self):
        env, name = self.home({}), self.named(f"{self.registry.host}/secret:2")
        self.fails_to_push("--creds", "davit:wrong", name, env=env, says=["is refused", "--creds"])
        self.davit("push", "--creds", "davit:hunter2", name, env=env)

    def test_a_wrong_one_is_not_kept(self):
        before = {"auths": {self.registry.host: {"auth": "b2xkOm9sZA=="}}}
        env = self.home(before)
        refused = self.fails("login", "-u", "davit", "--password-stdin", self.registry.host, input="wrong", env=env,
                             says=["login", self.registry.host, "refused"])
        self.assertNotIn("wrong", refused.err)
        self.assertEqual(self.kept(), before)
        self.fails("login", "-u", "davit", self.registry.host, env=env, says=["no terminal", "--password-stdin"])
        self.fails("login", "--password-stdin", self.registry.host, env=env, says="needs --username")
        self.fails("login", "-u", "davit", "--password-stdin", "127.0.0.1:1", input="x", env=env, says="refused")

    def test_what_else_the_file_has_stays(self):
        more = {"HttpHeaders": {"X": "1"}, "psFormat": "table", "big": 12345678901234567890, "n": 1.50, "auths": {"other.example": {"auth": "eDp5"}}}
        env = self.home({**more, "auths": {**more["auths"], f"https://{self.registry.host}/v1/": {"auth": "b2xkOm9sZA=="}}})
        os.rename(self.config, self.config + ".real")
        os.symlink("config.json.real", self.config)
        self.davit("login", "-u", "davit", "--password-stdin", self.registry.host, input="hunter2", env=env)
        found = self.kept()
        self.assertEqual(base64.b64decode(found["auths"].pop(self.registry.host)["auth"]), b"davit:hunter2")
        self.assertEqual(found, more)
        self.assertTrue(os.path.islink(self.config))
        self.assertEqual(sorted(os.listdir(os.path.dirname(self.config))), ["config.json", "config.json.real"])
        self.assertEqual(sorted(self.davit("logout", "--all", env=env).out.split()), sorted(["other.example", self.registry.host]))

    def test_a_helper_keeps_it(self):
        env = self.home({"credHelpers": {self.registry.host: "test"}})
        helper, said = os.path.join(self.folder, "docker-credential-test"), os.path.join(self.folder, "said")
        with open(helper, "w") as f:
            f.write(f'#!/bin/sh\n(echo "$1 $(cat)") | tee -a {said} >/dev/null\n[ "$1" != get ] || '
                    'echo "{\\"Username\\":\\"davit\\",\\"Secret\\":\\"hunter2\\"}"\n')
        os.chmod(helper, 0o755)
        env["PATH"] = self.folder + ":" + os.environ["PATH"]
        done = self.davit("login", "-u", "davit", "--password-stdin", self.registry.host, input="hunter2", env=env)
        self.assertNotIn("unencrypted", done.err)
        self.assertEqual(self.kept()["auths"], {self.registry.host: {}})
        self.davit("push", self.named(f"{self.registry.host}/secret:3"), env=env)
        self.davit("logout", self.registry.host, env=env)
        with open(said) as f:
            lines = f.read().splitlines()
        self.assertEqual(json.loads(lines[0].partition(" ")[2]),
                         {"ServerURL": self.registry.host, "Username": "davit", "Secret": "hunter2"})
        self.assertEqual(lines[-1], "erase " + self.registry.host)

    def test_on_a_terminal(self):
        env = self.home()
        term = Terminal(self, "login", self.registry.host, env=env)
        term.expect("Username: ")
        term.type("davit\n")
        term.expect("Password for davit: ")
        with open(f"/proc/{term.process.pid}/cmdline") as f:
            self.assertNotIn("hunter2", f.read())
        term.type("hunter2\n")
        term.expect("Login succeeded")
        self.assertEqual(term.wait(), 0)
        self.assertNotIn("hunter2", term.seen)
        self.assertTrue(term.restored())
        self.assertIn(self.registry.host, self.kept()["auths"])


class Faults(Pushing):
    def registry(self, *words, **more):
        found = Taking(*words, **more)
        self.addCleanup(found.stop)
        return found

    def pushed(self, registry, *flags):
        """And all that it should have is there."""
        name = self.named(f"{registry.host}/x:1")
        self.davit("push", *flags, name)
        return json.loads(registry.manifests["1"])

    def test_a_broken_connection_is_resumed(self):
        registry = self.registry("breaks")
        layer = self.pushed(registry)["layers"][0]
        self.assertIn(layer["digest"], registry.blobs)
        self.assertEqual(sum(n for _, path, _, n in registry.asked if "/upload/" in path and n > 4096), layer["size"], "bytes twice")
        self.assertTrue(registry.of("PATCH"))

    def test_a_broken_connection_that_is_forgotten(self):
        registry = self.registry("forgets")
        layer = self.pushed(registry)["layers"][0]
        self.assertIn(layer["digest"], registry.blobs)
        self.assertFalse(registry.of("PATCH"))

    def test_a_busy_registry(self):
        registry = self.registry("busy")
        self.pushed(registry)
        self.assertEqual(registry.refused, 2)

    def test_what_is_too_large_goes_in_parts(self):
        registry = self.registry("small")
        layer = self.pushed(registry)["layers"][0]
        self.assertGreater(layer["size"], registry.limit)
        self.assertLessEqual(max(n for *_, n in registry.of("PATCH")), registry.limit)
        tiny = self.registry("small", limit=1000)
        self.fails_to_push(self.named(f"{tiny.host}/x:1"), says=["too large", "413"])

    def test_what_is_refused(self):
        for fault, says in (("denies", ["access is denied", "not for you", "davit login"]), ("unknown", ["knows no repository x"]),
                            ("digest", ["something else", "damaged"])):
            with self.subTest(fault):
                registry = self.registry(fault)
                self.fails_to_push(self.named(f"{registry.host}/x:1"), says=says)
                self.assertEqual(registry.manifests, {})

    def test_no_other_host_sees_the_login(self):
        for fault in ("elsewhere", "leads"):
            with self.subTest(fault):
                other = self.registry()
                registry = self.registry(fault, other=other, user="davit:hunter2")
                self.pushed(registry, "--creds", "davit:hunter2")
                self.assertTrue(other.of("PUT", "/upload/"))
                self.assertEqual({said for _, _, said, _ in other.asked}, {""})
        other = self.registry(user="davit:hunter2")  # also when it asks for one
        registry = self.registry("elsewhere", other=other, user="davit:hunter2")
        self.fails_to_push("--creds", "davit:hunter2", self.named(f"{registry.host}/x:1"), says=other.host)
        self.assertEqual({said for _, _, said, _ in other.asked}, {""})
