#!/usr/bin/env python3
"""What davit makes of Nomad's job files, beside what Nomad itself reads of them: count, driver's config, resources, ports,
environment, restart, times, templates. Arguments: a build folder, and job files; without files those of examples/nomad. The last line is
"N passed, N failed, N skipped"."""
import glob
import json
import os
import re
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.join(HERE, "../..")
sys.path.insert(0, os.path.join(HERE, ".."))
from lib import containerds, nomads  # noqa: E402 (the path comes first)

MIB, SECOND = 1 << 20, 10 ** 9


def seconds(nanoseconds):
    return None if nanoseconds is None else -(-nanoseconds // SECOND)


def wanted_ports(group):
    for net in group["Networks"] or []:
        for p in (net["ReservedPorts"] or []) + (net["DynamicPorts"] or []):
            inside = p["To"] if p["To"] > 0 else p["Value"]
            yield {"name": p["Label"], **({"host": p["Value"]} if p["Value"] else {}), **({"inside": inside} if inside else {})}


def plain(text):
    """Is it the same before and after variables are put in?"""
    return "${" not in text


class Compare:
    def __init__(self, path):
        self.path, self.bad = path, []

    def same(self, what, ours, theirs):
        if ours != theirs:
            self.bad.append(f"{what}: davit has {ours!r}, Nomad {theirs!r}")

    def resources(self, where, task, theirs):
        r = theirs["Resources"] or {}
        memory, most = r.get("MemoryMB") or 300, r.get("MemoryMaxMB")
        self.same(f"{where} memory", task.get("memory"), None if most == -1 else max(memory, most or 0) * MIB)
        self.same(f"{where} memory_reservation", task.get("memory_reservation"), memory * MIB if most else None)
        shares = r.get("CPU") or (None if r.get("Cores") else 100)
        self.same(f"{where} cpu_shares", task.get("cpu_shares"), shares and max(shares, 2))
        self.same(f"{where} cpus", task.get("cpus"), r.get("Cores"))

    def config(self, where, task, config):
        args = ([config["command"]] if "command" in config else []) + config.get("args", [])
        for ours, theirs in zip(task.get("args", []), args):
            if plain(theirs):
                self.same(f"{where} args", ours, theirs)
        self.same(f"{where} number of args", len(task.get("args", [])), len(args))
        for key, name in (("image", "image"), ("entrypoint", "entrypoint"), ("cap_add", "cap_add"), ("cap_drop", "cap_drop"),
                          ("readonly_rootfs", "read_only"), ("privileged", "privileged"), ("pids_limit", "pids_limit")):
            self.same(f"{where} {key}", task.get(name), config.get(key))

    def environment(self, where, task, theirs):
        env = dict(e.split("=", 1) for e in task["env"])
        for key, value in (theirs["Env"] or {}).items():
            if plain(value):
                self.same(f"{where} {key}", env.get(key), value)
            elif key not in env:
                self.bad.append(f"{where}: no {key}")

    def restart(self, where, task, group, theirs):
        merged = {k: v for r in (group["RestartPolicy"], theirs["RestartPolicy"]) if r for k, v in r.items() if v is not None}
        ours = task.get("restart", {})
        if merged.get("Attempts") == 0:
            self.same(f"{where} restart", ours, {})
            return
        for key in ("Attempts", "Interval", "Delay"):
            if key in merged:
                self.same(f"{where} restart {key}", ours.get(key.lower()), merged[key] if key == "Attempts" else seconds(merged[key]))

    def templates(self, where, task, theirs):
        files = {f["target"]: f for f in task.get("files", [])}
        for t in theirs["Templates"] or []:
            path = re.sub(r"^\$\{NOMAD_(TASK|SECRETS|ALLOC)_DIR\}", lambda m: {"TASK": "local"}.get(m[1], m[1].lower()), t["DestPath"])
            if t["Envvars"]:
                continue
            found = files.get("/" + path.lstrip("/"))
            if not found:
                self.bad.append(f"{where}: no file for the template {path}")
                continue
            self.same(f"{where} {path} mode", int(found.get("mode", "0644"), 8), int(t["Perms"], 8))
            if "{{" not in t["EmbeddedTmpl"]:
                self.same(f"{where} {path}", found["data"], t["EmbeddedTmpl"])

    def task(self, where, task, group, theirs):
        self.same(f"{where} name", task["name"], theirs["Name"])
        self.same(f"{where} stop_timeout", task.get("stop_timeout"), seconds(theirs["KillTimeout"]) or 5)
        self.same(f"{where} stop_signal", task.get("stop_signal"), theirs["KillSignal"] or None)
        self.same(f"{where} leader", task.get("leader", False), theirs["Leader"])
        self.same(f"{where} lifecycle", task.get("lifecycle"), (theirs["Lifecycle"] or {}).get("Hook"))
        self.resources(where, task, theirs)
        self.config(where, task, theirs["Config"] or {})
        self.environment(where, task, theirs)
        self.restart(where, task, group, theirs)
        self.templates(where, task, theirs)

    def jobs(self, ours, theirs):
        made = iter(ours)
        for group in theirs["TaskGroups"]:
            for i in range(1 if group["Count"] is None else group["Count"]):
                job = next(made, None)
                name = f"{theirs['ID']}-{group['Name']}-{i}"
                self.same("job", job and job["name"], name)
                if not job:
                    return
                self.same(f"{name} ports", sorted(job.get("ports", []), key=str), sorted(wanted_ports(group), key=str))
                self.same(f"{name} tasks", len(job["tasks"]), len(group["Tasks"]))
                for task, its in zip(job["tasks"], group["Tasks"]):
                    self.task(f"{name}.{its['Name']}", task, group, its)
        self.same("further jobs", [j["name"] for j in made], [])


def main():
    davit, files = os.path.join(sys.argv[1], "src/cli/davit"), sys.argv[2:] or sorted(glob.glob(os.path.join(ROOT, "examples/nomad/*.hcl")))
    passed = failed = 0
    try:
        program = nomads.build()
    except containerds.Unavailable as e:
        print(f"skip {e}\n0 passed, 0 failed, {len(files)} skipped")
        return 0
    for path in files:
        compare = Compare(path)
        theirs, why = nomads.read(program, path)
        done = subprocess.run([davit, "run", "--dry-run", "--format", "json", "-f", path], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              timeout=60)
        if done.returncode or theirs is None:
            compare.bad.append(done.stderr.strip() if done.returncode else f"Nomad: {why}")
        else:
            compare.jobs(json.loads(done.stdout)["jobs"], theirs)
        for line in compare.bad:
            print(f"FAIL {os.path.basename(path)}: {line}")
        print(f"{'FAIL' if compare.bad else 'ok  '} {os.path.basename(path)}")
        passed, failed = passed + (not compare.bad), failed + bool(compare.bad)
    print(f"{passed} passed, {failed} failed, 0 skipped")
    return bool(failed)


if __name__ == "__main__":
    sys.exit(main())
