"""Bad input: one line that names the noun, the cause and the remedy; exit 125, 126 or 127; nothing is left behind."""
import os
import socket
import subprocess

from lib.case import Case, Machine


class Invocation(Case):
    def run_fails(self, *flags, code=125, says=(), command=("true",), image=None, **kw):
        return self.fails("run", "--rm", "--network", "none", *flags, Machine.image if image is None else image, *command, code=code, says=says, **kw)

    def test_command_not_found(self):
        self.run_fails(command=["no-such-program"], code=127, says=["no-such-program", "not found"])
        self.run_fails(command=["/bin/none"], code=127, says=["/bin/none"])

    def test_flags_behind_the_image_or_the_job(self):
        self.run_fails(command=["--name", "x"], code=127, says=["--name", "flags go before"])
        name = self.job()
        self.fails("exec", name, "-u", "nobody", "id", code=127, says=["-u", "flags go before"])

    def test_docker_s_flags_that_are_not_here(self):
        said = self.davit("run", "--rm", "--network", "none", "--restart", "always", Machine.image, "true")
        self.assertEqual(said.err, "davit: kept, and not acted on by this version: restart policies and failure recovery of jobs that are removed at "
                         "their end\n")
        self.run_fails("--storage-opt", "size=1g", says=["--storage-opt", "volume"])
        self.fails("ps", "--format", "{{.Nmes}}", says=["--format", "no field .Nmes", ".Names", "did you mean .Names?"])

    def test_the_current_folder_is_gone(self):
        gone = os.path.join(self.folder, "gone")
        done = subprocess.run(["sh", "-c", f"mkdir {gone} && cd {gone} && rmdir {gone} && exec {Machine.davit} run --rm --network none "
                               f"-v ./x:/x {Machine.image} true"], capture_output=True, text=True)
        self.assertEqual(done.returncode, 125, done.stderr)
        self.assertIn('"./x": relative to the current folder, which is gone', done.stderr)

    def test_command_cannot_be_invoked(self):
        self.run_fails(command=["/bin/noexec"], code=126, says=["/bin/noexec", "permission denied"])
        self.run_fails(command=["/etc"], code=126, says=["/etc"])
        # the engine finds out after the start: its words, and its code, are the job's own
        bad = self.davit("run", "--rm", "--network", "none", Machine.image, "/bin/badformat", code=None)
        self.assertIn("exec format error", bad.err.lower())

    def test_unknown_user(self):
        self.run_fails("-u", "ghost", says=["ghost"])
        self.run_fails("-u", "web:ghosts", says=["ghosts"])
        self.run_fails("-u", "a:b:c", says=["user"])

    def test_invalid_values(self):
        table = [
            (["--name", "a b"], ["a b", "name"]), (["--name", "-x"], ["-x"]), (["--name", "a" * 64], ["name"]),
            (["-p", "x"], ["port", "x"]), (["-p", "70000:80"], ["70000"]), (["-p", "80:80/icmp"], ["icmp"]),
            (["-p", "80-82:80-81"], ["80-82"]), (["-m", "12x"], ["memory", "12x"]), (["-m", "-1"], ["memory"]), (["-m", "1k"], ["memory"]),
            (["--cpus", "0.001"], ["cpus"]), (["--cpus", "many"], ["many"]), (["--cpus", "100000"], ["cpus"]),
            (["--pids-limit", "x"], ["pids"]), (["-v", "/tmp:/x:zz"], ["zz"]), (["-v", "/x:relative"], ["relative"]),
            (["--mount", "type=bind,src=/no/such/folder/at/all,dst=/x"], ["/no/such/folder/at/all"]),
            (["-e", "=x"], ["=x"]), (["-w", "relative"], ["relative"]),
            (["--ulimit", "nosuch=1"], ["nosuch"]), (["--ulimit", "nofile=5:4"], ["nofile"]), (["--pull", "often"], ["often", "missing"]),
            (["--security-opt", "magic"], ["magic"]),
            (["--env-file", "none"], ["none"]), (["-l", "=v"], ["label"]),
        ]
        for flags, says in table:
            with self.subTest(flags=flags):
                network = [] if "-p" in flags else ["--network", "none"]
                self.fails("run", "--rm", *network, *flags, Machine.image, "true", says=says)

    def test_unknown_image(self):
        self.run_fails("--pull", "never", image="no/such:image", says=["no/such:image"])
        self.run_fails(image="localhost:1/none:1", says=["localhost:1", "refused"], progress=True)
        self.run_fails(image="UPPER case", says=["UPPER case"])

    def test_empty_words(self):
        self.run_fails(image="", says=['image ""', "empty"])
        self.assertNotIn("job :", self.run_fails("-w", "x", says=["run job: ", 'working folder "x"']).err)

    def test_unknown_runtime(self):
        self.fails("run", "--rm", "--network", "none", "--runtime", "rumc", Machine.image, "true", says=["rumc", "runc"])
        self.fails("run", "--rm", "--network", "none", "--runtime", "io.containerd.nothing.v2", Machine.image, "true", says=["nothing"])

    def test_unknown_network(self):
        self.fails("run", "--rm", "--network", "lan", Machine.image, "true", says=["lan"])

    def test_a_spec_that_the_engine_refuses(self):
        result = self.fails("run", "--rm", "--network", "none", "-v", f"{self.folder}:/etc/passwd", Machine.image, "true")
        self.assertNotRegex(result.err, r"exit status \d+\s*$")

    def test_host_network_takes_no_ports(self):
        self.fails("run", "--rm", "--network", "host", "-p", "80:80", Machine.image, "true", says=["host", "port"])


