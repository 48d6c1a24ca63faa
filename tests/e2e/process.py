"""The process of a job, seen from inside: identity, working folder, host name, terminal, labels."""
import json

from lib.case import Case, Machine, get


class Process(Case):
    def test_identity(self):
        out = self.run_sh("id -u; id -g; id -G; grep ^Groups /proc/self/status", "-u", "web", "--group-add", "audio", "--group-add", "4242").out.split()
        self.assertEqual(out[0], "1000")
        self.assertLessEqual({"29", "4242"}, set(out[2:]))
        self.assertEqual(self.run_sh("id -u; id -g", "-u", "55:66").out.split(), ["55", "66"])

    def test_host_name(self):
        self.assertEqual(self.run_sh("hostname; cat /proc/sys/kernel/hostname /etc/hostname; echo $HOSTNAME", "-h", "box-7").out.split(), ["box-7"] * 4)
        self.assertEqual(self.run_sh("hostname", "--name", "by-its-name").out, "by-its-name\n")

    def test_working_folder(self):
        self.assertEqual(self.run_sh("pwd; readlink /proc/self/cwd; stat -c '%a %u' .", "-w", "/made/for/it").out.splitlines(),
                         ["/made/for/it", "/made/for/it", "755 0"])

    def test_terminal(self):
        self.assertEqual(self.run_sh("test -t 1 || echo none").out, "none\n")
        name = self.job("-t", command=("sh", "-c", "tty; test -c /dev/console && echo console; sleep 1000"))
        self.assertEqual(self.davit("exec", name, "sh", "-c", "readlink /proc/1/fd/1").out, "/dev/pts/0\n")

    def test_annotations_reach_the_engine(self):
        name = self.job("--annotation", "org.example.a=1 2", "-l", "tier=front")
        row = next(r for r in self.rows("ps") if get(r, "name", "names") == name)
        with open(f"/run/containerd/io.containerd.runtime.v2.task/{Machine.ns}/{get(row, 'id')}/config.json") as f:
            self.assertEqual(json.load(f)["annotations"], {"org.example.a": "1 2"})
        self.assertIn("tier=front", Machine.containerd.ctr("containers", "ls", ns=Machine.ns).stdout + json.dumps(json.loads(
            Machine.containerd.ctr("containers", "info", get(row, "id"), ns=Machine.ns).stdout)["Labels"]).replace('": "', "="))
