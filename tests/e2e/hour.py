"""What a new user meets in the first hour: narrow terminals, plain locales, --debug, plans, templates."""
import fcntl
import json
import os
import pty
import re
import struct
import subprocess
import termios

from lib.case import Case, Machine, wait_until


class Narrow(Case):
    def shown(self, columns, *args, **env):
        """What a terminal of so many columns is sent."""
        clean = {k: v for k, v in os.environ.items() if k not in ("COLUMNS", "LC_ALL", "LC_CTYPE", "LANG")}
        master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        process = subprocess.Popen(self.command(args), stdin=slave, stdout=slave, stderr=slave, env=dict(clean, **env), cwd=self.folder)
        os.close(slave)
        seen = b""
        try:
            while data := os.read(master, 65536):
                seen += data
        except OSError:
            pass  # its last writer has gone
        finally:
            os.close(master)
        self.assertEqual(process.wait(), 0)
        return re.sub(r"\x1b\[[0-9;]*[A-Za-z]", "", seen.decode().replace("\r", ""))

    def test_ps_fits_any_width(self):
        name = self.job("-p", "22187:80", "-p", "127.0.0.1:22188:81/udp", name="a-fairly-long-name", network="davit")
        for columns in (24, 30, 40, 60, 80, 100, 200):
            with self.subTest(columns=columns):
                text = self.shown(columns, "ps", LANG="C.UTF-8")
                self.assertLessEqual(max(map(len, text.splitlines())), columns, text)
                for part in (name, "0.0.0.0:22187->80/tcp", "127.0.0.1:22188->81/udp"):
                    self.assertIn(part, text)

    def test_the_shell_s_columns_win(self):
        self.job(name="a-fairly-long-name")
        text = self.shown(150, "ps", COLUMNS="50")
        self.assertLessEqual(max(map(len, text.splitlines())), 50, text)

    def test_a_pipe_is_never_narrow(self):
        name = self.job(command=("sh", "-c", "sleep 1000; : " + "0" * 300))
        self.assertIn("0" * 300, next(line for line in self.davit("ps", "--no-trunc").out.splitlines() if name in line))
        self.assertIn("0" * 300, next(line for line in self.davit("ps").out.splitlines() if name in line))

    def test_the_c_locale_is_ascii(self):
        self.job("-l", "x=ü", command=("sh", "-c", "sleep 1000; echo größe"))
        for args in (("ps",), ("ps", "--no-trunc"), ("images",), ("volume", "ls"), ("doctor",), ("version",), ("help",), ("help", "run")):
            for env in ({"LC_ALL": "C"}, {}):
                with self.subTest(args=args, env=env):
                    text = self.shown(60, *args, **env) if args[0] != "doctor" else self.davit(*args, code=None, env=env).out
                    self.assertTrue(text.isascii(), text)


class Seeing(Case):
    def test_debug_says_each_step(self):
        err = self.davit("--debug", "run", "--rm", "--network", "none", Machine.image, "true").err
        for step in ("claim", "image", "snapshot", "container", "task", "start"):
            self.assertIn(f"davit: debug: step {step}: begins\n", err)
            self.assertRegex(err, rf"davit: debug: step {step}: done after \d+\.\d ms\n")
        self.assertRegex(err, r"davit: debug: asks containerd /containerd.services.tasks.v1.Tasks/Create")
        self.assertRegex(err, r"davit: debug: containerd answered /containerd.services.tasks.v1.Tasks/Create after \d+\.\d ms\n")

    def test_debug_names_the_plugins(self):
        err = self.davit("--debug", "run", "--rm", Machine.image, "true").err
        self.assertRegex(err, r"davit: debug: process \d+: /\S+/bridge\n")
        self.assertRegex(err, r"davit: debug: process \d+: exit status 0 after \d+\.\d ms\n")

    def test_a_plan_says_how_it_would_start(self):
        for flags, says in (((), "in the foreground"), (("-d",), "detached"), (("-it",), "in the foreground")):
            last = self.davit("run", "--dry-run", *flags, Machine.image, "sh").out.splitlines()[-1]
            self.assertRegex(last, f"start: {says}$")
        self.assertNotIn("start:", self.davit("create", "--dry-run", Machine.image, "sh").out)

    def test_every_line_for_people_begins_with_davit(self):
        for args in (("rm", "-f", "no-such-job"), ("-n", "empty-one", "ps"), ("-n", "empty-one", "images"), ("image", "rm", "-f", "no/such:1"),
                     ("stop", "no-such-job"), ("--debug", "ps")):
            with self.subTest(args=args):
                err = self.davit(*args, code=None).err
                for line in err.splitlines():
                    self.assertTrue(line.startswith("davit: "), line)

    def test_an_empty_name_is_an_absent_one(self):
        out = self.davit("run", "--rm", "--network", "none", "--name", "", "-h", "", Machine.image, "hostname").out.strip()
        self.assertTrue(out)
        self.assertFalse(re.search(r"\s", out))


