"""Cgroups as Nomad's client makes them for its tasks, and as it kills and removes them, below a parent that no other run has.

Version 2: PARENT.slice/share.slice/ALLOC.TASK.scope, or reserve.slice with cores of its own. Version 1, hybrid ones too: PARENT/ALLOC.TASK of
freezer, cpu and memory, and of cpuset PARENT/share or PARENT/reserve/ALLOC.TASK. (Nomad's client/lib/cgroupslib.)
"""
import contextlib
import glob
import os
import signal
import unittest

from lib.case import wait_until

ROOT = "/sys/fs/cgroup"
V2 = os.path.exists(ROOT + "/cgroup.controllers")
ACTIVATE = "+cpuset +cpu +io +memory +pids"
# what a file of version 2 is called in version 1, and where
V1 = {"memory.max": ("memory", "memory.limit_in_bytes"), "memory.low": ("memory", "memory.soft_limit_in_bytes"), "cgroup.procs": ("freezer", "cgroup.procs"),
      "cpuset.cpus": ("cpuset", "cpuset.cpus"), "pids.max": ("pids", "pids.max"), "memory.swap.max": ("memory", "memory.memsw.limit_in_bytes")}


def read(path):
    with open(path) as f:
        return f.read().strip()


def write(path, text):
    with open(path, "w") as f:
        f.write(text)


class NomadCgroups:
    """Of a client, with all of the machine's processors."""

    def __init__(self):
        self.parent = f"davit-test-{os.urandom(4).hex()}" + (".slice" if V2 else "")
        try:
            self.cpus = read(ROOT + "/cpuset.cpus.effective" if V2 else ROOT + "/cpuset/cpuset.cpus")
            (self._init_v2 if V2 else self._init_v1)()
        except OSError as why:
            self.remove()
            raise unittest.SkipTest(f"no cgroups as Nomad wants them: {why}") from None

    def _init_v2(self):
        write(ROOT + "/cgroup.subtree_control", ACTIVATE)
        for folder in (self.parent, self.parent + "/share.slice", self.parent + "/reserve.slice"):
            os.mkdir(f"{ROOT}/{folder}")
            write(f"{ROOT}/{folder}/cgroup.subtree_control", ACTIVATE)
        write(f"{ROOT}/{self.parent}/cpuset.cpus", self.cpus)

    def _init_v1(self):
        for controller in ("freezer", "memory", "cpu"):
            os.mkdir(f"{ROOT}/{controller}/{self.parent}")
        for name in ("", "/share", "/reserve"):
            folder = f"{ROOT}/cpuset/{self.parent}{name}"
            os.mkdir(folder)
            write(folder + "/cgroup.clone_children", "0")
            write(folder + "/cpuset.mems", read(ROOT + "/cpuset/cpuset.mems"))
            if name != "/reserve":
                write(folder + "/cpuset.cpus", self.cpus)

    def share(self, cpus):
        """What tasks without cores of their own have from now on."""
        write(f"{ROOT}/{self.parent}/share.slice/cpuset.cpus" if V2 else f"{ROOT}/cpuset/{self.parent}/share/cpuset.cpus", cpus)

    def path(self, alloc, name="t", cores=""):
        """As /proc/PID/cgroup has it of a process of the task."""
        return f"/{self.parent}/{'reserve' if cores else 'share'}.slice/{alloc}.{name}.scope" if V2 else f"/{self.parent}/{alloc}.{name}"

    def make(self, alloc, name="t", cores=""):
        """Before its start; members of its linux_resources."""
        for folder in self.nomads(alloc, name, cores):
            os.makedirs(folder, exist_ok=True)
        if not V2 and cores:
            folder = f"{ROOT}/cpuset/{self.parent}/reserve/{alloc}.{name}"
            write(folder + "/cpuset.mems", read(f"{ROOT}/cpuset/{self.parent}/reserve/cpuset.mems"))
            return {"cpuset_cpus": cores, "cpuset_cgroup": folder}
        return {"cpuset_cpus": cores, "cpuset_cgroup": ROOT + self.path(alloc, name, cores) if V2 else f"{ROOT}/cpuset/{self.parent}/share"}

    def nomads(self, alloc, name="t", cores=""):
        """The folders that Nomad makes for it alone."""
        if V2:
            return [ROOT + self.path(alloc, name, cores)]
        return ([f"{ROOT}/{controller}{self.path(alloc, name)}" for controller in ("freezer", "cpu", "memory")]
                + ([f"{ROOT}/cpuset/{self.parent}/reserve/{alloc}.{name}"] if cores else []))

    def folders(self, alloc):
        """Those that are there, whoever made them."""
        return [p for p in glob.glob(f"{ROOT}/**/{alloc}.*", recursive=True) if os.path.isdir(p)]

    def get(self, file, alloc, cores=""):
        """By its name of version 2; None: no limit."""
        controller, name = (None, file) if V2 else V1[file]
        text = read(f"{ROOT}{self.path(alloc, cores=cores)}/{name}" if V2 else f"{ROOT}/{controller}{self.path(alloc)}/{name}")
        if not text.isdigit():
            return None if text == "max" else text
        return None if int(text) > 1 << 60 else int(text)

    def kill(self, alloc, cores=""):
        """All that is in it."""
        folder = self.nomads(alloc, cores=cores)[0]
        if V2:
            write(folder + "/cgroup.kill", "1")
            return
        write(folder + "/freezer.state", "FROZEN")
        for pid in read(folder + "/cgroup.procs").split():
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(pid), signal.SIGKILL)
        write(folder + "/freezer.state", "THAWED")

    def take_away(self, alloc, cores=""):
        """As soon as nothing is in it, and the processes' end may still be on its way to those that wait for it."""
        for folder in self.nomads(alloc, cores=cores):
            wait_until(f"the end of {folder}", lambda folder=folder: self._removed(folder))

    @staticmethod
    def _removed(folder):
        for path, _, _ in os.walk(folder, topdown=False):
            with contextlib.suppress(OSError):
                os.rmdir(path)
        return not os.path.exists(folder)

    def remove(self):
        """Engines have made folders below the parent in other controllers, too."""
        for folder in glob.glob(f"{ROOT}/{self.parent}") + glob.glob(f"{ROOT}/*/{self.parent}"):
            self._removed(folder)
