"""Every plugin of the default network fails, dies, hangs or sees davit die, before and after its work: the host is as it was."""
import contextlib
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import time

from lib import leaks
from lib.case import Case, Machine, wait_until

PLUGINS = ("bridge", "host-local", "portmap", "firewall")
REFUSAL = '{"cniVersion":"1.0.0","code":100,"msg":"not today","details":"tomorrow"}'
REFUSE = f"echo '{REFUSAL}'; exit 1"
PORT = "18070:8080"
SIDES = [(name, side) for name in PLUGINS for side in ("before", "after")]


def find(plugin):
    return next((os.path.join(d, plugin) for d in ("/opt/cni/bin", "/usr/lib/cni", "/usr/libexec/cni") if os.path.exists(os.path.join(d, plugin))),
                None)


def exact():
    """The whole firewall, counters left out, and what networks keep in files: not a rule may be there more or less."""
    found = []
    for program in ("iptables-save", "ip6tables-save"):
        for line in leaks.lines(program):
            if not line.startswith("#"):
                found.append(program.split("-")[0] + " " + re.sub(r" ?\[\d+:\d+\]", "", line))
    found += sorted(leaks.links())
    for folder in ("/var/lib/cni", "/run/netns"):
        for parent, _, files in os.walk(folder):
            found += [os.path.join(parent, name) for name in files if not name.startswith("last_reserved_ip")]
    return sorted(found)


class Plugins(Case):
    """With a folder of plugins in which one is a script of ours around the real one."""

    def setUp(self):
        super().setUp()
        self.need_network()
        self.plugins = os.path.join(self.folder, "plugins")
        os.mkdir(self.plugins)
        for name in PLUGINS:
            os.symlink(find(name), os.path.join(self.plugins, name))
        self.host = exact()

    def wrap(self, name, verb, before="", after=""):
        """@before runs instead of the plugin's @verb unless it falls through, @after behind it. $work is what it answered."""
        path = os.path.join(self.plugins, name)
        os.unlink(path)
        with open(path, "w") as f:
            f.write(f"#!/bin/sh\n[ \"$CNI_COMMAND\" = {verb} ] || exec {find(name)}\n{before}\nwork=$({find(name)}) || exit\n{after}\n"
                    'echo "$work"\n')
        os.chmod(path, 0o755)

    def unwrap(self, name):
        path = os.path.join(self.plugins, name)
        os.unlink(path)
        os.symlink(find(name), path)

    def with_plugins(self, *args):
        return ("--cni-path", self.plugins, *args)

    def as_before(self, mend=lambda: None, seconds=10):
        """In the end the host is as it was, perhaps after repeated mending."""
        end = time.monotonic() + seconds * Machine.slow
        while exact() != self.host and time.monotonic() < end:
            mend()
            time.sleep(0.05)
        now = exact()
        self.assertEqual(([x for x in now if x not in self.host], [x for x in self.host if x not in now]), ([], []))

    @contextlib.contextmanager
    def wrapped(self, name, side, verb, script):
        with self.subTest(plugin=name, side=side):
            self.wrap(name, verb, **{side: script})
            try:
                yield
            finally:
                self.unwrap(name)


class Add(Plugins):
    def test_refused(self):
        for name, side in SIDES:
            with self.wrapped(name, side, "ADD", REFUSE):
                self.fails(*self.with_plugins("run", "--rm", "-p", PORT, Machine.image, "true"),
                           says=["network davit", "not today", "bridge" if name == "host-local" else name])
                self.as_before()
                self.assertEqual(leaks.since(self.before, Machine.containerd), [])

    def test_killed_plugin(self):
        for plugin, side in SIDES:
            with self.wrapped(plugin, side, "ADD", "kill -9 $$"):
                self.fails(*self.with_plugins("run", "--rm", "-p", PORT, Machine.image, "true"), says="network davit")
                self.as_before()

    def test_nonsense(self):
        for plugin, side in SIDES:
            with self.wrapped(plugin, side, "ADD", "echo nonsense; exit 0"):
                self.fails(*self.with_plugins("run", "--rm", "-p", PORT, Machine.image, "true"), says="network davit")
                self.as_before()

    def test_interrupted_in_a_plugin_that_hangs(self):
        reached = os.path.join(self.folder, "reached")
        for plugin, side in SIDES:
            with self.wrapped(plugin, side, "ADD", f"touch {reached}; exec sleep 1000"):
                process = self.start(*self.with_plugins("run", "--rm", "-p", PORT, Machine.image, "true"))
                wait_until("the plugin", lambda: os.path.exists(reached))
                process.send_signal(signal.SIGINT)
                _, err = process.communicate(timeout=60 * Machine.slow)
                self.assertIn(process.returncode, (130, 125), err)
                os.unlink(reached)
                self.as_before()

    def test_davit_killed_then_pruned(self):
        """The claimer's lock lives as long as the plugin: prune finds it free, or waits for the next look."""
        for plugin, side in SIDES:
            with self.wrapped(plugin, side, "ADD", "davit=$(cat /proc/$PPID/comm); [ $davit = davit ] && kill -9 $PPID; sleep 0.3"):
                self.davit(*self.with_plugins("run", "--rm", "-p", PORT, Machine.image, "true"), code=None)
                self.as_before(lambda: self.davit(*self.with_plugins("prune")), 20)
        wait_until("the end of shims that containerd lost with their client", self.nothing_left)

    def nothing_left(self):
        self.davit("prune")
        return not leaks.everything(Machine.containerd) - self.before

    def test_the_port_is_free_again(self):
        for plugin, side in SIDES:
            with self.wrapped(plugin, side, "ADD", REFUSE):
                self.davit(*self.with_plugins("run", "--rm", "-p", PORT, Machine.image, "true"), code=125)
                self.davit("run", "--rm", "-p", PORT, Machine.image, "true")
        self.as_before()


