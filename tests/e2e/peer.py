"""Flags of `docker run` beside the same flags of davit: the OCI specs that containerd is given, field by field. What differs on
purpose stands in the table of docs/from-docker.md, and nowhere else."""
import fnmatch
import json
import os
import re
import subprocess
import tempfile

from lib.case import Case, Machine
from lib.docker import Docker

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
DOCS = os.path.join(TOP, "docs/from-docker.md")
MOBY = "peer-moby"

# Each is a job of its own. {dir} is a folder of the host with a file, {env} a file of variables.
FLAGS = (
    "-e A=1 -e B=", "--env-file {env}", "-w /made", "-u 1000:1000", "-u 1000", "--group-add 7 --group-add 9", "-t", "-i",
    "--hostname box", "--entrypoint echo", "--init",
    "-m 64m", "-m 64m --memory-swap 128m", "-m 64m --memory-swap -1", "--memory-reservation 32m", "-m 64m --memory-swappiness 10",
    "--cpus 1.5", "--cpu-shares 512", "--cpu-quota 50000 --cpu-period 200000", "--cpuset-cpus 0 --cpuset-mems 0", "--pids-limit 99",
    "--pids-limit -1", "--oom-score-adj 55", "--shm-size 1m", "--ulimit nofile=100:200", "--ulimit core=0",
    "--device-read-bps {disk}:1m", "--device-write-bps {disk}:2m", "--device-read-iops {disk}:30", "--device-write-iops {disk}:40",
    "--sysctl net.core.somaxconn=100",
    "--cap-add NET_ADMIN", "--cap-add net_admin --cap-drop CAP_CHOWN", "--cap-drop ALL", "--cap-drop ALL --cap-add SYS_TIME",
    "--cap-add ALL --cap-drop MKNOD", "--privileged", "--security-opt no-new-privileges", "--security-opt systempaths=unconfined",
    "--read-only",
    "--pid host", "--ipc host", "--uts host", "--cgroupns private", "--cgroupns host", "--network host",
    "-v {dir}:/x", "-v {dir}:/x:ro", "-v {dir}:/x:rslave", "-v {dir}:/x:ro,rshared", "--mount type=bind,src={dir},dst=/x,readonly",
    "--mount type=bind,src={dir},dst=/x,bind-propagation=shared", "--tmpfs /x", "--tmpfs /x:size=1m,mode=700,exec",
    "--mount type=tmpfs,dst=/x,tmpfs-size=1048576,tmpfs-mode=0700", "-v anon:/x", "-v /x",
    "--device /dev/null:/dev/nul:rw", "--device /dev/zero", "--device-cgroup-rule=c_1:3_rwm",
)
RUNS = "whether it runs"  # Docker here; another machine may have what it wants
OWN = re.compile(r"^(/tmp/davit-test|/var/lib/davit|/run/davit|/var/run/netns|/proc/\d+|/run/docker|/usr/(local/)?s?bin|/.*/davit-init)")


def plain(option):
    """size=1m is size=1048576, and mode=0700 mode=700."""
    key, equals, value = option.partition("=")
    if key == "mode":
        value = value.lstrip("0")
    elif key == "size" and value[-1:] in "kmg":
        value = str(int(value[:-1]) << {"k": 10, "m": 20, "g": 30}[value[-1]])
    return key + equals + value


def flat_mounts(mounts, out):
    for m in mounts:
        at = f"mounts {m['destination']}"
        out[at] = m["type"] + " of " + ("<own>" if OWN.match(m["source"]) else m["source"])
        for option in m.get("options", []):
            if option not in ("rw", "rbind", "bind"):
                out[f"{at} {plain(option)}"] = True


def flat_list(path, values, out):
    """Lists whose members have a name, or whose order says nothing."""
    for v in values:
        if isinstance(v, str):
            name, equals, value = v.partition("=") if path.endswith(".env") else (v, "", True)
            out[f"{path} {name}"] = value
        elif path.endswith("resources.devices"):
            numbers = f"{v.get('type', 'a')} {v.get('major', '*')}:{v.get('minor', '*')} {v.get('access')}"
            out[f"{path} {numbers}"] = "allowed" if v["allow"] else "denied"
        elif isinstance(v, dict):
            name = v.get("path") or v.get("type") if "major" in v and "path" in v else v.get("type") or f"{v.get('major')}:{v.get('minor')}"
            flat(f"{path} {name}", {k: w for k, w in v.items() if k not in ("type", "path") or path.endswith("devices")} or {"is": "there"}, out)
        else:
            out[f"{path} {v}"] = True


def flat(path, value, out):
    if isinstance(value, dict):
        for k, v in value.items():
            flat(f"{path}.{k}" if path else k, v, out)
    elif path == "mounts":
        flat_mounts(value, out)
    elif path == "process.args" and value:
        out[path] = " ".join(value)
    elif isinstance(value, list):
        flat_list(path, value, out)
    elif value not in (0, False, "", None) or path.endswith("swappiness"):
        out[path] = "<own>" if isinstance(value, str) and OWN.match(value) else value


