"""Networks that Nomad makes: bridge with ports, CNI configurations, the host's, and none."""
import os
import re
import signal
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


class NetworkCase(NomadCase):
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


class Network(NetworkCase):
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

    def test_of_the_driver(self):
        """The mode that Nomad leaves to each driver stands in the task's own resources; a group of it is placed nowhere."""
        listen = "httpd -f -p $NOMAD_PORT_http -h /www"
        job = self.sh_job(listen, resources=network("driver", 'port "http" {}'), config={"ports": ["http"]}).running()
        self.assertEqual(self.devices(job), {"lo", "eth0"})
        own = self.agent.alloc(job.alloc)["AllocatedResources"]["Tasks"]["t"]["Networks"][0]["DynamicPorts"][0]["Value"]
        self.served(own)
        job.stop()
        wait_until("an end", lambda: not fetch(own), 20)

    def test_none(self):
        job, its = self.job(group=network("none")), self.nomads_own(network("none"))
        with self.unless_nomad_fails(job, its):
            self.assertEqual(self.devices(job.running()), {"lo"})

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


class Hostname(NetworkCase):
    """`network { hostname }` is for drivers that make the network themselves: with the others Nomad refuses it."""

    def test_it_is_refused_with_a_reason(self):
        job = self.job(group=network("bridge", 'hostname = "picard"')).failed()
        self.assertEqual(job.state().get("StartedAt"), None)
        wait_until("the reason", lambda: "hostname is not currently supported on driver" in self.agent.log()[self.log_from:], 10)


class GroupHostname(NetworkCase):
    """Where the driver makes the network: Nomad configures it, and does so once."""
    options = {"create_network": True, "gc": {"dangling_containers": {"period": "10s"}}}
    DNS = 'dns {\n servers = ["10.1.2.3"]\n searches = ["a.test"]\n}\nhostname = "picard"\n'

    def setUp(self):
        super().setUp()
        said = self.agent.api.get("agent/self")["config"]["Version"]["Version"]
        self.names = [int(n) for n in said.split(".")[:3]] >= [1, 11, 2]  # those before do not tell an external driver the name

    def pair(self, mode="bridge", more=""):
        job = self.group(task_block(SERVER, name="server"), task_block(name="t"), group=network(mode, port("http") + self.DNS + more)).running()
        return job.started("server").started("t")

    def netns(self, job):
        """Of each task, by its number; they are one, and the allocation's."""
        its = os.stat(f"/var/run/netns/{job.alloc}").st_ino
        for task in ("server", "t"):
            self.assertEqual(job.run("readlink", "/proc/self/ns/net", task=task).strip(), f"net:[{its}]")
        return its

    def all_there(self, job):
        """Name, hosts and name servers in both tasks; the page from the host and from the other task."""
        for task in ("server", "t"):
            self.assertIn("nameserver 10.1.2.3", job.run("cat", "/etc/resolv.conf", task=task))
            if self.names:
                self.assertEqual(job.run("hostname", task=task).strip(), "picard")
                lines = re.findall(r"(?m)^(\S+)\s.*\bpicard\b", job.run("cat", "/etc/hosts", task=task))
                self.assertEqual(len(lines), 1, lines)
                self.assertIn(f"inet {lines[0]}/", job.run("ip", "-4", "addr", "show", "eth0", task=task))
        self.served(self.ports(job)["http"])
        at = "picard" if self.names else "127.0.0.1"
        self.assertIn("served by davit", job.sh(f"wget -q -O - http://{at}:8080/index.html"))

    def restarts(self, job, task):
        """One more process of the task in the same network."""
        before = job.state(task)["Restarts"]
        self.agent.restart_task(job.alloc, task)
        wait_until(f"a restart of {task}", lambda: job.state(task)["Restarts"] > before and job.state(task)["State"] == "running", 40)

    def gone(self, job):
        path = f"/var/run/netns/{job.alloc}"
        job.stop()
        wait_until("the end of the network", lambda: not os.path.exists(path), 40)

    def test_dns_and_a_name_through_deaths(self):
        job = self.pair()
        its = self.netns(job)
        self.all_there(job)
        self.restarts(job, "t")
        self.all_there(job)
        self.restarts(job, "server")
        self.all_there(job)
        self.agent.restart()  # well: another plugin
        self.restarts(job, "t")
        self.assertEqual(self.netns(job), its)
        self.all_there(job)
        self.gone(job)

    def test_the_agent_is_killed(self):
        """Nomad 1.11.3 forgets networks that it has had for less than a minute."""
        job, other = self.pair(), self.nomads_own(network("bridge")).running()
        its = self.netns(job)
        self.agent.restart(signal.SIGKILL)
        with self.unless_nomad_fails(job, other):
            self.restarts(job, "server")
            self.assertEqual(self.netns(job), its)
            self.all_there(job)
        self.gone(job)

    def test_the_plugin_is_killed(self):
        """Nomad asks the dead one for the network's end: the next removes it by itself, and none that is in use."""
        job, other = self.pair(), self.job(group=network("bridge")).running()
        its = self.netns(job)
        self.new_plugin(self.kill_plugin())
        for task in ("server", "t"):
            wait_until(f"exec in {task}", lambda task=task: self.can_exec(job, task), 30)
        self.restarts(job, "server")
        self.assertEqual(self.netns(job), its)
        self.all_there(job)
        self.gone(job)
        self.assertIn("eth0", self.devices(other))
        self.assertTrue(os.path.exists(f"/var/run/netns/{other.alloc}"))

    def test_plugins_are_killed_before_they_look(self):
        """The one that was asked for the network's end is dead, the next one dies soon: a third one finds what they knew."""
        job, other = self.pair(), self.job(group=network("bridge")).running()
        self.new_plugin(self.kill_plugin())
        for task in ("server", "t"):
            wait_until(f"exec in {task}", lambda task=task: self.can_exec(job, task), 30)
        job.stop()
        self.new_plugin(self.kill_plugin())
        wait_until("exec in the other", lambda: self.can_exec(other, "t"), 30)
        self.gone(job)
        self.assertIn("eth0", self.devices(other))
        self.assertTrue(os.path.exists(f"/var/run/netns/{other.alloc}"))

    def test_a_network_of_cni(self):
        job = self.pair("cni/tests")
        self.netns(job)
        self.all_there(job)
        self.gone(job)

    def test_none(self):
        job, its = self.job(group=network("none", 'hostname = "riker"')), self.nomads_own(network("none"))
        with self.unless_nomad_fails(job, its):
            self.assertEqual(self.devices(job.running()), {"lo"})
        self.gone(job)

    def test_a_name_of_the_tasks_own_comes_first(self):
        job = self.job(group=network("bridge", 'hostname = "picard"'), config={"hostname": "kirk"}).running()
        self.assertEqual(job.run("hostname").strip(), "kirk")
        if self.names:
            self.assertRegex(job.run("cat", "/etc/hosts"), r"(?m)^\d+\.\S+\s+picard$")

    def test_without_a_name(self):
        job = self.job(SERVER, group=network("bridge", port("http"))).running()
        self.served(self.ports(job)["http"])

    def test_a_name_that_cannot_be(self):
        if not self.names:
            self.skipTest("this Nomad does not tell the driver")
        name = "a" * 63 + "." + "b" * 9
        job = self.job(group=network("bridge", f'hostname = "{name}"')).failed()
        self.assertFalse(os.path.exists(f"/var/run/netns/{job.alloc}"))
        self.assertIn("1 to 64 characters", self.agent.log()[self.log_from:])
