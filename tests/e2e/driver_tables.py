"""Each option of the tables of docs/nomad.md is looked at by some case: in a row of the tables of driver_options.py and driver_conf.py, by a case
that is named here, or not, with the reason. What the tables call refused is refused by its name."""
import importlib.util
import os
import re
import sys

from lib.driver_plugin import Failed
from lib.options_case import OptionsCase

HERE = os.path.dirname(os.path.abspath(__file__))
DOCS = os.path.join(HERE, "../../docs/nomad.md")
CONF = os.path.join(HERE, "../../src/driver/task-conf.c")

# of tasks: the case that looks at it, which names it
TASK_CASES = {
    "load": "driver_images.test_load", "force_pull": "driver_images.test_force_pull", "image_pull_timeout": "driver_images.test_image_pull_timeout",
    "auth.username": "driver_images.forms", "auth.password": "driver_images.forms", "auth.server_address": "driver_images.test_for_another_registry",
    "auth.config": "driver_images.test_config_in_the_task_s_folder", "auth.helper": "driver_images.test_auth_soft_fail",
    "auth_soft_fail": "driver_images.test_auth_soft_fail", "os": "driver_images.test_of_another", "arch": "driver_images.test_of_another",
    "variant": "driver_images.test_of_another", "ports": "driver_tasks.test_one_of_its_own_with_ports", "interactive": "driver_options.test_input",
    "mounts.bind_options.propagation": "driver_options.test_propagation", "mounts.volume_options.no_copy": "driver_options.test_named_volumes",
    "mounts.volume_options.driver_config.name": "driver_options.test_named_volumes", "volume_driver": "driver_options.test_named_volumes",
    "mounts.volume_options.driver_config.options": "driver_options.test_named_volumes",
    "logging.driver": "driver_options.test_logging", "logging.type": "driver_options.test_logging",
}
TASK_REASONS = {}

PLUGIN_CASES = {
    "enabled": "driver_conf.test_enabled", "containerd_addr": "driver_conf.test_containerd_s_address",
    "containerd_address": "driver_conf.test_containerd_s_address", "containerd_namespace": "driver_conf.test_containerd_namespace",
    "stats_interval": "driver_conf.test_stats_interval", "auth.username": "driver_images.forms", "auth.password": "driver_images.forms",
    "auth.server_address": "driver_images.forms", "auth.config": "driver_images.forms", "auth.helper": "driver_images.forms",
    "gc.image": "driver_images.test_gc_image", "gc.image_delay": "driver_images.test_gc_image", "gc.container": "driver_conf.test_gc_container",
    "image_pull_timeout": "driver_images.test_image_pull_timeout", "disable_log_collection": "driver_conf.test_disable_log_collection",
    "create_network": "driver_conf.test_create_network", "logging.type": "driver_options.test_logging", "allowed_modes": "driver_conf.test_allowed_modes",
}
MINUTE = "at least a minute: tests/driver/{} has it with less"
PLUGIN_REASONS = {
    "pull_activity_timeout": MINUTE.format("images/test-task-images.c (silence_ends_it)"),
    **{f"gc.dangling_containers.{name}": MINUTE.format("test-calls.c (dangling_*)") for name in ("enabled", "period", "creation_grace", "dry_run")},
}


def sibling(name):
    """A suite beside this one, as tests/run loads it."""
    full = f"e2e.{name}"
    if full not in sys.modules:
        spec = importlib.util.spec_from_file_location(full, os.path.join(HERE, name + ".py"))
        sys.modules[full] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[full])
    return sys.modules[full]


def table(kind):
    """Of docs/nomad.md: each option, its type, and how it is supported."""
    with open(DOCS) as f:
        text = re.search(rf"<!-- table: {kind} options -->\n(.*?)<!-- end -->", f.read(), re.S).group(1)
    return {m[1]: (m[2], m[3]) for m in re.finditer(r"^\| `([\w.]+)` \| ([^|]*) \| [^|]*(?:\\\|[^|]*)* \| (supported|mapped|refused) \|", text, re.M)}


def names_of_schema(spec, prefix=""):
    for name, one in spec["object"]["attributes"].items():
        yield prefix + name
        block = one.get("block_value") or one.get("block_list")
        if block:
            yield from names_of_schema(block["nested"], prefix + name + ".")


def names_of_row(value, prefix=""):
    """Of what a job file says: a.b.c of each."""
    for one in value if isinstance(value, list) else [value]:
        if isinstance(one, dict):
            for name, inner in one.items():
                yield prefix + name
                yield from names_of_row(inner, prefix + name + ".")


