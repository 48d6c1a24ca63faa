"""Processes of containers: their ends, exec with and without terminal, attach, forwarded ports."""
import os
import signal
import threading
import time

from lib import cri
from lib.case import Machine, wait_until
from lib.cri_case import CriCase, on_both, without_ids
from lib.cri_machine import SIGNALLED
from lib.websocket import STDERR, Streams, through_port


def end_of(status):
    return status["state"], status["exit_code"], status["reason"], status["message"]


class Ends(CriCase):
    @on_both
    def test_by_itself(self):
        pod, seen = self.pod(), {}
        for script, code, reason in (("exit 0", 0, "Completed"), ("exit 3", 3, "Error"), ("exit 255", 255, "Error"), ("sh -c 'kill -9 $$'", 137, "Error")):
            c = pod.run("sh", "-c", f"sleep 0.1; {script}; exit $?")
            status = c.wait()
            self.assertEqual((status["exit_code"], status["reason"]), (code, reason), script)
            self.assertLess(status["created_at"], status["started_at"])
            self.assertLess(status["started_at"], status["finished_at"])
            seen[script] = end_of(status)
        return seen

    @on_both
    def test_killed(self):
        c = self.container()
        os.kill(c.pid(), signal.SIGTERM)  # the first process of a pid namespace hears only what it listens to
        os.kill(c.pid(), signal.SIGKILL)
        status = c.wait()
        self.assertEqual((status["exit_code"], status["reason"]), (137, "Error"))
        return end_of(status)

    @on_both
    def test_out_of_memory(self):
        """A child is killed, so that the container's end does not overtake the news: it offers itself, else the kernel may take the shell."""
        c = self.container("sh", "-c", "(echo 1000 >/proc/self/oom_score_adj; x=$(head -c 200000000 /dev/zero | tr '\\0' x); echo $x); sleep 2; exit 3",
                           linux={"resources": {"memory_limit_in_bytes": 16 << 20, "memory_swap_limit_in_bytes": 16 << 20}})
        status = c.wait(60)
        self.assertEqual((status["reason"], status["exit_code"]), ("OOMKilled", 3))
        return end_of(status)

    @on_both
    def test_not_found(self):
        """What cannot be started says so, is exited, and can be removed."""
        seen = {}
        for words in (["/nope"], ["nope"], ["/etc/passwd"], ["/bin/noexec"]):
            c = self.pod().container(command=words)
            with self.assertRaises(cri.CriError) as caught:
                c.start()
            status = c.status()
            self.assertEqual(status["state"], "CONTAINER_EXITED")
            seen[words[0]] = caught.exception.status, without_ids(caught.exception.text), *map(without_ids, map(str, end_of(status)))
            c.remove()
        return seen

    @on_both
    def test_wrong_folder(self):
        c = self.pod().container(working_dir="/etc/passwd")
        with self.assertRaises(cri.CriError) as caught:
            c.start()
        return caught.exception.status, c.state()

    @on_both
    def test_stop(self):
        """The image's signal, or SIGTERM; SIGKILL once the time is over."""
        pod, seen = self.pod(), {}
        listening = "trap 'echo stopped; exit 7' %s; echo ready; while :; do sleep 0.1; done"
        for name, image, script, timeout, code in (
                ("heard", None, listening % "TERM", 20, 7), ("deaf", None, "trap '' TERM; echo ready; while :; do sleep 0.1; done", 1, 137),
                ("at once", None, listening % "TERM", 0, 137), ("its signal", SIGNALLED, listening % "USR1", 20, 7)):
            c = pod.run("sh", "-c", script, image=image and f"{Machine.host}/{image}")
            wait_until("its word", lambda: "ready" in c.printed())
            c.stop(timeout)
            seen[name] = end_of(c.status()), c.printed()
            self.assertEqual(seen[name][0][1], code, name)
            c.stop(timeout)
        return seen

    @on_both
    def test_created_only(self):
        c = self.pod().container()
        seen = [c.state(), cri.status_of("ExecSync", container_id=c.id, cmd=["true"]), cri.status_of("StopContainer", container_id=c.id), c.state(),
                cri.status_of("RemoveContainer", container_id=c.id), cri.status_of("ContainerStatus", container_id=c.id)]
        self.assertEqual(seen[-1], "NOT_FOUND")
        return seen

    @on_both
    def test_removed_while_running(self):
        c = self.container()
        pid = c.pid()
        self.assertEqual(cri.status_of("RemoveContainer", container_id=c.id), "OK")
        self.assertFalse(os.path.exists(f"/proc/{pid}"))
        c.remove()

    @on_both
    def test_started_twice(self):
        c = self.container()
        seen = [cri.status_of("StartContainer", container_id=c.id)]
        c.stop()
        return seen + [cri.status_of("StartContainer", container_id=c.id)]

    @on_both
    def test_again(self):
        """A container of the same name once more, as the kubelet restarts one."""
        pod = self.pod()
        first = pod.run("sh", "-c", "echo one; exit 1", name="again")
        first.wait()
        second = pod.run("sh", "-c", "echo two; exit 2", name="again", metadata={"name": "again", "attempt": 1})
        seen = first.status()["exit_code"], second.wait()["exit_code"], second.printed()
        self.assertEqual(seen, (1, 2, "one\ntwo\n"))


