"""What the cases under a real Nomad stand on: a job of one task in a line, and a look for what is left when it is purged."""
import contextlib
import glob
import json
import os
import re
import signal
import subprocess
import tempfile
import unittest

from lib import leaks, nomad_images
from lib.case import Machine, wait_until
from lib.nomad_agent import DRIVER, NOMADS_OWN, Exec, Refused, block

IMAGE = nomad_images.BUSYBOX
ONCE = """
  restart {
    attempts = 0
    mode = "fail"
  }
  reschedule {
    attempts = 0
    unlimited = false
  }
"""
SANITIZER = re.compile(r"ERROR: (?:Address|Leak|Undefined)\w*Sanitizer.*|\S+: runtime error: .*|hclog.*panic|(?<![.\w])panic: .*")
KINDS = ("container ", "task ", "snapshot ", "lease ", "network namespace ", "mount ", "process ", "link ", "iptables ", "allocated address ",
         "engine state ", "bundle ", "file of the job ", "run-time file ", "log ", "FIFO ", "cgroup ")

OF_NOMADS_OWN = f'task "t" {{\n driver = "{NOMADS_OWN}"\n config {{\n command = "/bin/sleep"\n args = ["1000"]\n }}\n}}\n'


def task_block(command=("sleep", "1000"), name="t", image=IMAGE, config=None, more="", cpu=20, memory=32, resources="", raw=""):
    """@config: members of the config; @raw: HCL in it; @more: HCL in the task; @resources: HCL in those."""
    values = {"image": image}
    if command:
        values.update(command=command[0], args=list(command[1:]))
    values.update(config or {})
    return f"""
  task "{name}" {{
    driver = "{DRIVER}"
{"" if "kill_timeout" in more else '    kill_timeout = "1s"'}
    config {{
{block({k: v for k, v in values.items() if v is not None})}
{raw}
    }}
    resources {{
{"" if cpu is None else f"      cpu = {cpu}"}
      memory = {memory}
{resources}
    }}
{more}
  }}
"""


def job_text(name, tasks, group="", head='  type = "batch"', once=ONCE):
    return f"""
job "{name}" {{
  datacenters = ["*"]
{head}
  group "g" {{
{once}
{group}
{tasks}
  }}
}}
"""


