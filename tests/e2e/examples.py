"""Every file of examples/ as a user runs it: davit plan -f, davit run -d -f, a look at what it does, davit rm."""
import glob
import os
import signal
import subprocess

from lib.case import Case, Machine, wait_until

EXAMPLES = os.path.join(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))), "examples")


def page(port, path="/"):
    done = subprocess.run(["curl", "-s", "-m", "5", f"http://127.0.0.1:{port}{path}"], capture_output=True, text=True, stdin=subprocess.DEVNULL)
    return done.stdout


class Examples(Case):
    IMAGE = "docker.io/library/busybox:latest"

    def setUp(self):
        super().setUp()
        self.need_network()
        self.davit("image", "tag", Machine.image, self.IMAGE)
        self.addCleanup(lambda: self.davit("image", "rm", self.IMAGE, code=None))

    def example(self, path, *jobs, flags=(), volumes=()):
        """Its jobs run, and are removed when the test ends."""
        path = os.path.join(EXAMPLES, path)
        plan = self.davit("plan", "-f", path).out
        for job in jobs:
            self.assertIn(job, plan)
        self.addCleanup(lambda: volumes and self.remove_volumes(*volumes))
        self.addCleanup(lambda: self.davit("rm", "-f", *jobs, code=None))
        return self.davit("run", "-d", *flags, "-f", path)

    def test_all_are_here(self):
        with open(__file__) as f:
            tests = f.read()
        for path in sorted(glob.glob(EXAMPLES + "/*/*.json") + glob.glob(EXAMPLES + "/*/*.hcl") + glob.glob(EXAMPLES + "/*/*.yaml")):
            self.assertIn(f'"{os.path.relpath(path, EXAMPLES)}"', tests, "an example that no test runs")

    def test_json_web(self):
        self.example("json/web.json", "web")
        wait_until("the page", lambda: page(18080) == "hello from davit\n")

    def test_json_tasks(self):
        self.example("json/tasks.json", "shop", volumes=["shop-data"])
        wait_until("the page", lambda: page(18081, "/schema") == "schema 1\n")
        wait_until("the probe", lambda: "schema 1" in self.davit("logs", "shop.probe").out)
        self.assertEqual(self.davit("exec", "shop.api", "id", "-u").out.strip(), "1000")

    def test_json_heals(self):
        self.example("json/heals.json", "heals")
        wait_until("the page", lambda: page(18082) == "well again\n")
        first = self.json("inspect", "heals")[0]["state"]["pid"]
        os.kill(first, signal.SIGKILL)
        wait_until("its next life", lambda: self.json("inspect", "heals")[0]["state"].get("pid", 0) not in (0, first))
        wait_until("the page again", lambda: page(18082) == "well again\n")
        self.assertEqual(self.json("inspect", "heals")[0]["restarts"], 1)

    def test_json_set(self):
        self.example("json/set.json", "chain-store", "chain-reader")
        wait_until("the name", lambda: "chain-store" in self.davit("logs", "chain-reader").out)

    def test_ensemble_hello(self):
        self.example("ensemble/hello.yaml", "hello-hello", flags=("--namespace", Machine.ns))
        wait_until("its word", lambda: "hello from an ensemble" in self.davit("logs", "hello-hello").out)

    def test_ensemble_keys(self):
        self.example("ensemble/keys.yaml", "keys-box", flags=("--namespace", Machine.ns))
        wait_until("the key", lambda: "ssh-" in self.davit("logs", "keys-box").out)

    def test_ensemble_shop(self):
        self.example("ensemble/shop.yaml", "shop-store", "shop-web", "shop-customer", flags=("--namespace", Machine.ns),
                     volumes=["shop-stock"])
        wait_until("the page", lambda: page(8080, "/stock"), 60)
        self.assertEqual(self.davit("wait", "shop-customer", timeout=60).out.strip(), "0")
        self.assertIn("bought", self.davit("logs", "shop-customer").out)

    def test_nomad_web(self):
        self.example("nomad/web.nomad.hcl", "web-site-0", "web-site-1")
        for i in range(2):
            said = lambda: self.davit("exec", f"web-site-{i}.server", "wget", "-qO-", "http://127.0.0.1:8080/", code=None).out  # noqa: B023
            wait_until("the page", lambda: f"instance {i} of examples" in said())

    def test_nomad_config(self):
        self.davit("volume", "create", "data")
        self.example("nomad/config.nomad.hcl", "config-once-0", volumes=["data"])
        self.assertEqual(self.davit("wait", "config-once-0").out.strip(), "0")
        self.assertIn("name = CONFIG\nword0 = a\nword1 = b", self.davit("logs", "config-once-0").out)

    def test_nomad_redis(self):
        path = os.path.join(EXAMPLES, "nomad/redis.nomad.hcl")  # its image is not here: what it would do is
        out = self.davit("run", "--dry-run", "--format", "json", "-var", "version=6", "-f", path).out
        self.assertIn('"docker.io/library/redis:6"', out)