class ExecSync(CriCase):
    @on_both
    def test_codes(self):
        c, seen = self.container(), {}
        for script in ("exit 0", "exit 42", "exit 255", "kill -9 $$", "kill -15 $$", "echo out; echo err >&2; exit 1", "nope", "printf 'a\\0b'", "cat", "tty"):
            seen[script] = c.sync("sh", "-c", script)
        self.assertEqual(seen["exit 42"], (42, "", ""))
        self.assertEqual(seen["kill -9 $$"], (137, "", ""))
        self.assertEqual(seen["echo out; echo err >&2; exit 1"], (1, "out\n", "err\n"))
        return seen

    @on_both
    def test_not_found(self):
        """No process comes to be: the call fails, and the container goes on."""
        c, seen = self.container(), {}
        for words in (["/nope"], ["/etc/passwd"], ["/bin/badformat"], [""]):
            try:
                seen[words[0]] = c.sync(*words)
            except cri.CriError as e:
                seen[words[0]] = e.status, without_ids(e.text)
        self.assertEqual(c.sh("echo on"), "on\n")
        return seen

    @on_both
    def test_timeout(self):
        c = self.container()
        with self.assertRaises(cri.CriError) as caught:
            c.sync("sleep", "777", timeout=1)
        self.assertEqual(caught.exception.status, "DEADLINE")
        wait_until("its end", lambda: "sleep 777" not in c.sh("ps -o args"))
        return without_ids(caught.exception.text)

    @on_both
    def test_much(self):
        c = self.container()
        code, out, err = c.sync("sh", "-c", "head -c 3000000 /dev/zero | tr '\\0' x; head -c 1000000 /dev/zero | tr '\\0' y >&2")
        self.assertEqual((code, len(out), out.strip("x"), len(err), err.strip("y")), (0, 3000000, "", 1000000, ""))

    @on_both
    def test_left_behind(self):
        """Who holds the output open does not hold the call up for ever; the suite's peer decides how long."""
        c = self.container()
        return c.sync("sh", "-c", "sleep 4 & echo done")

    @on_both
    def test_at_once(self):
        c, seen = self.container(), []
        threads = [threading.Thread(target=lambda i=i: seen.append(c.sync("sh", "-c", f"echo {i}; exit {i}"))) for i in range(12)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        self.assertEqual(sorted(seen), [(i, f"{i}\n", "") for i in range(12)])

    @on_both
    def test_user_and_environment(self):
        c = self.container(envs=[{"key": "CRANE", "value": "up"}], working_dir="/www",
                           linux={"security_context": {"run_as_user": {"value": 1000}, "supplemental_groups": [7]}})
        seen = c.sh("id -u; id -g; id -G; pwd; echo $CRANE; env | sort | cut -d= -f1")
        self.assertIn("up", seen)
        return seen

    @on_both
    def test_ends_with_its_container(self):
        c, seen = self.container(), []
        t = threading.Thread(target=lambda: seen.append(c.sync("sleep", "888")))
        t.start()
        wait_until("its start", lambda: "sleep 888" in c.sh("ps -o args"))
        c.stop()
        t.join(30)
        self.assertEqual(seen, [(137, "", "")])


class Exec(CriCase):
    def streams(self, c, *cmd, tty=False, stdin=True):
        url = cri.call("Exec", container_id=c.id, cmd=list(cmd), tty=tty, stdin=stdin, stdout=True, stderr=not tty)["url"]
        return Streams(url, seconds=30 * Machine.slow)

    @on_both
    def test_streams(self):
        c = self.container()
        with self.streams(c, "sh", "-c", "read line; echo got $line; echo bad >&2; exit 5") as s:
            s.type("fish\n")
            self.assertEqual(s.wait(), ("got fish\n", "bad\n", 5))

    @on_both
    def test_no_input(self):
        c = self.container()
        with self.streams(c, "sh", "-c", "cat; echo end", stdin=False) as s:
            self.assertEqual(s.wait(), ("end\n", "", 0))

    @on_both
    def test_end_of_input(self):
        c = self.container()
        with self.streams(c, "cat") as s:
            s.type("all of it\n")
            if not s.can_end_input():
                s.expect("all of it\n")
                return "v4"
            s.end_input()
            self.assertEqual(s.wait(), ("all of it\n", "", 0))
        return "v5"

    @on_both
    def test_terminal(self):
        c = self.container()
        with self.streams(c, "sh", tty=True) as s:
            s.resize(91, 37)
            s.type("test -t 0 && test -t 1 && test -t 2 && echo all-of'-'them\n")
            s.expect("all-of-them")
            s.type("while ! stty size | grep '37 91'; do sleep 0.1; done\n")
            s.expect("\n37 91")
            s.resize(120, 50)
            s.type("while ! stty size | grep '50 120'; do sleep 0.1; done\n")
            s.expect("\n50 120")
            s.type("sh -c 'echo as''leep; exec sleep 1000'\n")
            s.expect("\nasleep")
            s.type("\x03")
            s.type("echo int'er'rupted; exit 9\n")
            s.expect("interrupted")
            self.assertEqual(s.wait()[2], 9)

    @on_both
    def test_gone_client(self):
        """A client that goes: the process is told by the end of its input, and the container goes on."""
        c = self.container()
        with self.streams(c, "sh", "-c", "echo ready; cat; echo over >/tmp/over") as s:
            s.expect("ready")
        wait_until("its end", lambda: c.sync("cat", "/tmp/over")[1] == "over\n")

    @on_both
    def test_much(self):
        c = self.container()
        with self.streams(c, "sh", "-c", "head -c 2000000 /dev/zero | tr '\\0' x; head -c 1000000 /dev/zero | tr '\\0' y >&2", stdin=False) as s:
            out, err, code = s.wait()
        self.assertEqual((code, len(out), len(err)), (0, 2000000, 1000000))

    @on_both
    def test_not_found(self):
        c = self.container()
        with self.streams(c, "/nope", stdin=False) as s:
            return [without_ids(str(word)) for word in s.wait()]


class Attach(CriCase):
    def streams(self, c, tty=False, stdin=True):
        url = cri.call("Attach", container_id=c.id, tty=tty, stdin=stdin, stdout=True, stderr=not tty)["url"]
        return Streams(url, seconds=30 * Machine.slow)

    @on_both
    def test_again(self):
        """Attached, let go, attached again: the input stays open, and the log has all."""
        c = self.container("sh", "-c", "while read line; do echo got $line; echo no $line >&2; done; echo over", stdin=True)
        for word in ("one", "two"):
            with self.streams(c) as s:
                s.type(word + "\n")
                s.expect(f"got {word}\n")
                s.expect(f"no {word}\n", STDERR)
        self.assertEqual(c.state(), "RUNNING")
        wait_until("the log", lambda: c.printed() == "got one\ngot two\n")

    @on_both
    def test_once(self):
        """stdin_once: the input ends with the first that was attached."""
        c = self.container("sh", "-c", "cat; echo over", stdin=True, stdin_once=True)
        with self.streams(c) as s:
            s.type("first\n")
            s.expect("first\n")
        self.assertEqual(c.wait()["exit_code"], 0)
        self.assertEqual(c.printed(), "first\nover\n")

    @on_both
    def test_two(self):
        c = self.container("sh", "-c", "read line; echo to all; read line", stdin=True)
        with self.streams(c) as one, self.streams(c) as two:
            time.sleep(1)  # nothing tells when one is attached that has nothing to read
            two.type("\n")
            one.expect("to all\n")
            two.expect("to all\n")

    @on_both
    def test_terminal(self):
        c = self.container("sh", "-c", "while read line; do stty size; echo got $line; done", stdin=True, tty=True)
        with self.streams(c, tty=True) as s:
            s.resize(101, 41)
            s.type("a\n")
            s.expect("got a")
            s.type("b\n")
            s.expect("41 101")
            s.expect("got b")
        self.assertEqual(c.state(), "RUNNING")
        return c.status()["state"]

    @on_both
    def test_its_end(self):
        c = self.container("sh", "-c", "read line; echo bye; exit 4", stdin=True)
        with self.streams(c) as s:
            s.type("\n")
            s.expect("bye\n")
            s.wait()
        self.assertEqual(c.wait()["exit_code"], 4)


class PortForward(CriCase):
    @on_both
    def test_echo(self):
        pod = self.pod(network="POD")
        c = pod.run("nc", "-ll", "-p", "7777", "-e", "cat")
        wait_until("the listener", lambda: ":1E61" in c.sh("cat /proc/net/tcp /proc/net/tcp6"))
        url = cri.call("PortForward", pod_sandbox_id=pod.id, port=[7777])["url"]
        self.assertEqual(through_port(url, 7777, b"hello, port\n"), (b"hello, port\n", ""))

    @on_both
    def test_nobody(self):
        pod = self.pod(network="POD")
        url = cri.call("PortForward", pod_sandbox_id=pod.id, port=[7778])["url"]
        data, error = through_port(url, 7778, b"x\n")
        self.assertEqual(data, b"")
        self.assertIn("7778", error)
