"""Every job of examples/nomad/agent, as it stands there."""
import glob
import os
import urllib.request

from lib import nomad_images
from lib.case import Machine, wait_until
from lib.nomad_case import Job, NomadCase

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../examples/nomad/agent")
LATEST = "docker.io/library/busybox:latest"


def fetch(port):
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/index.html", timeout=5) as answer:
            return answer.read().decode()
    except OSError:
        return ""


class Examples(NomadCase):
    def setUp(self):
        super().setUp()
        Machine.containerd.ctr("images", "tag", "--force", nomad_images.BUSYBOX, LATEST, ns="nomad")

    def example(self, name):
        with open(os.path.join(FOLDER, name + ".nomad.hcl")) as f:
            job = Job(self, self.agent.submit(f.read()))
        self.jobs.append(job)
        return job

    def test_all_are_here(self):
        with open(__file__) as f:
            tests = f.read()
        for path in glob.glob(FOLDER + "/*.nomad.hcl"):
            self.assertIn(f'self.example("{os.path.basename(path)[:-len(".nomad.hcl")]}")', tests, "an example that no test runs")

    def test_web(self):
        def put(greeting):
            self.agent.api.put("var/nomad/jobs/web", {"Path": "nomad/jobs/web", "Items": {"greeting": greeting}})
        self.addCleanup(self.agent.api.call, "DELETE", "var/nomad/jobs/web")
        put("hello")
        job = self.example("web").running()
        port = self.agent.alloc(job.alloc)["AllocatedResources"]["Shared"]["Ports"][0]["Value"]
        wait_until("the page", lambda: fetch(port) == "hello from 0\n", 30)
        put("welcome")
        wait_until("the new page", lambda: fetch(port) == "welcome from 0\n", 40)
        wait_until("a check", lambda: "success" in str(self.agent.api.get(f"client/allocation/{job.alloc}/checks")), 40)
        self.assertEqual(job.state("server")["Restarts"], 0)

    def test_batch(self):
        job = self.example("batch").completed(60)
        self.assertEqual(job.logs("sum"), "5050\n")
        path = os.path.join(Machine.work, "volumes/stock/sum")
        with open(path) as f:
            self.assertEqual(f.read(), "5050\n")
        os.unlink(path)

    def test_from_docker(self):
        job = self.example("from-docker").running()
        wait_until("the page", lambda: fetch(18090) == "as with docker\n", 30)
        self.assertEqual(job.run("hostname", task="app").strip(), "app")
        self.assertEqual(job.run("pwd", task="app").strip(), "/www")

    def test_the_agents_configuration(self):
        """Nomad's own word for it: what it takes of a configuration is not much, but names of blocks are."""
        import subprocess
        done = subprocess.run([self.agent.program, "config", "validate", os.path.join(FOLDER, "agent.hcl")], capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
