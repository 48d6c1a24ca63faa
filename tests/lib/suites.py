"""Suites of others, run with the stock shim and with davit's: what passes with the one passes with the other.

On a machine inside the machine, as in tests/run: a containerd with the CRI plugin and a handler for each shim, a registry with images
that are made here. Each run has a containerd with nothing in it. The stock shim runs with the first seed, davit's with each. A case is
passed where it passes under davit's shim, failed where only the stock one passes it, skipped where that does not, either.
"""
import argparse
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time

from lib import containerds, cri_containerd, cri_images, cri_tools, leaks, sandbox, services

NAME, SHIM = "davit", cri_containerd.SHIM
STOCK = "runc"
REGISTRY_PORT = 5000
ENGINES = cri_containerd.ENGINES
BY_ITSELF = "default"  # both are there: davit's shim chooses, the stock one takes runc
REFUSAL = "unknown version specified"  # crun 1.8 of a version beyond 1.1, which containerd 2.2 writes
SANITIZER = re.compile(r"ERROR: (?:Address|Leak|Undefined)\w*Sanitizer.*|\S+: runtime error: .*")
ID = re.compile(r"\b[0-9a-f]{64}\b")
LEFT = ("process ", "mount ", "FIFO ", "bundle ", "engine state ", "network namespace ", "cgroup ")


class Counts:
    def __init__(self):
        self.passed = self.failed = self.skipped = 0

    def say(self, verdict, text):
        print(f"{verdict:4} {text}", flush=True)
        self.failed += verdict == "FAIL"
        self.skipped += verdict == "skip"


class Case:
    """Its name, what became of it (pass, fail, skip), and why."""

    def __init__(self, name, verdict, why=""):
        self.name, self.verdict, self.why = " ".join(name.split()), verdict, " ".join(why.split())[:400]


class Machine:
    """What all runs share."""

    def __init__(self, args):
        self.args = args
        self.work = sandbox.setup()
        self.path = cri_containerd.make_path(self.work, args.containerd, args.shim, ENGINES if args.engine == BY_ITSELF else [args.engine])
        self.label = f"{cri_containerd.version(args.containerd)}+{args.engine}+{'path' if args.by_path else 'type'}"
        self.registry = services.Registry(self.work, REGISTRY_PORT)
        cri_images.push_all(self.registry.host, self.work)
        leaks.own_namespace = "k8s.io"
        leaks.baseline_pids.update(int(p) for p in os.listdir("/proc") if p.isdigit())

    def handlers(self):
        return {STOCK: ("io.containerd.runc.v2", {"BinaryName": "crun"} if self.args.engine == "crun" else {}),
                NAME: ("io.containerd.runc.v2", {}, os.path.join(self.work, SHIM)) if self.args.by_path else ("io.containerd.davit.v2", {})}


