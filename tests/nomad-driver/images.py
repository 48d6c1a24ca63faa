"""Images: from a registry with and without a password, from a file, what is fetched once, what is told about it, and what goes again."""
import base64
import json
import os

from lib import cri_images, nomad_images, nomad_machine, registry, services
from lib.case import Machine, wait_until
from lib.nomad_case import ONCE, NomadCase, task_block

AUTH_PORT = 5002
TRIES = 4  # of davit-image (src/davit-image/registry.h), before it gives up
ONE_MORE = ONCE.replace("attempts = 0", 'attempts = 1\n    interval = "30m"\n    delay = "1s"', 1)


def image(unique=True, **config):
    """Of a layer that no containerd has yet."""
    layer = nomad_images.base() + (os.urandom(512) if unique else b"")
    return cri_images.Image(layer, **dict({"Cmd": ["sh"], "Env": [nomad_images.PATH]}, **config))


def local_images():
    return Machine.containerd.ctr("images", "ls", "-q", ns="nomad").stdout.split()


class ImageCase(NomadCase):
    def setUp(self):
        if not Machine.host:
            self.skipTest("no docker-registry program (package docker-registry)")
        super().setUp()

    def pushed(self, **config):
        """A name in the registry that nobody has used."""
        return nomad_machine.push(f"tests/{os.urandom(4).hex()}:1", image(**config))

    def forget(self, name):
        self.addCleanup(lambda: Machine.containerd.ctr("images", "rm", name, ns="nomad", check=False))
        return name


class Images(ImageCase):
    def test_a_pull_is_told(self):
        job = self.sh_job("exit 0", image=self.forget(self.pushed())).completed()
        job.waits_for_event("(?i)^Driver: .*download")

    def faulty(self, fault, **kw):
        """A registry with one, and the name of its image."""
        server = registry.Faulty(image(), fault, **kw)
        self.addCleanup(server.stop)
        return server, self.forget(f"{server.host}/slow/image:1")

    def test_how_far_a_pull_is_is_told(self):
        """While the task is pending; the registry goes on once the allocation says so."""
        server, name = self.faulty("drips")
        job = self.sh_job("exit 0", image=name)
        job.waits_for_event(r"^Driver: Pulled 0 of 1 layers \(\d+\.\d of \d+\.\d MB\)$", seconds=40)
        self.assertEqual(job.state()["State"], "pending")
        server.released.set()
        job.completed()
        said = [text for text in job.says() if text.startswith("Driver: ")]
        self.assertEqual(said[0], "Driver: Downloading image")
        self.assertRegex("\n".join(said[1:]), r"\A(Driver: Pulled \d of 1 layers \(\d+\.\d of \d+\.\d MB\)\n?)+\Z")
        event = next(e for e in self.agent.events(job.alloc, "t") if e["Type"] == "Driver")
        self.assertEqual(event["Details"]["image"], name)

    def test_a_registry_that_is_busy_once(self):
        """No task has to start again for that."""
        server, name = self.faulty("busy", busy=1)
        job = self.sh_job("sleep 1000", image=name, once=ONE_MORE).running()
        self.assertEqual(job.state()["Restarts"], 0)
        self.assertEqual(server.asked[0], server.asked[1])

    def test_a_registry_that_is_busy_for_long(self):
        """The task starts again, and runs: what it says of the first time is what the registry said."""
        server, name = self.faulty("busy", busy=TRIES)
        job = self.sh_job("sleep 1000", image=name, once=ONE_MORE).running(60)
        self.assertEqual(job.state()["Restarts"], 1)
        self.assertEqual(len(set(server.asked[:TRIES + 1])), 1)
        said = job.says()
        failure = next(i for i, text in enumerate(said) if text.startswith("Driver Failure: "))
        self.assertRegex(said[failure], f"{server.host}.*HTTP status 503: out of breath")
        self.assertRegex(said[failure + 1], "^Restarting: Task restarting in ")
        self.assertEqual(said[-1], "Started: Task started by client")

    def test_a_local_image_needs_no_registry(self):
        name = self.forget("127.0.0.1:1/nobody/there:1")
        Machine.containerd.ctr("images", "tag", nomad_images.BUSYBOX, name, ns="nomad")
        self.sh_job("exit 0", image=name).completed()

    def test_force_pull_asks_again(self):
        name = self.forget(self.pushed(Env=[nomad_images.PATH, "AGE=old"]))
        job = self.sh_job("echo is $AGE; sleep 1000", image=name).running()
        job.waits_for_log("is old")
        nomad_machine.push(name.split("/", 1)[1], image(Env=[nomad_images.PATH, "AGE=new"]))
        self.sh_job("echo is $AGE; sleep 1000", image=name).running().waits_for_log("is old")
        self.sh_job("echo is $AGE; sleep 1000", image=name, config={"force_pull": True}).running().waits_for_log("is new")

    def test_one_that_does_not_exist_is_final(self):
        job = self.job(None, image=f"{Machine.host}/no/such:image").failed()
        self.assertEqual(job.state()["Restarts"], 0)
        self.assertRegex("\n".join(job.says()), "no/such:image")

    def test_a_registry_that_is_down_is_tried_again(self):
        job = self.job(None, image="127.0.0.1:1/nobody/there:2", once=ONE_MORE).failed(90)
        self.assertEqual(job.state()["Restarts"], 1, job.story())

    def load(self, named):
        """A job whose archive is of an image @named so. No server has files here: a task before it puts the archive where the next has it."""
        source = os.path.join(Machine.work, "volumes/s1/image.tar")
        os.rename(nomad_images.archive(os.path.join(self.folder, "image.tar"), [(named, image())]), source)
        self.addCleanup(os.unlink, source)
        wanted = self.forget("example.test/loaded:1")
        return self.group(
            LOADER, task_block(("sh", "-c", "echo loaded; sleep 1000"), image=wanted, config={"load": "../alloc/data/image.tar"}),
            group='volume "s1" {\n type = "host"\n source = "s1"\n}\n')

    def test_load(self):
        job = self.load("example.test/loaded:1").started("t")
        job.waits_for_log("^loaded\n$")
        self.assertIn("Driver: Loading image", job.says())
        self.assertIn("example.test/loaded:1", local_images())

    def test_an_archive_of_another_image(self):
        """It is not taken for the one that the task names, nor is that pulled from where its name leads."""
        job = self.load("example.test/other:1").failed()
        job.waits_for_event("archive ../alloc/data/image.tar: no image of the name example.test/loaded:1 is in it")
        self.assertEqual(job.state()["Restarts"], 0)
        self.assertFalse({"example.test/loaded:1", "example.test/other:1"} & set(local_images()))


