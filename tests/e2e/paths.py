"""Every path that davit makes, its owner and its mode, are what docs/security.md says, whatever the umask."""
import os
import re
import stat
import subprocess

from lib.case import Case, Machine, wait_until

DATA, RUN = "/var/lib/davit", "/run/davit"
SECURITY = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../docs/security.md")


def documented():
    """{path: (pattern, mode, is it always there)}, in the order of the table."""
    rows = {}
    with open(SECURITY) as f:
        for path, mode, text in re.findall(r"^\| `(/[^`]*)` \| root \| (0\d{3}) \|(.*)\|$", f.read(), re.M):
            pattern = re.sub(r"\b(NS|NAME|ID)\b", "[^/]+", re.escape(path))
            seldom = ("for a moment", "somebody else has made", "of a job that asks")
            always = not any(words in text for words in seldom) and (Machine.shim or "davit's own shim" not in text)
            rows[path] = (re.compile(pattern), int(mode, 8), always)
    return rows


def tree(top, beside=()):
    """@top and all below it, but nothing below a volume's own folder."""
    yield top
    for folder, names, files in os.walk(top):
        if folder.endswith("/_data") or folder in beside:
            names.clear()
            continue
        yield from (os.path.join(folder, name) for name in names + files)


class Paths(Case):
    def setUp(self):
        super().setUp()
        self.rows, self.seen = documented(), set()
        self.assertGreater(len(self.rows), 30)
        self.addCleanup(os.umask, os.umask(0o022))

    def set_aside(self, path):
        """As on a machine where davit has not run yet."""
        if os.path.exists(path):
            os.rename(path, path + ".aside")

        def put_back():
            subprocess.run(["rm", "-rf", "--one-file-system", path], check=True)
            if os.path.exists(path + ".aside"):
                os.rename(path + ".aside", path)
        self.addCleanup(put_back)

    def row_of(self, path):
        """The row of most of its own words."""
        fitting = [(pattern.pattern.count("[^/]+"), -len(row), row) for row, (pattern, _, _) in self.rows.items() if pattern.fullmatch(path)]
        self.assertTrue(fitting, f"{path} is not in docs/security.md")
        return min(fitting)[2]

    def check(self, path):
        row, st = self.row_of(path), os.lstat(path)
        self.seen.add(row)
        self.assertEqual((st.st_uid, st.st_gid), (0, 0), path)
        self.assertEqual(oct(stat.S_IMODE(st.st_mode)), oct(self.rows[row][1]), path)

    def look(self, *tops):
        for top in tops:
            for path in tree(top, beside=(DATA + "/engine", RUN + "/engine")):
                if ".aside" not in path:
                    self.check(path)

    def missing(self, *beginnings):
        return [row for row, (_, _, always) in self.rows.items() if always and row.startswith(beginnings) and row not in self.seen]


class Jobs(Paths):
    def look_at_jobs(self):
        self.davit("volume", "create", "made")
        self.addCleanup(self.remove_volumes, "made", "filled")
        self.davit("run", "--rm", "--name", "short", "--network", "none", "--log-opt", "retention=1h", Machine.image, "echo", "x")
        wait_until("its removal", lambda: self.davit("inspect", "short", code=None).code != 0)
        job = self.job("-v", "filled:/data", "-v", "/anonymous", "--mount", "type=job,src=shared,dst=/shared", command=["sh", "-c", "echo x; sleep 1000"])
        inside = self.start("exec", "-i", job, "cat", stdin=subprocess.PIPE)
        front = self.start("run", "-i", "--rm", "--network", f"container:{job}", Machine.image, "cat", stdin=subprocess.PIPE)
        for process in (inside, front):
            process.stdin.write("x\n")
            process.stdin.flush()
            process.stdout.readline()
        wait_until("the log", lambda: self.davit("logs", job).out)
        self.look(DATA, RUN)
        self.reached_by_nobody()
        for process in (inside, front):
            process.stdin.close()
            process.wait()
        self.davit("rm", "-f", "-v", job)

    def reached_by_nobody(self):
        for path in [p for p in tree(DATA) if p != DATA]:
            got = subprocess.run(["/bin/sh", "-c", 'ls -d "$0"', path], user=65534, group=65534, extra_groups=[],
                                 capture_output=True, text=True)
            self.assertIn("Permission denied", got.stderr, path)

    def as_documented(self, mask):
        for path in (RUN, DATA + "/logs", DATA + "/kept", DATA + "/files", DATA + "/folders", DATA + "/volumes"):
            self.set_aside(path)
        os.umask(mask)
        os.chmod(DATA, 0o755)  # as an older one left it
        self.look_at_jobs()
        others = ("/engine", "/.networks")  # Engine looks at the first; driver_conf.test_create_network at containerd-driver's
        self.assertEqual([row for row in self.missing(DATA, RUN) if not any(word in row for word in others)], [])

    def test_umask_0(self):
        self.as_documented(0)

    def test_umask_022(self):
        self.as_documented(0o022)

    def test_umask_077(self):
        self.as_documented(0o077)

    def test_networks(self):
        self.need_network()
        os.umask(0o077)
        job = self.job(network="davit")
        result = next(p for p in tree("/var/lib/cni/results") if job in p)
        for path in ("/run/netns", "/etc/cni/net.d/80-davit.conflist", "/var/lib/cni/results", result):
            self.check(path)
        self.check("/run/netns/" + next(n for n in os.listdir("/run/netns") if n.startswith(job)))


class Engine(Paths):
    def setUp(self):
        super().setUp()
        Machine.containerd.stop()
        self.addCleanup(Machine.containerd.start)
        self.addCleanup(lambda: self.davit("engine", "stop", "--force", code=None))

    def as_documented(self, mask):
        for path in (RUN, DATA + "/engine"):
            self.set_aside(path)
        os.umask(mask)
        self.davit("engine", "start")
        for row in [DATA, RUN] + [row for row in self.rows if row.startswith((DATA + "/engine", RUN + "/engine"))]:
            self.check(row)
        for path in tree(DATA + "/engine"):  # what containerd itself makes is nobody else's to write
            self.assertFalse(os.lstat(path).st_mode & 0o022 and not os.path.islink(path), path)
        self.davit("engine", "stop")

    def test_umask_0(self):
        self.as_documented(0)

    def test_umask_077(self):
        self.as_documented(0o077)