class Suite:
    """Once: a containerd of its own, a handler, a seed. Who derives says what is run, and how it is read."""
    name = ""
    seconds = 1500
    known = ()       # (a word of the case, a word of the label, why): what fails with the stock shim
    all_known = True  # nothing else may
    lacking = ()      # the same of what is skipped with davit's shim alone, since the stock one has another engine

    def __init__(self, machine, handler, seed):
        self.machine, self.handler, self.seed = machine, handler, seed
        self.work = os.path.join(machine.work, f"{handler}-{seed}")
        self.containerd = cri_containerd.CriContainerd(machine.args.containerd, self.work, machine.handlers(), machine.registry.host,
                                                       machine.path, {NAME: machine.args.sandboxer} if machine.args.sandboxer else {})
        self.log_path = os.path.join(self.work, "suite.log")
        self.report_path = os.path.join(self.work, "report.json")
        self.cases, self.complaints = {}, []

    @classmethod
    def program(cls):
        """What is run, built when it is not; containerds.Unavailable says why not."""
        raise NotImplementedError

    def command(self):
        """What is run, and what it finds in its environment."""
        raise NotImplementedError

    def read(self):
        """The cases."""
        raise NotImplementedError

    def __enter__(self):
        self.containerd.start()
        self.before = leaks.everything(self.containerd)
        return self

    def __exit__(self, *exc):
        self.containerd.stop()
        if self.machine.args.keep:
            kept = os.path.join(self.machine.args.keep, f"{self.machine.label}-{self.handler}-{self.seed}")
            os.makedirs(kept, exist_ok=True)
            for path in (self.log_path, self.report_path, self.containerd.log_path, self.containerd.config):
                if os.path.exists(path):
                    shutil.copy(path, kept)
        shutil.rmtree(self.work, ignore_errors=True)

    def run(self):
        """One that leaves no cases has a complaint."""
        command, env = self.command()
        with open(self.log_path, "w") as log:
            process = subprocess.Popen(command, cwd=self.work, env=dict(os.environ, PATH=self.machine.path, TMPDIR=self.work, **env),
                                       stdin=subprocess.DEVNULL, stdout=log, stderr=log)
            try:
                process.wait(self.seconds * self.machine.args.slow)
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGINT)
                process.wait(120)
                self.complaints.append(f"{self.name} does not end")
        self.cases = {case.name: case for case in self.read()}
        if not self.cases:
            self.complaints.append(f"{self.name} leaves no report")

    def look(self):
        """What it left behind, and what sanitizers said."""
        subprocess.run([os.path.join(self.machine.args.tools, "crictl"), "-r", "unix://" + services.SOCKET, "rmp", "--force", "--all"],
                       capture_output=True, stdin=subprocess.DEVNULL, timeout=300)
        self.complaints += ["left behind: " + what for what in self._left()]
        with open(self.log_path, errors="replace") as f:
            self.complaints += sorted(set(SANITIZER.findall(self.containerd.log() + f.read())))

    def _left(self):
        """Cgroups are the whole machine's: those are ours whose ids containerd's log has."""
        ids, end = set(ID.findall(self.containerd.log())), time.monotonic() + 10 * self.machine.args.slow
        while True:
            left = [w for w in leaks.everything(self.containerd) - self.before if w.startswith(LEFT)]
            left = sorted(w for w in left if not w.startswith("cgroup ") or ids & set(ID.findall(w)))
            if not left or time.monotonic() > end:
                return left
            time.sleep(0.1)

    def count(self, verdict):
        return sum(1 for c in self.cases.values() if c.verdict == verdict)


def run_suite(suite, machine, handler, seed):
    began = time.monotonic()
    with suite(machine, handler, seed) as run:
        run.run()
        run.look()
        print(f"-- {machine.label} {handler}, seed {seed}: {run.count('pass')} pass, {run.count('fail')} fail, {run.count('skip')} skip "
              f"({time.monotonic() - began:.0f} s)", flush=True)
        return run


def reason(rows, run, case):
    return next((why for word, label, why in rows if word in case.name and label in run.machine.label), None)


def judge_stock(run, counts):
    """Of the stock shim, so that a machine on which nothing works says so."""
    for case in run.cases.values() if run.all_known else ():
        if case.verdict == "fail" and not reason(run.known, run, case):
            counts.say("FAIL", f"{run.machine.label} stock: {case.name}: {case.why}")
    for what in run.complaints:
        print(f"note {run.machine.label} stock: {what}", flush=True)
    if not run.count("pass"):
        counts.say("FAIL", f"{run.machine.label} stock: nothing passes")


def judge(stock, ours, counts):
    label = f"{ours.machine.label} davit, seed {ours.seed}"
    for name, case in sorted(stock.cases.items()):
        mine = ours.cases.get(name)
        if mine and mine.verdict == "pass":
            counts.passed += 1
        elif mine and mine.verdict == "skip" and reason(ours.lacking, ours, mine):
            counts.say("skip", f"{label}: {name}: {reason(ours.lacking, ours, mine)}")
        elif case.verdict == "pass":
            counts.say("FAIL", f"{label}: {name}: {(mine.verdict + ': ' + mine.why) if mine else 'not run'}")
        else:
            counts.say("skip", f"{label}: {name}: {reason(stock.known, stock, case) or case.why or 'not with the stock shim, either'}")
    for what in ours.complaints:
        if what not in stock.complaints:
            counts.say("FAIL", f"{label}: {what}")


