"""Options of containerd-driver: started with some, encoded as Nomad does it by the driver's own schema, and what has become of them."""
import contextlib
import json
import os

from lib.case import Machine
from lib.driver_plugin import DriverCase

MODES = {"allowed_modes": {mode: ["host"] for mode in ("pid", "ipc", "uts", "userns", "network", "cgroup")}}


class OptionsCase(DriverCase):
    def filled(self, value):
        if isinstance(value, str):
            return value.replace("{folder}", self.folder)
        if isinstance(value, list):
            return [self.filled(v) for v in value]
        return {k: self.filled(v) for k, v in value.items()} if isinstance(value, dict) else value

    def task_with(self, options, script="sleep 1000", **fields):
        """A TaskConfig; without a script, of what the options say alone."""
        words = {"command": "sh", "args": ["-c", f"({script}) >/local/out"]} if script else {}
        values = {"image": Machine.image, **words, **self.filled(options)}
        task = self.task(**fields)
        task["msgpack_driver_config"] = self.task_options({k: v for k, v in values.items() if v is not None})
        self.made.append(task["id"])
        return task

    def start_with(self, options, script=None, **fields):
        return self.session.ask("StartTask", task=self.task_with(options, script or "true", **fields))["handle"]

    def said(self, handle):
        result = self.wait_task(handle).next(60)["result"]
        with contextlib.suppress(FileNotFoundError), open(os.path.join(handle["config"]["alloc_dir"], "t/local/out")) as f:
            return f.read().strip(), result
        return "", result

    def says(self, options, script, **fields):
        """What a task that ends by itself says."""
        handle = self.start_with(options, script, **fields)
        text, result = self.said(handle)
        self.destroy(handle["config"]["id"])
        return text or str(result)

    def container(self, handle):
        """containerd's record of it."""
        name = self.inspect(handle)["driver"]["attributes"]["containerName"]
        return json.loads(Machine.containerd.ctr("containers", "info", name, ns=Machine.ns).stdout)
