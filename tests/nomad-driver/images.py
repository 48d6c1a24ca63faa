"""Images: from a registry with and without a password, from a file, what is fetched once, what is told about it, and what goes again."""
import base64
import json
import os
import unittest

from lib import cri_images, nomad_images, nomad_machine, registry, services
from lib.case import Machine, wait_until
from lib.nomad_case import NomadCase

AUTH_PORT = 5002


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
        job = self.job(None, image="127.0.0.1:1/nobody/there:2", once='restart {\n attempts = 1\n interval = "30m"\n delay = "1s"\n mode = "fail"\n}\n'
                       'reschedule {\n attempts = 0\n unlimited = false\n}').failed(90)
        self.assertEqual(job.state()["Restarts"], 1, job.story())

    def test_load(self):
        path = nomad_images.archive(os.path.join(self.folder, "image.tar"), [("example.test/loaded:1", image())])
        self.forget("example.test/loaded:1")
        source = os.path.join(Machine.work, "volumes/s1")
        os.rename(path, source + "/image.tar")
        self.addCleanup(os.unlink, source + "/image.tar")
        # no server serves files here: a task before it puts the archive where the next has it
        job = self.group(
            LOADER, self.task(("sh", "-c", "echo loaded; sleep 1000"), image="example.test/loaded:1", config={"load": "../alloc/data/image.tar"}),
            group='volume "s1" {\n type = "host"\n source = "s1"\n}\n')
        job.wait("running", "failed", seconds=60)
        if job.status() == "failed" and "load" in job.story() and ".." in job.story():
            raise unittest.SkipTest("an archive outside the task's folder is refused")
        job.started("t").waits_for_log("loaded")

    def task(self, *args, **kw):
        from lib.nomad_case import task_block
        return task_block(*args, **kw)


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

    def test_what_no_task_uses_goes(self):
        name = self.forget(self.pushed())
        job, other = (self.sh_job("sleep 1000", image=name).running() for _ in range(2))
        job.stop()
        self.agent.restart()  # who uses it is still known
        other.running()
        wait_until("some seconds", lambda: True)
        self.assertIn(name, local_images())
        other.stop()
        wait_until("its removal", lambda: name not in local_images(), 40)

    def test_what_was_there_before_stays(self):
        self.sh_job("exit 0").completed()
        job = self.sh_job("sleep 4").running()
        job.completed()
        self.assertIn(nomad_images.BUSYBOX, local_images())
