"""davit reconcile: what a crash, a reboot and a lost network namespace leave, and who runs again after a boot."""
import contextlib
import glob
import json
import os
import signal
import socket
import subprocess
import urllib.request

from lib import reboot
from lib.case import Case, Machine, wait_until
from lib.restarting import is_looked_after, kill_monitor

PORT = 18473


def shim_of(pid):
    """The process that looks after a task's first one."""
    with open(f"/proc/{pid}/stat") as f:
        return int(f.read().rsplit(")", 1)[1].split()[1])


def same_namespace(pid, path):
    with contextlib.suppress(OSError):
        return os.stat(f"/proc/{pid}/ns/net").st_ino == os.stat(path).st_ino
    return False


class Looked(Case):
    def setUp(self):
        super().setUp()
        self.made = []
        self.addCleanup(self.remove_all)

    def remove_all(self):
        if self.made:
            self.davit("rm", "-f", *self.made, code=None)

    def make(self, name, *flags, command=("sleep", "1000"), network="none"):
        self.made.append(name)
        self.davit("run", "-d", "--name", name, "--network", network, *flags, Machine.image, *command)
        return name

    def seen(self, name):
        return self.json("inspect", name)[0]

    def pid(self, name):
        return self.seen(name)["state"].get("pid", 0)

    def address(self, name):
        row = next(r for r in self.rows("ps", "-a") if r["name"] == name)
        return row.get("ip")

    def netns(self, name):
        return f"/run/netns/{self.seen(name)['id']}"

    def reconcile(self, *flags, code=0):
        return [(row["part"], row["job"]) for row in self.rows("reconcile", *flags, code=code) if row.get("job")]

    def states(self):
        return {row["name"]: row["status"] for row in self.rows("ps", "-a") if row["name"] in self.made}


class Listed(Looked):
    """What ended while nobody waited keeps nothing, once somebody has looked."""

    def tasks(self):
        return Machine.containerd.ctr("tasks", "list", "-q", ns=Machine.ns).stdout.split()

    def end(self, name, *flags, **how):
        self.make(name, *flags, command=("sh", "-c", "exit 7"), **how)
        id = self.seen(name)["id"]
        wait_until("its end", lambda: self.seen(name)["state"]["status"] == "exited")
        self.assertIn(id, self.tasks())
        return id

    def test_it_is_settled(self):
        self.need_network()
        id = self.end("over", network="davit")
        self.assertEqual(self.states(), {"over": "exited"})
        wait_until("its task's end", lambda: id not in self.tasks())
        wait_until("its network's end", lambda: not os.path.exists(f"/run/netns/{id}"))
        row = next(r for r in self.rows("ps", "-a") if r["name"] == "over")
        self.assertEqual((row["status"], row["exit_code"]), ("exited", 7))
        self.assertEqual(self.davit("wait", "over").out.strip(), "7")
        self.assertEqual(self.reconcile(), [])
        self.davit("start", "over")

    def test_a_folder_from_where_it_is_called(self):
        """A relative one: nothing is looked for, or made, below the root."""
        here = ("--run-dir", "here-run", "--data-dir", "here-data")
        self.davit(*here, "run", "-d", "--name", "here", "--network", "none", Machine.image, "echo", "here-data")
        self.addCleanup(self.davit, *here, "rm", "-f", "here")
        seen = lambda: self.json(*here, "inspect", "here")[0]
        wait_until("its end", lambda: seen()["state"]["status"] == "exited")
        id = seen()["id"]
        self.davit(*here, "ps", "-a")
        wait_until("its task's end", lambda: id not in self.tasks())
        self.assertEqual(self.davit(*here, "logs", "here").out, "here-data\n")
        self.assertFalse(any(os.path.exists("/" + folder) for folder in ("here-run", "here-data")))

    def test_a_start_meanwhile(self):
        """Neither is kept from its work by the other."""
        for _ in range(5):
            id = self.end("again")
            self.states()
            self.davit("start", "again")
            wait_until("its end", lambda: self.seen("again")["state"]["status"] == "exited")
            self.states()
            self.davit("rm", "again")
            self.assertNotIn(id, self.tasks())

    def test_an_agent_sees_to_its_own(self):
        id = self.end("nomads", "--label", "com.hashicorp.nomad.alloc_id=1")
        other = self.end("ours")
        self.states()
        wait_until("the other's end", lambda: other not in self.tasks())
        self.assertIn(id, self.tasks())


