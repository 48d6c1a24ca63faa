"""Health checks: who asks how a job is, how often, what of it is told, and that a check leaves nothing behind."""
import glob
import hashlib
import io
import json
import os
import shutil
import tarfile
import time

from lib.restarting import kill_monitor, monitor_of, monitors
from lib.case import Case, Machine, is_open, wait_until


def processes(*words):
    """Those of the machine whose command line begins so."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as f:
                line = f.read().decode(errors="replace").rstrip("\0").split("\0")
        except OSError:
            continue
        if line[:len(words)] == list(words):
            found.append(int(pid))
    return found


class Health(Case):
    def setUp(self):
        super().setUp()
        self.names = []
        self.addCleanup(lambda: wait_until("the end of all monitors", lambda: not [pid for name in self.names for pid in monitors(name)]))

    def checked(self, name, check, *flags, image=None, command=("sleep", "1000"), network="none"):
        self.names.append(name)
        self.davit("run", "-d", "--name", name, "--network", network, *(("--health-cmd", check) if check else ()), *flags, image or Machine.image, *command)
        self.addCleanup(self.davit, "rm", "-f", name, code=None)

    def health(self, name):
        return self.json("inspect", name)[0]["state"].get("health", {})

    def await_health(self, name, state):
        wait_until(f"{name} to be {state}", lambda: self.health(name).get("status") == state, 30)

    def checks(self, name):
        return len(self.health(name)["log"])

    def test_healthy(self):
        self.checked("fine", "test -e /well && echo yes", "--health-interval", "1s", "--health-start-period", "1h", "--health-start-interval", "1s")
        self.assertIn("(health: starting)", self.davit("ps").out)
        self.davit("exec", "fine", "touch", "/well")
        self.davit("wait", "--status", "healthy", "fine")
        self.assertIn("(healthy)", self.davit("ps").out)
        self.assertEqual(self.davit("ps", "-q", "--filter", "health=healthy").out, self.davit("ps", "-q").out)
        self.assertEqual(self.davit("ps", "-q", "--filter", "health=unhealthy").out, "")
        last = self.health("fine")["log"][-1]
        self.assertEqual((last["exit_code"], last["output"]), (0, "yes\n"))
        self.assertEqual(self.davit("inspect", "-f", "{{.State.Health.Status}} {{.State.Health.FailingStreak}}", "fine").out, "healthy 0\n")
        self.assertEqual(len(monitors("fine")), 1)

    def test_unhealthy_after_so_many_and_healed_by_one(self):
        events = self.start_until("events are listened to", "events", "--filter", "event=health_status", "--format", "json")
        self.checked("ill", "test -e /well", "--health-interval", "1s", "--health-retries", "2")
        self.davit("wait", "--status", "unhealthy", "ill")
        self.assertGreaterEqual(self.health("ill")["failing_streak"], 2)
        self.assertEqual(self.state("ill"), "running")
        self.davit("exec", "ill", "touch", "/well")
        self.davit("wait", "--status", "healthy", "ill")
        told = [json.loads(events.stdout.readline()) for _ in range(2)]
        self.assertEqual([(e["event"], e["name"], e["health"]) for e in told], [("health_status", "ill", "unhealthy"), ("health_status", "ill", "healthy")])

    def test_failures_of_the_start_period_do_not_count(self):
        self.checked("late", "false", "--health-interval", "1s", "--health-start-interval", "1s", "--health-start-period", "1h", "--health-retries", "1")
        wait_until("three checks", lambda: self.checks("late") >= 3)
        self.assertEqual((self.health("late")["status"], self.health("late")["failing_streak"]), ("starting", 0))

    def test_a_check_that_hangs_is_killed_with_all_that_it_forked(self):
        self.checked("hangs", "sleep 7001 & (sleep 7001 &); sleep 7001", "--health-interval", "1s", "--health-timeout", "1s", "--health-retries", "1")
        wait_until("its processes", lambda: len(processes("sleep", "7001")) == 3)
        self.davit("wait", "--status", "unhealthy", "hangs")
        self.assertIn("timeout", self.health("hangs")["log"][0]["output"])
        seen = self.checks("hangs")
        wait_until("more checks", lambda: self.checks("hangs") > seen)
        self.assertLessEqual(len(processes("sleep", "7001")), 3)  # of the one that is underway, if any
        self.davit("stop", "-t", "0", "hangs")
        self.assertEqual(processes("sleep", "7001"), [])

    def test_what_a_check_leaves_running_ends_with_it(self):
        self.checked("forks", "sleep 7002 & echo done", "--health-interval", "1s")
        self.davit("wait", "--status", "healthy", "forks")
        wait_until("three checks", lambda: self.checks("forks") >= 3)
        wait_until("the end of what they have forked", lambda: not processes("sleep", "7002"))
        self.assertEqual({e["output"] for e in self.health("forks")["log"]}, {"done\n"})

    def test_a_flood_is_drained_and_kept_short(self):
        self.checked("floods", "yes flood | head -c 20000000", "--health-interval", "1s", "--health-timeout", "60s")
        self.davit("wait", "--status", "healthy", "floods")
        self.assertEqual(len(self.health("floods")["log"][0]["output"]), 4096)
        self.checked("deluge", "yes deluge", "--health-interval", "1s", "--health-timeout", "1s", "--health-retries", "1")
        self.davit("wait", "--status", "unhealthy", "deluge")
        self.davit("stop", "-t", "0", "deluge")
        self.assertEqual(processes("yes", "deluge"), [])

    def test_no_such_command(self):
        self.by_file("absent", {"exec": ["/no/such"], "interval": 1, "retries": 1})
        self.davit("wait", "--status", "unhealthy", "absent")
        self.assertEqual(self.health("absent")["log"][0]["exit_code"], 127)

    def by_file(self, name, check, *command):
        """By a job's JSON, which has what no flag says."""
        self.names.append(name)
        path = os.path.join(self.folder, name + ".json")
        task = {"image": Machine.image, "args": list(command or ("sleep", "1000")), "healthcheck": check}
        with open(path, "w") as f:
            json.dump({"name": name, "network": "none", "tasks": [task]}, f)
        self.davit("run", "-d", "-f", path)
        self.addCleanup(self.davit, "rm", "-f", name, code=None)

    def test_http_and_tcp_in_its_own_network(self):
        serve = "mkdir /w; echo all is well >/w/index.html; httpd -p 8123 -h /w; exec sleep 1000"
        with self.subTest("http"):
            self.by_file("web", {"type": "http", "url": "http://localhost:8123/", "expect": "all is well", "interval": 1}, "sh", "-c", serve)
            self.davit("wait", "--status", "healthy", "web")
            self.assertIn("200", self.health("web")["log"][-1]["output"])
        with self.subTest("not what is expected"):
            self.by_file("other", {"type": "http", "url": "http://127.0.0.1:8123/index.html", "expect": "else", "interval": 1, "retries": 1}, "sh", "-c", serve)
            self.davit("wait", "--status", "unhealthy", "other")
        with self.subTest("no such page"):
            self.by_file("page", {"type": "http", "url": "http://127.0.0.1:8123/no", "interval": 1, "retries": 1}, "sh", "-c", serve)
            self.davit("wait", "--status", "unhealthy", "page")
            wait_until("a check that had a listener", lambda: "404" in self.health("page")["log"][-1]["output"])
        with self.subTest("tcp"):
            self.by_file("port", {"type": "tcp", "url": "8123", "interval": 1}, "sh", "-c", serve)
            self.davit("wait", "--status", "healthy", "port")
        with self.subTest("nobody listens"):
            self.by_file("deaf", {"type": "tcp", "url": "8123", "interval": 1, "retries": 1})
            self.davit("wait", "--status", "unhealthy", "deaf")
            self.assertIn("refused", self.health("deaf")["log"][-1]["output"])

    def test_an_answer_that_never_comes(self):
        check = {"type": "http", "url": "http://127.0.0.1:8123/", "interval": 1, "timeout": 1, "retries": 1}
        self.by_file("mute", check, "sh", "-c", "sleep 1000 | nc -l -p 8123; exec sleep 1000")
        self.davit("wait", "--status", "unhealthy", "mute")
        wait_until("a check that had a listener", lambda: any("timeout" in e["output"] for e in self.health("mute")["log"]))

    def test_the_image_s_own(self):
        archive = os.path.join(self.folder, "image.tar")
        self.davit("image", "save", "-o", archive, Machine.image)
        image = with_healthcheck(archive, {"Test": ["CMD-SHELL", "echo by the image"], "Interval": 1000000000, "Retries": 1})
        self.davit("image", "load", "-i", image)
        self.addCleanup(self.davit, "image", "rm", "-f", "checked:local")
        self.checked("its", None, image="checked:local")
        self.davit("wait", "--status", "healthy", "its")
        self.assertEqual(self.health("its")["log"][0]["output"], "by the image\n")
        self.checked("not", None, "--no-healthcheck", image="checked:local")
        self.assertEqual((self.health("not"), monitors("not")), ({}, []))
        self.checked("own", "false", image="checked:local")
        self.davit("wait", "--status", "unhealthy", "own")  # at the image's interval, after its retries

    def test_a_monitor_that_is_killed_is_followed_where_it_was(self):
        self.checked("goes-on", "sleep 0.3; false", "--health-interval", "1s", "--health-retries", "1000")
        wait_until("two failures", lambda: self.health("goes-on")["failing_streak"] >= 2)
        wait_until("one underway", lambda: processes("sleep", "0.3"))
        killed = monitor_of("goes-on")
        kill_monitor(killed)
        streak = self.health("goes-on")["failing_streak"]  # which starts another
        self.assertGreaterEqual(streak, 2)
        wait_until("another monitor", lambda: [pid for pid in monitors("goes-on") if pid != killed])
        wait_until("the next failure", lambda: self.health("goes-on")["failing_streak"] > streak)

    def test_a_monitor_that_is_killed_before_the_shim_reads(self):
        """containerd's shim opens a process's streams once its engine is done, and waits for who reads from them; all that is asked of it waits, too."""
        self.once()
        engine, hold, held = (os.path.join(self.folder, name) for name in ("engine", "hold", "held"))
        real = shutil.which(Machine.engine)
        with open(engine, "w") as f:
            f.write(f"""#!/bin/sh
case " $* " in
*" exec "*)
	{real} "$@"
	code=$?
	if [ -e {hold} ]; then
		: >{held}
		while [ -e {hold} ]; do sleep 0.05; done
	fi
	exit $code ;;
esac
exec {real} "$@"
""")
        os.chmod(engine, 0o755)
        self.checked("held", "false", "--health-interval", "1s", "--health-retries", "1000", "--runtime", "runc", "--runtime-option", "BinaryName=" + engine)
        self.addCleanup(lambda: os.path.exists(hold) and os.unlink(hold))
        wait_until("a failure", lambda: self.health("held")["failing_streak"] >= 1)
        killed = monitor_of("held")
        with open(hold, "w"):
            pass
        wait_until("one underway", lambda: os.path.exists(held))
        stream, = glob.glob(f"/run/davit/{Machine.ns}/held-*/exec-health-*/stdout")
        kill_monitor(killed)
        self.assertFalse(is_open(stream))
        streak = self.health("held")["failing_streak"]  # which starts another
        wait_until("another reader", lambda: is_open(stream))
        os.unlink(hold)
        wait_until("the next failure", lambda: self.health("held")["failing_streak"] > streak)

    def test_a_new_life_begins_anew(self):
        self.checked("again", "test ! -e /ill", "--health-interval", f"{1 + Machine.slow:.0f}s", "--health-retries", "1")
        self.davit("wait", "--status", "healthy", "again")
        self.davit("exec", "again", "touch", "/ill")
        self.davit("wait", "--status", "unhealthy", "again")
        self.davit("stop", "-t", "0", "again")
        wait_until("the end of its monitor", lambda: not monitors("again"))
        self.assertNotIn("healthy", self.davit("ps", "-a").out)
        self.davit("start", "again")
        self.assertIn("health: starting", self.davit("ps").out)
        self.davit("wait", "--status", "unhealthy", "again")

    def test_of_several_tasks_the_worst_counts(self):
        self.names.append("several")
        path = os.path.join(self.folder, "several.json")
        ill = {"exec": ["test", "-e", "/well"], "interval": 1, "retries": 1}
        tasks = [{"name": name, "image": Machine.image, "args": ["sleep", "1000"], "healthcheck": check}
                 for name, check in (("a", {"exec": ["true"], "interval": 1}), ("b", ill), ("c", None))]
        with open(path, "w") as f:
            json.dump({"name": "several", "network": "none", "tasks": tasks}, f)
        self.davit("run", "-d", "-f", path)
        self.addCleanup(self.davit, "rm", "-f", "several", code=None)
        self.davit("wait", "--status", "unhealthy", "several.b")
        self.davit("wait", "--status", "healthy", "several.a")
        self.assertIn("(unhealthy)", self.davit("ps").out)
        self.assertEqual(self.json("inspect", "several")[0]["state"]["health"], {"status": "unhealthy"})
        self.davit("wait", "--status", "unhealthy", "several")
        self.davit("exec", "several.b", "touch", "/well")
        self.davit("wait", "--status", "healthy", "several.b")
        self.assertIn("(healthy)", self.davit("ps").out)
        self.assertEqual(len(monitors("several")), 1)

    def test_paused_it_is_left_alone(self):
        self.checked("still", "true", "--health-interval", "1s", "--health-retries", "1")
        self.davit("wait", "--status", "healthy", "still")
        self.davit("pause", "still")
        time.sleep(2.5)  # two checks' time, in which nothing is to happen
        self.assertEqual(self.health("still")["status"], "healthy")
        self.davit("unpause", "still")
        self.assertEqual(self.health("still")["status"], "healthy")

    def test_without_checks_there_is_no_monitor(self):
        self.checked("plain", None)
        self.assertEqual((self.health("plain"), monitors("plain")), ({}, []))
        self.fails("wait", "--status", "healthy", "plain", says=["no health check"])


def with_healthcheck(archive, check):
    """An image archive's only image, as checked:local, with a HEALTHCHECK: the archive's path."""
    with tarfile.open(archive) as tar:
        files = {m.name: tar.extractfile(m).read() for m in tar if m.isfile()}
    manifest = json.loads(files["manifest.json"])[0]
    config = json.loads(files.pop(manifest["Config"]))
    config.setdefault("config", {})["Healthcheck"] = check
    data = json.dumps(config).encode()
    manifest.update(Config=hashlib.sha256(data).hexdigest() + ".json", RepoTags=["checked:local"])
    files = {manifest["Config"]: data, "manifest.json": json.dumps([manifest]).encode(), **{name: files[name] for name in manifest["Layers"]}}
    path = archive + ".checked"
    with tarfile.open(path, "w") as tar:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return path
