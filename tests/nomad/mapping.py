#!/usr/bin/env python3
"""What davit makes of Nomad's job files, beside what Nomad itself reads of them: count, driver's config, resources, ports,
environment, restart, times, templates, volumes, network. And what davit makes of Nomad's reading, which is JSON, must be what it makes
of the file. Arguments: a build folder, and job files; without files those of examples/nomad and $FILES (100) that are made by chance,
from $SEED (1) on. The last line is "N passed, N failed, N skipped"."""
import concurrent.futures
import glob
import json
import os
import re
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.join(HERE, "../..")
sys.path.insert(0, os.path.join(HERE, ".."))
import generated  # noqa: E402 (the path comes first)
from lib import containerds, nomads  # noqa: E402

MIB, SECOND = 1 << 20, 10 ** 9


def seconds(nanoseconds):
    return None if nanoseconds is None else -(-nanoseconds // SECOND)


def wanted_ports(group):
    for net in group["Networks"] or []:
        for p in (net["ReservedPorts"] or []) + (net["DynamicPorts"] or []):
            inside = p["To"] if p["To"] > 0 and net["Mode"] != "host" else p["Value"]
            yield {"name": p["Label"], **({"host": p["Value"]} if p["Value"] else {}), **({"inside": inside} if inside else {})}


def plain(text):
    """Is it the same before and after variables are put in?"""
    return "${" not in text


def first_difference(a, b, where=""):
    if isinstance(a, dict) and isinstance(b, dict):
        return next((d for k in {**a, **b} for d in [first_difference(a.get(k), b.get(k), f"{where}.{k}")] if d), "")
    if where.endswith((".env", ".ports")) and a and b:
        a, b = sorted(a, key=str), sorted(b, key=str)  # Go has its keys in order and static ports first, a file as it likes
    if isinstance(a, list) and isinstance(b, list) and len(a) == len(b):
        return next((d for i, (x, y) in enumerate(zip(a, b)) for d in [first_difference(x, y, f"{where}.{i}")] if d), "")
    return "" if a == b else f"{where}: {a!r}, of the file {b!r}"


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
        args = [str(a) for a in ([config["command"]] if "command" in config else []) + config.get("args", [])]
        for ours, theirs in zip(task.get("args", []), args):
            if plain(theirs):
                self.same(f"{where} args", ours, theirs)
        self.same(f"{where} number of args", len(task.get("args", [])), len(args))
        for key, name in (("image", "image"), ("entrypoint", "entrypoint"), ("cap_add", "cap_add"), ("cap_drop", "cap_drop"),
                          ("readonly_rootfs", "read_only"), ("privileged", "privileged"), ("pids_limit", "pids_limit")):
            if isinstance(config.get(key), list):
                config[key] = [str(v) for v in config[key]]
            self.same(f"{where} {key}", task.get(name), int(config[key]) if key == "pids_limit" and key in config else config.get(key))

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
        self.same(f"{where} stop_timeout", task.get("stop_timeout", 10), seconds(theirs["KillTimeout"]) or 5)
        self.same(f"{where} stop_signal", task.get("stop_signal"), theirs["KillSignal"] or None)
        self.same(f"{where} leader", task.get("leader", False), theirs["Leader"])
        self.same(f"{where} lifecycle", task.get("lifecycle"), (theirs["Lifecycle"] or {}).get("Hook"))
        self.resources(where, task, theirs)
        self.config(where, task, theirs["Config"] or {})
        self.environment(where, task, theirs)
        self.restart(where, task, group, theirs)
        self.templates(where, task, theirs)
        self.logs(where, task, theirs)
        self.same(f"{where} user", task.get("user"), theirs["User"] or None)

    def mounts(self, where, task, group, theirs):
        volumes = group["Volumes"] or {}
        wanted = sorted((volumes[m["Volume"]]["Source"], m["Destination"], bool(m["ReadOnly"] or volumes[m["Volume"]]["ReadOnly"]))
                        for m in theirs["VolumeMounts"] or [])
        self.same(f"{where} volumes", sorted((m["source"], m["target"], m.get("read_only", False))
                                             for m in task.get("mounts", []) if m.get("type") == "volume"), wanted)

    def meta(self, where, task, job, group, theirs):
        env = dict(e.split("=", 1) for e in task["env"])
        merged = {k: v for of in (job["Meta"], group["Meta"], theirs["Meta"]) for k, v in (of or {}).items()}
        for key, value in merged.items():
            if plain(value):
                self.same(f"{where} meta {key}", env.get("NOMAD_META_" + key.replace("-", "_")), value)

    def logs(self, where, task, theirs):
        logs = theirs["LogConfig"] or {}
        size = logs.get("MaxFileSizeMB")
        self.same(f"{where} log_max_files", task.get("log_max_files", 5), logs.get("MaxFiles") or 10)
        self.same(f"{where} log_max_size", task.get("log_max_size", 10 * MIB), (size or 10) * MIB)

    def network(self, where, job, group):
        nets = group["Networks"] or [{}]
        dns = nets[0].get("DNS") or {}
        for ours, theirs in (("hostname", nets[0].get("Hostname")), ("dns", dns.get("Servers")), ("dns_search", dns.get("Searches")),
                             ("dns_options", dns.get("Options"))):
            self.same(f"{where} {ours}", job.get(ours), theirs or None)

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
                self.network(name, job, group)
                self.same(f"{name} tasks", len(job["tasks"]), len(group["Tasks"]))
                for task, its in zip(job["tasks"], group["Tasks"]):
                    where = f"{name}.{its['Name']}"
                    self.task(where, task, group, its)
                    self.meta(where, task, theirs, group, its)
                    self.mounts(where, task, group, its)
        self.same("further jobs", [j["name"] for j in made], [])


def read(davit, path):
    """What davit makes of it, or None; and what it says against it."""
    done = subprocess.run([davit, "run", "--dry-run", "--format", "json", "-f", path], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          timeout=60)
    return (None if done.returncode else json.loads(done.stdout)), done.stderr.strip()


def compare(davit, program, folder, path):
    """What is wrong with what davit makes of it."""
    found = Compare(path)
    theirs, why = nomads.read(program, path)
    ours, why_not = read(davit, path)
    if ours is None or theirs is None:
        return [why_not if ours is None else f"Nomad: {why}"]
    found.jobs(ours["jobs"], theirs)
    again = os.path.join(folder, os.path.basename(path) + ".json")
    with open(again, "w", encoding="utf-8") as f:
        json.dump({"Job": theirs}, f)
    of_json, why_not = read(davit, again)
    differs = first_difference(of_json, ours) if of_json else why_not
    return found.bad + ([f"of Nomad's JSON {differs}"] if differs else [])


def make(folder):
    for seed in range(int(os.environ.get("SEED", "1")), int(os.environ.get("SEED", "1")) + int(os.environ.get("FILES", "100"))):
        path = os.path.join(folder, f"chance-{seed}.nomad")
        with open(path, "w", encoding="utf-8") as f:
            f.write(generated.whole(seed))
        yield path


def main():
    davit = os.path.join(sys.argv[1], "src/cli/davit")
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        files = sys.argv[2:] or sorted(glob.glob(os.path.join(ROOT, "examples/nomad/*.hcl"))) + list(make(folder))
        try:
            program = nomads.build()
        except containerds.Unavailable as e:
            print(f"skip {e}\n0 passed, 0 failed, {len(files)} skipped")
            return 0
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            for path, bad in zip(files, pool.map(lambda path: compare(davit, program, folder, path), files)):
                for line in bad:
                    print(f"FAIL {os.path.basename(path)}: {line[:1000]}", flush=True)
                failed += bool(bad)
    print(f"{len(files) - failed} passed, {failed} failed, 0 skipped")
    return bool(failed)


if __name__ == "__main__":
    sys.exit(main())
