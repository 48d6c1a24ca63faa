#!/usr/bin/env python3
"""In the virtual machine with a Debian of its own: what comes back of jobs under each restart policy, after a power cut, after a reboot, and after
a power cut in the middle of `davit run`. systemd starts containerd and what `make install` has brought; nothing here does.

usage: policies.py begin|cut|rebooted [STEP]|again STEP|interrupted
STEP is one of `davit run`, as `davit --debug` names them: the power goes when it is done. Without it goes at any moment.
"""
import glob
import ipaddress
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
import urllib.request

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))

from lib import rootfs  # noqa: E402

IMAGE = "busybox:local"
NOTES = "/var/tmp/policies.json"
# job: (its policy, whether a person stops it, whether it runs after a boot)
JOBS = {
    "never": ("no", False, False),
    "failure": ("on-failure:5", False, True),
    "failure-stopped": ("on-failure:5", True, False),
    "always": ("always", False, True),
    "always-stopped": ("always", True, True),
    "unless": ("unless-stopped", False, True),
    "unless-stopped": ("unless-stopped", True, False),
}
NAMES = sorted(JOBS)


def davit(*args, code=0):
    done = subprocess.run(["davit", *args], capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=600)
    if code is not None and done.returncode != code:
        raise AssertionError(f"davit {' '.join(args)}: exit {done.returncode}, not {code}: {done.stdout}{done.stderr}")
    return done.stdout


def equal(what, have, want):
    if have != want:
        raise AssertionError(f"{what}: {have!r}, not {want!r}")
    print(f"ok   {what}", flush=True)


def becomes(what, look, want, seconds=240):
    end = time.monotonic() + seconds
    while (have := look()) != want and time.monotonic() < end:
        time.sleep(0.5)
    equal(what, have, want)


def marker(name):
    return str(100000 + NAMES.index(name))


def processes(*words):
    """How many have just these words."""
    want, found = "\0".join(words) + "\0", 0
    for path in glob.glob("/proc/[0-9]*/cmdline"):
        try:
            with open(path) as f:
                found += f.read() == want
        except OSError:  # it has ended
            pass
    return found


def running():
    return {name: processes("sleep", marker(name)) for name in NAMES}


def wanted():
    return {name: int(runs) for name, (_, _, runs) in JOBS.items()}


def page():
    try:
        return urllib.request.urlopen("http://127.0.0.1:18080/", timeout=10).status
    except OSError as why:
        return str(why)


def inspect(name):
    return json.loads(davit("inspect", name))[0]


def restarts(name):
    return inspect(name).get("restarts", 0)


def address(name):
    return davit("inspect", "-f", "{{.NetworkSettings.IPAddress}}", name).strip()


def boot_id():
    with open("/proc/sys/kernel/random/boot_id") as f:
        return f.read()


def note(**words):
    with open(NOTES, "w") as f:
        json.dump(words, f)
        f.flush()
        os.fsync(f.fileno())


def notes():
    with open(NOTES) as f:
        return json.load(f)


def begin():
    davit("image", "import", "--cmd", "sh", rootfs.write("/var/tmp/rootfs.tar"), IMAGE)
    os.sync()  # layers are containerd's, which leaves them to the kernel
    for name, (policy, stopped, _) in JOBS.items():
        davit("run", "-d", "--name", name, "--restart", policy, "--network", "none", IMAGE, "sleep", marker(name))
        if stopped:
            davit("stop", "-t", "1", name)
    davit("run", "-d", "--rm", "--name", "fleeting", "--network", "none", IMAGE, "sleep", "1000")
    davit("run", "-d", "--name", "scout", IMAGE, "sleep", "1000")
    asked = str(ipaddress.ip_address(address("scout")) + 100)
    davit("rm", "-f", "scout")
    davit("run", "-d", "--name", "web", "--restart", "always", "--ip", asked, "-p", "18080:8080", IMAGE, "httpd", "-f", "-p", "8080", "-h", "/www")
    becomes("a page through the port", page, 200)
    davit("run", "-d", "--name", "loop", "--restart", "always", "--network", "none", IMAGE, "sh", "-c", "exit 3")
    becomes("a job in its pauses", lambda: restarts("loop") >= 4, True)
    equal("what runs before", running(), {name: int(not stopped) for name, (_, stopped, _) in JOBS.items()})
    note(boot=boot_id(), address=asked, loop=restarts("loop"))
    cut_the_power()