def fields(spec):
    """{field: value}, without what is each one's own: the seccomp profile, paths, names, hooks."""
    spec = json.loads(json.dumps(spec))
    spec["linux"].pop("seccomp", None)
    for own in ("cgroupsPath", "mountLabel"):
        spec["linux"].pop(own, None)
    for namespace in spec["linux"].get("namespaces", []):
        namespace.pop("path", None)
    for own in ("hooks", "ociVersion", "root.path"):
        spec.pop(own, None)
    spec["root"].pop("path")
    out = {}
    flat("", spec, out)
    if out.get("process.env HOSTNAME") == out.pop("hostname", None):
        del out["process.env HOSTNAME"]
    return out


def table():
    """The rows of docs/from-docker.md: (flags, field, what Docker has, what davit has)."""
    with open(DOCS) as f:
        text = f.read()
    rows = re.search(r"<!-- spec differences -->\n\|.*\n\|.*\n((?:\|.*\n)*)", text)
    return [tuple(cell.strip().strip("`") for cell in row.strip("|\n ").split(" | "))[:2] for row in rows[1].splitlines()]


class SpecsOfDocker(Case):
    def setUp(self):
        if Machine.engine != "runc":
            self.skipTest("the spec does not depend on the engine: the run with runc compares it")
        if not Machine.containerd.version().startswith("1.6"):
            self.skipTest("Docker's daemon of Debian 12 is run on the containerd that it comes with")
        self.work = tempfile.mkdtemp(prefix="peer.", dir=Machine.work)
        try:
            self.docker = Docker(self.work, MOBY, "--bridge=none", "--iptables=false", "--ip6tables=false")
        except (FileNotFoundError, RuntimeError, TimeoutError) as why:
            self.skipTest(str(why).splitlines()[0])
        self.addCleanup(self.docker.stop)
        self.docker.run("import", "--change", 'CMD ["sh"]', Machine.rootfs, "busybox:local")
        self.docker.run("volume", "create", "anon")
        self.docker.run("run", "--rm", "--network", "host", "busybox:local", "true")  # what Docker keeps from the first one on
        super().setUp()
        self.dir = tempfile.mkdtemp(dir=self.folder)
        subprocess.run(["mount", "--bind", self.dir, self.dir], check=True)
        subprocess.run(["mount", "--make-shared", self.dir], check=True)
        self.addCleanup(subprocess.run, ["umount", self.dir], check=True)
        with open(os.path.join(self.folder, "env"), "w") as f:
            f.write("F=1\n# none\nG=a b\n")

    def tearDown(self):
        self.davit("volume", "rm", "-f", "anon", code=None)

    def words(self, flags):
        disk = next((f"/dev/{name}" for name in sorted(os.listdir("/sys/block")) if os.path.exists(f"/dev/{name}")), "/dev/none")
        return [w.replace("_", " ") if "cgroup-rule" in w else w
                for w in flags.format(dir=self.dir, env=os.path.join(self.folder, "env"), disk=disk).split()]

    def info(self, made):
        """containerd's record is there while the container runs: not long, where little memory is allowed on a busy machine."""
        for _ in range(5):
            self.docker.run("start", made)
            done = Machine.containerd.ctr("containers", "info", made, ns=MOBY, check=False)
            if done.returncode == 0:
                return done.stdout
        raise RuntimeError(done.stderr)

    def of_docker(self, flags):
        network = [] if "--network" in flags else ["--network", "none"]
        try:
            made = self.docker.run("create", *network, *flags, "busybox:local", "sleep", "1000")
        except RuntimeError as why:
            return None, str(why)
        try:
            info = self.info(made)
            return fields(json.loads(info)["Spec"]), ""
        except RuntimeError as why:
            return None, str(why)
        finally:
            self.docker.run("rm", "-f", "-v", made)

    def of_davit(self, flags):
        network = [] if "--network" in flags else ["--network", "none"]
        done = self.davit("run", "-d", "--name", "peer", *network, *flags, Machine.image, "sleep", "1000", code=None)
        if done.code:
            return None, done.err.strip()
        spec = self.json("inspect", "peer")[0]["spec"]
        self.davit("rm", "-f", "-v", "peer")
        return fields(spec), ""

    def differences(self, flags):
        """[(field, docker's, davit's)] for a job with @flags."""
        words = self.words(flags)
        docker, why = self.of_docker(words)
        davit, wrong = self.of_davit(words)
        if docker is None or davit is None:  # what this machine cannot do, neither can
            return [] if docker is davit else [(RUNS, why or "it does", wrong or "it does")]
        both = sorted(set(docker) | set(davit))
        return [(f, docker.get(f, "-"), davit.get(f, "-")) for f in both if docker.get(f) != davit.get(f)]

    def test_each_flag_makes_the_same_spec(self):
        rows, used, wrong = table(), set(), []
        for flags in ("", *FLAGS):
            for field, docker, davit in self.differences(flags):
                said = [r for r in rows if (r[0] == "every job" or r[0] in flags.split()) and fnmatch.fnmatchcase(field, r[1])]
                used.update(said)
                if not said:
                    wrong.append(f"{flags or 'no flag'}: {field}: docker {docker}, davit {davit}")
        self.assertFalse(wrong, "\n" + "\n".join(wrong))
        self.assertEqual([r for r in rows if r not in used and r[1] != RUNS], [], "rows of docs/from-docker.md that nothing shows")
