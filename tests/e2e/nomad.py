"""Nomad job files: davit run -f FILE, and a look into the containers of what it made."""
import os
import re
import socket

from lib.case import Case, Machine, wait_until


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Nomad(Case):
    def file(self, text, name="job.nomad.hcl"):
        path = os.path.join(self.folder, name)
        with open(path, "w") as f:
            f.write('variable "image" { type = string }\n' + text)
        return path

    def up(self, text, *flags, made=()):
        """Runs it, and removes what it makes when the test ends."""
        self.addCleanup(lambda: self.davit("rm", "-f", *made, code=None))
        return self.davit("run", "-d", "--var", f"image={Machine.image}", *flags, "-f", self.file(text))

    def look(self, task, script):
        return self.davit("exec", task, "sh", "-c", script).out

    def sleeping(self, name, config="", task="", group="", job="", script="while :; do sleep 1; done"):
        return f"""
job "{name}" {{
  {job}
  group "g" {{
    {group}
    task "t" {{
      driver       = "containerd-driver"
      kill_timeout = "1s"
      {task}
      config {{
        image   = var.image
        command = "sh"
        args    = ["-c", "{script}"]
        {config}
      }}
    }}
  }}
}}
"""


class OneTask(Nomad):
    def test_limits_and_process(self):
        self.up(self.sleeping("n1", config="""
        work_dir        = "/srv"
        readonly_rootfs = true
        cap_drop        = ["all"]
        cap_add         = ["CAP_NET_RAW"]
        hostname        = "foobar"
        pids_limit      = 77
        sysctl          = { "net.core.somaxconn" = "777" }
        ulimit { nofile = "111:222" }
        tmpfs           = ["/srv"]
        """, task="""
        user = "1000:1000"
        resources {
          cpu        = 321
          memory     = 32
          memory_max = 64
        }
        """), made=["n1-g-0"])
        self.assertEqual(self.look("n1-g-0", "pwd; id -u; id -g; hostname"), "/srv\n1000\n1000\nfoobar\n")
        self.assertEqual(self.look("n1-g-0", "cat /proc/sys/net/core/somaxconn; ulimit -Sn; ulimit -Hn"), "777\n111\n222\n")
        self.assertIn("Read-only", self.look("n1-g-0", "touch /x 2>&1; true"))
        self.assertEqual(self.look("n1-g-0", "grep CapBnd /proc/1/status").split()[1], "0000000000002000")
        groups = "/sys/fs/cgroup"
        found = self.look("n1-g-0", f"cat {groups}/memory/memory.limit_in_bytes {groups}/memory/memory.soft_limit_in_bytes "
                                    f"{groups}/pids/pids.max 2>/dev/null || cat {groups}/memory.max {groups}/memory.low {groups}/pids.max")
        self.assertEqual(found.split(), [str(64 << 20), str(32 << 20), "77"])

    def test_environment(self):
        self.up(self.sleeping("n2", job='meta { owner = "me" }', task="""
        env {
          WHERE = "${NOMAD_ALLOC_NAME} in ${NOMAD_ALLOC_DIR}"
          OWNER = "${NOMAD_META_owner}"
        }
        """), made=["n2-g-0"])
        env = dict(line.split("=", 1) for line in self.look("n2-g-0", "tr '\\0' '\\n' < /proc/1/environ").splitlines())
        self.assertEqual(env["WHERE"], "n2.g[0] in /alloc")
        self.assertEqual((env["OWNER"], env["NOMAD_META_OWNER"]), ("me", "me"))
        self.assertEqual((env["NOMAD_TASK_NAME"], env["NOMAD_GROUP_NAME"], env["NOMAD_JOB_NAME"]), ("t", "g", "n2"))
        self.assertEqual((env["NOMAD_ALLOC_INDEX"], env["NOMAD_MEMORY_LIMIT"], env["NOMAD_CPU_LIMIT"]), ("0", "300", "100"))
        self.assertRegex(env["NOMAD_ALLOC_ID"], r"^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-8[0-9a-f]{3}-[0-9a-f]{12}$")

    def test_templates_and_folders(self):
        """A file of local/ is mounted where the program wants it."""
        self.up(self.sleeping("n3", config="""
        mounts = [{ type = "bind", target = "/mosquitto/config/mosquitto.conf", source = "local/mosquitto.conf", options = ["rbind", "ro"] }]
        volumes = ["local/conf.d:/etc/conf.d"]
        """, task="""
        user = "1000"
        template {
          destination = "local/mosquitto.conf"
          data        = "bind_address 0.0.0.0\\nname {{ env \\"NOMAD_TASK_NAME\\" | toUpper }}\\n"
        }
        template {
          destination = "local/conf.d/a"
          data        = "a"
          perms       = "0640"
        }
        template {
          destination = "secrets/env"
          env         = true
          data        = "FROM_TEMPLATE={{ envOrDefault \\"NONE\\" \\"x\\" }}"
        }
        """), made=["n3-g-0"])
        text = "bind_address 0.0.0.0\nname T\n"
        self.assertEqual(self.look("n3-g-0", "cat /mosquitto/config/mosquitto.conf"), text)
        self.assertEqual(self.look("n3-g-0", "cat /local/mosquitto.conf; echo $FROM_TEMPLATE"), text + "x\n")
        self.assertEqual(self.look("n3-g-0", "stat -c %a /local/conf.d/a /etc/conf.d/a"), "640\n640\n")
        self.assertEqual(self.look("n3-g-0", "echo y > /etc/conf.d/b && cat /local/conf.d/b; echo z > /local/z; echo s > /secrets/s; "
                                             "grep -c ' /secrets tmpfs' /proc/mounts; ls -d /alloc/data /alloc/tmp"),
                         "y\n1\n/alloc/data\n/alloc/tmp\n")

    def test_host_volumes(self):
        with open(os.path.join(self.folder, "in"), "w") as f:
            f.write("hello\n")
        self.davit("volume", "create", "n4-data")
        self.addCleanup(self.remove_volumes, "n4-data")
        self.up(self.sleeping("n4", group="""
        volume "certs" {
          type      = "host"
          source    = "certs"
          read_only = true
        }
        volume "data" {
          type   = "host"
          source = "n4-data"
        }
        """, task="""
        volume_mount {
          volume      = "certs"
          destination = "/certs"
        }
        volume_mount {
          volume      = "data"
          destination = "/store"
        }
        """), "--host-volume", f"certs={self.folder}", made=["n4-g-0"])
        self.assertEqual(self.look("n4-g-0", "cat /certs/in; touch /certs/x 2>/dev/null || echo no; touch /store/x && echo yes"),
                         "hello\nno\nyes\n")
        self.davit("rm", "-f", "n4-g-0")
        self.assertEqual(self.run_sh("ls /store", "-v", "n4-data:/store").out, "x\n")

    def test_stopping(self):
        self.up(self.sleeping("n5", task='kill_signal = "SIGUSR1"',
                              script="trap 'echo got usr1; exit 3' USR1; echo up; while :; do sleep 0.1; done"), made=["n5-g-0"])
        wait_until("the trap", lambda: "up" in self.davit("logs", "n5-g-0").out)
        self.davit("stop", "n5-g-0")
        self.assertEqual(self.davit("logs", "n5-g-0").out, "up\ngot usr1\n")
        self.assertEqual(self.davit("wait", "n5-g-0").out, "3\n")