def cut_the_power():
    print("VM-CUT", flush=True)
    time.sleep(60)


def back():
    """What a boot has brought back."""
    was = notes()
    equal("another boot", boot_id() != was["boot"], True)
    equal("the unit", subprocess.run(["systemctl", "is-active", "davit-reconcile"], capture_output=True, text=True).stdout.strip(), "active")
    becomes("what runs again", running, wanted())
    becomes("a page through the port, again", page, 200)
    equal("its address", address("web"), was["address"])
    becomes("one of it", lambda: processes("httpd", "-f", "-p", "8080", "-h", "/www"), 1)  # it forks for each page
    becomes("the job in its pauses goes on from its count", lambda: restarts("loop") > was["loop"], True)
    equal("states", {r["name"]: r["status"] for r in map(json.loads, davit("ps", "-a", "--format", "json").splitlines()) if r["name"] in JOBS},
          {name: "running" if runs else "exited" for name, (_, _, runs) in JOBS.items()})
    equal("a --rm job is gone", subprocess.run(["davit", "inspect", "fleeting"], capture_output=True).returncode != 0, True)
    note(boot=boot_id(), address=was["address"], loop=restarts("loop"))


def cut():
    back()
    for name, (_, stopped, runs) in JOBS.items():
        if stopped and runs:
            davit("stop", "-t", "1", name)


def one_of_many(n):
    return "run", "-d", "--name", f"many{n}", "-p", str(20000 + n), IMAGE, "sleep", "1000"


def one_after_the_other():
    for n in range(1000):
        subprocess.run(["davit", *one_of_many(n)], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def cut_at(step):
    """Of one davit run; it does nothing more."""
    davit(*one_of_many(0))
    run = subprocess.Popen(["davit", "--debug", *one_of_many(1)], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    equal(f"cut when the step {step} is done", any(f"step {step}: done" in line for line in run.stderr), True)
    run.send_signal(signal.SIGSTOP)
    cut_the_power()


def cut_anywhere():
    threading.Thread(target=one_after_the_other, daemon=True).start()
    becomes("one of many", lambda: subprocess.run(["davit", "inspect", "many0"], capture_output=True).returncode, 0)
    os.sync()
    pause = random.uniform(0, 8)
    time.sleep(pause)
    print(f"ok   cut {pause:.2f} s later", flush=True)
    cut_the_power()


def rebooted(step=None):
    back()
    cut_at(step) if step else cut_anywhere()


def left():
    found = glob.glob("/run/netns/*") + glob.glob("/var/lib/cni/results/*") + glob.glob("/var/lib/cni/networks/*/[0-9]*.*")
    found += glob.glob("/run/davit/davit/*")
    found += [path for path in glob.glob("/sys/fs/cgroup/**/davit?*", recursive=True) if not path.endswith(".service")]
    for kind in ("leases", "containers", "tasks", "snapshots"):
        out = subprocess.run(["ctr", "-n", "davit", kind, "ls"], capture_output=True, text=True, check=True).stdout
        found += [f"{kind} {line.split()[0]}" for line in out.splitlines()[1:] if "Committed" not in line]
    return found


def many_are_whole():
    """Their names."""
    rows = [json.loads(line) for line in davit("ps", "-a", "--format", "json").splitlines()]
    states = {row["name"]: row["status"] for row in rows if row["name"].startswith("many")}
    equal("of many none runs, and none is half", [name for name, state in states.items() if state not in ("exited", "created")], [])
    return list(states)


def again(step):
    back()
    davit("rm", "-f", *many_are_whole())
    davit(*one_of_many(1))  # with the name and the port of the one that was cut
    davit("rm", "-f", "many1")
    cut_at(step)


def interrupted():
    back()
    davit("rm", "-f", *many_are_whole(), *JOBS, "web", "loop")
    davit("prune")
    equal("nothing runs", running(), dict.fromkeys(NAMES, 0))
    becomes("what is left", left, [])  # monitors end behind the answer of rm


{"begin": begin, "cut": cut, "rebooted": rebooted, "again": again, "interrupted": interrupted}[sys.argv[1]](*sys.argv[2:])
