"""Networks and ports."""
import contextlib
import glob
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request

from lib import leaks
from lib.case import Case, Machine, get, wait_until

HTTPD = ("httpd", "-f", "-p", "8080", "-h", "/www")


def fetch(port, host="127.0.0.1"):
    """The page, once the job listens."""
    pages = []

    def answered():
        try:
            with urllib.request.urlopen(f"http://{host}:{port}/", timeout=10) as page:
                pages.append(page.read().decode())
        except OSError:
            pass
        return pages

    wait_until("the page", answered)
    return pages[0]


@contextlib.contextmanager
def conflist(name, text):
    path = f"/etc/cni/net.d/50-{name}.conflist"
    with open(path, "w") as f:
        f.write(text)
    try:
        yield
    finally:
        os.unlink(path)


class Kinds(Case):
    def test_none_has_lo_only(self):
        out = self.run_sh("ip -o addr; ip route").out
        self.assertIn("127.0.0.1/8", out)
        self.assertNotIn("eth0", out)

    def test_host_is_ours(self):
        out = self.davit("run", "--rm", "--network", "host", Machine.image, "readlink", "/proc/self/ns/net").out.strip()
        self.assertEqual(out, os.readlink("/proc/self/ns/net"))

    def test_bridge_has_an_address_and_a_way_out(self):
        self.need_network()
        out = self.davit("run", "--rm", Machine.image, "sh", "-c", "ip -o -4 addr show eth0; ip route; ip -o link show lo").out
        self.assertRegex(out, r"inet \d+\.\d+\.\d+\.\d+/\d+")
        self.assertRegex(out, r"default via")
        self.assertRegex(out, r"lo: <LOOPBACK,UP")

    def test_a_network_of_one_s_own(self):
        self.need_network()
        path = "/etc/cni/net.d/50-mine.conflist"
        with open(path, "w") as f:
            f.write('{"cniVersion":"1.0.0","name":"mine","plugins":[{"type":"bridge","bridge":"mine0","isGateway":true,"ipMasq":true,'
                    '"ipam":{"type":"host-local","ranges":[[{"subnet":"10.99.7.0/24"}]],"routes":[{"dst":"0.0.0.0/0"}]}},'
                    '{"type":"portmap","capabilities":{"portMappings":true}}]}')
        self.addCleanup(os.unlink, path)
        out = self.davit("run", "--rm", "--network", "mine", Machine.image, "ip", "-o", "-4", "addr", "show", "eth0").out
        self.assertIn("10.99.7.", out)

    def test_resolv_conf(self):
        out = self.run_sh("cat /etc/resolv.conf", "--dns", "192.0.2.53", "--dns-search", ".", "--dns-opt", "ndots:3").out
        self.assertEqual(out, "nameserver 192.0.2.53\noptions ndots:3\n")

    def test_docker_s_words_for_the_default(self):
        self.need_network()
        for word in ("bridge", "default"):
            out = self.davit("run", "--rm", "--network", word, Machine.image, "ip", "-o", "-4", "addr", "show", "eth0").out
            self.assertIn("eth0", out)
        with conflist("mine", '{"cniVersion":"1.0.0","name":"bridge","plugins":[{"type":"loopback"}]}'):
            self.fails("run", "--rm", "--network", "bridge", "-p", "80", Machine.image, "true", says="network bridge: it forwards no ports")

    def test_the_network_s_name_servers(self):
        self.need_network()
        self.addCleanup(subprocess.run, ["ip", "link", "del", "dns0"])
        with conflist("dns", '{"cniVersion":"1.0.0","name":"dns","plugins":[{"type":"bridge","bridge":"dns0","dns":{"nameservers":'
                             '["192.0.2.7"],"domain":"net.example","options":["ndots:2"]},"ipam":{"type":"host-local",'
                             '"ranges":[[{"subnet":"10.99.22.0/24"}]]}}]}'):
            out = self.davit("run", "--rm", "--network", "dns", Machine.image, "cat", "/etc/resolv.conf").out
            self.assertEqual(out, "nameserver 192.0.2.7\nsearch net.example\noptions ndots:2\n")
            out = self.davit("run", "--rm", "--network", "dns", "--dns", "192.0.2.8", Machine.image, "cat", "/etc/resolv.conf").out
            self.assertEqual(out, "nameserver 192.0.2.8\nsearch net.example\noptions ndots:2\n")

    def test_a_folder_that_is_not_there(self):
        folder = os.path.join(self.folder, "mistyped")
        self.fails("--cni-conf-dir", folder, "run", "--rm", Machine.image, "true", says=[folder, "not found"])
        self.fails("run", "--rm", "--network", "x", Machine.image, "true", env={"NETCONFPATH": folder}, says=[folder, "not found"])
        self.assertFalse(os.path.exists(folder))

    def test_what_is_no_file_in_the_folder(self):
        self.need_network()
        path = "/etc/cni/net.d/00-pipe.conflist"
        os.mkfifo(path)
        self.addCleanup(os.unlink, path)
        result = self.davit("run", "--rm", Machine.image, "true", timeout=20)
        self.assertIn("00-pipe.conflist: a FIFO, not a file", result.err)


