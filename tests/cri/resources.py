"""Limits, their change while a container runs, statistics."""
import os
import time

from lib import cri
from lib.case import wait_until
from lib.cri_case import CriCase, on_both

MIB = 1 << 20
# the limit's file in each hierarchy
FILES = {
    "memory": ("memory/memory.limit_in_bytes", "memory.max"),
    "shares": ("cpu/cpu.shares", "cpu.weight"),
    "quota": ("cpu/cpu.cfs_quota_us", "cpu.max"),
    "cpus": ("cpuset/cpuset.cpus", "cpuset.cpus"),
}


def cgroup(pid, controller):
    """The folder of a process's cgroup; "": of the unified hierarchy."""
    with open(f"/proc/{pid}/cgroup") as f:
        for line in f:
            _, names, path = line.strip().split(":", 2)
            if controller in names.split(",") and (controller or not names):
                return f"/sys/fs/cgroup/{controller}{path}" if controller else "/sys/fs/cgroup" + path
    return None


def limit(pid, name):
    """What the kernel has."""
    one, two = FILES[name]
    controller, file = one.split("/")
    folder = cgroup(pid, controller)
    path = os.path.join(folder, file) if folder else os.path.join(cgroup(pid, ""), two)
    with open(path) as f:
        return f.read().strip()


class Limits(CriCase):
    @on_both
    def test_made(self):
        c = self.container(linux={"resources": {"memory_limit_in_bytes": 64 * MIB, "cpu_shares": 512, "cpu_quota": 50000, "cpu_period": 100000,
                                                "oom_score_adj": 500, "cpuset_cpus": "0"}})
        seen = {name: limit(c.pid(), name) for name in FILES}
        with open(f"/proc/{c.pid()}/oom_score_adj") as f:
            seen["oom"] = f.read()
        self.assertEqual(seen["memory"], str(64 * MIB))
        return seen

    @on_both
    def test_updated(self):
        c = self.container(linux={"resources": {"memory_limit_in_bytes": 64 * MIB, "cpu_shares": 512}})
        cri.call("UpdateContainerResources", container_id=c.id,
                 linux={"memory_limit_in_bytes": 96 * MIB, "cpu_shares": 256, "cpu_quota": 20000, "cpu_period": 100000, "cpuset_cpus": "1"})
        seen = {name: limit(c.pid(), name) for name in FILES}
        self.assertEqual((seen["memory"], seen["cpus"]), (str(96 * MIB), "1"))
        self.assertEqual(c.sh("echo on"), "on\n")
        return seen, c.status().get("resources")

    @on_both
    def test_updated_before_start(self):
        c = self.pod().container(linux={"resources": {"memory_limit_in_bytes": 64 * MIB}})
        cri.call("UpdateContainerResources", container_id=c.id, linux={"memory_limit_in_bytes": 80 * MIB})
        c.start()
        self.assertEqual(limit(c.pid(), "memory"), str(80 * MIB))

    @on_both
    def test_update_of_none(self):
        """One that has ended, and one that the kernel does not take."""
        c = self.container()
        with self.assertRaises(cri.CriError) as caught:
            cri.call("UpdateContainerResources", container_id=c.id, linux={"cpuset_cpus": "999"})
        seen = [caught.exception.status, c.state()]
        c.stop()
        return seen + [cri.status_of("UpdateContainerResources", container_id=c.id, linux={"memory_limit_in_bytes": 80 * MIB})]

    @on_both
    def test_parent(self):
        """Sandbox and containers stand below the pod's cgroup, each in one of its own."""
        pod = self.pod()
        c = pod.run()
        parent = pod.config["linux"]["cgroup_parent"]
        found = [cgroup(pid, "pids") or cgroup(pid, "") for pid in (pod.pid(), c.pid())]
        for path, name in zip(found, (pod.id, c.id)):
            self.assertTrue(path.endswith(f"{parent}/{name}"), path)
        c.remove()
        self.assertFalse(os.path.exists(found[1]))