class Crash(Looked):
    def test_nothing_is_left_to_be_done(self):
        self.make("fine")
        self.assertEqual(self.davit("reconcile").out, "")
        self.assertEqual(self.states(), {"fine": "running"})

    def test_an_exit_that_nobody_saw(self):
        """Its shim dies with it, and containerd is away."""
        self.need_network()
        self.make("lost", network="davit")
        pid, address = self.pid("lost"), self.address("lost")
        shim = shim_of(pid)
        Machine.containerd.stop(signal.SIGKILL)
        for each in (shim, pid):
            os.kill(each, signal.SIGKILL)
        wait_until("its end", lambda: not os.path.exists(f"/proc/{pid}"))
        Machine.containerd.start()
        self.assertTrue(glob.glob(f"/var/lib/cni/networks/*/{address}"))
        self.assertIn(("state", "lost"), self.reconcile("--dry-run"))
        self.assertTrue(glob.glob(f"/var/lib/cni/networks/*/{address}"))
        done = self.reconcile()
        self.assertIn(("state", "lost"), done)
        self.assertIn(("network", "lost"), done)
        self.assertEqual(glob.glob(f"/var/lib/cni/networks/*/{address}"), [])
        self.assertEqual(self.states(), {"lost": "exited"})
        self.assertIn(self.davit("wait", "lost").out.strip(), ("137", "255"))
        self.assertEqual(self.reconcile(), [])

    def test_a_lost_network_namespace(self):
        self.need_network()
        self.make("kept", network="davit")
        path, pid = self.netns("kept"), self.pid("kept")
        for gone in (True, False):
            subprocess.run(["umount", path], check=True)
            if gone:
                os.unlink(path)
            self.assertEqual(self.reconcile("--dry-run"), [("network", "kept")])
            self.assertFalse(same_namespace(pid, path))
            self.assertEqual(self.reconcile(), [("network", "kept")])
            self.assertTrue(same_namespace(pid, path))
            self.assertEqual(self.pid("kept"), pid)
        self.assertEqual(self.reconcile(), [])

    def test_who_touches_a_job_mends_its_network(self):
        self.need_network()
        self.make("kept", network="davit")
        path, pid = self.netns("kept"), self.pid("kept")

        def joins():
            self.make("joined", network="container:kept")
            self.assertTrue(same_namespace(self.pid("joined"), f"/proc/{pid}/ns/net"))
        for touches in (lambda: self.davit("ps"), lambda: self.davit("inspect", "kept"), lambda: self.davit("start", "kept"),
                        lambda: self.davit("exec", "kept", "true"), lambda: self.davit("stats", "--no-stream"), joins):
            subprocess.run(["umount", path], check=True)
            os.unlink(path)
            touches()
            self.assertTrue(same_namespace(pid, path))
        self.davit("rm", "-f", *self.made)
        self.assertFalse(os.path.exists(path))

    def test_a_monitor_is_missing(self):
        self.make("alone", "--restart", "always")
        first = self.pid("alone")
        id = self.seen("alone")["id"]

        def ours():
            return [p for p in filter(str.isdigit, os.listdir("/proc")) if self.is_monitor_of(p, id)]
        # who looked before it held its lock has begun a second one, which yields
        wait_until("one that stays", lambda: is_looked_after("alone") and len(ours()) == 1)
        kill_monitor(int(ours()[0]))
        self.assertEqual(self.reconcile("--dry-run"), [("monitor", "alone")])
        self.assertEqual(self.reconcile(), [("monitor", "alone")])
        os.kill(first, signal.SIGKILL)
        wait_until("another", lambda: self.pid("alone") not in (0, first))

    @staticmethod
    def is_monitor_of(pid, id):
        with contextlib.suppress(OSError), open(f"/proc/{pid}/cmdline", "rb") as f:
            words = f.read().decode(errors="replace").split("\0")
            return os.path.basename(words[0]) == "davit-monitor" and id in words
        return False

    def test_a_run_under_way_is_left_alone(self):
        busy = self.start("run", "--rm", "--network", "none", Machine.image, "sh", "-c", "for i in $(seq 40); do echo $i; sleep 0.05; done; exit 3")
        others = 0
        while busy.poll() is None:
            self.davit("reconcile")
            self.assertEqual(self.run_sh("echo said; exit 4", code=4).out, "said\n")
            others += 1
        self.assertEqual((busy.returncode, busy.stdout.read()), (3, "".join(f"{i}\n" for i in range(1, 41))))
        self.assertGreater(others, 0)