class Ports(Case):
    def setUp(self):
        super().setUp()
        self.need_network()

    def test_ranges_are_listed_as_such(self):
        name = self.job("-p", "18090-18092:90-92", "-p", "18093:94", "-p", "18094:95/udp", "-p", "127.0.0.1:18095:96", network="davit")
        row = self.rows("ps", "--filter", f"name=^{name}$")[0]
        self.assertEqual(get(row, "ports"), "0.0.0.0:18090-18092->90-92/tcp, 0.0.0.0:18093->94/tcp, 0.0.0.0:18094->95/udp, "
                                            "127.0.0.1:18095->96/tcp")

    def test_a_page_through_a_port(self):
        self.job("-p", "18080:8080", network="davit", command=HTTPD)
        self.assertIn("served by davit", fetch(18080))

    def test_it_is_shown(self):
        name = self.job("-p", "127.0.0.1:18081:8080/tcp", "-p", "18082:53/udp", network="davit", command=HTTPD)
        line = next(x for x in self.davit("ps").out.splitlines() if name in x)
        self.assertIn("127.0.0.1:18081->8080/tcp", line)
        self.assertIn("18082->53/udp", line)

    def test_a_free_port_is_chosen(self):
        name = self.job("-p", "8080", network="davit", command=HTTPD)
        line = next(x for x in self.davit("ps").out.splitlines() if name in x)
        port = int(re.search(r":(\d+)->8080/tcp", line).group(1))
        self.assertIn("served by davit", fetch(port))

    def test_the_first_free_one_of_a_range(self):
        """By a process, by a job, and by jobs that start at the same time; what ended jobs had is free again."""
        def port(name):
            return re.search(r":(\d+)->80/tcp", get(self.rows("ps", "-a", "--filter", f"name=^{name}$")[0], "ports")).group(1)

        with socket.socket() as s:
            s.bind(("0.0.0.0", 18140))
            s.listen()
            self.assertEqual(port(self.job("-p", "18140-18145:80", network="davit")), "18141")
        names = [f"range-{os.urandom(4).hex()}" for _ in range(4)]
        started = [self.start("run", "-d", "--name", n, "--network", "davit", "-p", "18140-18145:80", Machine.image, "sleep", "1000")
                   for n in names]
        for name, process in zip(names, started):
            self.addCleanup(lambda name=name: self.davit("rm", "-f", name, code=None))
            _, err = process.communicate(timeout=120 * Machine.slow)
            self.assertEqual(process.returncode, 0, err)
        self.assertEqual(len({port(n) for n in names}), 4)
        self.job("-p", "18140-18145:80", network="davit")
        self.fails("run", "--rm", "-p", "18140-18145:80", Machine.image, "true", says=["no free port from 18140 to 18145/tcp"])
        self.davit("stop", "-t", "0", names[0])
        self.assertEqual(port(self.job("-p", "18140-18145:80", network="davit")), port(names[0]))

    def test_all_that_is_exposed(self):
        image = "exposing:1"
        self.davit("image", "import", "--expose", "8080", "--expose", "53/udp", Machine.rootfs, image)
        self.addCleanup(self.davit, "image", "rm", "-f", image, code=None)
        name = "exposed-" + os.urandom(4).hex()
        self.addCleanup(lambda: self.davit("rm", "-f", name, code=None))
        self.davit("run", "-d", "--name", name, "-P", "-p", "18150:53/udp", "--expose", "9000-9001", "--expose", "8080/tcp", image, *HTTPD)

        def ports():
            text = get(self.rows("ps", "-a", "--filter", f"name=^{name}$")[0], "ports")
            return dict(reversed(x.split(":")[1].split("->")) for x in text.split(", "))
        found = ports()
        self.assertEqual(set(found), {"8080/tcp", "53/udp", "9000/tcp", "9001/tcp"} if "9000/tcp" in found else {"8080/tcp", "53/udp", "9000-9001/tcp"})
        self.assertEqual(found["53/udp"], "18150")
        self.assertIn("served by davit", fetch(int(found["8080/tcp"])))
        self.davit("restart", "-t", "0", name)
        self.assertEqual(ports(), found)
        self.fails("run", "--rm", "--network", "none", "-P", image, "true", says="publish-all")
        self.davit("run", "--rm", "-P", Machine.image, "true")  # which exposes nothing

    def test_ipv6_without_any(self):
        for ip in ("::1", "::"):
            self.fails("run", "-d", "--name", "six", "-p", f"[{ip}]:18123:80", Machine.image, "true", says=[f"[{ip}]:18123", "IPv6"])
        self.gone("six")

    def test_ipv6_on_a_network_with_both(self):
        if subprocess.run(["ip", "addr", "add", "2001:db8:7::1/128", "dev", "lo", "nodad"], check=False).returncode:
            self.skipTest("no IPv6 here")
        self.addCleanup(subprocess.run, ["ip", "addr", "del", "2001:db8:7::1/128", "dev", "lo"])
        self.addCleanup(subprocess.run, ["ip", "link", "del", "both0"])
        with conflist("both", '{"cniVersion":"1.0.0","name":"both","plugins":[{"type":"bridge","bridge":"both0","isGateway":true,'
                              '"ipMasq":true,"hairpinMode":true,"ipam":{"type":"host-local","ranges":[[{"subnet":"10.99.20.0/24"}],'
                              '[{"subnet":"fd00:9a::/64"}]],"routes":[{"dst":"0.0.0.0/0"},{"dst":"::/0"}]}},'
                              '{"type":"portmap","capabilities":{"portMappings":true}}]}'):
            self.fails("run", "--rm", "--network", "both", "-p", "[::1]:18124:80", Machine.image, "true", says=["[::1]:18124", "loopback"])
            self.job("-p", "[2001:db8:7::1]:18124:8080", network="both", command=HTTPD)
            self.assertIn("served by davit", fetch(18124, "[2001:db8:7::1]"))
            self.job("-p", "0.0.0.0:18124:80", network="both")  # the other family's
            self.fails("run", "--rm", "--network", "both", "-p", "[::]:18124:80", Machine.image, "true", says=["18124/tcp is used by job"])

    def test_a_port_of_another_job_is_not_chosen(self):
        """Nobody listens on a port that is forwarded. Claims on all of the range but one port, as so many jobs would have them."""
        free, leases = 45001, []
        self.addCleanup(lambda: Machine.containerd.ctr("leases", "rm", *leases, ns=Machine.ns))
        ports = [p for p in range(32768, 61000) if p != free]
        for first in range(0, len(ports), 200):  # a label holds 4096 bytes
            text = ",".join(f"0.0.0.0:{p}/tcp" for p in ports[first:first + 200])
            leases.append(f"claims-{first}")
            Machine.containerd.ctr("leases", "create", "--id", leases[-1], f"davit.ports={text}", ns=Machine.ns)
        name = self.job("-p", "8080", network="davit")
        line = next(x for x in self.davit("ps").out.splitlines() if name in x)
        self.assertIn(f":{free}->8080/tcp", line)

    def test_udp(self):
        """Debian's busybox serves nothing over UDP, so the echo is ours, in the job's network namespace."""
        before = set(glob.glob("/run/netns/*"))
        self.job("-p", "18053:5353/udp", network="davit")
        inside, = set(glob.glob("/run/netns/*")) - before
        script = ("import socket; s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind(('', 5353)); print('ready', flush=True)\n"
                  "while True: s.sendto(*s.recvfrom(100))")
        server = subprocess.Popen(["nsenter", "--net=" + inside, sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
        self.addCleanup(self._end, server)
        self.assertEqual(server.stdout.readline(), "ready\n")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.settimeout(0.5)

            def echoed():
                s.sendto(b"ping", ("127.0.0.1", 18053))
                with contextlib.suppress(TimeoutError):
                    return s.recv(10) == b"ping"
            wait_until("the echo", echoed)

    def test_a_range(self):
        name = self.job("-p", "18090-18092:8080-8082", network="davit", command=HTTPD)
        line = next(x for x in self.davit("ps").out.splitlines() if name in x)
        self.assertIn("0.0.0.0:18090-18092->8080-8082/tcp", line)
        self.assertIn("davit", fetch(18090))

    def test_taken_by_a_job(self):
        name = self.job("-p", "18080:8080", network="davit", command=HTTPD)
        self.fails("run", "--rm", "-p", "18080:80", Machine.image, "true", says=["18080", name])
        self.fails("run", "--rm", "-p", "127.0.0.1:18080:80", Machine.image, "true", says=["18080", name])
        self.davit("run", "--rm", "-p", "18080:80/udp", Machine.image, "true")  # another protocol

    def test_taken_by_a_process(self):
        with socket.socket() as s:
            s.bind(("0.0.0.0", 18083))
            s.listen()
            self.fails("run", "--rm", "-p", "18083:80", Machine.image, "true", says=["18083", str(os.getpid()), "python"])

    def test_twice_in_one_job(self):
        self.fails("run", "--rm", "-p", "18084:80", "-p", "18084:81", Machine.image, "true", says=["18084"])

    def test_free_again_after_the_job(self):
        for _ in range(2):
            self.davit("run", "--rm", "-p", "18085:80", Machine.image, "true")

    def test_from_outside_though_forward_drops(self):
        """A neighbour reaches the port although, as on a Docker host, nothing is forwarded unless a rule says so."""
        ip = ["ip", "netns", "exec", "outside"]
        commands = [["ip", "netns", "add", "outside"], ["ip", "link", "add", "wire0", "type", "veth", "peer", "name", "wire1", "netns", "outside"],
                    ["ip", "addr", "add", "192.0.2.1/24", "dev", "wire0"], ["ip", "link", "set", "wire0", "up"],
                    [*ip, "ip", "addr", "add", "192.0.2.2/24", "dev", "wire1"], [*ip, "ip", "link", "set", "wire1", "up"],
                    ["iptables", "-P", "FORWARD", "DROP"]]
        self.addCleanup(subprocess.run, ["iptables", "-P", "FORWARD", "ACCEPT"])
        self.addCleanup(subprocess.run, ["ip", "netns", "del", "outside"])
        for command in commands:
            subprocess.run(command, check=True)
        self.job("-p", "18086:8080", network="davit", command=HTTPD)

        def reached():
            out = subprocess.run([*ip, "curl", "-s", "-m", "2", "http://192.0.2.1:18086/"], capture_output=True, text=True).stdout
            return "served by davit" in out
        wait_until("the page from outside", reached)

    def test_jobs_reach_each_other(self):
        server = self.job(network="davit", command=HTTPD)
        address = self.davit("exec", server, "sh", "-c", "ip -o -4 addr show eth0").out.split()[3].split("/")[0]
        script = f"i=0; until wget -q -O - http://{address}:8080/; do i=$((i+1)); [ $i -lt 300 ] || exit 1; sleep 0.1; done"
        self.assertIn("served by davit", self.davit("run", "--rm", Machine.image, "sh", "-c", script).out)


    def test_forms_that_no_packet_is_sent_through(self):
        """SCTP (the kernel may have none), addresses and ranges, both families: the rules are there, and go."""
        if not os.path.exists("/proc/net/if_inet6"):
            self.skipTest("no IPv6 in this kernel")
        net = "p" + os.urandom(3).hex()
        self.davit("network", "create", "--ipv6", net)
        self.addCleanup(lambda: self.davit("network", "rm", net, code=None))
        job = self.job("-p", "18130:80/sctp", "-p", "[::]:18131:8080", "-p", "127.0.0.1:18132-18133:81-82", "-p", "0.0.0.0:18134:83/udp", network=net)
        rules = {v: [x for x in leaks.lines(v + "-save") if "DNAT" in x and "--to-destination" in x] for v in ("iptables", "ip6tables")}
        rows = [("iptables", "-p sctp", "--dport 18130", ":80", ""), ("ip6tables", "-p sctp", "--dport 18130", "]:80", ""),
                ("ip6tables", "-p tcp", "--dport 18131", "]:8080", ""), ("iptables", "-p tcp", "--dport 18132", ":81", "-d 127.0.0.1/32"),
                ("iptables", "-p tcp", "--dport 18133", ":82", "-d 127.0.0.1/32"), ("iptables", "-p udp", "--dport 18134", ":83", "")]
        for table, proto, port, to, address in rows:
            found = [x for x in rules[table] if f"{proto} " in x and f"{port} " in x and x.endswith(to) and address in x]
            self.assertEqual(len(found), 1, (table, port, rules[table]))
        self.assertFalse([x for x in rules["iptables"] if "18131" in x] + [x for x in rules["ip6tables"] if "18132" in x or "18134" in x])
        self.fails("run", "--rm", "-p", "18130:80/sctp", Machine.image, "true", says=["18130/sctp", job])
        self.davit("rm", "-f", job)
        self.assertFalse([x for v in rules for x in leaks.lines(v + "-save") if "1813" in x])


class Missing(Case):
    def test_no_plugins(self):
        self.fails("--cni-path", "/nonexistent", "run", "--rm", Machine.image, "true", says=["bridge", "containernetworking-plugins"])

    def test_a_broken_file_of_another_network_is_skipped(self):
        self.need_network()
        path = "/etc/cni/net.d/00-broken.conflist"
        with open(path, "w") as f:
            f.write("{ not json")
        self.addCleanup(os.unlink, path)
        result = self.davit("run", "--rm", Machine.image, "true")
        self.assertIn("00-broken.conflist", result.err)

    def test_a_version_that_a_plugin_rejects(self):
        """The first of the chain has added something by then; the second says no to every command of that version."""
        self.need_network()
        with conflist("old", '{"cniVersion":"0.3.1","name":"old","plugins":[{"type":"bridge","bridge":"old0","ipam":{"type":"host-local",'
                             '"ranges":[[{"subnet":"10.99.21.0/24"}]]}},{"type":"firewall"}]}'):
            self.addCleanup(subprocess.run, ["ip", "link", "del", "old0"])
            self.fails("run", "--name", "older", "--network", "old", Machine.image, "true", says=["firewall", "incompatible CNI versions"])
        self.assertEqual(glob.glob("/var/lib/cni/networks/old/10.*") + glob.glob("/var/lib/cni/results/old-*"), [])
        self.assertEqual([x for x in glob.glob("/run/netns/older*")], [])
        self.assertNotIn("davit-job-older", Machine.containerd.ctr("leases", "ls", ns=Machine.ns).stdout)

    def test_a_plugin_that_fails_is_undone(self):
        """The chain's last plugin refuses: what the others made is gone, and the plugin's words are shown."""
        self.need_network()
        folder = os.path.join(self.folder, "plugins")
        os.mkdir(folder)
        with open(os.path.join(folder, "refuse"), "w") as f:
            f.write('#!/bin/sh\n[ "$CNI_COMMAND" = ADD ] || exit 0\necho \'{"cniVersion":"1.0.0","code":100,"msg":"not today",'
                    '"details":"tomorrow"}\'\nexit 1\n')
        os.chmod(os.path.join(folder, "refuse"), 0o755)
        path = "/etc/cni/net.d/60-refusing.conflist"
        with open(path, "w") as f:
            f.write('{"cniVersion":"1.0.0","name":"refusing","plugins":[{"type":"bridge","bridge":"refuse0","ipam":{"type":"host-local",'
                    '"ranges":[[{"subnet":"10.99.8.0/24"}]]}},{"type":"portmap","capabilities":{"portMappings":true}},{"type":"refuse"}]}')
        self.addCleanup(os.unlink, path)
        self.fails("--cni-path", f"{folder}:/opt/cni/bin:/usr/lib/cni", "run", "--rm", "--network", "refusing", "-p", "18087:80", Machine.image,
                   "true", says=["refuse", "not today"])
        self.assertEqual([x for x in leaks.links() if "veth" in x and x not in self.before], [])


class Foreign(Case):
    """--network ns:PATH: a network namespace that somebody else has made and keeps."""

    def setUp(self):
        super().setUp()
        self.ns = f"davit-test-{os.urandom(4).hex()}"
        subprocess.run(["ip", "netns", "add", self.ns], check=True)
        self.addCleanup(subprocess.run, ["ip", "netns", "del", self.ns], stderr=subprocess.DEVNULL)
        self.path = f"/run/netns/{self.ns}"
        for command in ("link set lo up", "link add eth7 type bridge", "addr add 192.0.2.7/24 dev eth7", "addr add 2001:db8::7/64 dev eth7",
                        "link set eth7 up"):
            subprocess.run(["ip", "-n", self.ns, *command.split()], check=True)

    def inode(self, text):
        self.assertEqual(text, f"net:[{os.stat(self.path).st_ino}]")

    def test_it_is_in_it_and_leaves_it(self):
        before = sorted(os.listdir("/run/netns"))
        show = "readlink /proc/self/ns/net; hostname; cat /etc/hostname /etc/hosts /etc/resolv.conf; cat /proc/sys/net/ipv4/ip_unprivileged_port_start"
        out = self.davit("run", "--rm", "--network", f"ns:{self.path}", "--hostname", "www", "--dns", "192.0.2.9", "--add-host", "db:192.0.2.10",
                         Machine.image, "sh", "-c", show).out.splitlines()
        self.inode(out[0])
        self.assertEqual(out[1:3], ["www", "www"])
        for line in ("192.0.2.10\tdb", "nameserver 192.0.2.9"):
            self.assertIn(line, out)
        for address in ("192.0.2.7", "2001:db8::7"):
            self.assertTrue(any(x.startswith(address) and "www" in x.split() for x in out), out)
        self.assertEqual(out[-1], "1024")  # it is somebody else's: nothing in it is changed that is not asked for
        self.davit("run", "--rm", "--network", f"ns:{self.path}", "--sysctl", "net.ipv4.ip_unprivileged_port_start=80", Machine.image, "true")
        self.assertEqual(sorted(os.listdir("/run/netns")), before)
        subprocess.run(["ip", "-n", self.ns, "addr", "show", "eth7"], check=True, stdout=subprocess.DEVNULL)

    def test_stop_start_restart(self):
        name = self.job(network=f"ns:{self.path}")
        where = lambda: self.inode(self.davit("exec", name, "readlink", "/proc/self/ns/net").out.strip())
        where()
        network = self.json("inspect", name)[0]["network"]
        self.assertEqual((network["name"], network["netns"]), (f"ns:{self.path}", self.path))
        self.davit("restart", "-t", "0", name)
        where()
        self.davit("stop", "-t", "0", name)
        self.assertTrue(os.path.exists(self.path))
        self.davit("start", name)
        where()
        self.davit("stop", "-t", "0", name)
        subprocess.run(["ip", "netns", "del", self.ns], check=True)
        self.fails("start", name, says=[self.path, "not there", "--network"])
        subprocess.run(["ip", "netns", "add", self.ns], check=True)  # whoever keeps it has made it again
        self.davit("start", name)
        where()
        self.davit("rm", "-f", name)
        self.assertTrue(os.path.exists(self.path))

    def test_created_before_it_is_there(self):
        subprocess.run(["ip", "netns", "del", self.ns], check=True)
        name = self.davit("create", "--network", f"ns:{self.path}", Machine.image, "readlink", "/proc/self/ns/net").out.strip()
        self.fails("start", "-a", name, says=[self.path, "not there"])
        subprocess.run(["ip", "netns", "add", self.ns], check=True)
        self.inode(self.davit("start", "-a", name).out.strip())
        self.davit("rm", name)

    def test_one_whose_start_fails_leaves_it(self):
        self.fails("run", "--network", f"ns:{self.path}", Machine.image, "/no/such/program", code=127)
        self.assertTrue(os.path.exists(self.path))
        self.assertEqual(self.rows("ps", "-a"), [])

    def test_what_is_refused(self):
        for flags in (["-p", "80"], ["-P"], ["--ip", "192.0.2.8"], ["--mac-address", "02:42:ac:11:00:02"], ["--network-alias", "x"],
                      ["--network", "davit"], ["--userns", "private"]):
            self.fails("run", "--rm", "--network", f"ns:{self.path}", *flags, Machine.image, "true", says="ns:")
        self.fails("run", "--rm", "--network", "ns:here", Machine.image, "true", says="absolute path")
        self.fails("run", "--rm", "--network", "ns:/no/such", Machine.image, "true", says=["/no/such", "not there"])
        self.fails("run", "--rm", "--network", "ns:/proc/self/ns/uts", Machine.image, "true", says=["/proc/self/ns/uts", "it is none"])
        self.fails("run", "--rm", "--network", "ns:/etc/passwd", Machine.image, "true", says=["/etc/passwd", "it is none"])
        job = self.job(network=f"ns:{self.path}")
        self.fails("run", "--rm", "--network", f"container:{job}", Machine.image, "true", says=[f"--network ns:{self.path}"])


class Joined(Case):
    """--network container:JOB"""

    def setUp(self):
        super().setUp()
        self.need_network()

    def address(self, name):
        return get(next(r for r in self.rows("ps", "-a") if get(r, "name") == name), "ip")

    def dels(self):
        """The network's attachments, addresses, namespaces and firewall rules."""
        rules = [x for x in leaks.lines("iptables-save") if "davit" in x or "CNI-DN" in x]
        return glob.glob("/var/lib/cni/results/davit-*") + glob.glob("/run/netns/*") + glob.glob("/var/lib/cni/networks/davit/10.*") + rules

    def sidecar(self, other, *flags, command=("sleep", "1000")):
        return self.job(*flags, network=f"container:{other}", command=command)

    def test_it_is_the_other_s(self):
        web = self.job("-p", "18100:8080", "--hostname", "www", "--dns", "192.0.2.9", "--add-host", "db:192.0.2.10", network="davit", command=HTTPD)
        self.assertIn("served by davit", fetch(18100))
        show = "cat /etc/hosts /etc/resolv.conf /etc/hostname; hostname; readlink /proc/self/ns/net; cat /proc/sys/net/ipv4/ip_unprivileged_port_start"
        there = self.davit("exec", web, "sh", "-c", show).out
        self.assertIn("192.0.2.10\tdb", there)
        self.assertIn("\nwww\nwww\n", there)
        self.assertEqual(self.davit("run", "--rm", "--network", f"container:{web}", Machine.image, "sh", "-c", show).out, there)
        page = self.davit("run", "--rm", "--network", f"container:{web}", Machine.image, "wget", "-q", "-O", "-", "http://127.0.0.1:8080/").out
        self.assertIn("served by davit", page)
        side = self.sidecar(self.json("inspect", web)[0]["id"])  # an id will do, and a job that has joined itself
        third = self.sidecar(side)
        self.assertEqual(self.davit("exec", third, "sh", "-c", show).out, there)
        self.assertEqual(len({self.address(n) for n in (web, side, third)}), 1)
        network = self.json("inspect", web)[0]["network"]
        self.assertEqual(network["shared_with"], sorted([side, third]))
        self.assertEqual(self.json("inspect", third)[0]["network"]["name"], f"container:{side}")
        self.assertIn("served by davit", fetch(18100))

    def test_conflicts(self):
        web = self.job()
        for flags in (["-p", "80"], ["--hostname", "x"], ["--dns", "1.1.1.1"], ["--dns-search", "x"], ["--dns-option", "x"], ["--add-host", "a:1.1.1.1"]):
            self.fails("run", "--rm", "--network", f"container:{web}", *flags, Machine.image, "true", says=["conflicting options", f"container:{web}"])
        self.fails("run", "--rm", "--network", "container:nobody", Machine.image, "true", says=["container:nobody", "nobody"])
        self.fails("run", "--rm", "--network", "container:", Machine.image, "true", says=["container:"])
        self.davit("stop", "-t", "0", web)
        self.fails("run", "--rm", "--network", f"container:{web}", Machine.image, "true", says=[f"job {web} is not running", "davit start"])
        host = self.job(network="host")
        self.fails("run", "--rm", "--network", f"container:{host}", Machine.image, "true", says=["--network host"])

    def test_whoever_ends_first(self):
        """Address, ports and namespace go with the last one, and with no other."""
        for kind in ("stop", "rm -f", "kill"):
            for first in ("owner", "joined"):
                with self.subTest(kind=kind, first=first):
                    before = self.dels()
                    web = self.job("-p", "18101:8080", network="davit")
                    side = self.sidecar(web, command=HTTPD)
                    made = [x for x in self.dels() if x not in before]
                    owner_s = [x for x in made if side not in x]
                    one, other = (web, side) if first == "owner" else (side, web)
                    self.end(kind, one)
                    self.assertEqual([x for x in owner_s if x not in self.dels()], [])
                    if first == "owner":
                        self.assertIn("served by davit", fetch(18101))
                        self.davit("prune", "--all")
                        self.assertIn("served by davit", fetch(18101))
                        self.fails("run", "--rm", "-p", "18101:80", Machine.image, "true", says=["18101"])
                        if kind == "rm -f":
                            self.fails("run", "-d", "--name", web, Machine.image, "true", says=[web, side])
                    self.end(kind, other)
                    self.davit("rm", "-f", web, code=None)
                    self.davit("rm", "-f", side, code=None)
                    self.assertEqual([x for x in self.dels() if x not in before], [])
                    self.davit("run", "--rm", "--name", web, "-p", "18101:80", Machine.image, "true")

    def end(self, kind, name):
        if kind == "kill":  # its end is seen by nobody: the removal comes later
            self.davit("kill", name)
            wait_until("the end", lambda: self.state(name) == "exited")
        else:
            self.davit(*kind.split(), *(["-t", "0"] if kind == "stop" else []), name)

    def test_restarts(self):
        web = self.job("-p", "18102:8080", network="davit", command=HTTPD)
        side = self.sidecar(web)
        address = self.address(web)
        netns = self.davit("exec", side, "readlink", "/proc/self/ns/net").out
        self.davit("restart", "-t", "0", web)
        self.assertEqual(self.davit("exec", web, "readlink", "/proc/self/ns/net").out, netns)
        self.assertEqual(self.address(web), address)
        self.assertIn(address, self.davit("exec", web, "cat", "/etc/hosts").out)
        self.assertIn("served by davit", fetch(18102))
        self.davit("restart", "-t", "0", side)
        self.assertEqual(self.davit("exec", side, "readlink", "/proc/self/ns/net").out, netns)
        self.davit("stop", "-t", "0", side, web)
        self.assertEqual([x for x in self.dels() if web in x or side in x], [])
        self.fails("start", side, says=[f"job {web} is not running"])
        self.davit("start", web)
        self.davit("start", side)
        self.assertEqual(self.davit("exec", web, "readlink", "/proc/self/ns/net").out, self.davit("exec", side, "readlink", "/proc/self/ns/net").out)

    def test_both_end_at_once(self):
        before = self.dels()
        for _ in range(3):
            web = self.job("-p", "18103:8080", network="davit")
            sides = [self.sidecar(web) for _ in range(3)]
            ends = [self.start("rm", "-f", n) for n in (web, *sides)]
            for process in ends:
                _, err = process.communicate(timeout=60 * Machine.slow)
                self.assertEqual(process.returncode, 0, err)
            self.assertEqual([x for x in self.dels() if x not in before], [])
            self.davit("run", "--rm", "--name", web, "-p", "18103:80", Machine.image, "true")

    def test_one_add_and_one_del(self):
        folder, ran = os.path.join(self.folder, "plugins"), os.path.join(self.folder, "ran")
        os.mkdir(folder)
        with open(os.path.join(folder, "counts"), "w") as f:
            f.write(f"""#!/bin/sh
[ "$CNI_COMMAND" = VERSION ] || echo "$CNI_COMMAND $CNI_NETNS $(readlink -e "$CNI_NETNS")" >>{ran}
[ "$CNI_COMMAND" = ADD ] && echo '{{"cniVersion":"1.0.0","ips":[{{"address":"10.99.23.2/24"}}]}}'
exit 0
""")
        os.chmod(os.path.join(folder, "counts"), 0o755)
        self.addCleanup(os.environ.pop, "CNI_PATH")
        os.environ["CNI_PATH"] = folder
        with conflist("counted", '{"cniVersion":"1.0.0","name":"counted","plugins":[{"type":"counts"}]}'):
            web = self.job(network="counted")
            netns = os.path.realpath(next(x for x in glob.glob("/run/netns/*") if web in x))
            side, third = self.sidecar(web), self.sidecar(web)
            self.assertEqual(self.address(side), "10.99.23.2")
            self.davit("restart", "-t", "0", third, web)
            self.davit("rm", "-f", side)
            self.davit("rm", "-f", web)
            self.davit("restart", "-t", "0", third, code=125)  # there is nobody to join any more
            self.davit("prune")
        with open(ran) as f:
            self.assertEqual([line.split()[::2] for line in f], [["ADD", netns], ["DEL", netns]])

    def test_killed_in_an_add(self):
        """While the plugin goes on nobody touches what it is at work on; what it leaves behind keeps nobody from it then."""
        folder, ran, go, left = (os.path.join(self.folder, name) for name in ("plugins", "ran", "go", "left"))
        os.mkdir(folder)
        with open(os.path.join(folder, "lingers"), "w") as f:
            f.write(f"""#!/bin/sh
cat >/dev/null
[ "$CNI_COMMAND" = VERSION ] || echo "$CNI_COMMAND" >>{ran}
[ "$CNI_COMMAND" = ADD ] || exit 0
setsid sleep 1000 </dev/null >/dev/null 2>&1 &
echo $! >{left}
while ! [ -e {go} ]; do sleep 0.05; done
echo end >>{ran}
echo '{{"cniVersion":"1.0.0","ips":[{{"address":"10.99.24.2/24"}}]}}'
""")
        os.chmod(os.path.join(folder, "lingers"), 0o755)

        def has_run():
            with contextlib.suppress(FileNotFoundError), open(ran) as f:
                return f.read().split()
            return []
        flags = ("--cni-path", folder)
        with conflist("lingering", '{"cniVersion":"1.0.0","name":"lingering","plugins":[{"type":"lingers"}]}'):
            process = self.start(*flags, "run", "-d", "--name", "killed", "--network", "lingering", Machine.image, "sleep", "1000")
            wait_until("the daemon", lambda: os.path.exists(left) and open(left).read().endswith("\n"))
            daemon = int(open(left).read())
            self.addCleanup(os.kill, daemon, signal.SIGKILL)
            process.kill()
            process.wait()
            self.davit(*flags, "prune")
            self.fails(*flags, "run", "--name", "killed", "--network", "none", Machine.image, "true", says=["killed is in use"])
            self.assertTrue(glob.glob("/run/netns/killed-*"))
            self.assertEqual(has_run(), ["ADD"])
            with open(go, "w"):
                pass
            wait_until("the end of what is left", lambda: self.davit(*flags, "prune") and not glob.glob("/run/netns/killed-*"))
            self.assertEqual(has_run(), ["ADD", "end", "DEL"])
            os.kill(daemon, 0)
            self.davit("run", "--rm", "--name", "killed", "--network", "none", Machine.image, "true")

    def test_davit_killed(self):
        """In the middle of a join, and of a foreground run: prune finds what there is."""
        before = self.dels()
        web = self.job("-p", "18104:8080", network="davit")
        for delay in (0.01, 0.05, 0.1, 0.2, 0.4):
            process = self.start("run", "--rm", "--network", f"container:{web}", Machine.image, "sleep", "1000")
            time.sleep(delay)
            process.kill()
            process.wait()

        def alone():
            """What containerd was asked for by a davit that is gone may come late."""
            for row in self.rows("ps", "-a"):
                if get(row, "network") == f"container:{web}":
                    self.davit("rm", "-f", get(row, "name"), code=None)
            self.davit("prune")
            return [get(row, "name") for row in self.rows("ps", "-a")] == [web]
        wait_until("the end of the others", alone)
        self.assertEqual(self.state(web), "running")
        self.davit("rm", "-f", web)
        wait_until("the end of all", lambda: self.davit("prune") and not [x for x in self.dels() if x not in before])


class Made(Case):
    """davit network create, ls, rm, inspect, prune."""

    def setUp(self):
        super().setUp()
        self.need_network()

    def network(self, *flags, name=None):
        name = name or "n" + os.urandom(3).hex()
        self.assertEqual(self.davit("network", "create", *flags, name).out, name + "\n")
        self.addCleanup(lambda: self.davit("network", "rm", name, code=None))
        return name

    def row(self, name):
        return next(r for r in self.rows("network", "ls") if get(r, "name") == name)

    def test_a_job_on_a_network_of_its_own(self):
        """An address of its range, its MTU, the gateway as way out, and a page through a port."""
        name = self.network("--subnet", "10.97.1.0/24", "--ip-range", "10.97.1.64/26", "--gateway", "10.97.1.9", "-o", "mtu=1400", "--label", "a=b")
        job = self.job("-p", "18110:8080", network=name, command=HTTPD)
        out = self.davit("exec", job, "sh", "-c", "ip -o -4 addr show eth0; ip route; cat /sys/class/net/eth0/mtu").out
        self.assertRegex(out, r"inet 10\.97\.1\.64/24")
        self.assertRegex(out, r"default via 10\.97\.1\.9 dev eth0")
        self.assertTrue(out.endswith("\n1400\n"), out)
        self.assertIn("served by davit", fetch(18110))
        found = self.json("network", "inspect", name)[0]
        self.assertEqual([(get(j, "name"), get(j, "ip")) for j in found["jobs"]], [(job, "10.97.1.64/24")])
        self.assertEqual(found["labels"], {"a": "b"})
        self.assertEqual(found["subnets"], [{"subnet": "10.97.1.0/24", "gateway": "10.97.1.9", "range": "10.97.1.64-10.97.1.127"}])
        self.assertIn(name, self.davit("network", "ls", "--filter", "label=a=b", "-q").out.split())
        self.assertNotIn(name, self.davit("network", "ls", "--filter", "dangling=true", "-q").out.split())
        self.fails("network", "rm", name, says=[name, job, "in use"])
        self.assertNotIn(name, self.davit("network", "prune").out.split())
        bridge = found["bridge"]
        self.assertEqual(self.davit("network", "inspect", "-f", "{{.Driver}} {{(index .IPAM.Config 0).Subnet}} {{range .Containers}}{{.IPv4Address}}{{end}}",
                                    name).out, "bridge 10.97.1.0/24 10.97.1.64/24\n")
        self.davit("stop", "-t", "0", job)
        self.fails("network", "rm", name, says=[name, job])  # it would not start again
        self.davit("rm", job)
        self.assertTrue(os.path.exists(f"/sys/class/net/{bridge}") or subprocess.run(["ip", "link", "show", bridge], capture_output=True).returncode == 0)
        self.assertEqual(self.davit("network", "rm", name).out, name + "\n")
        self.assertNotEqual(subprocess.run(["ip", "link", "show", bridge], capture_output=True).returncode, 0)
        self.assertFalse(os.path.exists(found["file"]) or os.path.exists(f"/var/lib/cni/networks/{name}"))
        self.fails("network", "rm", name, says=[name, "not found"])
        self.assertEqual(self.davit("network", "rm", "-f", name).out, "")

    def test_a_free_subnet_and_both_families(self):
        one, two = self.network(), self.network("--ipv6")
        nets = [get(self.row(n), "subnets") for n in (one, two)]
        self.assertNotEqual(nets[0][0]["subnet"], nets[1][0]["subnet"])
        self.assertRegex(nets[1][1]["subnet"], r"^fd[0-9a-f:]+/64$")
        if os.path.exists("/proc/net/if_inet6"):
            out = self.davit("run", "--rm", "--network", two, Machine.image, "sh", "-c", "ip -6 addr show eth0; ip -6 route").out
            self.assertRegex(out, r"inet6 fd[0-9a-f:]+/64 scope global")
            self.assertRegex(out, r"default via fd")

    def test_internal(self):
        """No way out and no port, but the others on it."""
        name = self.network("--internal")
        job = self.job(network=name, command=HTTPD)
        out = self.davit("exec", job, "sh", "-c", "ip route").out
        self.assertNotIn("default", out)
        self.fails("run", "--rm", "--network", name, "-p", "80", Machine.image, "true", says=f"network {name}: it forwards no ports")
        address = get(self.json("network", "inspect", name)[0]["jobs"][0], "ip").split("/")[0]
        script = f"i=0; until wget -q -O - http://{address}:8080/; do i=$((i+1)); [ $i -lt 100 ] || exit 1; sleep 0.1; done"
        self.assertIn("served by davit", self.davit("run", "--rm", "--network", name, Machine.image, "sh", "-c", script).out)

    def test_networks_are_isolated(self):
        """A job is reached from its own network and through its port, not from another network, the default one neither."""
        one, two = self.network(), self.network()
        job = self.job("-p", "18111:8080", network=one, command=HTTPD)
        self.assertIn("served by davit", fetch(18111))
        found = self.json("network", "inspect", one)[0]
        address = get(found["jobs"][0], "ip").split("/")[0]

        def reached(network):
            script = f"ping -c 1 -W 2 {address} >/dev/null && echo ping; timeout 3 wget -q -O - http://{address}:8080/; exit 0"
            return self.davit("run", "--rm", "--network", network, Machine.image, "sh", "-c", script, code=None).out

        out = reached(one)
        self.assertTrue(out.startswith("ping\n") and "served by davit" in out, out)
        if "same-bridge" not in leaks.text_of_plugin("firewall"):
            self.skipTest("a firewall plugin that does not isolate (before 1.1)")
        for other in (two, "davit"):
            self.assertEqual(reached(other), "")
        both = self.job("--network", one, network=two, command=("sleep", "1000"))
        self.assertIn("served by davit", self.davit("exec", both, "wget", "-q", "-O", "-", f"http://{address}:8080/").out)
        self.davit("rm", "-f", job, both)
        bridges = [self.json("network", "inspect", name)[0]["bridge"] for name in (one, two)]
        self.davit("network", "rm", one, two)
        left = [line for line in leaks.lines("iptables-save") + leaks.lines("ip6tables-save") if any(f" {b} " in line + " " for b in bridges)]
        self.assertEqual(left, [])

    def on_a_parent(self, driver):
        """The parent is one end of a cable of ours, the host that the job reaches the other, in a namespace that lives as long as the test."""
        subprocess.run(["ip", "link", "add", "parent0", "type", "veth", "peer", "name", "parent1"], check=True)
        self.addCleanup(subprocess.run, ["ip", "link", "del", "parent0"])
        subprocess.run(["ip", "netns", "add", "far"], check=True)
        self.addCleanup(subprocess.run, ["ip", "netns", "del", "far"])
        for words in ("link set parent0 up", "link set parent1 netns far", "-n far link set parent1 up", "-n far addr add 10.97.3.1/24 dev parent1"):
            subprocess.run(["ip", *words.split()], check=True)
        if subprocess.run(["ip", "link", "add", "probe0", "link", "parent0", "type", driver], capture_output=True).returncode:
            self.skipTest(f"no {driver} in this kernel")
        subprocess.run(["ip", "link", "del", "probe0"], check=True)
        name = self.network("-d", driver, "-o", "parent=parent0", "--subnet", "10.97.3.0/24")
        out = self.davit("run", "--rm", "--network", name, Machine.image, "sh", "-c", "ip -o -4 addr show eth0; ip route; ping -c 1 -W 5 10.97.3.1").out
        self.assertIn("inet 10.97.3.", out)
        self.assertIn("default via 10.97.3.1", out)
        self.assertIn("1 packets received", out)
        self.fails("run", "--rm", "--network", name, "-p", "80", Machine.image, "true", says=f"network {name}: it forwards no ports")
        self.davit("network", "rm", name)

    def test_macvlan(self):
        self.on_a_parent("macvlan")

    def test_ipvlan(self):
        self.on_a_parent("ipvlan")

    def test_refusals(self):
        name = self.network("--subnet", "10.97.4.0/24")
        rows = [((name,), ["exists", name]), (("--subnet", "10.97.4.128/25", "x"), ["10.97.4.128/25 overlaps 10.97.4.0/24 of network " + name]),
                (("--subnet", "127.0.4.0/24", "x"), ["127.0.0.0/8 of interface lo"]), (("--subnet", "10.97.5.7/24", "x"), ["10.97.5.0/24"]),
                (("--gateway", "10.1.1.1", "x"), ["gateway 10.1.1.1"]), (("host",), ["host"]), (("a/b",), ["a/b"]), (("-o", "colour=red", "x"), ["colour=red"]),
                (("-d", "overlay", "x"), ["overlay", "bridge"]), (("-d", "macvlan", "x"), ["parent"]), (("-o", "mtu=9x", "x"), ["mtu", "9x"]),
                (("--aux-address", "a=10.1.1.1", "x"), ["--ip-range"]), (("--ipam-driver", "dhcp", "--subnet", "10.97.6.0/24", "x"), ["dhcp"])]
        for words, says in rows:
            with self.subTest(words=words):
                self.fails("network", "create", *words, says=says)
        self.assertEqual(self.davit("network", "ls", "-q", "--filter", "name=x").out, "")
        self.fails("network", "rm", "host", says="host")
        self.fails("network", "ls", "--filter", "size=1", says="size=1")
        with conflist("theirs", '{"cniVersion":"1.0.0","name":"theirs","plugins":[{"type":"loopback"}]}'):
            self.fails("network", "rm", "theirs", says=["theirs", "davit has not made it", "50-theirs.conflist"])
            self.davit("network", "prune")
            self.assertIn("theirs", self.davit("network", "ls", "-q").out.split())

    def test_prune_and_lists(self):
        used, unused = self.network(), self.network()
        self.davit("create", "--name", "waits", "--network", used, Machine.image, "true")
        self.addCleanup(self.davit, "rm", "-f", "waits")
        self.assertIn(unused, self.davit("network", "prune", "--dry-run").out)
        out = self.davit("network", "prune", "-f").out
        self.assertIn(unused, out)
        self.assertNotIn(used, out)
        names = self.davit("network", "ls", "--format", "{{.Name}}").out.split()
        self.assertIn(used, names)
        self.assertNotIn(unused, names)
        self.assertLessEqual({"host", "none", "davit"}, set(names))
        self.assertRegex(self.davit("network", "ls").out, rf"(?m)^{used} +bridge +10\.\d+\.\d+\.0/24")
        self.assertEqual(self.davit("network", "ls", "-q", "--filter", "driver=host").out, "host\n")

    def test_another_bridge_port_stays(self):
        """What somebody else attached to the bridge keeps it."""
        name = self.network("-o", "bridge=kept0", "--subnet", "10.97.7.0/24")
        self.davit("run", "--rm", "--network", name, Machine.image, "true")
        subprocess.run(["ip", "link", "add", "other0", "type", "veth", "peer", "name", "other1"], check=True)
        self.addCleanup(subprocess.run, ["ip", "link", "del", "other0"])
        subprocess.run(["ip", "link", "set", "other0", "master", "kept0"], check=True)
        self.addCleanup(subprocess.run, ["ip", "link", "del", "kept0"])
        self.davit("network", "rm", name)
        self.assertEqual(subprocess.run(["ip", "link", "show", "kept0"], capture_output=True).returncode, 0)

    def test_at_once(self):
        """Eight at the same time get eight subnets."""
        names = ["m" + os.urandom(3).hex() for _ in range(8)]
        for name in names:
            self.addCleanup(self.davit, "network", "rm", "-f", name)
        for process in [self.start("network", "create", name) for name in names]:
            _, err = process.communicate(timeout=60 * Machine.slow)
            self.assertEqual(process.returncode, 0, err)
        self.assertEqual(len({get(self.row(n), "subnets")[0]["subnet"] for n in names}), 8)


class Networks(Case):
    """With networks of their own."""

    def setUp(self):
        super().setUp()
        self.need_network()

    def network(self, *flags):
        name = "n" + os.urandom(3).hex()
        self.davit("network", "create", *flags, name)
        self.addCleanup(lambda: self.davit("network", "rm", name, code=None))
        return name

    def job(self, *flags, **kw):
        kw.setdefault("network", flags[1] if flags[:1] == ("--network",) else "davit")
        return super().job(*(flags[2:] if flags[:1] == ("--network",) else flags), **kw)

    def sh(self, job, script):
        return self.davit("exec", job, "sh", "-c", script).out


class Several(Networks):
    """More than one network, and addresses that are asked for."""

    def test_two_networks(self):
        """An interface for each; the first has the way out, and the first that can forwards the ports."""
        inner, outer = self.network("--internal", "--subnet", "10.97.20.0/24"), self.network("--subnet", "10.97.21.0/24")
        third = self.network("--subnet", "10.97.22.0/24")
        job = self.job("--network", inner, "--network", outer, "--network", third, "-p", "18120:8080", command=HTTPD)
        out = self.sh(job, "ip -o -4 addr; ip route")
        for i, net in enumerate((20, 21, 22)):
            self.assertRegex(out, rf"eth{i} +inet 10\.97\.{net}\.2/24")
        self.assertEqual(re.findall(r"default via (\S+)", out), ["10.97.21.1"])
        self.assertIn("served by davit", fetch(18120))
        rules = [x for x in leaks.lines("iptables-save") if job in x and "18120" in x]
        self.assertTrue(rules and all("10.97.22." not in x for x in rules), rules)
        found = self.json("inspect", job)[0]
        self.assertEqual([(n["name"], n["interface"], n["ips"]) for n in found["networks"]],
                         [(inner, "eth0", ["10.97.20.2/24"]), (outer, "eth1", ["10.97.21.2/24"]), (third, "eth2", ["10.97.22.2/24"])])
        self.assertEqual(self.davit("inspect", "-f", "{{range $n, $v := .NetworkSettings.Networks}}{{$v.IPAddress}} {{end}}", job).out.split(),
                         [f"10.97.2{i}.2" for i in range(3)] if [inner, outer, third] == sorted([inner, outer, third])
                         else [n["ips"][0].split("/")[0] for n in sorted(found["networks"], key=lambda n: n["name"])])
        self.assertEqual(len(glob.glob(f"/var/lib/cni/results/*{job}*")), 3)
        for name in (inner, outer, third):
            self.fails("network", "rm", name, says=[name, job])
            self.assertIn(job, self.davit("ps", "--filter", f"network={name}").out)
        self.davit("restart", "-t", "0", job)
        self.assertEqual(len(re.findall(r"eth\d +inet ", self.sh(job, "ip -o -4 addr"))), 3)
        self.assertIn("served by davit", fetch(18120))
        self.davit("rm", "-f", job)
        self.assertEqual(glob.glob(f"/var/lib/cni/results/*{job}*"), [])
        for name in (inner, outer, third):
            self.assertEqual(glob.glob(f"/var/lib/cni/networks/{name}/10.*"), [])

    def test_one_way_out_of_ipv6(self):
        if not os.path.exists("/proc/net/if_inet6"):
            self.skipTest("no IPv6 in this kernel")
        one, two = self.network("--ipv6", "--subnet", "10.97.28.0/24", "--subnet", "fd00:97:28::/64"), self.network("--ipv6")
        out = self.davit("run", "--rm", "--network", one, "--network", two, Machine.image, "sh", "-c", "ip -6 route; ip route").out
        self.assertEqual(re.findall(r"default via (\S+) dev (\S+)", out), [("fd00:97:28::1", "eth0"), ("10.97.28.1", "eth0")])
        self.assertIn("dev eth1", out)

    def test_one_that_fails_takes_back_the_others(self):
        one = self.network()
        folder = os.path.join(self.folder, "plugins")
        os.mkdir(folder)
        with open(os.path.join(folder, "refuse"), "w") as f:
            f.write('#!/bin/sh\n[ "$CNI_COMMAND" = ADD ] || exit 0\necho \'{"cniVersion":"1.0.0","code":100,"msg":"not today"}\'\nexit 1\n')
        os.chmod(os.path.join(folder, "refuse"), 0o755)
        with conflist("refusing", '{"cniVersion":"1.0.0","name":"refusing","plugins":[{"type":"refuse"}]}'):
            self.fails("--cni-path", f"{folder}:/opt/cni/bin:/usr/lib/cni", "run", "--name", "half", "--network", one, "--network", "refusing", "-p",
                       "18121:80", Machine.image, "true", says=["network refusing", "not today"])
        self.assertEqual(glob.glob("/var/lib/cni/results/*half*") + glob.glob("/run/netns/half*") + glob.glob(f"/var/lib/cni/networks/{one}/10.*"), [])
        self.davit("run", "--rm", "--network", one, "-p", "18121:80", Machine.image, "true")

    def test_killed_between_two_networks(self):
        """prune finds every attachment, wherever davit was."""
        one, two = self.network(), self.network()
        for delay in (0.05, 0.15, 0.3, 0.5, 0.8):
            process = self.start("run", "--rm", "--network", one, "--network", two, "-p", "18122:80", Machine.image, "sleep", "1000")
            time.sleep(delay * Machine.slow)
            process.kill()
            process.wait()

        def clean():
            for row in self.rows("ps", "-a"):
                self.davit("rm", "-f", get(row, "name"), code=None)
            self.davit("prune")
            return not glob.glob(f"/var/lib/cni/results/{one}-*") + glob.glob(f"/var/lib/cni/networks/{one}/10.*") \
                + glob.glob(f"/var/lib/cni/results/{two}-*") + glob.glob(f"/var/lib/cni/networks/{two}/10.*")
        wait_until("the end of all", clean)

    def test_joined(self):
        """Who joins a job of two networks has both, and what is said of the others."""
        one, two = self.network(), self.network()
        job = self.job("--network", one, "--network", two)
        side = self.job(network=f"container:{job}")
        self.assertEqual(self.sh(side, "ip -o addr"), self.sh(job, "ip -o addr"))
        third = self.job(network=two)
        self.assertRegex(self.sh(side, "cat /etc/hosts"), rf"(?m)^10\S+\t{third}$")
        self.davit("rm", "-f", job)
        self.assertRegex(self.sh(side, "ip -o -4 addr"), r"eth1")
        self.davit("rm", "-f", side)
        self.assertEqual(glob.glob(f"/var/lib/cni/results/*{job}*"), [])

    def test_address_and_mac(self):
        name = self.network("--subnet", "10.97.24.0/24", "--subnet", "fd00:97:24::/64")
        v6 = os.path.exists("/proc/net/if_inet6")
        job = self.job("--network", name, "--ip", "10.97.24.77", *(["--ip6", "fd00:97:24::77"] if v6 else []), "--mac-address", "02:42:ac:00:24:77")
        out = self.sh(job, "ip addr show eth0")
        for text in ("inet 10.97.24.77/24", "link/ether 02:42:ac:00:24:77", *(["inet6 fd00:97:24::77/64"] if v6 else [])):
            self.assertIn(text, out)
        self.fails("run", "--rm", "--network", name, "--ip", "10.97.24.77", Machine.image, "true", says=["10.97.24.77", "used by container " + job])
        self.fails("run", "--rm", "--network", name, "--ip", "10.97.24.1", Machine.image, "true", says=["10.97.24.1", "gateway"])
        self.fails("run", "--rm", "--network", name, "--ip", "10.98.24.1", Machine.image, "true", says=["10.98.24.1", "10.97.24.0/24"])
        self.davit("restart", "-t", "0", job)
        self.assertIn("inet 10.97.24.77/24", self.sh(job, "ip addr show eth0"))
        out = self.davit("run", "--rm", "--network", f"name={name},ip=10.97.24.78,mac-address=02:42:ac:00:24:78", Machine.image, "ip", "addr").out
        self.assertIn("10.97.24.78/24", out)
        self.assertIn("02:42:ac:00:24:78", out)

    def test_of_the_second_network(self):
        one, two = self.network(), self.network("--subnet", "10.97.25.0/24")
        job = self.job("--network", one, "--network", f"name={two},ip=10.97.25.9,mac-address=02:42:ac:00:25:09,alias=far")
        out = self.sh(job, "ip addr show eth1; ip addr show eth0")
        self.assertIn("10.97.25.9/24", out)
        self.assertEqual(out.count("02:42:ac:00:25:09"), 1)
        self.assertRegex(self.davit("run", "--rm", "--network", two, Machine.image, "cat", "/etc/hosts").out, r"(?m)^10\.97\.25\.9\t\S+ far$")
        self.assertNotIn("far", self.davit("run", "--rm", "--network", one, Machine.image, "cat", "/etc/hosts").out)

    def test_a_wish_that_is_not_fulfilled(self):
        """By capability, by args, by static addresses; and plugins that know of no wishes."""
        bridge = '{"cniVersion":"1.0.0","name":"%s","plugins":[{"type":"bridge","bridge":"wish0",%s"ipam":{"type":"%s",%s}}]}'
        self.addCleanup(subprocess.run, ["ip", "link", "del", "wish0"])
        with conflist("able", bridge % ("able", '"capabilities":{"ips":true,"mac":true},', "host-local", '"ranges":[[{"subnet":"10.97.26.0/24"}]]')):
            out = self.davit("run", "--rm", "--network", "able", "--ip", "10.97.26.7", "--mac-address", "02:42:ac:00:26:07", Machine.image,
                             "ip", "addr").out
            self.assertIn("10.97.26.7/24", out)
            self.assertIn("02:42:ac:00:26:07", out)
        with conflist("fixed", bridge % ("fixed", "", "static", '"addresses":[{"address":"10.97.26.3/24"}]')):
            self.assertIn("10.97.26.9/24", self.davit("run", "--rm", "--network", "fixed", "--ip", "10.97.26.9", Machine.image, "ip", "addr").out)
        folder = os.path.join(self.folder, "plugins")
        os.mkdir(folder)
        with open(os.path.join(folder, "deaf"), "w") as f:
            f.write('#!/bin/sh\n[ "$CNI_COMMAND" = ADD ] && echo \'{"cniVersion":"1.0.0","interfaces":[{"name":"eth0","mac":"02:00:00:00:00:01",'
                    '"sandbox":"x"}],"ips":[{"address":"10.97.27.2/24"}]}\'\nexit 0\n')
        os.chmod(os.path.join(folder, "deaf"), 0o755)
        with conflist("deaf", '{"cniVersion":"1.0.0","name":"deaf","plugins":[{"type":"deaf"}]}'):
            run = ("--cni-path", folder, "run", "--rm", "--network", "deaf")
            self.fails(*run, "--ip", "10.97.27.9", Machine.image, "true", says=["network deaf", "10.97.27.2/24", "10.97.27.9"])
            self.fails(*run, "--mac-address", "02:00:00:00:00:02", Machine.image, "true", says=["network deaf", "02:00:00:00:00:01", "02:00:00:00:00:02"])
            self.davit(*run, "--ip", "10.97.27.2", Machine.image, "true")
        wait_until("what --rm takes away behind its answer", lambda: not glob.glob("/var/lib/cni/results/deaf-*"))

    def test_refusals(self):
        one = self.network()
        rows = [(["--network", "none", "--ip", "10.1.1.1"], ["ip", "none"]),
                (["--network", "host", "--mac-address", "02:42:ac:00:00:01"], ["mac-address", "host"]),
                (["--network", "host", "--network-alias", "x"], ["network-alias", "host"]), (["--network", one, "--network", "host"], ["host", "stands alone"]),
                (["--network", one, "--network", f"name={one},alias=x"], [one, "already"]), (["--network", one, "--ip", "10.1.1"], ["10.1.1"]),
                (["--network", one, "--ip", "10.1.1.1", "--ip", "10.1.1.2"], ["10.1.1.2", "one of each family"]),
                (["--network", one, "--mac-address", "01:00:00:00:00:01"], ["01:00:00:00:00:01", "group"]),
                (["--network", one, "--network-alias", "a b"], ["a b"]), (["--network", f"name={one},colour=red"], ["colour", "alias"]),
                (["--network", f"{one}", "--network", "absent7"], ["absent7", "not found"]), (["--host-dns", "--dns", "1.1.1.1"], ["host-dns", "dns"]),
                (["--network", "davit", "--network", "bridge"], ["davit", "twice"])]
        for flags, says in rows:
            with self.subTest(flags=flags):
                self.fails("run", "--rm", *flags, Machine.image, "true", says=says)


class Names(Networks):
    """Jobs on one network find each other, in hosts files that are kept current."""

    def hosts(self, job):
        return self.sh(job, "cat /etc/hosts")

    def address(self, job, network):
        return next(n["ips"][0].split("/")[0] for n in self.json("inspect", job)[0]["networks"] if n["name"] == network)

    def test_join_and_leave(self):
        net = self.network()
        first = self.job("--network", net, "--network-alias", "db", "--hostname", "own")
        second = self.job("--network", net)
        for job, other, names in ((first, second, second), (second, first, f"{first} db")):
            self.assertIn(f"\n{self.address(other, net)}\t{names}\n", self.hosts(job))
        self.assertIn(f"{self.address(first, net)}\town {first} db\n", self.hosts(first))
        web = self.job("--network", net, command=HTTPD)
        page = "i=0; until wget -q -O - http://%s:8080/; do i=$((i+1)); [ $i -lt 100 ] || exit 1; sleep 0.1; done" % web
        self.assertIn("served by davit", self.sh(first, page))
        self.sh(second, "ping -c 1 -W 5 db")
        self.davit("stop", "-t", "0", web)
        self.assertNotIn(web, self.hosts(first))
        self.davit("start", web)
        self.assertIn(web, self.hosts(first))
        self.davit("rm", "-f", web)
        self.assertNotIn(web, self.hosts(first))
        self.davit("rm", "-f", second)
        self.assertNotIn("# davit", self.hosts(first))
        self.davit("run", "--rm", "--name", "passes", "--network", net, Machine.image, "true")
        wait_until("the end of its removal", lambda: "passes" not in self.hosts(first))

    def test_other_networks_and_namespaces_are_others(self):
        one, two = self.network(), self.network()
        first, both = self.job("--network", one), self.job("--network", one, "--network", two)
        far = self.job("--network", two)
        self.assertIn(both, self.hosts(first))
        self.assertNotIn(far, self.hosts(first))
        self.assertIn(far, self.hosts(both))
        self.assertEqual(self.hosts(far).count(both), 1)
        self.assertIn(f"\n{self.address(both, two)}\t{both}\n", self.hosts(far))
        quiet = self.job()
        self.assertNotIn(first, self.hosts(quiet))

    def test_the_job_s_own_lines_stay(self):
        net = self.network()
        first = self.job("--network", net)
        self.sh(first, "echo 192.0.2.77 mine >>/etc/hosts")
        second = self.job("--network", net)
        self.sh(first, "echo 192.0.2.78 last >>/etc/hosts")
        third = self.job("--network", net)
        self.davit("rm", "-f", second)
        now = self.hosts(first)
        for text in ("192.0.2.77 mine", "192.0.2.78 last", third):
            self.assertIn(text, now)
        self.assertNotIn(second, now)
        self.sh(first, "echo '192.0.2.79 alone' >/etc/hosts")
        fourth = self.job("--network", net)
        self.assertTrue(self.hosts(first).startswith("192.0.2.79 alone\n"))
        self.assertIn(fourth, self.hosts(first))

    def test_what_a_job_makes_of_its_file(self):
        """Too long, a lease, a link in its folder: no start waits, nothing else is written."""
        net = self.network()
        long = self.job("--network", net)
        self.sh(long, "head -c 2000000 /dev/zero | tr '\\0' '#' >/etc/hosts")
        size = self.sh(long, "wc -c </etc/hosts")
        linked = self.job("--network", net)
        folder = next(x for x in glob.glob("/var/lib/davit/files/*/*") if linked in x)
        victim = os.path.join(self.folder, "victim")
        with open(victim, "w") as f:
            f.write("untouched\n")
        os.rename(folder + "/hosts", folder + "/away")
        os.symlink(victim, folder + "/hosts")
        fifo = self.job("--network", net)
        folder = next(x for x in glob.glob("/var/lib/davit/files/*/*") if fifo in x)
        os.rename(folder + "/hosts", folder + "/away")
        os.mkfifo(folder + "/hosts")
        began = time.monotonic()
        other = self.job("--network", net)
        self.assertLess(time.monotonic() - began, 20 * Machine.slow)
        self.assertIn(long, self.hosts(other))
        self.assertEqual(self.sh(long, "wc -c </etc/hosts"), size)
        with open(victim) as f:
            self.assertEqual(f.read(), "untouched\n")

    def test_killed(self):
        """The job, then davit itself: who is gone is gone from the others' files once it is removed."""
        net = self.network()
        watcher = self.job("--network", net)
        job = self.job("--network", net)
        self.davit("kill", job)
        wait_until("the end", lambda: self.state(job) == "exited")
        self.davit("rm", job)
        self.assertNotIn(job, self.hosts(watcher))
        process = self.start("run", "--rm", "--name", "foreground", "--network", net, Machine.image, "sleep", "1000")
        wait_until("the name", lambda: "foreground" in self.hosts(watcher))
        process.kill()
        process.wait()
        self.davit("rm", "-f", "foreground")
        self.davit("prune")
        self.assertNotIn("foreground", self.hosts(watcher))

    def test_many_at_once(self):
        net = self.network()
        watcher = self.job("--network", net)
        names = ["w" + os.urandom(3).hex() for _ in range(8)]
        for name in names:
            self.addCleanup(self.davit, "rm", "-f", name, code=None)
        for process in [self.start("run", "-d", "--name", n, "--network", net, Machine.image, "sleep", "1000") for n in names]:
            _, err = process.communicate(timeout=100 * Machine.slow)
            self.assertEqual(process.returncode, 0, err)
        for job in (watcher, *names):
            text = self.hosts(job)
            self.assertEqual([n for n in (watcher, *names) if n != job and f"\t{n}\n" not in text], [])
        for process in [self.start("rm", "-f", n) for n in names]:
            process.communicate(timeout=100 * Machine.slow)
        self.assertNotIn("# davit", self.hosts(watcher))


class Files(Case):
    def test_host_dns(self):
        """The host's file, and what becomes of it."""
        with open("/etc/resolv.conf") as f:
            before = f.read()
        job = self.job("--host-dns")
        show = lambda: self.davit("exec", job, "cat", "/etc/resolv.conf").out
        self.assertEqual(show(), before)
        with open("/etc/resolv.conf", "a") as f:
            f.write("# changed\n")
        try:
            self.assertEqual(show(), before + "# changed\n")
        finally:
            with open("/etc/resolv.conf", "w") as f:
                f.write(before)
        self.davit("exec", job, "sh", "-c", "echo x >>/etc/resolv.conf", code=1)

    def test_no_dns(self):
        """The image's resolv.conf stays, for the job and for who joins its network."""
        look = "grep -c resolv.conf /proc/mounts; cat /etc/resolv.conf 2>&1"
        job = self.job("--dns", "none")
        plain = self.davit("run", "--rm", "--network", "none", "--entrypoint", "sh", Machine.image, "-c", "grep -c resolv.conf /proc/mounts; true").out
        self.assertEqual(plain.strip(), "1")
        for out in (self.davit("exec", job, "sh", "-c", look + "; true").out,
                    self.davit("run", "--rm", "--network", f"container:{job}", Machine.image, "sh", "-c", look + "; true").out):
            self.assertRegex(out, r"^0\n(?!.*nameserver)")

    def test_extra_hosts(self):
        self.need_network()
        out = self.davit("run", "--rm", "--add-host", "a:192.0.2.1", "--add-host", "b:2001:db8::1", "--add-host", "gate:host-gateway", Machine.image,
                         "sh", "-c", "cat /etc/hosts; ip route | sed -n 's/default via //p'").out
        gateway = out.splitlines()[-1].split()[0]
        for line in ("192.0.2.1\ta", "2001:db8::1\tb", gateway + "\tgate"):
            self.assertIn(line, out.splitlines())
