"""The image service, and the client's own errors."""
import json
import subprocess

from lib import cri
from lib.case import Machine
from lib.cri_case import CriCase
from lib.cri_machine import OTHER, SIGNALLED


class Images(CriCase):
    def name(self, image):
        return {"image": f"{Machine.host}/{image}"}

    def test_pull_and_remove(self):
        ref = cri.call("PullImage", image=self.name(OTHER))["image_ref"]
        status = cri.call("ImageStatus", image=self.name(OTHER))["image"]
        self.assertIn(self.name(OTHER)["image"], status["repo_tags"])
        self.assertTrue(ref in [status["id"], *status["repo_digests"]], (ref, status))
        self.assertGreater(status["size"], 1000)
        self.assertIn(status["id"], [i["id"] for i in cri.call("ListImages")["images"]])
        cri.call("RemoveImage", image=self.name(OTHER))
        self.assertNotIn("image", cri.call("ImageStatus", image=self.name(OTHER)))
        cri.call("RemoveImage", image=self.name(OTHER))

    def test_user(self):
        """The image's user is told to whom has to allow it."""
        self.assertEqual(cri.call("ImageStatus", image=self.name(SIGNALLED))["image"]["username"], "web")

    def test_not_there(self):
        with self.assertRaises(cri.CriError):
            cri.call("PullImage", image=self.name("davit/none:1"))

    def test_file_system(self):
        rows = cri.call("ImageFsInfo")["image_filesystems"]
        self.assertTrue(rows and "used_bytes" in rows[0], rows)


class Runtime(CriCase):
    def test_version(self):
        self.assertEqual(cri.call("Version")["runtime_name"], "containerd")
        conditions = {c["type"]: c["status"] for c in cri.call("Status")["status"]["conditions"]}
        self.assertTrue(conditions["RuntimeReady"] and conditions["NetworkReady"], conditions)

    def test_handlers(self):
        """Both are there, and can do the same (containerd 2.0 and later tell what)."""
        info = json.loads(cri.call("Status", verbose=True)["info"]["config"])
        self.assertTrue(set(cri.HANDLERS) <= set(info["containerd"]["runtimes"]), info["containerd"]["runtimes"].keys())
        features = {row["name"]: row.get("features") for row in cri.call("Status")["runtime_handlers"]}
        self.assertIn(features.get(cri.OURS), (None, features.get(cri.STOCK)))  # containerd 2 asks only runtimes of the stock one's type

    def test_unknown_handler(self):
        with self.assertRaises(cri.CriError) as caught:
            cri.call("RunPodSandbox", runtime_handler="nobody", config={"metadata": {"name": "x", "uid": "x", "namespace": "tests"}})
        self.assertIn("nobody", caught.exception.text)

    def test_client(self):
        """cri-call says what is wrong with what it is given."""
        for words, text, says in ((["Version"], "[]", "has to be an object"), (["Version"], '{"a":1}', "has no a"), (["Nothing"], "{}", "no such method"),
                                  (["--timeout", "0", "Version"], "{}", "--timeout"), ([], "{}", "usage")):
            done = subprocess.run(cri.command("x")[:3] + words, input=text, capture_output=True, text=True)
            self.assertEqual(done.returncode, 64, words)
            self.assertIn(says, done.stderr)