# The reference bridge reads the addresses whose masquerade it deletes from the interface: when that is gone, the rules stay.
LOSES_MASQUERADE = {("host-local", "before"), ("host-local", "after")}


class Del(Plugins):
    def drop_masquerade(self):
        """Of one job, and nothing else may be left."""
        left = [x for x in exact() if x not in self.host]
        rules = [x.removeprefix("iptables -A ") for x in left if x.startswith("iptables -A POSTROUTING")]
        for rule in rules:
            chain = rule.split()[-1]
            self.assertRegex(rule, r"^POSTROUTING -s \S+/32 -m comment .* -j CNI-[0-9a-f]+$")
            for command in (["-D", *shlex.split(rule)], ["-F", chain], ["-X", chain]):
                subprocess.run(["iptables", "-t", "nat", *command], check=True)
        self.assertLessEqual(len(rules), 1)

    def test_refused_then_done(self):
        """A plugin that cannot delete keeps none of the others from it, and what it left is deleted once it can."""
        for plugin, side in SIDES:
            with self.wrapped(plugin, side, "DEL", REFUSE):
                name = "t-" + os.urandom(4).hex()
                self.davit("run", "-d", "--name", name, "-p", PORT, Machine.image, "sleep", "1000")
                result = self.davit(*self.with_plugins("rm", "-f", name), code=None)
                self.assertIn("not today", result.err)
                self.unwrap(plugin)
                self.davit("rm", "-f", name, code=None)
                self.davit("prune")
                if (plugin, side) in LOSES_MASQUERADE:
                    self.drop_masquerade()
                self.as_before(lambda: self.davit("prune"))

    def test_the_namespace_stays_until_all_is_deleted(self):
        """As libcni's users have it: a DEL that failed is done again with the namespace that the first one had."""
        for end in (["rm", "-f"], ["stop"]):
            with self.wrapped("bridge", "before", "DEL", REFUSE):
                name = self.job("-p", PORT, network="davit")
                made = [x for x in exact() if x not in self.host]
                kept = [x for x in made if x.startswith(("/run/netns/", "/var/lib/cni/results/"))]
                self.assertEqual(len(kept), 2)
                result = self.davit(*self.with_plugins(*end, name), code=None)
                self.assertIn("not today", result.err)
                self.assertEqual([x for x in kept if x not in exact()], [])
                self.unwrap("bridge")
                self.assertIn(name, self.davit("prune").out)
                self.as_before()
                self.davit("rm", "-f", name)

    def test_a_rollback_that_cannot_delete(self):
        with self.wrapped("firewall", "before", "ADD", REFUSE), self.wrapped("bridge", "before", "DEL", REFUSE):
            self.fails(*self.with_plugins("run", "--name", "half", "-p", PORT, Machine.image, "true"), says="firewall", progress=True)
            left = [x for x in exact() if x not in self.host]
            self.assertTrue([x for x in left if x.startswith("/run/netns/")], left)
        self.assertIn("half", self.davit("prune").out)
        self.as_before()

    def test_the_port_is_had_before_the_rest_is_deleted(self):
        """Whoever wants the port of a job that is being removed waits for that alone, and only with its own port."""
        go = os.path.join(self.folder, "go")
        with self.wrapped("bridge", "before", "DEL", f"until [ -e {go} ]; do sleep 0.02; done"):
            self.davit(*self.with_plugins("run", "--rm", "-p", PORT, Machine.image, "true"))
            result = self.davit("run", "-d", "--timing", "--name", "next", "-p", PORT, Machine.image, "sleep", "1000")
            steps = {row[0]: (float(row[1]), float(row[1]) + float(row[2])) for row in re.findall(r"(?m)^(\w+) +([\d.]+) +([\d.]+)$", result.out + result.err)}
            with open(go, "w"):
                pass
        self.assertLess(steps["task"][0], steps["freed"][1])
        self.assertLess(steps["network"][0], steps["freed"][1])
        self.assertGreater(steps["network"][1], steps["freed"][1])
        self.davit("rm", "-f", "next")
        self.as_before()

    def test_after_the_firewall_was_reset(self):
        """Whatever was there before: the next job has its port, and the one from before can be removed."""
        old = self.job("-p", "18071:8080", network="davit")
        for table in ("nat", "filter"):
            for command in ("-F", "-X"):
                subprocess.run(["iptables", "-t", table, command], check=True)
        name = self.job("-p", PORT, network="davit", command=("httpd", "-f", "-p", "8080", "-h", "/www"))
        wait_until("the page", lambda: self.answers(18070))
        self.davit("rm", "-f", old)
        self.assertTrue(self.answers(18070))
        self.davit("rm", "-f", name)
        self.davit("run", "--rm", "-p", PORT, Machine.image, "true")

    def answers(self, port):
        try:
            socket.create_connection(("127.0.0.1", port), 2).close()
            return True
        except OSError:
            return False

    def test_what_is_gone_already(self):
        """Somebody took the network namespace and the address away: DEL finds what there is."""
        name = "t-" + os.urandom(4).hex()
        before = set(os.listdir("/run/netns"))
        self.davit("run", "-d", "--name", name, "-p", PORT, Machine.image, "sleep", "1000")
        netns, = set(os.listdir("/run/netns")) - before
        address, = [x for x in exact() if "/var/lib/cni/networks/davit/" in x and x not in self.host]
        subprocess.run(["umount", "-l", "/run/netns/" + netns], check=True)
        os.unlink("/run/netns/" + netns)
        os.unlink(address)
        self.davit("rm", "-f", name)
        self.drop_masquerade()
        self.as_before()