class Jobs(Case):
    def test_unknown_ones(self):
        for verb in ("start", "restart", "logs", "stop", "kill", "rm", "wait", "inspect"):
            with self.subTest(verb):
                self.fails(verb, "no-such-job", says=["no-such-job"])
        self.fails("exec", "no-such-job", "true", says=["no-such-job"])

    def test_names_the_nearest(self):
        name = self.job(name="frontend")
        self.fails("stop", "fronted", says=["fronted", name])

    def test_inspect_of_an_image(self):
        self.fails("inspect", "busybox:local", says=["busybox:local", "davit image inspect busybox:local"])

    def test_of_another_namespace(self):
        self.fails("-n", "elsewhere", "logs", "no-such-job", says=["davit -n elsewhere ps -a"])

    def test_a_filter_that_can_match_nothing(self):
        for text in ("status=runing", "exited=x", "name=[", "size=1"):
            self.fails("ps", "--filter", text, says=[text])

    def test_a_working_folder_that_is_not_there(self):
        error = self.fails("exec", "-w", "/nowhere", self.job(), "true", says=["/nowhere"]).err
        self.assertNotIn("not found in the image", error)

    def test_duplicate_name(self):
        name = self.job()
        for verb in (["run", "-d"], ["create"]):
            self.fails(*verb, "--name", name, "--network", "none", Machine.image, "true", says=[name, "davit rm"])
        self.assertEqual(self.state(name), "running")

    def test_a_running_job_is_not_removed(self):
        name = self.job()
        self.fails("rm", name, says=[name, "running"])
        self.assertEqual(self.state(name), "running")

    def test_several_names_go_on_after_one_that_failed(self):
        name = self.job()
        result = self.davit("stop", "-t", "0", "missing", name, code=125)
        self.assertIn("missing", result.err)
        self.assertEqual(self.state(name), "exited")


class Connection(Case):
    def test_nothing_listens(self):
        self.fails("--address", "/run/none.sock", "ps", says=["/run/none.sock"])
        self.fails("ps", env={"CONTAINERD_ADDRESS": "/run/other.sock"}, says=["/run/other.sock"])

    def test_a_remedy_for_the_usual_causes(self):
        place = os.path.join(self.folder, "place")
        os.mkdir(place)
        for options, says in (("ro", ["read-only file system", "remount,rw"]), ("size=4k,nr_inodes=1", ["no space left", "df -h"])):
            with self.subTest(options=options):
                subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", place], check=True)
                try:
                    self.fails("run", "-d", "--cidfile", place + "/cid", "--network", "none", Machine.image, "true", says=says)
                finally:
                    subprocess.run(["umount", place], check=True)

    def test_not_a_socket(self):
        self.fails("--address", "/etc/passwd", "ps", says=["/etc/passwd"])

    def test_no_permission(self):
        done = subprocess.run([Machine.davit, "ps"], capture_output=True, text=True, user=65534, group=65534, extra_groups=[])
        self.assertEqual(done.returncode, 125, done.stderr)
        self.assertIn("containerd.sock", done.stderr)
        self.assertIn("sudo davit", done.stderr)
        self.assertRegex(done.stderr.lower(), "permission|root")

    def test_no_permission_for_an_engine(self):
        done = subprocess.run([Machine.davit, "engine", "start"], capture_output=True, text=True, user=65534, group=65534, extra_groups=[])
        self.assertEqual(done.returncode, 125, done.stderr)
        self.assertRegex(done.stderr, r"Permission denied \(run as root: sudo davit \.\.\.\)")

    def test_a_peer_that_speaks_no_grpc(self):
        path = os.path.join(self.folder, "odd.sock")
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(path)
            server.listen()
            process = self.start("--address", path, "ps")
            peer = server.accept()[0]
            peer.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            peer.close()
            _, err = process.communicate(timeout=30)
        self.assertEqual(process.returncode, 125, err)
        self.assertIn(path, err)
