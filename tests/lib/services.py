"""The servers that tests talk to: a containerd of our own and a registry. Each is stopped by the process that it is."""
import os
import shutil
import signal
import socket
import subprocess
import time

SOCKET = "/run/containerd/containerd.sock"
PAUSE = 0.01  # between two looks at what nothing announces
CRI = ("io.containerd.grpc.v1.cri", "io.containerd.cri.v1.runtime", "io.containerd.cri.v1.images")


def wait_for(what, probe, seconds=20.0):
    """Poll @probe until it is true: for conditions that nothing announces."""
    end = time.monotonic() + seconds
    while not probe():
        if time.monotonic() > end:
            raise TimeoutError(f"{what}: not within {seconds:g} s")
        time.sleep(PAUSE)


def answers(path):
    with socket.socket(socket.AF_UNIX) as s:
        return s.connect_ex(path) == 0


class Containerd:
    def __init__(self, program, work):
        self.program = os.path.realpath(shutil.which(program) or program)
        self.root = os.path.join(work, "containerd")
        self.log_path = os.path.join(work, "containerd.log")
        self.config = os.path.join(work, "containerd.toml")
        self.more_programs = os.path.join(work, "programs")  # where containerd looks, too
        os.makedirs(self.more_programs, exist_ok=True)
        self.process = None
        self.path = None  # where it looks for shims and engines; the shim that belongs to it comes before the machine's
        found = os.path.join(os.path.dirname(self.program), "ctr")
        self.ctr_program = found if os.path.exists(found) else shutil.which("ctr")
        disabled = ", ".join(f'"{name}"' for name in CRI)
        with open(self.config, "w") as f:
            f.write(f'version = 2\nroot = "{self.root}"\nstate = "/run/containerd"\ndisabled_plugins = [{disabled}]\n'
                    f'[grpc]\n  address = "{SOCKET}"\n')

    def start(self):
        env = dict(os.environ, PATH=self.path or os.path.dirname(self.program) + ":" + os.environ["PATH"] + ":" + self.more_programs)
        log = open(self.log_path, "a")
        self.process = subprocess.Popen([self.program, "--config", self.config], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                        env=env, start_new_session=True, umask=0o022)
        log.close()
        wait_for("containerd", self._ready, 60)

    def _ready(self):
        if self.process.poll() is not None:
            raise RuntimeError(f"containerd ended with {self.process.returncode}:\n{self.log()[-2000:]}")
        return answers(SOCKET) and self.ctr("version", check=False).returncode == 0

    def stop(self, sig=signal.SIGTERM):
        if self.process and self.process.poll() is None:
            self.process.send_signal(sig)
            self.process.wait(30)
        self.process = None

    def restart(self, sig=signal.SIGTERM):
        self.stop(sig)
        self.start()

    def log(self):
        with open(self.log_path, errors="replace") as f:
            return f.read()

    def ctr(self, *args, ns=None, check=True):
        command = [self.ctr_program] + (["-n", ns] if ns else []) + list(args)
        return subprocess.run(command, capture_output=True, text=True, check=check, timeout=60, stdin=subprocess.DEVNULL)

    def version(self):
        return subprocess.run([self.program, "--version"], capture_output=True, text=True).stdout.split()[2]


class Registry:
    """docker-registry (package docker-registry) on loopback; with a user and a password, or with TLS (@tls: certificate and key). @data:
    another one's, which it shows as well."""
    # `htpasswd -nbB davit hunter2`, so that the tests do not need the program
    HTPASSWD = "davit:$2y$05$GT8oTz.IypeVkLcAhs/K1uh0jyJn/bhdH0MT.PLUVJG1Ck9YnNzPe\n"

    def __init__(self, work, port, auth=False, tls=None, data=None):
        if not shutil.which("docker-registry"):
            raise FileNotFoundError("no docker-registry program (package docker-registry)")
        self.port, self.host = port, f"127.0.0.1:{port}"
        home = os.path.join(work, f"registry-{port}")
        os.makedirs(home)
        self.data = data or home + "/data"
        self.config, self.log_path = os.path.join(home, "config.yml"), os.path.join(home, "log")
        with open(os.path.join(home, "htpasswd"), "w") as f:
            f.write(self.HTPASSWD)
        with open(self.config, "w") as f:
            f.write(f"version: 0.1\nlog: {{level: warn}}\nstorage: {{filesystem: {{rootdirectory: {self.data}}}, "
                    f"delete: {{enabled: true}}}}\nhttp:\n  addr: '{self.host}'\n")
            if tls:
                f.write(f"  tls: {{certificate: {tls[0]}, key: {tls[1]}}}\n")
            if auth:
                f.write(f"auth: {{htpasswd: {{realm: davit, path: {home}/htpasswd}}}}\n")
        log = open(self.log_path, "w")
        self.process = subprocess.Popen(["docker-registry", "serve", self.config], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        log.close()
        wait_for("registry", self._ready)

    def _ready(self):
        if self.process.poll() is not None:
            with open(self.log_path) as f:
                raise RuntimeError("registry ended: " + f.read()[-2000:])
        with socket.socket() as s:
            return s.connect_ex(("127.0.0.1", self.port)) == 0

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait(10)
