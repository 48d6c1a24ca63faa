"""Job files made by chance, of what davit and Nomad both take: whole(SEED) is a text in HCL."""
import random


class Maker:
    def __init__(self, seed):
        self.r = random.Random(seed)
        self.lines, self.depth, self.seed = [], 0, seed

    def maybe(self, share=0.5):
        return self.r.random() < share

    def pick(self, *choices):
        return self.r.choice(choices)

    def put(self, line):
        self.lines.append("  " * self.depth + line)

    def block(self, head, fill):
        self.put(head + " {")
        self.depth += 1
        fill()
        self.depth -= 1
        self.put("}")

    def some(self, *lines, share=0.5):
        for line in lines:
            if self.maybe(share):
                self.put(line)

    def head(self):
        """Variables and locals of every kind, which the rest names."""
        self.block('variable "image"', lambda: (self.put("type = string"), self.put('default = "busybox:1"')))
        self.block('variable "many"', lambda: (self.put("type = number"), self.put(f"default = {self.r.randint(1, 3)}")))
        self.block('variable "words"', lambda: (self.put("type = list(string)"), self.put('default = ["a b", "c", ""]')))
        self.block('variable "ports"', lambda: self.put('default = { web = 80, admin = 8080 }'))
        self.block("locals", lambda: (self.put('name = "${var.image}-x"'), self.put('env = { A = upper("v"), B = "${var.many}" }'),
                                      self.put("half = var.many * 50")))

    def text(self):
        return self.pick('"a"', '"b c"', '""', "local.name", "var.image", '"${var.many}-${local.half}"', 'join("+", var.words)', '"é"',
                         'format("%03d", var.many)', '"$${x}"', '"50%"', "upper(var.image)", 'var.many > 1 ? "more" : "one"', "<<EOT\nl1\n  l2\nEOT\n")

    def word(self):
        return self.pick('"a"', "local.name", '"x${var.many}"', 'replace("a b", " ", "-")')

    def number(self, low, high):
        n = self.r.randint(low, high)
        return self.pick(str(n), f'"{n}"', f"{n} + 0", f"max({n}, {low})", f"floor({n}.5)")

    def time(self):
        return self.pick('"5s"', '"1m30s"', '"1500ms"', '"2m"', '"0h10s"', "7000000000")

    def texts(self):
        return self.pick("var.words", '["x", "y z"]', "[]", 'concat(["p"], var.words)', "[for w in var.words : upper(w)]", '["${var.many}", "q"]',
                         'split(",", "m,n")')

    def restart(self):
        def fill():
            self.some(f"attempts = {self.number(0, 5)}", f"interval = {self.time()}", f"delay = {self.time()}",
                      f'mode = "{self.pick("fail", "delay")}"', share=0.6)
        self.block("restart", fill)

    def port(self, name, static):
        def fill():
            if static:
                self.put(f"static = {static}")
            if self.maybe():
                self.put(f"to = {self.number(1, 9000)}")
        self.block(f'port "{name}"', fill)

    def network(self):
        def fill():
            mode = self.pick("bridge", "host", "none", None, None)
            if mode:
                self.put(f'mode = "{mode}"')
            self.some('hostname = "h1"')
            if self.maybe():
                self.block("dns", lambda: self.some('servers = ["1.1.1.1", "::1"]', 'searches = ["x.y"]', 'options = ["ndots:2"]', share=0.7))
            if mode == "none":  # davit says that no port leads there
                return
            for i in range(self.r.randint(0, 3)):
                self.port(f"p{i}", self.pick(0, 0, 3000 + i))
            if self.maybe(0.3):
                self.put('dynamic "port" {')
                self.put("  for_each = var.ports")
                self.put("  labels = [port.key]")
                self.put("  content {")
                self.put("    to = port.value")
                self.put("  }")
                self.put("}")
        self.block("network", fill)

    def resources(self):
        def fill():
            if self.maybe(0.3):
                self.put("cores = 2")
            elif self.maybe():
                self.put(f"cpu = {self.number(1, 4000)}")
            if self.maybe():
                self.put(f"memory = {self.number(10, 4000)}")
            if self.maybe(0.4):
                self.put(f"memory_max = {self.number(4000, 9000)}")
        self.block("resources", fill)

    def config(self, driver):
        def fill():
            self.put(f"image = {self.pick('var.image', 'local.name')}" if self.maybe() else 'image = "docker.io/library/a:1"')
            if self.maybe():
                self.put(f"command = {self.word()}")
            self.some(f"args = {self.texts()}", f"entrypoint = {self.texts()}", 'cap_add = ["net_admin"]', 'cap_drop = ["chown"]', "privileged = true",
                      "readonly_rootfs = true", f"pids_limit = {self.number(5, 50)}", share=0.3)
            if driver == "docker":
                self.some('work_dir = "/w"', 'labels = { a = "b" }', share=0.3)
                if self.maybe(0.3):
                    self.block("ulimit", lambda: self.put('nofile = "10:20"'))
            else:
                self.some('cwd = "/w"', share=0.3)
            if self.maybe(0.3):
                self.block("mount", lambda: (self.put('type = "bind"'), self.put('source = "/srv"'), self.put('target = "/mnt/x"')))
        self.block("config", fill)

    def template(self, i):
        def fill():
            self.put(f'destination = "{self.pick("local", "secrets")}/f{i}"' if self.maybe() else 'destination = "${NOMAD_TASK_DIR}/g%d"' % i)
            self.put(f"data = {self.text()}")
            self.some(f'perms = "{self.pick("600", "0640", "755")}"', 'change_mode = "noop"')
        self.block("template", fill)

    def task(self, name, hook, volumes):
        driver = self.pick("docker", "containerd-driver")

        def fill():
            self.put(f'driver = "{driver}"')
            self.some(f"kill_timeout = {self.time()}", f'kill_signal = "{self.pick("SIGINT", "SIGTERM", "SIGUSR1")}"', 'user = "1:2"', share=0.3)
            self.config(driver)
            if hook:
                self.block("lifecycle", lambda: (self.put(f'hook = "{hook}"'), self.some("sidecar = true" if hook != "poststop" else "sidecar = false")))
            if self.maybe(0.7):
                self.resources()
            if self.maybe(0.4):
                self.restart()
            if self.maybe():
                self.put("env = local.env" if self.maybe(0.3) else "env {\n" + "".join(f"E{i} = {self.text()}\n" for i in range(self.r.randint(0, 4))) + "}")
            if self.maybe(0.4):
                self.block("meta", lambda: self.some(f"k1 = {self.word()}", 'k-2 = "v"', share=0.7))
            for i in range(self.pick(0, 0, 1, 2)):
                self.template(i)
            if self.maybe(0.3):
                self.block("logs", lambda: self.some(f"max_files = {self.number(1, 20)}", f"max_file_size = {self.number(1, 30)}", share=0.7))
            for v in volumes:
                if self.maybe(0.7):
                    self.block("volume_mount", lambda v=v: (self.put(f'volume = "{v}"'), self.put(f'destination = "/d/{v}"'), self.some("read_only = true")))
        self.block(f'task "{name}"', fill)

    def group(self, name):
        volumes = [f"v{i}" for i in range(self.pick(0, 0, 1, 2))]

        def fill():
            if self.maybe(0.6):
                self.put(f"count = {self.pick('var.many', '2', '0 + 1')}")
            if self.maybe(0.7):
                self.network()
            if self.maybe(0.3):
                self.block("meta", lambda: self.some(f"k1 = {self.word()}", 'k3 = "w"', share=0.7))
            if self.maybe(0.4):
                self.restart()
            for v in volumes:
                self.block(f'volume "{v}"', lambda v=v: (self.put('type = "host"'), self.put(f'source = "s{v}"'), self.some("read_only = true", share=0.3)))
            self.task("main", None, volumes)
            for hook in ("prestart", "poststart", "poststop"):
                if self.maybe(0.25):
                    self.task(hook, hook, volumes)
            if self.maybe(0.2):
                self.block("constraint", lambda: (self.put('attribute = "${attr.kernel.name}"'), self.put('value = "linux"')))
        self.block(f'group "{name}"', fill)

    def whole(self):
        self.head()

        def fill():
            self.some('datacenters = ["dc7", "dc8"]', f'type = "{self.pick("service", "batch")}"', "priority = 70", 'region = "r"', f"name = {self.word()}")
            if self.maybe(0.4):
                self.block("meta", lambda: self.some(f"k1 = {self.text()}", 'k4 = "u"', share=0.7))
            for i in range(self.r.randint(1, 3)):
                self.group(f"g{i}")
        self.block(f'job "j{self.seed}"', fill)
        return "\n".join(self.lines) + "\n"


def whole(seed):
    return Maker(seed).whole()