def run_inside(suite, args):
    counts, machine = Counts(), Machine(args)
    stock = run_suite(suite, machine, STOCK, args.seeds[0])
    if any(REFUSAL in case.why for case in stock.cases.values()):
        counts.say("skip", f"{machine.label}: the engine takes no specs of the version that this containerd writes ({REFUSAL})")
        return counts
    judge_stock(stock, counts)
    for seed in args.seeds:
        judge(stock, run_suite(suite, machine, NAME, seed), counts)
    return counts


def report(args, counts):
    if args.results:
        with open(args.results, "w") as f:
            json.dump({"passed": counts.passed, "failed": counts.failed, "skipped": counts.skipped}, f)
    print(f"{counts.passed} passed, {counts.failed} failed, {counts.skipped} skipped", flush=True)
    return 1 if counts.failed else 0


def skip_all(suite, args, why):
    counts = Counts()
    counts.say("skip", f"{suite.name}, {args.engine}: {why}")
    return report(args, counts)


def options(doc):
    p = argparse.ArgumentParser(description=f"{doc}\n\n{__doc__}\nThe last line is \"N passed, N failed, N skipped\".",
                                formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--containerd", default="containerd", help="program to start")
    p.add_argument("--engine", default="runc", choices=(*ENGINES, BY_ITSELF),
                   help="of both shims; default: davit's chooses, the stock one takes runc")
    p.add_argument("--shim", default=os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../build/asan/src/shim", SHIM), help="davit's")
    p.add_argument("--sandboxer", choices=("podsandbox", "shim"), help="who makes the pods of davit's handler, on containerd 2; default: containerd's own")
    p.add_argument("--by-path", action="store_true", help="davit's shim by runtime_path, with the stock one's type")
    p.add_argument("--seeds", type=lambda text: [int(n) for n in text.split(",")], default=[1], help="of the order of the cases, as 1,2,3")
    p.add_argument("--focus", action="append", metavar="REGEX", help="only cases that match; may be repeated")
    p.add_argument("--keep", metavar="FOLDER", help="copy logs, configurations and reports here")
    p.add_argument("--slow", type=float, default=1.0, help="factor on time limits")
    p.add_argument("--results", help="write the counts as JSON")
    p.add_argument("--tools", help=argparse.SUPPRESS)    # where crictl is, told to the inside
    p.add_argument("--program", help=argparse.SUPPRESS)  # and what is run
    return p.parse_args()


def missing(args):
    """What the machine lacks, or None."""
    engines = ENGINES if args.engine == BY_ITSELF else (args.engine,)
    for program in (args.containerd, *engines, "containerd-shim-runc-v2", "busybox", "iptables", "ipcmk", "docker-registry"):
        if not shutil.which(program, path=os.environ["PATH"] + ":/usr/sbin:/sbin"):
            return f"no {program} program"
    return None if cri_containerd.cni_folder() else "no CNI plugins (package containernetworking-plugins)"


def main(suite, doc):
    args = options(doc)
    for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGHUP):  # ignored ones are inherited
        signal.signal(number, signal.SIG_DFL)
    try:
        if sandbox.inside():
            return report(args, run_inside(suite, args))
        lack = missing(args)
        if lack:
            return skip_all(suite, args, lack)
        return sandbox.enter(sys.argv + ["--tools", cri_tools.build(), "--program", suite.program()])
    except (containerds.Unavailable, cri_images.Unavailable, sandbox.Unavailable) as why:
        return skip_all(suite, args, why)