LOADER = """
  task "put" {
    driver = "containerd-driver"
    lifecycle {
      hook = "prestart"
    }
    config {
      image = "%s"
      command = "cp"
      args = ["/s1/image.tar", "/alloc/data/image.tar"]
    }
    volume_mount {
      volume = "s1"
      destination = "/s1"
    }
    resources {
      cpu = 20
      memory = 64
    }
  }
""" % nomad_images.BUSYBOX


class Passwords(ImageCase):
    def setUp(self):
        super().setUp()
        self.registry = services.Registry(self.folder, AUTH_PORT, auth=True)
        self.addCleanup(self.registry.stop)
        registry.push(self.registry.host, "secret", "1", image(), user="davit:hunter2")
        self.image = self.forget(self.registry.host + "/secret:1")

    def test_of_the_task(self):
        self.sh_job("exit 0", image=self.image, raw='auth {\n username = "davit"\n password = "hunter2"\n}').completed()

    def test_a_wrong_one(self):
        job = self.sh_job("exit 0", image=self.image, raw='auth {\n username = "davit"\n password = "wrong-word"\n}').failed()
        self.assertEqual(job.state()["Restarts"], 0)
        self.assertNotIn("wrong-word", self.agent.log()[self.log_from:])


CONFIG = "/etc/davit-test-auth.json"


class PluginPasswords(Passwords):
    """From a file of Docker's, which the plugin's configuration names."""
    options = {"auth": {"config": CONFIG}}

    @classmethod
    def setUpClass(cls):
        with open(CONFIG, "w") as f:
            json.dump({"auths": {f"127.0.0.1:{AUTH_PORT}": {"auth": base64.b64encode(b"davit:hunter2").decode()}}}, f)
        super().setUpClass()

    def test_of_the_task(self):
        self.sh_job("exit 0", image=self.image).completed()

    def test_a_wrong_one(self):
        self.skipTest("of the task's block alone")


class Collection(ImageCase):
    options = {"gc": {"image": True, "image_delay": "2s"}}

    def users(self):
        """Of a new image: its name, and jobs that run of it."""
        name = self.forget(self.pushed())
        return name, lambda: self.sh_job("sleep 1000", image=name).running()

    def goes(self, name):
        wait_until(f"the end of {name}", lambda: name not in local_images(), 40)

    def counts(self, between):
        """Who uses an image is known whatever has come between. The other image goes meanwhile, and is let go of later, so that one whose
        users were forgotten would have gone with it or before it."""
        name, uses = self.users()
        job, other = uses(), uses()
        beside, uses = self.users()
        last = uses()
        job.stop()
        between()
        other.running()
        last.stop()
        self.goes(beside)
        self.assertIn(name, local_images())
        other.stop()
        self.goes(name)

    def test_what_no_task_uses_goes(self):
        self.counts(lambda: None)

    def test_an_agent_that_starts_again_knows_who_uses_it(self):
        self.counts(self.agent.restart)

    def test_a_new_plugin_knows_who_uses_it(self):
        self.counts(lambda: self.new_plugin(self.kill_plugin()))

    def test_what_was_there_before_stays(self):
        """It has the operator's name for an image, and no mark of ours."""
        before = self.forget("example.test/before:1")
        Machine.containerd.ctr("images", "tag", nomad_images.BUSYBOX, before, ns="nomad")
        self.sh_job("exit 0", image=before).completed()
        ours, uses = self.users()
        uses().stop()
        self.goes(ours)
        self.assertIn(before, local_images())