def shape(value):
    """What members there are, without what differs each time."""
    if isinstance(value, dict):
        return {key: shape(member) for key, member in sorted(value.items())}
    return [shape(member) for member in value] if isinstance(value, list) else type(value).__name__


class Stats(CriCase):
    def busy(self, pod=None, **config):
        return (pod or self.pod()).run("sh", "-c", "dd if=/dev/zero of=/tmp/some bs=1M count=3 2>/dev/null; while :; do :; done", **config)

    def own(self, c):
        return cri.call("ContainerStats", container_id=c.id)["stats"]

    @on_both
    def test_container(self):
        c = self.busy(labels={"app": "busy"}, linux={"resources": {"memory_limit_in_bytes": 64 * MIB}})
        wait_until("some of its time", lambda: self.own(c)["cpu"]["usage_core_nano_seconds"]["value"] > 50_000_000)
        one = self.own(c)
        wait_until("more of it", lambda: self.own(c)["cpu"]["usage_core_nano_seconds"]["value"] > one["cpu"]["usage_core_nano_seconds"]["value"])
        self.assertEqual((one["attributes"]["id"], one["attributes"]["labels"]), (c.id, {"app": "busy"}))
        self.assertAlmostEqual(one["cpu"]["timestamp"] / 1e9, time.time(), delta=30)
        self.assertTrue(0 < one["memory"]["working_set_bytes"]["value"] <= 64 * MIB, one["memory"])
        return shape(one)

    @on_both
    def test_as_the_kernel_has_it(self):
        """The figures are those of the container's cgroup."""
        c = self.container("sh", "-c", "x=$(head -c 8000000 /dev/zero | tr '\\0' x); echo ready; read y", stdin=True)
        wait_until("its word", lambda: "ready" in c.printed())
        folder = cgroup(c.pid(), "memory")
        path = os.path.join(folder, "memory.usage_in_bytes") if folder else os.path.join(cgroup(c.pid(), ""), "memory.current")
        with open(path) as f:
            used = int(f.read())
        stats = self.own(c)["memory"]
        self.assertAlmostEqual(stats["usage_bytes"]["value"] / MIB, used / MIB, delta=1)
        self.assertGreater(stats["rss_bytes"]["value"], 8000000)
        self.assertGreater(stats["page_faults"]["value"], 100)

    @on_both
    def test_list(self):
        pod = self.pod()
        one, two, ended = pod.run(), pod.run(labels={"app": "two"}), pod.run("true")
        ended.wait()
        rows = cri.call("ListContainerStats", filter={"pod_sandbox_id": pod.id})["stats"]
        self.assertEqual({r["attributes"]["id"] for r in rows} - {ended.id}, {one.id, two.id})
        rows = cri.call("ListContainerStats", filter={"label_selector": {"app": "two"}})["stats"]
        self.assertEqual([r["attributes"]["id"] for r in rows], [two.id])
        two.stop()
        return cri.status_of("ContainerStats", container_id=two.id), cri.status_of("ContainerStats", container_id="none")

    @on_both
    def test_pod(self):
        pod = self.pod(network="POD")
        c = self.busy(pod)
        try:
            stats = cri.call("PodSandboxStats", pod_sandbox_id=pod.id)["stats"]
        except cri.CriError as e:
            self.assertEqual(e.status, "UNIMPLEMENTED")  # containerd 1.6
            return e.status
        self.assertEqual(stats["attributes"]["id"], pod.id)
        self.assertIn(c.id, {r["attributes"]["id"] for r in stats["linux"]["containers"]})
        processes = stats["linux"]["process"]["process_count"]["value"]
        self.assertGreaterEqual(processes, 1)
        rows = cri.call("ListPodSandboxStats", filter={"id": pod.id})["stats"]
        self.assertEqual([r["attributes"]["id"] for r in rows], [pod.id])
        return shape(stats), processes
