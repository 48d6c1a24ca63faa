"""containerd's own tests, which its Go module has: of its client (integration/client), and of its CRI plugin (integration)."""
import os
import re
import shutil
import subprocess

from lib import containerds, sandbox, services, suites

VERSION = "2.2.1"
ROOTS = ("/var/lib/containerd-test",)  # where the client's tests start a containerd of theirs
HANGS = "TestBindLowPort"  # nc of the image that they ask for ends by SIGTERM, that of Debian's busybox does not
VERDICT = re.compile(r"^\s*--- (PASS|FAIL|SKIP): (\S+) \([\d.]+s\)$")
SAID = re.compile(r"^\s+\w+\.go:\d+: (.*)")
HOSTS = ("ghcr.io", "registry.k8s.io")  # whose images the tests ask for: here they are a registry of ours


def build():
    """The folder of the test programs `client` and `integration`, built when they are not in the cache."""
    folder = os.path.join(containerds.cache(), f"containerd-tests-{VERSION}")
    if os.path.exists(folder):
        return folder
    go = containerds.find_go()
    print(f"building the tests of containerd {VERSION} into {folder}", flush=True)
    half = folder + ".part"
    shutil.rmtree(half, ignore_errors=True)
    os.makedirs(half)
    with open(os.path.join(half, "go.mod"), "w") as f:
        f.write(f"module peer\n\ngo 1.24.3\n\nrequire github.com/containerd/containerd/v2 v{VERSION}\n")
    for name, package in (("integration", "integration"), ("client", "integration/client")):
        done = subprocess.run(["nice", go, "test", "-vet=off", "-ldflags=-s -w", "-c", "-o", name, f"github.com/containerd/containerd/v2/{package}"],
                              cwd=half, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              env=dict(os.environ, CGO_ENABLED="0", GOFLAGS="-mod=mod -trimpath -buildvcs=false", GOTOOLCHAIN="local"))
        if done.returncode:
            raise containerds.Unavailable(f"go test {package}: " + (done.stdout.strip().splitlines() or ["?"])[-1])
    os.rename(half, folder)
    return folder


class GoSuite(suites.Suite):
    all_known = False  # many ask for what a machine of ours has not

    def words(self):
        """What every one of them is told: which cases, how long."""
        args = self.machine.args
        return [args.program, "-test.v", "-test.skip=" + HANGS, f"-test.timeout={self.seconds * args.slow - 60:.0f}s",
                *([f"-test.run={'|'.join(args.focus)}"] if args.focus else [])]

    def read(self):
        """A case ends with its verdict; what it said stands before that, or behind it where it has cases of its own."""
        said = {}
        name = None
        with open(self.log_path, errors="replace") as f:
            for line in f:
                word = line.split()
                if line.startswith("=== ") and len(word) > 2:
                    name = word[2]
                found, text = VERDICT.match(line.rstrip()), SAID.match(line)
                if text and name:
                    said[name] = text[1]
                if found:
                    yield suites.Case(found[2], found[1].lower(), said.get(found[2], ""))


class Client(GoSuite):
    name = "containerd's client tests"

    @classmethod
    def program(cls):
        if not shutil.which("openssl"):
            raise containerds.Unavailable("no openssl program (package openssl)")
        return os.path.join(build(), "client")

    def __enter__(self):
        """The client asks the registry by their names, and by TLS."""
        pair = [os.path.join(self.work, name) for name in ("tls.crt", "tls.key")]
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=" + HOSTS[0], "-addext",
                        "subjectAltName=" + ",".join("DNS:" + name for name in HOSTS), "-out", pair[0], "-keyout", pair[1]], check=True, capture_output=True)
        with open("/etc/hosts", "a") as f:
            f.write(f"127.0.0.1 {' '.join(HOSTS)}\n")
        for folder in ROOTS:
            os.makedirs(folder, exist_ok=True)
            sandbox.mount("-t", "tmpfs", "-o", "mode=711", "tmpfs", folder)  # /var/lib is an overlay, which is no place for another
        self.trusted = pair[0]
        self.registry = services.Registry(self.work, 443, tls=pair, data=self.machine.registry.data)
        return super().__enter__()

    def __exit__(self, *exc):
        self.registry.stop()
        for folder in ROOTS:
            subprocess.run(["umount", "-l", folder], check=True)
        super().__exit__(*exc)

    def command(self):
        """It starts a containerd by itself, which some of the cases restart."""
        kind = self.machine.handlers()[self.handler][0]
        return [*self.words(), "-test.root", "-no-criu"], {"TEST_RUNTIME": kind, "SSL_CERT_FILE": self.trusted}


class Cri(GoSuite):
    name = "containerd's CRI tests"

    @classmethod
    def program(cls):
        return os.path.join(build(), "integration")

    def command(self):
        return [*self.words(), "-cri-endpoint", "unix://" + services.SOCKET, "-runtime-handler", self.handler], {}
