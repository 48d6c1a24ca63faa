"""Networks that Nomad makes: bridge with ports, CNI configurations, the host's, and none."""
import os
import re
import socket
import urllib.request

from lib.case import wait_until
from lib.nomad_case import NomadCase, task_block

SERVER = ("httpd", "-f", "-p", "8080", "-h", "/www")


def fetch(port, host="127.0.0.1"):
    try:
        with urllib.request.urlopen(f"http://{host}:{port}/index.html", timeout=5) as answer:
            return answer.read().decode()
    except OSError:
        return ""


def network(mode, more=""):
    return f'network {{\n mode = "{mode}"\n{more}\n}}\n'


def port(label, to=8080, static=None):
    return f'port "{label}" {{\n to = {to}\n' + (f" static = {static}\n" if static else "") + "}\n"


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Network(NomadCase):
    def setUp(self):
        super().setUp()
        with open("/proc/net/dev") as f:
            self.host_devices = set(re.findall(r"^ *(\w+):", f.read(), re.M))

    def ports(self, job):
        """{label: port on the host}"""
        shared = self.agent.alloc(job.alloc)["AllocatedResources"]["Shared"]
        return {p["Label"]: p["Value"] for p in shared["Ports"]}

    def served(self, at):
        wait_until("the page", lambda: "served by davit" in fetch(at), 20)

    def devices(self, job, task="t"):
        return set(re.findall(r"^ *(\w+):", job.run("cat", "/proc/net/dev", task=task), re.M))

    def test_bridge_with_a_dynamic_port(self):
        job = self.job(SERVER, group=network("bridge", port("http"))).running()
        self.served(self.ports(job)["http"])
        self.assertIn("eth0", self.devices(job))

    def test_bridge_with_a_static_port(self):
        static = free_port()
        job = self.job(SERVER, group=network("bridge", port("http", static=static))).running()
        self.assertEqual(self.ports(job), {"http": static})
        self.served(static)
        self.assertEqual(job.sh("echo $NOMAD_PORT_http $NOMAD_HOST_PORT_http").split(), ["8080", str(static)])
        job.stop()
        wait_until("an end", lambda: not fetch(static), 20)

    def test_tasks_of_a_group_share_one(self):
        job = self.group(task_block(SERVER, name="server"), task_block(name="t"), group=network("bridge")).running()
        job.started("server").started("t")
        wait_until("the page", lambda: "served by davit" in job.sh("wget -q -O - http://127.0.0.1:8080/index.html || true"), 20)

    def test_cni(self):
        static = free_port()
        job = self.job(SERVER, group=network("cni/tests", port("http", static=static))).running()
        self.assertIn("inet 10.99.", job.run("ip", "-4", "addr", "show", "eth0"))
        self.served(static)

    def test_host(self):
        for group in ("", network("host")):
            with self.subTest(group):
                job = self.job(group=group, config={"host_network": True}).running()
                self.assertTrue(self.host_devices <= self.devices(job))
                self.assertEqual(os.readlink(f"/proc/{job.pid()}/ns/net"), os.readlink("/proc/self/ns/net"))

    def test_without_a_block_it_is_davits_own(self):
        """As Docker's driver has its bridge: with a way out, and the ports that the task asks for."""
        job = self.job(SERVER, group=network("host", port("http")), config={"ports": ["http"]}).running()
        self.assertEqual(self.devices(job), {"lo", "eth0"})
        self.served(self.ports(job)["http"])

    def test_none(self):
        job = self.job(group=network("none")).running()
        self.assertEqual(self.devices(job), {"lo"})

    def test_dns_of_the_group(self):
        dns = 'dns {\n servers = ["10.1.2.3"]\n searches = ["a.test", "b.test"]\n options = ["ndots:3"]\n}\n'
        job = self.group(task_block(name="t"), task_block(name="u"), group=network("bridge", dns)).running()
        job.started("t").started("u")
        for task in ("t", "u"):
            said = job.run("cat", "/etc/resolv.conf", task=task)
            for line in ("nameserver 10.1.2.3", "search a.test b.test", "options ndots:3"):
                self.assertIn(line, said)

    def test_a_name_of_its_own(self):
        job = self.job(group=network("bridge"), config={"hostname": "kirk"}).running()
        self.assertEqual(job.run("hostname").strip(), "kirk")
        self.assertRegex(job.run("cat", "/etc/hosts"), r"(?m)^\d+\.\d+\.\d+\.\d+\s.*\bkirk\b")

    def test_extra_hosts_in_a_bridge(self):
        job = self.job(group=network("bridge"), config={"extra_hosts": ["db:10.5.5.5"]}).running()
        self.assertRegex(job.run("cat", "/etc/hosts"), r"(?m)^10\.5\.5\.5\s+db$")
        self.assertIn("localhost", job.run("cat", "/etc/hosts"))

    def test_a_bridge_and_host_network_are_refused(self):
        job = self.job(group=network("bridge"), config={"host_network": True}).failed()
        self.assertIn("host_network", "\n".join(job.says()))


class Hostname(NomadCase):
    """`network { hostname }` is for drivers that make the network themselves: with the others Nomad refuses it."""

    def test_it_is_the_groups_or_refused_with_a_reason(self):
        job = self.job(group=network("bridge", 'hostname = "picard"'))
        job.wait("running", "failed")
        if job.status() == "running":
            self.assertEqual(job.run("hostname").strip(), "picard")
        else:
            self.assertIn("hostname is not currently supported on driver", self.agent.log()[self.log_from:])