class Ports(Nomad):
    def served(self, port):
        with socket.create_connection(("127.0.0.1", int(port)), timeout=5) as s:
            s.sendall(b"GET /index.html HTTP/1.0\r\n\r\n")
            data = b""
            while chunk := s.recv(4096):
                data += chunk
            return data.decode().split("\r\n\r\n", 1)[-1]

    def group(self, name, network, extra=""):
        """A server that says what it knows of its port, and a sidecar that asks it over the group's loopback."""
        return f"""
job "{name}" {{
  group "g" {{
    network {{
      {network}
    }}
    task "server" {{
      driver       = "docker"
      kill_timeout = "1s"
      config {{
        image   = var.image
        ports   = ["http"]
        command = "sh"
        args    = ["-c", "mkdir /w; echo $NOMAD_HOST_PORT_http $NOMAD_PORT_http ${{NOMAD_ADDR_http}} > /w/index.html; httpd -f -p $NOMAD_PORT_http -h /w"]
      }}
      {extra}
    }}
    task "watch" {{
      driver       = "docker"
      kill_timeout = "1s"
      lifecycle {{
        hook    = "poststart"
        sidecar = true
      }}
      config {{
        image   = var.image
        command = "sh"
        args    = ["-c", "until wget -q -O /alloc/page http://127.0.0.1:$NOMAD_PORT_http/index.html; do sleep 0.2; done; while :; do sleep 1; done"]
      }}
    }}
  }}
}}
"""

    def check(self, name, inside):
        """What server and sidecar know of the port is what the host has of it."""
        job = f"{name}-g-0"
        wait_until("the page", lambda: self.davit("exec", f"{job}.watch", "cat", "/alloc/page", code=None).out.endswith("\n"))
        host, own, address = self.look(f"{job}.watch", "cat /alloc/page").split()
        self.assertEqual(own, inside or host)
        self.assertRegex(address, rf"^[0-9.]+:{host}$")
        self.assertEqual(self.served(host).split()[0], host)
        self.assertIn("page", self.look(f"{job}.server", "ls /alloc"))
        return host

    def test_static(self):
        port = free_port()
        self.up(self.group("p1", f'port "http" {{\n static = {port}\n to = 80\n }}'), made=["p1-g-0"])
        self.assertEqual(self.check("p1", "80"), str(port))

    def test_dynamic_with_to(self):
        self.up(self.group("p2", 'port "http" {\n to = 8080\n }'), made=["p2-g-0"])
        self.check("p2", "8080")

    def test_dynamic_without_to(self):
        self.up(self.group("p3", 'port "http" {}', """
        template {
          destination = "local/port"
          data        = "{{ env \\"NOMAD_HOST_PORT_http\\" }}"
        }
        """), made=["p3-g-0"])
        host = self.check("p3", None)
        self.assertEqual(self.look("p3-g-0.server", "cat /local/port"), host)

    def test_host_network(self):
        self.up(self.group("p4", 'mode = "host"\n port "http" {}'), made=["p4-g-0"])
        self.check("p4", None)

    def test_dns_and_count(self):
        self.up(self.sleeping("p6", group="""
        count = 2
        network {
          dns {
            servers  = ["127.0.0.1", "127.0.0.2"]
            searches = ["internal.corp"]
            options  = ["ndots:2"]
          }
        }
        """), made=["p6-g-0", "p6-g-1"])
        for i in range(2):
            self.assertEqual(re.findall(r"^(?:nameserver|search|options).*$", self.look(f"p6-g-{i}", "cat /etc/resolv.conf"), re.M),
                             ["nameserver 127.0.0.1", "nameserver 127.0.0.2", "search internal.corp", "options ndots:2"])
            self.assertEqual(self.look(f"p6-g-{i}", "echo $NOMAD_ALLOC_INDEX"), f"{i}\n")


class Whole(Nomad):
    def test_nothing_stays(self):
        self.up(self.sleeping("w1"), made=["w1-g-0"])
        self.look("w1-g-0", "echo x > /alloc/x; echo y > /local/y")
        self.davit("rm", "-f", "w1-g-0")
        self.assertFalse(os.path.exists(f"/var/lib/davit/folders/{Machine.ns}/w1-g-0"))

    def test_one_notice(self):
        done = self.up(self.sleeping("w2", group="update {}\n reschedule {}", job="constraint {}"), made=["w2-g-0"])
        self.assertEqual(done.err.count("only a Nomad cluster does it: constraint, reschedule, update"), 1, done)

    def test_errors_have_places(self):
        for text, says in [('job "j" {\n  group "g" {\n    cuont = 1\n  }\n}', 'job.nomad.hcl:4:5: group g: unknown key "cuont"'),
                           ('job "j" {\n  group "g" {\n    task "t" {\n      driver = "exec"\n    }\n  }\n}', 'driver "exec"')]:
            self.fails("run", "-d", "--var", "image=x", "-f", self.file(text), says=[says])
