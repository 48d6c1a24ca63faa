"""What the benchmarks have in common."""
import json
import os
import platform
import subprocess
import sys

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
HOMES = {"davit": "src/cli", "containerd-shim-davit-v2": "src/shim"}


def release(name):
    """The program that people install."""
    for path in (name, os.path.join(HOMES[name], name)):
        if os.access(os.path.join(TOP, "build/release", path), os.X_OK):
            return os.path.join(TOP, "build/release", path)
    sys.exit(f"bench: no build/release/{name}: make")


def must(*command, **kw):
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, **kw)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}: exit {done.returncode}: {done.stderr.strip()}")
    return done.stdout.strip()


def at_once(commands):
    """Start all of @commands, wait for all."""
    started = [subprocess.Popen(c, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) for c in commands]
    for process in started:
        _, err = process.communicate()
        if process.returncode:
            raise RuntimeError(f"{' '.join(process.args)}: exit {process.returncode}: {err.strip()}")


def described(work, name, what):
    path = os.path.join(work, name + ".json")
    with open(path, "w") as f:
        json.dump(what, f)
    return path


def cpu():
    with open("/proc/cpuinfo") as f:
        model = next((line.split(":")[1].strip() for line in f if line.startswith("model name")), platform.machine())
    return f"{os.cpu_count()} x {model}"


def system():
    with open("/etc/os-release") as f:
        return next(line.split("=")[1].strip().strip('"') for line in f if line.startswith("PRETTY_NAME"))
