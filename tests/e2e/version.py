"""davit version, help, and words that are no command."""
import json
import subprocess

from lib.case import Case, Machine

COMMANDS = ("run create start restart ps logs exec stop kill rm prune wait inspect pull images image volume engine doctor "
            "version").split()
GROUPS = {"image": "load import rm inspect", "volume": "ls create rm inspect", "engine": "start stop status"}


class Version(Case):
    def test_names_both_sides(self):
        text = self.davit("version").out
        self.assertIn("davit", text.lower())
        self.assertIn(Machine.containerd.version().lstrip("v"), text)

    def test_flag(self):
        self.assertRegex(self.davit("--version").out, r"\d+\.\d+")


class Help(Case):
    def test_lists_every_command(self):
        text = self.davit("--help").out
        for name in COMMANDS:
            self.assertRegex(text, rf"(?m)^\s+{name}\b", name)

    def test_of_each_command_in_both_forms(self):
        for name in COMMANDS:
            flag, word = self.davit(name, "--help").out, self.davit("help", name).out
            self.assertEqual(flag, word)
            self.assertIn("davit " + name, flag)

    def test_of_groups(self):
        for group, names in GROUPS.items():
            for name in names.split():
                self.assertIn(f"davit {group} {name}", self.davit(group, name, "--help").out)

    def test_needs_no_containerd(self):
        self.davit("--address", "/nonexistent.sock", "run", "--help")

    def test_every_flag_of_the_issue_is_there(self):
        run = self.davit("run", "--help").out
        for flag in ("--name -d --rm -i -t -e --env-file -w -u --entrypoint -p --network --runtime --hostname --pull -l -v --read-only "
                     "--ulimit --security-opt -m --cpus --pids-limit --cap-add --cap-drop --privileged --dry-run --timing").split():
            self.assertRegex(run, rf"(?m)(^|[\s,]){flag}\b", flag)


class Mistyped(Case):
    def test_suggests_the_nearest(self):
        for typed, meant in (("rnu", "run"), ("pss", "ps"), ("lgos", "logs"), ("imges", "images"), ("docter", "doctor")):
            self.fails(typed, says=[typed, meant])

    def test_suggests_the_nearest_flag(self):
        self.fails("run", "--nam", "x", Machine.image, says=["--nam", "--name"])
        self.fails("run", "--raed-only", Machine.image, says=["--raed-only", "--read-only"])
        self.fails("image", "lod", says=["lod", "load"])

    def test_says_what_is_missing(self):
        for args in (["run"], ["exec"], ["logs"], ["stop"], ["rm"], ["run", "--name"], ["exec", "x"]):
            self.fails(*args)


class Output(Case):
    def test_a_closed_pipe_is_no_error(self):
        shell = subprocess.run(["sh", "-c", f"{Machine.davit} run --help | head -n 1 >/dev/null; exec {Machine.davit} images | true"],
                               capture_output=True, text=True)
        self.assertEqual(shell.stderr, "")

    def test_a_full_disk_is_one(self):
        with open("/dev/full", "w") as full:
            done = subprocess.run([Machine.davit, "images"], stdout=full, stderr=subprocess.PIPE, text=True)
        self.assertEqual(done.returncode, 125, done.stderr)
        self.assertIn("No space left", done.stderr)

    def shell(self, line):
        return subprocess.run(["sh", "-c", line], capture_output=True, text=True, timeout=60 * Machine.slow, cwd=self.folder)

    def test_a_closed_one_is_an_error(self):
        done = self.shell(f"{Machine.davit} images >&-")
        self.assertEqual((done.returncode, done.stderr), (125, "davit: standard output: Bad file descriptor\n"))

    def test_a_closed_input_is_at_its_end(self):
        done = self.shell(f"{Machine.davit} run --rm -i --network none {Machine.image} sh -c 'cat; exit 3' <&-")
        self.assertEqual(done.returncode, 3, done.stderr)

    def test_a_full_disk_takes_a_job_s_output_but_not_in_silence(self):
        name = self.job()
        for command in (f"run --rm --network none {Machine.image}", f"exec {name}"):
            done = self.shell(f"{Machine.davit} {command} sh -c 'echo x; exit 3' >/dev/full")
            self.assertEqual(done.returncode, 3, done.stderr)
            self.assertRegex(done.stderr, r"^davit: standard output: No space left on device.*\n$")

    def test_a_full_disk_stops_nothing_half_way(self):
        names = [self.job(), self.job()]
        done = self.shell(f"{Machine.davit} rm -f {names[0]} {names[1]} >/dev/full")
        self.assertEqual(done.returncode, 125, done.stderr)
        self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)
        for name in names:
            self.gone(name)

    def test_json_log(self):
        result = self.davit("--json-log", "rm", "no-such-job", code=125)
        line = json.loads(result.err)
        self.assertEqual(line["level"], "error")
        self.assertIn("no-such-job", line["msg"])
