"""Where a task's image comes from: which platform's, by whose credentials, and what becomes of it, with registries on loopback."""
import base64
import contextlib
import json
import os

from lib import nomad_images, rootfs
from lib.case import Machine, wait_until
from lib.driver_plugin import Failed
from lib.options_case import OptionsCase
from lib.registry import Faulty, Image, index, push, registry_of

PORTS = iter(range(15200, 15300))
USER, PASSWORD = "davit", "hunter2"
MINE = {"x86_64": "amd64", "aarch64": "arm64"}.get(os.uname().machine, os.uname().machine)
HELPER = """#!/bin/sh
[ "$1" = get ] || exit 1
read host
echo "$host" >>{notes}
echo '{{"ServerURL":"'"$host"'","Username":"davit","Secret":"hunter2"}}'
"""
BROKEN = "#!/bin/sh\necho 'no key ring here'\nexit 1\n"


def image(says, **more):
    """It has a file /which."""
    return Image(rootfs.write(os.path.join(Machine.work, "which.tar"), dict(rootfs.FILES, which=says + "\n")), cmd=("cat", "/which"), **more)


class Tokens(Faulty):
    """It has a token for whoever says no name, or the right password."""

    def serve(self, request):
        said = request.headers.get("Authorization", "")
        if request.path.startswith("/token"):
            right = "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
            return self.answer(request, b'{"token": "t"}', "application/json", code=200 if said in ("", right) else 401)
        if said == "Bearer t":
            return super().serve(request)
        return self.answer(request, b"{}", "application/json", {"WWW-Authenticate": f'Bearer realm="http://{self.host}/token",service="x"'}, 401)


class ImagesCase(OptionsCase):
    auth = False

    @classmethod
    def setUpClass(cls):
        cls.registry = registry_of(cls, next(PORTS), cls.auth)

    def pushed(self, image, extra=None, name=None):
        """A name that nobody has used; what was pulled of it goes in the end."""
        name = name or f"app-{os.urandom(4).hex()}"
        push(self.registry.host, name, "1", image, f"{USER}:{PASSWORD}" if self.auth else None, extra)
        full = f"{self.registry.host}/{name}:1"
        self.addCleanup(lambda: self.davit("image", "rm", "-f", full, code=None))
        return full

    def which(self, options):
        """What stands in the image that the task has got."""
        return self.says(options, "cat /which")

    def fails_with(self, options):
        with self.assertRaises(Failed) as failed:
            self.start_with(options)
        return failed.exception

    def images(self):
        return Machine.containerd.ctr("images", "ls", "-q", ns=Machine.ns).stdout.split()


class Platform(ImagesCase):
    def test_of_another(self):
        """Each task has the files of the platform that it names, whichever was pulled before, and the host's where it names none."""
        entries = [(image(" ".join(p), platform=p), *p) for p in (("linux", MINE), ("linux", "s390x"), ("linux", "arm", "v6"), ("linux", "arm", "v7"))]
        name = f"multi-{os.urandom(4).hex()}"
        for one in entries[1:]:
            self.pushed(one[0], name=name)
        name = self.pushed(entries[0][0], index(entries), name)
        s390x, arm = {"image": name, "arch": "s390x"}, {"image": name, "os": "linux", "arch": "arm"}
        for options, wanted in ((s390x, "linux s390x"), ({"image": name}, f"linux {MINE}"), (dict(arm, variant="v6"), "linux arm v6"),
                                (dict(arm, variant="v7"), "linux arm v7"), (s390x, "linux s390x"), ({"image": name}, f"linux {MINE}")):
            with self.subTest(options):
                self.assertEqual(self.which(options), wanted)
        failed = self.fails_with({"image": name, "arch": "riscv64"})
        self.assertIn("linux/riscv64", failed.message)
        self.assertFalse(failed.recoverable)
        self.assertIn("option variant without arch", self.fails_with({"image": name, "variant": "v7"}).message)


class Fetched(ImagesCase):
    def test_force_pull(self):
        name = self.pushed(image("old"))
        self.assertEqual(self.which({"image": name}), "old")
        self.pushed(image("new"), name=name.split("/")[1].split(":")[0])
        self.assertEqual(self.which({"image": name}), "old")
        self.assertEqual(self.which({"image": name, "force_pull": True}), "new")

    def test_load(self):
        """An archive in the task's folder, and in no other."""
        self.addCleanup(lambda: self.davit("image", "rm", "-f", "example.test/loaded:1", code=None))
        for place in ("local/image.tar", "../alloc/image.tar"):
            task = self.task_with({"image": "example.test/loaded:1", "load": place}, "cat /which")
            nomad_images.archive(os.path.join(task["alloc_dir"], "t", place), [("example.test/loaded:1", image(place))])
            handle = self.session.ask("StartTask", task=task)["handle"]
            self.assertEqual(self.said(handle)[0], place)
            self.destroy(task["id"])
        self.assertIn("option load", self.fails_with({"image": "example.test/loaded:1", "load": "/etc/passwd"}).message)

    def test_image_pull_timeout(self):
        """The task's, else the driver's."""
        slow = Faulty(Image(Machine.rootfs, unique=True), "hang")
        self.addCleanup(slow.stop)
        for conf, options in (({}, {"image_pull_timeout": "1s"}), ({"image_pull_timeout": "1s"}, {})):
            self.configure(**conf)
            failed = self.fails_with(dict(options, image=f"{slow.host}/x:1"))
            self.assertRegex(failed.message, "image_pull_timeout")
            self.assertTrue(failed.recoverable)

    def test_gc_image(self):
        """What was pulled for a task goes after image_delay when the last one has, unless the operator keeps it; what others have made stays."""
        kept, gone, marked = (self.pushed(image(n)) for n in ("kept", "gone", "marked"))
        self.davit("--namespace", Machine.ns, "pull", marked)
        self.configure(gc={"image": False, "image_delay": "1s"})
        self.which({"image": kept})
        self.configure(gc={"image": True, "image_delay": "1h"})
        self.which({"image": gone})
        self.assertEqual({kept, gone, marked} - set(self.images()), set())
        other = self.start_with({"image": kept}, "sleep 1000")
        self.configure(gc={"image": True, "image_delay": "1s"})
        self.which({"image": marked})
        wait_until("the end of the image", lambda: gone not in self.images(), 30)
        later = self.pushed(image("later"))
        self.which({"image": later})
        wait_until("the end of a later one", lambda: later not in self.images(), 30)
        self.assertEqual({kept, marked} - set(self.images()), set())
        self.destroy(other["config"]["id"])