class Templates(Case):
    def line(self, *args):
        return self.davit(*args).out.rstrip("\n")

    def test_ps(self):
        name = self.job("-l", "tier=front", "-p", "22189:80", network="davit")
        only = ("ps", "--filter", f"name={name}", "--format")
        self.assertEqual(self.line(*only, "{{.Names}} {{.State}} {{.Image}}"), f"{name} running {Machine.image}")
        self.assertEqual(self.line(*only, '{{.Label "tier"}}|{{.Ports}}|{{.Command}}'), 'front|0.0.0.0:22189->80/tcp|"sleep 1000"')
        self.assertRegex(self.line(*only, "{{.Status}};{{.RunningFor}};{{.CreatedAt}}"), r"^Up \d+ \w+;\d+ \w+ ago;\d{4}-\d\d-\d\d \d\d:")
        self.assertEqual(json.loads(self.line(*only, "{{json .}}"))["Names"], name)
        table = self.line(*only, "table {{.Names}}\t{{.State}}").splitlines()
        self.assertEqual([row.split() for row in table], [["NAMES", "STATE"], [name, "running"]])
        self.assertEqual(table, self.line(*only, r"table {{.Names}}\t{{.State}}").splitlines())
        self.assertRegex(self.line("ps", "-s", "--filter", f"name={name}", "--format", "{{.Size}}"), r"^\d[\d.]*k?M?B$")
        self.assertEqual(self.line("ps", "-aq", "--filter", f"name={name}"), self.line(*only, "{{.ID}}"))
        self.assertEqual(self.line("ps", "-n", "1", "--format", "{{.Names}}"), name)
        self.assertEqual(self.line("ps", "-l", "--format", "{{.Names}}"), name)

    def test_inspect(self):
        name = self.job("-v", f"{self.folder}:/data:ro", "-e", "A=b", "-l", "tier=front", "-p", "22190:80", network="davit")
        own = json.loads(self.line("inspect", name))[0]
        table = [
            ("{{.Id}}", own["id"]), ("{{.Name}}", name), ("{{.State.Status}}", "running"), ("{{.State.Running}}", "true"),
            ("{{.State.Pid}}", str(own["state"]["pid"])), ("{{.State.ExitCode}}", "0"), ("{{.NetworkSettings.IPAddress}}", own["network"]["ip"]),
            ("{{.Config.Image}}", Machine.image), ('{{range .Mounts}}{{.Source}}:{{.Destination}}:{{.RW}}{{end}}', f"{self.folder}:/data:false"),
            ('{{(index (index .NetworkSettings.Ports "80/tcp") 0).HostPort}}', "22190"), ('{{index .Config.Labels "tier"}}', "front"),
            ("{{range $k, $v := .NetworkSettings.Networks}}{{$k}}={{$v.IPAddress}}{{end}}", f"davit={own['network']['ip']}"),
            ("{{.HostConfig.NetworkMode}}", "davit"), ("{{.Path}} {{join .Args \" \"}}", "sleep 1000"), ("{{.state.status}}", "running"),
            ("{{if .State.Running}}up{{else}}down{{end}}", "up"),
        ]
        for template, want in table:
            with self.subTest(template=template):
                self.assertEqual(self.line("inspect", "-f", template, name), want)
        self.assertIn("A=b", json.loads(self.line("inspect", "-f", "{{json .Config.Env}}", name)))
        self.fails("inspect", "-f", "{{.State.Statu}}", name, says=["column 3", "no field .Statu", "did you mean .Status?"])
        both = self.davit("inspect", "-f", "{{.Name}}", "no-such-job", name, code=125)
        self.assertEqual(both.out, f"{name}\n")

    def test_fields_that_scripts_ask_for(self):
        """What a job or an image has not is empty, as Docker has it; it is no unknown field."""
        name = self.job("-v", f"{self.folder}:/data:ro", "-v", "asked:/v", "-p", "22191:80", "--expose", "90/udp", "-l", "com.x.my-app=a",
                        network="davit")
        self.addCleanup(self.davit, "volume", "rm", "-f", "asked")
        self.addCleanup(self.davit, "rm", "-f", name)
        table = [
            ("{{if .State.Health}}{{.State.Health.Status}}{{else}}none{{end}}", "none"), ("{{.NetworkSettings.IPPrefixLen}}", "24"),
            ("{{join .HostConfig.Binds \" \"}}", f"{self.folder}:/data:ro asked:/v"),
            ("{{range $p, $_ := .Config.ExposedPorts}}{{$p}} {{end}}", "80/tcp 90/udp "), ("{{.HostConfig.PublishAllPorts}}", "false"),
            ("{{.GraphDriver.Name}}", json.loads(self.line("inspect", name))[0]["snapshotter"]),
        ]
        for template, want in table:
            with self.subTest(template=template):
                self.assertEqual(self.davit("inspect", "-f", template, name).out, want + "\n")
        self.assertIn("nameserver", open(self.line("inspect", "-f", "{{.ResolvConfPath}}", name)).read())
        for template, want in (("{{.Config.ExposedPorts}} {{.Config.Volumes}} {{len .Config.Labels}}", "map[] map[] 0"),
                               ('[{{index .Config.Labels "x"}}{{.Config.User}}{{.Config.WorkingDir}}]', "[]"),
                               ("{{range .Config.Entrypoint}}x{{end}}", "")):
            with self.subTest(template=template):
                self.assertEqual(self.line("image", "inspect", "-f", template, Machine.image), want)
        rows = self.line("ps", "--filter", f"name={name}", "--format", 'table {{.Label "com.x.my-app"}}\t{{.LocalVolumes}}').splitlines()
        self.assertEqual([row.split() for row in rows], [["my", "app", "LOCALVOLUMES"], ["a", "1"]])
        ended = self.job(command=("true",))
        wait_until("its end", lambda: self.state(ended) == "exited")
        self.assertRegex(self.line("inspect", "-f", "{{.State.StartedAt}}", ended), r"^20\d\d-.*Z$")

    def test_filters_of_images_and_volumes(self):
        self.assertEqual(self.line("images", "-q", "--filter", "dangling=true"), "")
        self.assertIn(Machine.image, self.line("images", "-q", "-f", "dangling=false").splitlines())
        self.assertEqual(self.line("volume", "create", "--name", "sifted", "-d", "local", "-l", "k=v"), "sifted")
        self.addCleanup(self.davit, "volume", "rm", "-f", "sifted")
        for given in ("dangling=true", "name=ift", "label=k", "label=k=v"):
            with self.subTest(filter=given):
                self.assertEqual(self.line("volume", "ls", "-q", "-f", given), "sifted")
        for given in ("dangling=false", "name=other", "label=k=w", "label=x"):
            with self.subTest(filter=given):
                self.assertEqual(self.line("volume", "ls", "-q", "-f", given), "")
        self.fails("volume", "ls", "-f", "x=y", says=["x=y", "dangling="])
        self.fails("volume", "create", "-o", "type=nfs", "sifted", says=["-o", "mount"])

    def test_empty_words(self):
        """A script's variable that is not set is a flag that is absent."""
        flags = ("-w", "", "--network", "", "--runtime", "", "--platform", "", "--cpuset-cpus", "", "--cpuset-mems", "", "--stop-signal", "",
                 "--cidfile", "", "--log-driver", "", "--restart", "", "--name", "", "-h", "", "-u", "")
        self.assertEqual(self.davit("run", "--rm", *flags, Machine.image, "pwd").out, "/\n")

    def test_images_volumes_and_version(self):
        repository, tag = Machine.image.split(":")
        self.assertIn(f"{repository}|{tag}", self.line("images", "--format", "{{.Repository}}|{{.Tag}}").splitlines())
        self.assertEqual(self.line("images", repository, "--format", "{{.Tag}}"), tag)
        self.assertEqual(self.line("images", "-q", "no-such-*"), "")
        self.assertEqual(self.line("images", "-q", "--filter", f"reference={repository}:*"), Machine.image)
        digest = json.loads(self.line("images", repository, "--format", "json"))["digest"]
        self.assertIn(digest, self.line("images", "--no-trunc", repository))
        self.assertEqual(self.line("image", "inspect", "-f", "{{index .RepoTags 0}} {{.Os}}", Machine.image), f"{Machine.image} linux")
        self.davit("volume", "create", "-l", "a=b", "templated")
        self.addCleanup(self.davit, "volume", "rm", "-f", "templated")
        path = json.loads(self.line("volume", "inspect", "templated"))[0]["path"]
        self.assertEqual(self.line("volume", "inspect", "-f", "{{.Mountpoint}} {{index .Labels \"a\"}}", "templated"), f"{path} b")
        self.assertIn("templated local", self.line("volume", "ls", "--format", "{{.Name}} {{.Driver}}").splitlines())
        self.assertRegex(self.line("version", "--format", "{{.Client.Version}} {{.Server.Version}}"), r"^\d+\.\S+ v?\d+\.\S+$")
        self.assertTrue(self.line("history", "--format", "{{.Size}}", Machine.image))

    def test_docker_s_other_names(self):
        name = self.job()
        self.assertIn(name, self.line("container", "ls"))
        self.assertIn(name, self.line("container", "inspect", "-f", "{{.Name}}", name))
        self.assertIn("Usage: davit image rm", self.line("rmi", "--help"))
        self.assertIn("Usage: davit image rm", self.line("help", "rmi"))
        self.assertEqual(self.line("logs", "-n", "1", name), "")
        self.davit("tag", Machine.image, "other:name")
        self.assertIn("other:name", self.line("image", "list", "--format", "names").splitlines())
        self.davit("rmi", "other:name")
        self.davit("run", "--rm", "--restart=no", "-c", "512", "--network", "none", Machine.image, "true")