class Kinds(Plugins):
    def network(self, name, text):
        path = f"/etc/cni/net.d/70-{name}.conflist"
        with open(path, "w") as f:
            f.write(text)
        self.addCleanup(os.unlink, path)

    def test_both_families_are_forwarded(self):
        if not os.path.exists("/proc/net/if_inet6"):
            self.skipTest("no IPv6 in this kernel")
        self.network("dual", '{"cniVersion":"1.0.0","name":"dual","plugins":[{"type":"bridge","bridge":"dual0","isGateway":true,"ipMasq":true,'
                     '"ipam":{"type":"host-local","ranges":[[{"subnet":"10.99.9.0/24"}],[{"subnet":"fd00:99::/64"}]],'
                     '"routes":[{"dst":"0.0.0.0/0"},{"dst":"::/0"}]}},{"type":"portmap","capabilities":{"portMappings":true}},'
                     '{"type":"firewall"}]}')
        self.davit("run", "--rm", "--network", "dual", "-p", PORT, Machine.image, "true")  # makes the static chains
        leaks.since(self.before, Machine.containerd)
        self.host = exact()
        name = self.job("-p", PORT, network="dual", command=("httpd", "-f", "-p", "8080", "-h", "/www"))
        rules = [x for x in exact() if "davit: ports of" in x]
        self.assertEqual([x.split()[0] for x in rules], ["ip6tables", "iptables"])
        self.davit("rm", "-f", name)
        self.as_before()

    def test_a_single_file_of_0_2_0(self):
        with open("/etc/cni/net.d/70-old.conf", "w") as f:
            f.write('{"cniVersion":"0.2.0","name":"old","type":"bridge","bridge":"old0","isDefaultGateway":true,"ipam":{"type":"host-local",'
                    '"subnet":"10.99.10.0/24"}}')
        self.addCleanup(os.unlink, "/etc/cni/net.d/70-old.conf")
        self.assertIn("10.99.10.", self.davit("run", "--rm", "--network", "old", Machine.image, "ip", "-4", "addr").out)
        self.fails("run", "--rm", "--network", "old", "-p", PORT, Machine.image, "true", says=["network old", "forwards no ports", "portmap"])

    def test_two_make_the_default_network_at_once(self):
        shutil.move("/etc/cni/net.d/80-davit.conflist", self.folder + "/kept")
        processes = [self.start("run", "--rm", Machine.image, "true") for _ in range(4)]
        for process in processes:
            _, err = process.communicate(timeout=60 * Machine.slow)
            self.assertEqual(process.returncode, 0, err)
        with open("/etc/cni/net.d/80-davit.conflist") as made, open(self.folder + "/kept") as kept:
            self.assertEqual(made.read(), kept.read())  # the bridge has its address: the subnet stays
        self.assertEqual([x for x in os.listdir("/etc/cni/net.d") if "davit" in x], ["80-davit.conflist"])


class Outside(Plugins):
    def test_a_closed_port_stays_closed(self):
        """What was accepted for a job is not accepted for the next that gets its address."""
        subprocess.run(["iptables", "-P", "FORWARD", "DROP"], check=True)
        self.addCleanup(subprocess.run, ["iptables", "-P", "FORWARD", "ACCEPT"])
        name = self.job("-p", PORT, network="davit", command=("httpd", "-f", "-p", "8080", "-h", "/www"))

        def answers():
            try:
                socket.create_connection(("127.0.0.1", 18070), 2).close()
                return True
            except OSError:
                return False
        wait_until("the server", answers)
        self.davit("rm", "-f", name)
        began = time.monotonic()
        self.assertFalse(answers())
        self.assertLess(time.monotonic() - began, 5)