def as_in_table(name):
    """`mount` has the same rows as `mounts`, which stand there once."""
    return re.sub(r"^mount\.", "mounts.", name)


WRONG = {"string": "x", "bool": True, "number": 1, "list(string)": ["x"], "any": {"a": "b"}}


class Tables(OptionsCase):
    def is_looked_at(self, table, rows, cases, reasons):
        named = {as_in_table(n) for row in rows for n in names_of_row(row)} | set(cases)
        blocks = {n.rsplit(".", 1)[0] for n in table if "." in n}
        missing = [n for n, (_, support) in table.items() if support != "refused" and n not in named and n not in reasons and n not in blocks]
        self.assertEqual(missing, [], "no case looks at these: a row, or a case or a reason in driver_tables.py")
        self.assertEqual(sorted((set(cases) | set(reasons)) - set(table)), [], "these are no options any more")
        self.assertEqual(sorted(set(reasons) & named), [], "these are looked at, in spite of the reason")
        for name, case in cases.items():
            self.names(name, *case.split("."))

    def names(self, option, module, case):
        """Does the case do something with it?"""
        with open(os.path.join(HERE, module + ".py")) as f:
            body = re.search(rf"\n    def {case}\(.*?(?=\n    def |\nclass |\Z)", f.read(), re.S)
        self.assertTrue(body, f"{option}: no {case} in {module}.py")
        self.assertRegex(body.group(0), rf"\b{option.rsplit('.', 1)[-1]}\b", f"{module}.{case} does not name it")

    def test_of_tasks(self):
        known, options = table("task"), sibling("driver_options")
        schema = {as_in_table(n) for n in names_of_schema(self.session.ask("TaskConfigSchema")["spec"])}
        said = {n for n in known if "." not in n or known[n.rsplit(".", 1)[0]][0] != "any"}  # what is of any form has no schema
        self.assertEqual(sorted(schema ^ said), [], "docs/nomad.md has not the options of the schema")
        rows = [row[0] for rows in (options.INSIDE, options.RECORD, options.REFUSED) for row in rows.values()]
        self.is_looked_at(known, rows, TASK_CASES, TASK_REASONS)

    def test_words_of_security_opt(self):
        """Each of the driver's table is in a row that starts something, and in the documentation."""
        with open(CONF) as f:
            words = re.findall(r'{ "([\w-]+)", opt_\w+ }', re.search(r"security_opts\[\] = {(.*?)\n};", f.read(), re.S).group(1))
        with open(DOCS) as f:
            documented = re.search(r"^\| `security_opt` .*$", f.read(), re.M).group(0)
        options = sibling("driver_options")
        said = {re.split("[=:]", text)[0] for rows in (options.INSIDE, options.RECORD) for row in rows.values() for text in row[0].get("security_opt", ())}
        self.assertGreater(len(words), 4)
        self.assertEqual([w for w in words if w not in said], [], "no row of driver_options.py says these")
        self.assertEqual([w for w in words if not re.search(rf"`{w}[=`]|, `{w}", documented)], [], "docs/nomad.md has not these")

    def test_of_the_plugin(self):
        """The schema of these says no more than their names: blocks are looked at by us."""
        known, conf = table("plugin"), sibling("driver_conf")
        schema = set(names_of_schema(self.session.ask("ConfigSchema")["spec"]))
        self.assertEqual(sorted(schema ^ {n for n in known if "." not in n}), [], "docs/nomad.md has not the options of the schema")
        rows = [row[0] for rows in (conf.INSIDE, conf.RECORD, sibling("driver_options").POLICY) for row in rows.values()]
        rows += [{"allowed_modes": {mode: [] for mode in conf.MODE_OPTIONS}}]
        self.is_looked_at(known, rows, PLUGIN_CASES, PLUGIN_REASONS)

    def refused_ones(self, kind):
        return {name: WRONG[type] for name, (type, support) in table(kind).items() if support == "refused"}

    def test_refused_ones_of_tasks(self):
        for name, value in self.refused_ones("task").items():
            with self.subTest(name):
                with self.assertRaises(Failed) as failed:
                    self.start_with({name: value})
                self.assertIn(f"option {name}: ", failed.exception.message)
                self.assertFalse(failed.exception.recoverable)

    def test_refused_ones_of_the_plugin(self):
        for name, value in self.refused_ones("plugin").items():
            with self.subTest(name):
                self.configure(**{name: value})
                call = self.session.begin("Fingerprint")
                said = call.next()
                call.cancel()
                self.assertEqual(said["health"], "UNHEALTHY")
                self.assertIn(f"option {name}: ", said["health_description"])
        self.configure()