class Boot(Looked):
    def boot(self):
        self.addCleanup(reboot.real_boot)
        reboot.reboot(Machine.containerd)
        Machine.containerd.start()

    def lines(self, name):
        return self.davit("logs", name).out.split()

    def test_each_policy(self):
        self.need_network()
        began = ("sh", "-c", "echo begun; exec sleep 1000")
        self.make("any", network="davit")
        asked = self.address("any").rsplit(".", 1)[0] + ".77"
        for name, policy in (("never", "no"), ("fails", "on-failure"), ("always", "always"), ("unless", "unless-stopped")):
            self.make(name, "--restart", policy, command=began)
        self.make("placed", "--restart", "always", "--ip", asked, "-p", f"{PORT}:8080", network="davit",
                  command=("httpd", "-f", "-p", "8080", "-h", "/www"))
        self.make("free", "--restart", "always", network="davit")
        self.make("counted", "--restart", "always", command=began)
        first = self.pid("counted")
        os.kill(first, signal.SIGKILL)
        wait_until("another", lambda: self.pid("counted") not in (0, first))
        self.make("fine", "--restart", "on-failure", command=("true",))
        self.make("stopped", "--restart", "unless-stopped", command=began)
        self.make("insists", "--restart", "always", command=began)
        self.davit("stop", "-t", "0", "stopped", "insists")
        self.make("pausing", "--restart", "always", command=("false",))
        wait_until("a longer pause", lambda: self.states()["pausing"] == "restarting" and self.seen("pausing").get("restarts", 0) >= 2)
        pauses = self.seen("pausing")["restarts"]
        patient = os.path.join(self.folder, "patient.json")
        with open(patient, "w") as f:
            json.dump({"name": "patient", "network": "none", "tasks": [{"image": Machine.image, "args": ["sh", "-c", "echo begun; exit 1"],
                                                                        "restart": {"policy": "always", "delay": 3600}}]}, f)
        self.made.append("patient")
        self.davit("run", "-d", "-f", patient)
        wait_until("its pause", lambda: self.states()["patient"] == "restarting")
        wait_until("the end of fine", lambda: self.states()["fine"] == "exited")
        self.davit("run", "-d", "--rm", "--name", "fleeting", "--network", "none", Machine.image, "sleep", "1000")
        self.boot()

        self.assertIn(("start", "always"), self.reconcile("--boot", "--dry-run"))
        done = self.reconcile("--boot")
        # pausing may have been between two pauses
        self.assertEqual(sorted(job for part, job in done if part == "start" and job != "pausing"),
                         ["always", "counted", "fails", "free", "insists", "placed", "unless"])
        states = self.states()
        self.assertIn(states.pop("pausing"), ("restarting", "exited", "running", "created"))
        self.assertEqual((states.pop("patient"), self.lines("patient")), ("restarting", ["begun"]))
        self.assertEqual(states, {"any": "exited", "never": "exited", "fine": "exited", "stopped": "exited", "fails": "running",
                                  "always": "running", "unless": "running", "placed": "running", "free": "running", "counted": "running",
                                  "insists": "running"})
        self.gone("fleeting")
        self.assertEqual(self.address("placed"), asked)
        self.assertNotIn(self.address("free"), (None, "", asked))
        wait_until("a page", self.page)
        self.assertEqual(self.lines("always"), ["begun", "begun"])
        self.assertEqual((self.seen("counted")["restarts"], self.seen("always").get("restarts", 0)), (1, 0))
        wait_until("it goes on where it was", lambda: self.seen("pausing").get("restarts", 0) > pauses, 60)
        self.assertEqual(self.davit("wait", "never").out.strip(), "255")
        pids = {name: self.pid(name) for name in states}
        self.assertEqual([row for row in self.reconcile("--boot") if row[0] == "start"], [])
        self.assertEqual({name: self.pid(name) for name in states}, pids)

    @staticmethod
    def page():
        with contextlib.suppress(OSError):
            return urllib.request.urlopen(f"http://127.0.0.1:{PORT}/", timeout=5).status == 200
        return False

    def test_two_at_once(self):
        for i in range(4):
            self.make(f"once{i}", "--restart", "always", command=("sh", "-c", "echo begun; exec sleep 1000"))
        self.boot()
        both = [self.start("reconcile", "--boot") for _ in range(2)]
        self.assertEqual([process.wait(60 * Machine.slow) for process in both], [0, 0], [process.stderr.read() for process in both])
        started = [line for process in both for line in process.stdout.read().splitlines() if line.startswith("start ")]
        self.assertEqual(len(started), 4, started)
        for name in self.made:
            self.assertEqual(self.lines(name), ["begun", "begun"])

    def test_one_failure_holds_up_nobody(self):
        self.need_network()
        self.make("blocked", "--restart", "always", "-p", f"{PORT}:8080", network="davit")
        self.make("other", "--restart", "always")
        folder = os.path.join(self.folder, "away")
        os.mkdir(folder)
        tries = {"insists": "always", "unless": "unless-stopped"}
        for name, policy in tries.items():
            self.make(name, "--restart", policy, "-v", f"{folder}:/away")
        self.davit("stop", "-t", "0", "insists")
        os.rename(folder, folder + "-now")
        self.boot()
        with socket.socket() as s:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            s.bind(("0.0.0.0", PORT))
            s.listen()
            result = self.davit("reconcile", "--boot", code=125)
            self.assertIn("blocked", result.err)
            self.assertIn(str(PORT), result.err)
            self.assertEqual(self.states()["other"], "running")
            wait_until("more tries", lambda: all("/away" in self.seen(name).get("trouble", "") for name in tries))
            self.assertEqual({self.states()[name] for name in tries}, {"restarting"})
        os.rename(folder + "-now", folder)
        wait_until("their monitors' next try", lambda: {self.states()[name] for name in ("blocked", *tries)} == {"running"}, 90)
