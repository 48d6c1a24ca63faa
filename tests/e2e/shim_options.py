"""What a runtime's configuration says to davit's own shim, as clients send it to a shim that is not runc's: by a TOML file's path."""
import os
import shutil

from lib.case import Machine, wait_until
from lib.shim_case import ShimCase

ENGINE = """#!/bin/sh
echo "$*" >> "%(log)s"
exec %(engine)s "$@"
"""


class Options(ShimCase):
    def setUp(self):
        super().setUp()
        self.log, self.engine = os.path.join(self.folder, "log"), os.path.join(self.folder, "engine")
        with open(self.engine, "w") as f:
            f.write(ENGINE % {"log": self.log, "engine": shutil.which("runc")})
        os.chmod(self.engine, 0o755)

    def noted(self):
        with open(self.log) as f:
            return f.read().splitlines()

    def test_engine(self):
        root = "/run/engines-" + os.path.basename(self.folder)
        self.addCleanup(shutil.rmtree, root, ignore_errors=True)
        id = self.task(*self.with_options(f"BinaryName = '{self.engine}'\nRoot = \"{root}\"\nNoPivotRoot = true\nNoNewKeyring = true\n"),
                       command=("sleep", "1000"))
        create = next(line for line in self.noted() if " create " in line)
        for word in (f"--root {root}/{Machine.ns} ", "--no-pivot", "--no-new-keyring"):
            self.assertIn(word, create)
        self.assertEqual(os.listdir(f"{root}/{Machine.ns}"), [id])

    def test_wrong(self):
        for text, says in (("BinaryName = runc", "options.toml: line 1"), ("BinaryName = '/no/such'", "/no/such"),
                           ("ShimCgroup = '/no/such'", "ShimCgroup /no/such: no such cgroup")):
            done = self.ctr("run", "--rm", "--runtime", Machine.shim, *self.with_options(text), self.image(), "x-wrong", "true", check=False)
            self.ctr("containers", "delete", "x-wrong", check=False)
            self.assertIn(says, done.stderr)

    def test_cgroup_of_the_shim(self):
        group = "/davit-shims-" + os.urandom(3).hex()
        tops = ["/sys/fs/cgroup"]
        if not os.path.exists("/sys/fs/cgroup/cgroup.controllers"):
            tops = [e.path for e in os.scandir("/sys/fs/cgroup") if e.is_dir(follow_symlinks=False) and os.path.exists(e.path + "/cgroup.procs")]
        self.addCleanup(self.remove_groups, [top + group for top in tops])
        for top in tops:
            os.mkdir(top + group)
            for name in ("cpuset.cpus", "cpuset.mems"):
                if os.path.exists(f"{top}{group}/{name}") and len(tops) > 1:
                    shutil.copyfile(f"{top}/{name}", f"{top}{group}/{name}")
        shim = self.shim_of(self.task(*self.with_options(f"BinaryName = '{Machine.engine}'\nShimCgroup = '{group}'"), command=("sleep", "1000")))
        with open(f"/proc/{shim}/cgroup") as f:
            groups = [line.strip().split(":")[2] for line in f if line.strip().split(":")[1] or len(tops) == 1]
        self.assertEqual(set(groups), {group})

    @staticmethod
    def remove_groups(folders):
        def gone():
            for folder in filter(os.path.isdir, folders):
                try:
                    os.rmdir(folder)
                except OSError:
                    return False
            return True
        wait_until("the end of the shim's group", gone)

    def test_oom_score(self):
        shim = self.shim_of(self.task(command=("sleep", "1000")))
        scores = []
        for pid in (Machine.containerd.process.pid, shim):
            with open(f"/proc/{pid}/oom_score_adj") as f:
                scores.append(int(f.read()))
        self.assertEqual(scores[1], min(scores[0] + 1, 1000))
