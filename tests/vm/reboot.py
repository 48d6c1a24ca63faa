#!/usr/bin/env python3
"""In the virtual machine: `before` starts jobs and leaves them to a power cut, `after` finds them again. With davit's own engine.

usage: reboot.py DAVIT before|after
"""
import glob
import json
import os
import subprocess
import sys
import time
import urllib.request

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))

from lib import rootfs  # noqa: E402

DAVIT = sys.argv[1]
ENGINE = "/run/davit/engine/containerd.sock"
ASKED = "/var/tmp/asked.json"


def davit(*args, code=0):
    done = subprocess.run([DAVIT, *args], capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=300)
    if code is not None and done.returncode != code:
        raise AssertionError(f"davit {' '.join(args)}: exit {done.returncode}, not {code}: {done.stdout}{done.stderr}")
    return done.stdout


def states():
    rows = [json.loads(line) for line in davit("ps", "-a", "--format", "json").splitlines()]
    return {row["name"]: row["status"] for row in rows}


def inspected(name):
    return json.loads(davit("inspect", name))[0]


def address(name):
    return inspected(name)["networks"][0]["ips"][0].split("/")[0]


def eventually(what, probe):
    end = time.monotonic() + 120
    while not probe():
        if time.monotonic() > end:
            raise AssertionError(f"{what}: not within 120 s")
        time.sleep(0.2)
    print(f"ok   {what}", flush=True)


def page(port=18080):
    """httpd is not there the moment its process is."""
    for _ in range(50):
        try:
            return urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=10).status
        except OSError as why:
            last = why
            time.sleep(0.2)
    raise AssertionError(f"no page at port {port}: {last}")


def equal(what, have, want):
    if have != want:
        raise AssertionError(f"{what}: {have!r}, not {want!r}")
    print(f"ok   {what}", flush=True)


def before():
    davit("image", "import", "--cmd", "sh", rootfs.write("/var/tmp/rootfs.tar"), "busybox:local")
    davit("run", "-d", "--name", "web", "-p", "18080:8080", "busybox:local", "httpd", "-f", "-p", "8080", "-h", "/www")
    equal("a page through the port", page(), 200)
    davit("run", "-d", "--name", "ended", "busybox:local", "sh", "-c", "echo said; exit 7")
    equal("an exit code", davit("wait", "ended"), "7\n")
    davit("create", "--name", "made", "--network", "none", "busybox:local", "true")
    davit("run", "-d", "--rm", "--name", "fleeting", "busybox:local", "sleep", "1000")
    equal("states", states(), {"web": "running", "ended": "exited", "made": "created", "fleeting": "running"})
    for name, policy in (("never", "no"), ("fails", "on-failure"), ("always", "always"), ("unless", "unless-stopped"), ("stopped", "unless-stopped"),
                         ("insists", "always")):
        davit("run", "-d", "--name", name, "--network", "none", "--restart", policy, "busybox:local", "sleep", "1000")
    davit("stop", "-t", "0", "stopped", "insists")
    asked = address("web").rsplit(".", 1)[0] + ".77"
    davit("run", "-d", "--name", "placed", "--restart", "always", "--ip", asked, "-p", "18081:8080", "busybox:local", "httpd", "-f", "-p", "8080", "-h", "/www")
    davit("run", "-d", "--name", "pausing", "--network", "none", "--restart", "always", "busybox:local", "false")
    eventually("a restart of pausing", lambda: inspected("pausing").get("restarts", 0) >= 2)
    with open(ASKED, "w") as f:
        json.dump({"address": asked, "restarts": inspected("pausing")["restarts"]}, f)
    os.sync()


def left():
    found = glob.glob("/run/netns/*") + glob.glob("/var/lib/cni/results/*") + glob.glob("/var/lib/cni/networks/*/[0-9]*.*")
    for kind in ("leases", "containers", "tasks", "snapshots"):
        out = subprocess.run(["ctr", "--address", ENGINE, "-n", "davit", kind, "ls"], capture_output=True, text=True, check=True).stdout
        found += [f"{kind} {line.split()[0]}" for line in out.splitlines()[1:] if "Committed" not in line]
    return found


STARTED = ["always", "fails", "insists", "placed", "unless"]


def boot():
    """As davit-reconcile.service does; which jobs it has started."""
    rows = [json.loads(line) for line in davit("reconcile", "--boot", "--format", "json").splitlines()]
    return sorted(row["job"] for row in rows if row["part"] == "start" and row["job"] != "pausing")


def after():
    with open(ASKED) as f:
        asked = json.load(f)
    equal("what the boot starts", boot(), STARTED)
    have = states()
    have.pop("pausing")
    equal("states after the reboot", have, {"web": "exited", "ended": "exited", "made": "created", "never": "exited", "stopped": "exited",
                                            **{name: "running" for name in STARTED}})
    equal("what a second one starts", boot(), [])
    equal("its address again", address("placed"), asked["address"])
    equal("a page through its port", page(18081), 200)
    eventually("restarts go on where they were", lambda: inspected("pausing").get("restarts", 0) > asked["restarts"])
    equal("an exit that nobody saw", davit("wait", "never"), "255\n")
    davit("rm", "-f", "never", "stopped", "pausing", *STARTED)
    equal("an exit code that was known", davit("wait", "ended"), "7\n")
    equal("logs from before", davit("logs", "ended"), "said\n")
    davit("start", "web")
    equal("a page through the port, again", page(), 200)
    davit("start", "made")
    davit("rm", "-f", "web", "ended", "made")
    davit("prune")
    equal("what is left", left(), [])


{"before": before, "after": after}[sys.argv[2]]()
