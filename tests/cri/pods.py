"""Pod sandboxes: their life, their namespaces, their network, several containers in one."""
import json
import os
import socket
import subprocess
import time
import urllib.request

from lib import cri
from lib.case import wait_until
from lib.cri_case import CriCase, on_both

LEASE = "/var/lib/cni/networks/davit-cri"


def namespace(pid, kind):
    return os.readlink(f"/proc/{pid}/ns/{kind}")


def shims(sandbox):
    """Processes that serve a pod."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/cmdline") as f:
                words = f.read().split("\0")
        except OSError:
            continue
        if sandbox in words and "containerd-shim" in words[0]:
            found.append(int(pid))
    return found


class Life(CriCase):
    @on_both
    def test_sandbox(self):
        pod = self.pod(network="POD", hostname="crane", labels={"a": "1"}, annotations={"b": "2"})
        status = pod.status()
        self.assertEqual(status["state"], "SANDBOX_READY")
        self.assertEqual(status["metadata"]["name"], pod.name)
        self.assertEqual((status["labels"], status["annotations"], status["runtime_handler"]), ({"a": "1"}, {"b": "2"}, self.handler))
        self.assertRegex(status["network"]["ip"], r"^10\.88\.")
        self.assertEqual(len(shims(pod.id)), 1)
        pod.stop()
        stopped = pod.status()["state"]
        pod.stop()
        pod.remove()
        gone = cri.status_of("PodSandboxStatus", pod_sandbox_id=pod.id)
        pod.remove()
        self.assertEqual(shims(pod.id), [])
        self.assertEqual((stopped, gone), ("SANDBOX_NOTREADY", "NOT_FOUND"))

    @on_both
    def test_lists(self):
        one, two = self.pod(labels={"app": "one"}), self.pod(labels={"app": "two"})
        two.stop()

        def listed(**what):
            return {row["id"] for row in cri.call("ListPodSandbox", filter=what)["items"]}
        self.assertEqual(listed(label_selector={"app": "one"}), {one.id})
        self.assertEqual(listed(state={"state": "SANDBOX_NOTREADY"}), {two.id})
        self.assertEqual(listed(id=one.id[:20]), {one.id})
        c = one.container(labels={"tier": "web"})
        rows = cri.call("ListContainers", filter={"label_selector": {"tier": "web"}})["containers"]
        self.assertEqual([(r["id"], r["pod_sandbox_id"], r["state"]) for r in rows], [(c.id, one.id, "CONTAINER_CREATED")])
        c.start()
        self.assertEqual(cri.call("ListContainers", filter={"state": {"state": "CONTAINER_CREATED"}})["containers"], [])

    @on_both
    def test_stop_ends_containers(self):
        pod = self.pod()
        live, made = pod.run(), pod.container()
        pod.stop()
        status = live.status()
        seen = status["state"], status["exit_code"], status["reason"], made.state()
        self.assertEqual(seen[:2], ("CONTAINER_EXITED", 137))
        pod.remove()
        self.assertEqual(cri.status_of("ContainerStatus", container_id=live.id), "NOT_FOUND")
        return seen

    @on_both
    def test_remove_of_a_running_one(self):
        pod = self.pod()
        c = pod.run()
        pid = c.pid()
        pod.remove()
        self.assertFalse(os.path.exists(f"/proc/{pid}"))
        self.assertEqual(shims(pod.id), [])

    @on_both
    def test_killed_sandbox(self):
        """Its first process ends by itself: the pod is not ready, its containers go on where they have a pid namespace of their own."""
        pod = self.pod()
        c = pod.run()
        os.kill(pod.pid(), 9)
        wait_until("the sandbox's end", lambda: pod.status()["state"] == "SANDBOX_NOTREADY")
        self.assertEqual(c.sh("echo on"), "on\n")
        return c.state()


class Namespaces(CriCase):
    @on_both
    def test_table(self):
        """Each mode: whether the container shares it with the machine, with the sandbox, with another container."""
        seen = {}
        for option, kind, mode, node, sandbox, other in (
                ("network", "net", "NODE", True, True, True), ("network", "net", "POD", False, True, True),
                ("pid", "pid", "NODE", True, True, True), ("pid", "pid", "POD", False, True, True),
                ("pid", "pid", "CONTAINER", False, False, False),
                ("ipc", "ipc", "NODE", True, True, True), ("ipc", "ipc", "POD", False, True, True)):
            pod = self.pod(**{option: mode})
            one, two = pod.run(), pod.run()
            mine = namespace(one.pid(), kind)
            seen[option, mode] = (mine == namespace("self", kind), mine == namespace(pod.pid(), kind), mine == namespace(two.pid(), kind))
            self.assertEqual(seen[option, mode], (node, sandbox, other), (option, mode))
            self.assertNotEqual(namespace(one.pid(), "mnt"), namespace(two.pid(), "mnt"))
            pod.end()
        return seen

    @on_both
    def test_target(self):
        pod = self.pod(pid="CONTAINER")
        one = pod.run()
        two = pod.run(linux={"security_context": {"namespace_options": {"pid": "TARGET", "target_id": one.id}}})
        self.assertEqual(namespace(two.pid(), "pid"), namespace(one.pid(), "pid"))
        self.assertIn("sleep 1000", two.sh("cat /proc/1/cmdline | tr '\\0' ' '"))
        two.stop()
        self.assertEqual((two.state(), one.state()), ("EXITED", "RUNNING"))

    @on_both
    def test_shared_pids(self):
        """What a container leaves ends with it, where its processes are the sandbox's."""
        pod = self.pod(pid="POD")
        one, two = pod.run("sh", "-c", "(sleep 3333 & sleep 3334) & sleep 3335"), pod.run()
        wait_until("its children", lambda: "sleep 3333" in two.sh("ps -o args"))
        one.stop()
        wait_until("their end", lambda: "sleep 333" not in two.sh("ps -o args"))
        self.assertEqual(one.status()["exit_code"], 137)
        self.assertEqual(two.state(), "RUNNING")
        return sorted(line.strip() for line in two.sh("ps -o args").splitlines() if "pause" in line)

    @on_both
    def test_shared_memory(self):
        """A pod's containers have one /dev/shm, and SysV segments."""
        pod = self.pod()
        one, two = pod.run(), pod.run()
        one.sh("echo here >/dev/shm/note")
        self.assertEqual(two.sh("cat /dev/shm/note"), "here\n")

    @on_both
    def test_hostname(self):
        c = self.container(pod={"network": "POD", "hostname": "crane"})
        self.assertEqual(c.sh("hostname"), "crane\n")
        c = self.container(pod={"network": "NODE"})
        self.assertEqual(c.sh("hostname"), socket.gethostname() + "\n")

    @on_both
    def test_sysctls(self):
        c = self.container(pod={"network": "POD", "linux": {"sysctls": {"kernel.shm_rmid_forced": "1", "net.ipv4.ip_local_port_range": "4000 5000"}}})
        self.assertEqual(c.sh("cat /proc/sys/kernel/shm_rmid_forced /proc/sys/net/ipv4/ip_local_port_range").split(), ["1", "4000", "5000"])


