"""Docker's daemon with a folder and a socket of its own, on the tests' containerd: what davit is compared with."""
import os
import shutil
import subprocess

from lib import services


class Docker:
    def __init__(self, work, namespace, *options):
        if not shutil.which("dockerd") or not shutil.which("docker"):
            raise FileNotFoundError("no dockerd and docker programs (package docker.io)")
        self.namespace = namespace
        self.exec_root = "/run/docker-" + namespace
        self.socket = os.path.join(work, "docker.sock")
        os.makedirs(os.path.join(work, "docker"))
        self.log = os.path.join(work, "dockerd.log")
        with open(self.log, "w") as log:
            self.process = subprocess.Popen(
                ["dockerd", "--host", "unix://" + self.socket, "--data-root", os.path.join(work, "docker"), "--exec-root", self.exec_root,
                 "--pidfile", os.path.join(work, "docker.pid"), "--containerd", services.SOCKET, "--containerd-namespace", namespace,
                 *options], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            services.wait_for("dockerd", self.ready, 60)
        except (TimeoutError, RuntimeError):
            self.stop()
            raise

    def ready(self):
        if self.process.poll() is not None:
            with open(self.log) as f:
                raise RuntimeError("dockerd ended: " + f.read().strip().splitlines()[-1])
        return subprocess.run(self.command("version"), capture_output=True, stdin=subprocess.DEVNULL).returncode == 0

    def command(self, *args):
        return ["docker", "--host", "unix://" + self.socket, *args]

    def run(self, *args):
        done = subprocess.run(self.command(*args), capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=120)
        if done.returncode:
            raise RuntimeError(f"docker {' '.join(args)}: {done.stderr.strip()}")
        return done.stdout.strip()

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait(60)
        subprocess.run(["umount", self.exec_root + "/netns/default"], capture_output=True, stdin=subprocess.DEVNULL)
        shutil.rmtree(self.exec_root, ignore_errors=True)