class Passwords(ImagesCase):
    auth = True

    def setUp(self):
        self.bin = os.path.join(Machine.work, "helpers")
        self.notes = os.path.join(self.bin, "notes")
        os.makedirs(self.bin, exist_ok=True)
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.notes)
        for name, text in (("docker-credential-tests", HELPER.format(notes=self.notes)), ("docker-credential-broken", BROKEN)):
            with open(os.path.join(self.bin, name), "w") as f:
                f.write(text)
            os.chmod(f.name, 0o755)
        if self.bin not in os.environ["PATH"]:
            os.environ["PATH"] += ":" + self.bin  # the plugin's, as the agent's is
        super().setUp()

    def config_file(self, path):
        with open(path, "w") as f:
            json.dump({"auths": {self.registry.host: {"auth": base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()}}}, f)
        return path

    def forms(self):
        own = {"username": USER, "password": PASSWORD}
        return {
            "username and password": own,
            "server_address": dict(own, server_address=self.registry.host, email="a@b.example"),
            "config": {"config": self.config_file(os.path.join(self.folder, "config.json"))},
            "helper": {"helper": "tests"},
        }

    def is_denied(self, options):
        failed = self.fails_with(options)
        self.assertIn("pull access denied", failed.message)
        self.assertFalse(failed.recoverable)

    def test_of_a_task(self):
        for form, auth in self.forms().items():
            with self.subTest(form):
                name = self.pushed(image(form))
                self.is_denied({"image": name})
                self.assertEqual(self.which({"image": name, "auth": auth}), form)
        with open(self.notes) as f:
            self.assertEqual(f.read().split(), [self.registry.host])

    def test_of_the_operator(self):
        for form, auth in self.forms().items():
            with self.subTest(form):
                name = self.pushed(image(form))
                self.configure()
                self.is_denied({"image": name})
                self.configure(auth=auth)
                self.assertEqual(self.which({"image": name}), form)

    def test_for_another_registry(self):
        """They go nowhere else: neither the task's, nor the operator's; the operator's are asked where the task's are for another."""
        name = self.pushed(image("here"))
        own = {"username": USER, "password": PASSWORD}
        other = dict(own, server_address="registry.example.test")
        self.is_denied({"image": name, "auth": other})
        self.configure(auth=other)
        self.is_denied({"image": name})
        self.assertNotIn("without server_address", self.plugin.said())
        self.configure(auth=own)
        self.assertIn("option auth: without server_address", self.plugin.said())
        self.assertEqual(self.which({"image": name, "auth": other}), "here")

    def test_config_in_the_task_s_folder(self):
        """As a template writes it; a link that leads out of it is refused."""
        name = self.pushed(image("by template"))
        for place in ("local/auth.json", "secrets/auth.json", "${NOMAD_SECRETS_DIR}/auth.json"):
            with self.subTest(place):
                here = place.replace("${NOMAD_SECRETS_DIR}", "/secrets")
                task = self.task_with({"image": name, "auth": {"config": here}, "force_pull": True}, "cat /which")
                self.config_file(os.path.join(task["alloc_dir"], "t", here.lstrip("/")))
                handle = self.session.ask("StartTask", task=task)["handle"]
                self.assertEqual(self.said(handle)[0], "by template")
                self.destroy(task["id"])
        task = self.task_with({"image": name, "auth": {"config": "local/auth.json"}, "force_pull": True})
        with open(os.path.join(task["alloc_dir"], "t/local/auth.json"), "w") as f:
            f.write("{")
        with self.assertRaisesRegex(Failed, f"{task['alloc_dir']}/t/local/auth.json: ") as caught:
            self.session.ask("StartTask", task=task)
        self.assertNotIn("/proc/", caught.exception.message)
        task = self.task_with({"image": name, "auth": {"config": "local/auth.json"}, "force_pull": True})
        os.symlink(self.config_file(os.path.join(self.folder, "theirs.json")), os.path.join(task["alloc_dir"], "t/local/auth.json"))
        with self.assertRaisesRegex(Failed, "option auth.*link"):
            self.session.ask("StartTask", task=task)

    def test_auth_soft_fail(self):
        """Where no credentials can be had, or they are refused, as nobody: whom this registry lets in, too."""
        public = Tokens(image("for all"))
        self.addCleanup(public.stop)
        for auth, words in (({"helper": "broken"}, "no key ring here"), ({"username": USER, "password": "wrong"}, "pull access denied")):
            with self.subTest(auth):
                name = f"{public.host}/{os.urandom(4).hex()}:1"
                self.addCleanup(lambda name=name: self.davit("image", "rm", "-f", name, code=None))
                options = {"image": name, "auth": auth}
                self.assertIn(words, self.fails_with(options).message)
                self.assertEqual(self.which(dict(options, auth_soft_fail=True)), "for all")