class Job:
    """One that was submitted; its first allocation is meant where none is named."""

    def __init__(self, case, name):
        self.case, self.name, self.agent = case, name, Machine.agent

    def allocs(self):
        return self.agent.allocs(self.name)

    @property
    def alloc(self):
        def placed():
            return bool(self.allocs()) or self.blocked()
        wait_until(f"an allocation of {self.name}", placed, 20)
        found = self.allocs()
        if not found:
            raise AssertionError(f"{self.name} is not placed: {self.blocked()}")
        return found[-1]["ID"]

    def blocked(self):
        """Why it has no allocation, in the scheduler's words."""
        for e in self.agent.api.get(f"job/{self.name}/evaluations"):
            if e.get("FailedTGAllocs"):
                return json.dumps(e["FailedTGAllocs"])
        return ""

    def status(self):
        return self.agent.alloc(self.alloc)["ClientStatus"]

    def state(self, task="t"):
        return (self.agent.alloc(self.alloc).get("TaskStates") or {}).get(task) or {}

    def says(self, task="t"):
        return self.agent.says(self.alloc, task)

    def wait(self, *statuses, seconds=30.0):
        """Until the allocation is one of @statuses; returns the job."""
        seen = []

        def there():
            seen[:] = [self.status()]
            ended = seen[0] in ("failed", "lost", "complete") and seen[0] not in statuses
            if ended:
                raise AssertionError(f"{self.name} is {seen[0]}, not {statuses}:\n{self.story()}")
            return seen[0] in statuses
        try:
            wait_until(f"{self.name} {statuses}", there, seconds)
        except TimeoutError as e:
            raise AssertionError(f"{e}: it is {seen[0]}\n{self.story()}") from None
        return self

    def running(self, seconds=30.0):
        return self.wait("running", seconds=seconds)

    def completed(self, seconds=40.0):
        return self.wait("complete", seconds=seconds)

    def failed(self, seconds=40.0):
        return self.wait("failed", seconds=seconds)

    def started(self, task="t", seconds=30.0):
        """This task of several runs."""
        wait_until(f"{self.name}'s {task}", lambda: self.state(task).get("State") == "running", seconds)
        return self

    def exit_code(self, task="t"):
        """Of its last end."""
        for event in reversed(self.agent.events(self.alloc, task)):
            if event["Type"] == "Terminated":
                return int(event["Details"]["exit_code"])
        return None

    def story(self):
        lines = []
        for task, state in (self.agent.alloc(self.alloc).get("TaskStates") or {}).items():
            lines.append(f"{task}: {state['State']}, failed {state['Failed']}, restarts {state['Restarts']}")
            lines += [f"  {text}" for text in self.says(task)]
            lines += ["  stdout " + repr(self.logs(task)[-400:]), "  stderr " + repr(self.logs(task, "stderr")[-400:])]
        return "\n".join(lines)

    def set_up_failures(self):
        return {text for text in self.says() if text.startswith("Setup Failure: ")}

    def waits_for_event(self, pattern, task="t", seconds=30.0):
        """Until an event of the task says so."""
        def said():
            return any(re.search(pattern, text) for text in self.says(task))
        try:
            wait_until(pattern, said, seconds)
        except TimeoutError:
            raise AssertionError(f"no event says {pattern!r}:\n{self.story()}") from None
        return next(m for m in (re.search(pattern, text) for text in self.says(task)) if m)

    # -- in it

    def exec(self, *command, task="t", tty=False, seconds=30.0):
        return Exec(self.alloc, task, command, tty, seconds)

    def run(self, *command, task="t", code=0, seconds=30.0):
        """What a command beside the task prints."""
        with self.exec(*command, task=task, seconds=seconds) as e:
            e.end_input()
            out, err, got = e.wait()
        if code is not None:
            self.case.assertEqual(got, code, f"{command}: {out}\n{err}{e.raw}")
        return out

    def sh(self, script, **kw):
        return self.run("sh", "-c", script, **kw)

    def logs(self, task="t", kind="stdout"):
        return self.agent.logs(self.alloc, task, kind)

    def waits_for_log(self, pattern, task="t", kind="stdout", seconds=20.0):
        def said():
            return re.search(pattern, self.logs(task, kind))
        try:
            wait_until(f"log {pattern!r}", said, seconds)
        except TimeoutError:
            raise AssertionError(f"the log has no {pattern!r}:\n{self.story()}") from None
        return said()

    def dir(self, *parts, task="t"):
        """A path in the task's folder, seen from the host."""
        return os.path.join(self.agent.alloc_dir(self.alloc), task, *parts)

    # -- on the host

    def containers(self):
        """IDs of those that belong to its allocation."""
        return containers_of(self.alloc)

    def pid(self, task="t"):
        """Of the container's first process, on the host."""
        found = self.containers()
        rows = Machine.containerd.ctr("tasks", "ls", ns="nomad").stdout.splitlines()[1:]
        pids = {row.split()[0]: int(row.split()[1]) for row in rows}
        mine = [pids[c] for c in found if c in pids and (len(found) == 1 or label(c, "task") == task)]
        if len(mine) != 1:
            raise AssertionError(f"{self.name}: not one process, but {mine} of {found} in {pids}")
        return mine[0]

    def stop(self, purge=False, seconds=40.0):
        with contextlib.suppress(Refused):
            self.agent.stop_job(self.name, purge)
        self.ended(seconds)

    def ended(self, seconds=40.0):
        def over():
            return all(a["ClientStatus"] in ("complete", "failed", "lost") for a in self.allocs())
        with contextlib.suppress(Refused):
            wait_until(f"the end of {self.name}", over, seconds)
        return self