class Space(Case):
    def test_volume_prune(self):
        self.davit("volume", "create", "kept")
        self.addCleanup(self.davit, "volume", "rm", "-f", "kept", "busy")
        job = self.job("-v", "busy:/vol", "-v", "/anonymous")
        before = set(self.davit("volume", "ls", "-q").out.split())
        anonymous = self.davit("volume", "create").out.strip()
        self.assertEqual(self.davit("volume", "prune", "--dry-run").out, f"would remove {anonymous}\n")
        self.assertEqual(self.davit("volume", "prune", "-f").out, f"removed {anonymous}\n")
        self.assertEqual(set(self.davit("volume", "ls", "-q").out.split()), before)  # also the job's own anonymous one
        self.assertEqual(self.davit("volume", "prune", "-a").out, "removed kept\n")
        self.davit("rm", "-f", "-v", job)
        self.assertEqual(self.davit("volume", "prune", "--all").out, "removed busy\n")

    def test_system_df(self):
        self.davit("volume", "create", "weighty")
        self.addCleanup(self.davit, "volume", "rm", "-f", "weighty")
        name = self.job("-v", "weighty:/vol", command=("sh", "-c", "dd if=/dev/zero of=/vol/x bs=1M count=3; "
                                                      "dd if=/dev/zero of=/x bs=1M count=2; echo done; sleep 1000"))
        wait_until("its files", lambda: "done" in self.davit("logs", name).out)
        rows = {r["kind"]: r for r in map(json.loads, self.davit("system", "df", "--format", "json").out.splitlines())}
        self.assertGreaterEqual(rows["volumes"]["size"], 3 << 20)
        self.assertGreaterEqual(rows["jobs"]["size"], 2 << 20)
        self.assertEqual(rows["jobs"]["active"], 1)
        self.assertEqual(rows["images"]["active"], 1)
        self.assertGreater(rows["images"]["size"], 0)
        self.assertEqual(self.davit("system", "df").out.split()[:5], ["TYPE", "TOTAL", "ACTIVE", "SIZE", "RECLAIMABLE"])
        self.assertIn("Volumes 1", self.davit("system", "df", "--format", "{{.Type}} {{.TotalCount}}").out)
        self.assertRegex(self.davit("ps", "-s").out, rf"{name}.*2\.\d*MB\n")

    def test_system_prune(self):
        running, ended = self.job(), self.job(command=("true",))
        wait_until("its end", lambda: self.state(ended) == "exited")
        self.assertIn(ended, self.davit("system", "prune", "--dry-run").out)
        self.assertEqual(self.state(ended), "exited")
        self.assertIn(ended, self.davit("system", "prune", "-f", "--volumes").out)
        names = self.davit("ps", "-a", "--format", "names").out.split()
        self.assertIn(running, names)
        self.assertNotIn(ended, names)
        self.assertIn(Machine.image, self.davit("images", "-q").out.split())

    def test_prunes_wait_for_removals(self):
        """Those that go on behind `run --rm`, which has answered: what such a job used is not free before they end."""
        os.makedirs(f"/run/davit/{Machine.ns}", mode=0o700, exist_ok=True)
        lock = f"/run/davit/{Machine.ns}/going.lock"
        self.addCleanup(lambda: os.path.exists(lock) and os.unlink(lock))
        for words in (("system",), ("image",), ("volume",)):
            with open(lock, "w") as held:
                fcntl.flock(held, fcntl.LOCK_EX)
                held.write("removing\n")
                held.flush()
                process = self.start(*words, "prune", "--dry-run", stdout=subprocess.DEVNULL)
                with self.assertRaises(subprocess.TimeoutExpired, msg=words):
                    process.wait(1)
            self.assertEqual(process.wait(20), 0)

    def test_container_prune(self):
        ended = self.job(command=("true",))
        wait_until("its end", lambda: self.state(ended) == "exited")
        self.davit("container", "prune", "-f")
        self.assertNotIn(ended, self.davit("ps", "-aq").out)

    def test_rm_of_all(self):
        names = [self.job(), self.job(command=("true",))]
        self.davit("rm", "-f", *self.davit("ps", "-aq").out.split())
        self.assertFalse(set(names) & set(self.davit("ps", "-a", "--format", "names").out.split()))


class Wording(Case):
    def test_a_remedy_joins_what_stands_in_parentheses(self):
        err = self.fails("run", "--rm", "--network", "none", "--runtime", "rumc", Machine.image, "true", says=["found here", "davit doctor"]).err
        self.assertNotIn(") (", err)

    def test_remedies(self):
        table = [
            (("pull", "localhost:1/x"), "nothing listens there"), (("image", "load", "-i", "/no/such.tar"), "check the path"),
            (("run", "--rm", "-m", "5", Machine.image, "true"), "a bare number is bytes"),
            (("run", "--rm", "--label-file", "/no/such", Machine.image, "true"), "check the path"),
            (("--address", "x", "ps"), "such as /run/containerd"),
        ]
        for args, says in table:
            with self.subTest(args=args):
                err = self.davit(*args, code=125).err
                self.assertIn(says, err.splitlines()[-1])
                self.assertNotIn(") (", err)

    def test_five_thousand_variables(self):
        flags = [word for i in range(5000) for word in ("-e", f"V{i}={i}")]
        out = self.run_sh("env | grep -c ^V", *flags).out
        self.assertEqual(out, "5000\n")
