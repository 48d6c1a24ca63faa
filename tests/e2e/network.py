"""Networks and ports."""
import glob
import os
import re
import socket
import subprocess
import sys
import urllib.request

from lib import leaks
from lib.case import Case, Machine, get, wait_until

HTTPD = ("httpd", "-f", "-p", "8080", "-h", "/www")


def fetch(port, host="127.0.0.1"):
    with urllib.request.urlopen(f"http://{host}:{port}/", timeout=10) as page:
        return page.read().decode()


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
        out = self.run_sh("cat /etc/resolv.conf", "--dns", "192.0.2.53").out
        self.assertIn("nameserver 192.0.2.53", out)


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
        wait_until("the page", lambda: self.answers(18080))
        self.assertIn("served by davit", fetch(18080))

    def answers(self, port):
        try:
            return bool(fetch(port))
        except OSError:
            return False

    def test_it_is_shown(self):
        name = self.job("-p", "127.0.0.1:18081:8080/tcp", "-p", "18082:53/udp", network="davit", command=HTTPD)
        line = next(x for x in self.davit("ps").out.splitlines() if name in x)
        self.assertIn("127.0.0.1:18081->8080/tcp", line)
        self.assertIn("18082->53/udp", line)

    def test_a_free_port_is_chosen(self):
        name = self.job("-p", "8080", network="davit", command=HTTPD)
        line = next(x for x in self.davit("ps").out.splitlines() if name in x)
        port = int(re.search(r":(\d+)->8080/tcp", line).group(1))
        wait_until("the page", lambda: self.answers(port))

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
            s.settimeout(10 * Machine.slow)
            s.sendto(b"ping", ("127.0.0.1", 18053))
            self.assertEqual(s.recv(10), b"ping")

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
        script = f"i=0; until wget -q -O - http://{address}:8080/; do i=$((i+1)); [ $i -lt 50 ] || exit 1; sleep 0.1; done"
        self.assertIn("served by davit", self.davit("run", "--rm", Machine.image, "sh", "-c", script).out)


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
