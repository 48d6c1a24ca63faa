"""What a job, an image or a registry says to the one who looks at it."""
import json
import os
import re
import select

from lib.case import Case, Machine, Terminal

# ends of lines apart, what a terminal obeys or what turns a line around; colours are let through in logs
DANGEROUS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1a\x1c-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff]|\x1b(?!\\[[0-9;:]*m)")
SAID = "clear\x1b[2J title\x1b]0;x\x07 c1\x9b2J bidi\u202eexe.gpj\u2066 bom\ufeff zero\u200b back\b end"


class ControlCharacters(Case):
    def on_terminal(self, *args):
        """All that davit writes to a terminal."""
        term, text = Terminal(self, *args, cols=400), b""
        while select.select([term.master], [], [], 0 if term.process.poll() is not None else 0.05)[0] or term.process.poll() is None:
            if select.select([term.master], [], [], 0)[0]:
                text += os.read(term.master, 65536)
        term.close()
        return text.decode(errors="replace").replace("\r\n", "\n")

    def test_logs(self):
        name = self.job(command=("sh", "-c", f"printf '%s\\n' '{SAID}' '\x1b[31mred'; printf '\\233raw\\n'; echo over"))
        self.davit("wait", name)
        text = self.on_terminal("logs", name)
        self.assertIsNone(DANGEROUS.search(text), repr(text))
        self.assertNotIn("\ufffd", text)  # no byte of 0x80 to 0x9f by itself
        self.assertIn("?raw", text)
        self.assertIn("\x1b[31mred\x1b[0m", text)
        self.assertIn(SAID, self.davit("logs", name).out)  # a pipe gets what the job wrote

    def test_tables_and_lists(self):
        name = self.job("-l", f"said={SAID}", command=("sh", "-c", "sleep 1000", SAID))
        for args in (("ps",), ("ps", "-a"), ("inspect", name), ("ps", "--format", "json")):
            text = self.on_terminal(*args)
            self.assertIn(name, text)
            self.assertIsNone(DANGEROUS.search(text), f"{args}: {text!r}")
        for text in (self.davit("inspect", name).out, self.davit("ps", "--format", "json").out):
            self.assertIsNone(DANGEROUS.search(text), repr(text))
        self.assertIn(SAID, self._strings(json.loads(self.davit("inspect", name).out)))  # escaped, it means the same

    def _strings(self, value):
        """Every string in a JSON value, as read back."""
        if isinstance(value, dict):
            return "\n".join(self._strings(v) for v in value.values())
        if isinstance(value, list):
            return "\n".join(self._strings(v) for v in value)
        return str(value)

    def test_errors(self):
        for args in (("run", "--rm", SAID, "true"), ("rm", SAID), ("pull", SAID), ("run", "--rm", "--network", SAID, Machine.image, "true"),
                     ("run", "--rm", "-w", SAID, Machine.image, "true"), ("volume", "rm", SAID), ("exec", SAID, "true"), (SAID,), ("run", f"--{SAID}"),
                     ("run", "--rm", "--network", "none", Machine.image, SAID)):
            text = self.davit(*args, code=None).err
            self.assertIsNone(DANGEROUS.search(text), f"{args}: {text!r}")
            self.assertEqual(len(text.strip().splitlines()), 1, text)


class AppArmor(Case):
    """On a host that has it: tests/vm boots one."""

    def setUp(self):
        super().setUp()
        if not os.path.exists("/sys/kernel/security/apparmor/profiles"):
            self.skipTest("this host has no AppArmor, or securityfs is not mounted")

    def profiles(self):
        with open("/sys/kernel/security/apparmor/profiles") as f:
            return {line.rsplit(" (", 1)[0] for line in f}

    def label(self, *flags):
        return self.run_sh("cat /proc/self/attr/apparmor/current 2>/dev/null || cat /proc/self/attr/current", *flags).out.strip()

    def test_default_and_others(self):
        self.assertEqual(self.label(), "davit-default (enforce)")
        self.assertIn("davit-default", self.profiles())
        self.assertEqual(self.label("--security-opt", "apparmor=unconfined"), "unconfined")
        self.assertEqual(self.label("--privileged"), "unconfined")
        self.assertEqual(self.label("--privileged", "--security-opt", "apparmor=davit-default"), "davit-default (enforce)")
        self.fails("run", "--rm", "--security-opt", "apparmor=nowhere", Machine.image, "true", says=["apparmor profile nowhere: not loaded"])

    def test_denials(self):
        name = self.job("--cap-add", "SYS_ADMIN", "--cap-add", "SYS_PTRACE", "--security-opt", "systempaths=unconfined")
        for script in ("mount -t tmpfs x /tmp", "umount /proc", "echo 1 >/proc/sys/kernel/panic", "echo h >/proc/sysrq-trigger", "head -c1 /proc/kcore",
                       "echo 1 >/sys/kernel/mm/ksm/run"):
            self.davit("exec", name, "sh", "-c", f"{script} 2>/dev/null && exit 3; exit 0")

    def test_what_programs_do(self):
        self.run_sh("echo 500 >/proc/self/oom_score_adj && echo x >/tmp/f && mv /tmp/f /tmp/g && ln -s g /tmp/h && chmod 700 /tmp/g && rm /tmp/h"
                    " && (sleep 100 & kill $!) && cat /proc/1/status >/dev/null && ls /sys/fs/cgroup >/dev/null && mkfifo /tmp/p")
        name = self.job("-t")
        self.assertEqual(self.davit("exec", name, "cat", "/proc/self/attr/current").out.strip(), "davit-default (enforce)")
        self.davit("stop", "-t", "1", name)
        self.assertEqual(self.state(name), "exited")
        self.davit("start", name)
        self.davit("kill", name)