class Network(CriCase):
    @on_both
    def test_two_in_one(self):
        """They reach each other at localhost, and the machine reaches them at the pod's address and at the forwarded port."""
        pod = self.pod(network="POD", port_mappings=[{"container_port": 8080, "host_port": 18080}])
        web, other = pod.run("httpd", "-f", "-p", "8080", "-h", "/www"), pod.run()
        wait_until("the server", lambda: other.sync("wget", "-qO-", "http://127.0.0.1:8080/")[0] == 0)
        address = pod.status()["network"]["ip"]
        with urllib.request.urlopen(f"http://{address}:8080/", timeout=10) as r:
            self.assertIn(b"served by davit", r.read())
        gateway = os.path.join(LEASE, address)
        self.assertTrue(os.path.exists(gateway), os.listdir(LEASE))
        web.stop()
        self.assertNotEqual(other.sync("wget", "-qO-", "http://127.0.0.1:8080/")[0], 0)
        pod.stop()
        self.assertFalse(os.path.exists(gateway))

    @on_both
    def test_dns(self):
        c = self.container(pod={"network": "POD", "dns_config": {"servers": ["10.0.0.9"], "searches": ["a.b"], "options": ["ndots:5"]}})
        return c.sh("cat /etc/resolv.conf")

    @on_both
    def test_host_port_ends(self):
        pod = self.pod(network="POD", port_mappings=[{"container_port": 80, "host_port": 18081}])
        pod.end()
        with socket.socket() as s:
            s.bind(("0.0.0.0", 18081))


class Info(CriCase):
    @on_both
    def test_spec(self):
        """What containerd's CRI plugin was told of the handler, and the pod's one shim for all."""
        pod = self.pod()
        one, two = pod.run(), pod.run()
        self.assertEqual(len(shims(pod.id)), 1)
        info = one.info()
        self.assertEqual(info["runtimeType"], "io.containerd.runc.v2" if self.handler == cri.STOCK else "io.containerd.davit.v2")
        self.assertEqual(info["sandboxID"], pod.id)
        two.remove()
        self.assertEqual(len(shims(pod.id)), 1)
        return sorted(info["runtimeSpec"]["annotations"])


class Events(CriCase):
    def listen(self):
        process = subprocess.Popen(cri.command("GetContainerEvents", 60), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.stack.callback(lambda: (process.kill(), process.communicate()))
        process.stdin.write("{}")
        process.stdin.close()
        process.stdin = None
        return process

    @on_both
    def test_order(self):
        """What the kubelet is told of a container that ends by itself, and of its pod."""
        listener = self.listen()
        time.sleep(1)  # nothing tells when it is heard
        self.pod().end()  # in containerd 1.7 a listener that has gone takes one event with it
        pod = self.pod()
        c = pod.run("true")
        c.wait()
        c.remove()
        pod.stop()
        pod.remove()
        seen, names = [], {c.id: "container", pod.id: "pod"}
        for line in listener.stdout:
            event = json.loads(line)
            seen.append((names.get(event["container_id"]), event["container_event_type"]))
            if seen[-1] == ("pod", "CONTAINER_DELETED_EVENT"):
                break
        else:
            self.assertEqual(cri.STATUSES.get(listener.wait(60)), "UNIMPLEMENTED")  # containerd 1.6
        return [[kind for what, kind in seen if what == name] for name in ("container", "pod")]
