"""port: where what a job publishes is found."""
from lib.case import Case


class Port(Case):
    def setUp(self):
        super().setUp()
        self.need_network()

    def test_all_and_one(self):
        self.job("-p", "18170:80", "-p", "127.0.0.1:18171:53/udp", "-p", "18172:53/tcp", "-p", "18173:80", name="o-web", network="davit")
        self.assertEqual(self.davit("port", "o-web").out.splitlines(), ["80/tcp -> 0.0.0.0:18170", "53/udp -> 127.0.0.1:18171",
                                                                        "53/tcp -> 0.0.0.0:18172", "80/tcp -> 0.0.0.0:18173"])
        self.assertEqual(self.davit("port", "o-web", "80").out, "0.0.0.0:18170\n0.0.0.0:18173\n")
        self.assertEqual(self.davit("port", "o-web", "53").out, "0.0.0.0:18172\n")
        self.assertEqual(self.davit("container", "port", "o-web", "53/udp").out, "127.0.0.1:18171\n")
        self.assertEqual(self.rows("port", "o-web", "53/udp"), [{"inside": 53, "proto": "udp", "host_ip": "127.0.0.1", "host": 18171}])
        self.fails("port", "o-web", "81", says=["job o-web: does not publish port 81/tcp", "davit port o-web"])
        self.davit("stop", "-t", "0", "o-web")
        self.assertEqual(self.davit("port", "o-web").out, "")
        self.fails("port", "o-web", "80", says=["is not running", "davit start o-web"])

    def test_one_that_davit_has_chosen(self):
        name = self.job("-p", "80", network="davit")
        host = self.json("inspect", name)[0]["job"]["ports"][0]["host"]
        self.assertEqual(self.davit("port", name, "80/tcp").out, f"0.0.0.0:{host}\n")

    def test_words_that_are_none(self):
        self.job(name="o-none")
        self.assertEqual(self.davit("port", "o-none").out, "")
        for word in ("x", "0", "65536", "80/icmp", "80/", "-1", "80tcp"):
            self.fails("port", "o-none", *(["--"] if word[0] == "-" else []), word, says=f'port "{word}"')
        self.fails("port", "o-nobody", says="not found")
        self.fails("port", says="argument is missing")