def info(container):
    return json.loads(Machine.containerd.ctr("containers", "info", container, ns="nomad").stdout)


def label(container, word):
    """The value of the label whose name ends so."""
    labels = info(container).get("Labels") or {}
    return next((v for k, v in labels.items() if re.search(rf"[._]{word}(_name)?$", k)), None)


def containers_of(alloc):
    """Those whose name or a label of whom has the allocation's ID."""
    found = []
    for name in Machine.containerd.ctr("containers", "ls", "-q", ns="nomad").stdout.split():
        with contextlib.suppress(subprocess.CalledProcessError):  # it has gone meanwhile
            if alloc in name or alloc in json.dumps(info(name).get("Labels") or {}):
                found.append(name)
    return found


def spec(container):
    return info(container)["Spec"]


def cgroups():
    """Of Nomad's tasks, whatever the version."""
    return [p for top in ("*/nomad", "nomad.slice") for p in glob.glob(f"/sys/fs/cgroup/{top}/**/", recursive=True) if re.search(r"[0-9a-f-]{36}", p)]


class NomadCase(unittest.TestCase):
    maxDiff = None
    options = {}     # of the plugin: a class with others of its own has the agent started again with them
    keep_leaks = ()  # beginnings of what a test leaves knowingly
    seen = None      # what the last test has seen, where it left nothing

    @classmethod
    def setUpClass(cls):
        cls.ensure_agent()

    @classmethod
    def ensure_agent(cls):
        """One agent for all, begun anew when it is not as this class has it."""
        agent = Machine.agent
        wanted = dict(agent.usual, **cls.options) if isinstance(cls.options, dict) else cls.options
        if agent.process and agent.process.poll() is None and agent.options == wanted:
            return
        agent.stop()
        agent.options = wanted
        agent.start()

    def setUp(self):
        self.agent = Machine.agent
        self.ensure_agent()  # the test before may have ended without one
        self.log_from = len(self.agent.log())
        self.jobs = []
        self.folder = tempfile.mkdtemp(prefix="case.", dir=Machine.work)
        self.before, NomadCase.seen = NomadCase.seen or self.look(), None
        self.addCleanup(self._end)

    # -- jobs

    def name(self):
        return "t-" + os.urandom(3).hex()

    def submit(self, text):
        job = Job(self, self.agent.submit(text))
        self.jobs.append(job)
        return job

    def job(self, command=("sleep", "1000"), group="", head='  type = "batch"', name=None, once=ONCE, **kw):
        """A job of one task, t."""
        return self.submit(job_text(name or self.name(), task_block(command, **kw), group, head, once))

    def sh_job(self, script, **kw):
        return self.job(("sh", "-c", script), **kw)

    def group(self, *tasks, group="", head='  type = "batch"', once=ONCE):
        return self.submit(job_text(self.name(), "\n".join(tasks), group, head, once))

    def nomads_own(self, group):
        """A job of Nomad's own driver, as far as it comes: beside one of ours, to see whose fault it is."""
        return self.submit(job_text(self.name(), OF_NOMADS_OWN, group))

    @contextlib.contextmanager
    def unless_nomad_fails(self, job, its):
        """What fails since Nomad does not set up the group of @job is skipped where it fails @its own in the same words."""
        try:
            yield
        except (AssertionError, Refused, OSError):
            with contextlib.suppress(AssertionError):
                its.failed()
            both = job.set_up_failures() & its.set_up_failures()
            if not both:
                raise
            raise unittest.SkipTest(f"Nomad fails its own {NOMADS_OWN}, too: {both.pop()}") from None

    # -- what is left

    def look(self):
        found = {w for w in leaks.everything(Machine.containerd) if w.startswith(KINDS) and not _of_nomad(w)}
        found |= {"cgroup " + p for p in cgroups() if self._is_mine(p)}
        return found

    def _is_mine(self, path):
        """Another run on this machine has cgroups there, too."""
        return any(a in path for a in self._allocs())

    def _allocs(self):
        found = []
        for job in self.jobs:
            with contextlib.suppress(Refused, OSError):
                found += [a["ID"] for a in job.allocs()]
        return found

    def _end(self):
        if not Machine.containerd.process:
            Machine.containerd.start()
        if self.agent.process is None or self.agent.process.poll() is not None:
            self.agent.start()
        failed = self._outcome_failed()
        story = "\n".join(self._story(j) for j in self.jobs) if failed else ""
        for job in self.jobs:
            with contextlib.suppress(Refused):
                self.agent.stop_job(job.name)
        with contextlib.suppress(TimeoutError):
            for job in self.jobs:
                job.ended()
        left = self._left()
        self._forget()
        subprocess.run(["rm", "-rf", "--one-file-system", self.folder], check=False)
        if left or failed:
            print(f"     -- the agent's log of {self.id()}:\n{self._tail()}\n{story}", flush=True)
        self.assertEqual(left, [], "left behind")
        found = SANITIZER.findall(self.agent.log()[self.log_from:])
        self.assertEqual(found, [], "in the agent's log")

    def _story(self, job):
        try:
            return f"{job.name}:\n{job.story()}"
        except Exception as e:  # of a test that failed for the same reason
            return f"{job.name}: {e}"

    def _left(self, seconds=30.0):
        now = set()

        def clean():
            seen = self.look()
            now.clear()
            now.update(w for w in seen - self.before if not w.startswith(self.keep_leaks or "\0"))
            NomadCase.seen = None if now else seen
            return not now
        with contextlib.suppress(TimeoutError):
            wait_until("a clean machine", clean, seconds)
        return sorted(now)

    def _forget(self):
        """Jobs, with their folders: what they mount below it goes."""
        for job in self.jobs:
            with contextlib.suppress(Refused, OSError):
                self.agent.stop_job(job.name, purge=True)

    def _outcome_failed(self):
        outcome = getattr(self, "_outcome", None)
        result = getattr(outcome, "result", None)
        own = getattr(result, "cases", {}).get(self.id())
        errors = [e for _, e in getattr(outcome, "errors", []) if e]
        return bool(errors) or bool(own and own[0] == "FAIL") or outcome is not None and not getattr(outcome, "success", True)

    def _tail(self, size=6000):
        """Of the log what the test has seen, without the agent's small talk."""
        lines = [line for line in self.agent.log()[self.log_from:].splitlines()
                 if DRIVER in line or "[ERROR]" in line or "[WARN]" in line or "Sanitizer" in line or "runtime error" in line or line.startswith("    #")]
        return "\n".join("     " + line for line in "\n".join(lines)[-size:].splitlines())

    # -- the machine

    def kill_plugin(self, sig=signal.SIGKILL):
        pid = self.agent.plugin_pid()
        os.kill(pid, sig)
        return pid

    def new_plugin(self, old):
        """Until another one serves; its process."""
        def there():
            found = self.agent.plugin_pids()
            return len(found) == 1 and found[0] != old
        wait_until("a new plugin", there, 60)
        return self.agent.plugin_pid()

    def can_exec(self, job, task="t"):
        """Nomad has the plugin's handle of it: what it is asked before is lost."""
        try:
            return job.run("echo", "there", task=task).strip() == "there"
        except (AssertionError, OSError, TimeoutError):
            return False


def _of_nomad(what):
    """Made once by Nomad, or its own while a task runs."""
    return bool(re.search(r"NOMAD-ADMIN|\bnomad logmon\b|nomad logmon|172\.26\.64\.\d+/20|link nomad|nomad docker_logger|-i nomad |-o nomad |"
                          r"process \d+ \S*nomad agent", what)) or f"/{DRIVER}" in what
