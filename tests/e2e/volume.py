"""davit run -v and davit volume."""
import json
import os
import subprocess

from lib.case import Case, Machine, get, wait_until


class Bind(Case):
    def test_both_ways(self):
        with open(os.path.join(self.folder, "in"), "w") as f:
            f.write("from host\n")
        self.assertEqual(self.run_sh("cat /mnt/in; echo back > /mnt/out", "-v", f"{self.folder}:/mnt").out, "from host\n")
        with open(os.path.join(self.folder, "out")) as f:
            self.assertEqual(f.read(), "back\n")

    def test_relative_to_where_one_stands(self):
        os.mkdir(os.path.join(self.folder, "sub"))
        self.run_sh("touch /mnt/file", "-v", "./sub:/mnt")
        self.assertTrue(os.path.exists(os.path.join(self.folder, "sub/file")))

    def test_read_only(self):
        self.run_sh("touch /mnt/x", "-v", f"{self.folder}:/mnt:ro", code=1)
        self.assertEqual(os.listdir(self.folder), [])

    def test_a_comma_in_its_name(self):
        os.mkdir(os.path.join(self.folder, "a,b"))
        self.run_sh("touch /mnt/x", "--mount", f'type=bind,"source={self.folder}/a,b",target=/mnt,consistency=cached')
        self.assertTrue(os.path.exists(os.path.join(self.folder, "a,b/x")))

    def test_what_is_mounted_below(self):
        below = os.path.join(self.folder, "below")
        os.mkdir(below)
        subprocess.run(["mount", "-t", "tmpfs", "tmpfs", below], check=True)
        self.addCleanup(subprocess.run, ["umount", below], check=True)
        rows = [("", 1, 0), (",readonly", 1, 1), (",readonly,bind-recursive=writable", 1, 0), (",readonly,bind-recursive=readonly", 1, 1),
                (",bind-recursive=disabled", 0, 0)]
        if Machine.engine == "crun":
            rows.pop()  # crun 1.8 clones every bind with what is below it
        for words, seen, code in rows:
            with self.subTest(words=words):
                out = self.run_sh("grep -c ' /mnt/below ' /proc/mounts; touch /mnt/below/x", "--mount",
                                  f"type=bind,src={self.folder},dst=/mnt{words}", code=code).out
                self.assertEqual(out, f"{seen}\n")

    def test_one_that_is_not_there(self):
        """-v makes it, as Docker does; the long form and JSON want it to be there."""
        new = os.path.join(self.folder, "new/below")
        self.fails("run", "--rm", "--network", "none", "--mount", f"type=bind,src={new},dst=/mnt", Machine.image, "true", says=[new, "no such file"])
        self.assertFalse(os.path.exists(new))
        self.run_sh("touch /mnt/x", "-v", f"{new}:/mnt")
        self.assertEqual(os.listdir(new), ["x"])
        other = os.path.join(self.folder, "other")
        self.run_sh("touch /mnt/x", "--mount", f"type=bind,src={other},dst=/mnt,bind-create-src")
        self.assertEqual(os.listdir(other), ["x"])

    def test_a_file(self):
        path = os.path.join(self.folder, "conf")
        with open(path, "w") as f:
            f.write("x=1\n")
        self.assertEqual(self.run_sh("cat /etc/conf", "-v", f"{path}:/etc/conf:ro").out, "x=1\n")


class Removed(Case):
    def test_what_another_left_is_no_failure(self):
        """A mount in a volume keeps what is in it, and nothing else."""
        path = {n: self.davit("volume", "create", n).out and json.loads(self.davit("volume", "inspect", n).out) for n in ("kept", "gone")}
        path = {n: get(p[0] if isinstance(p, list) else p, "Mountpoint", "path") for n, p in path.items()}
        below = os.path.join(path["kept"], "below")
        os.mkdir(below)
        subprocess.run(["mount", "-t", "tmpfs", "tmpfs", below], check=True)
        open(os.path.join(below, "file"), "w").close()
        self.assertIn("busy", self.davit("volume", "rm", "kept", code=125).err)
        with open("/proc/self/mounts") as f:
            mounted = [line.split()[1] for line in f if line.split()[1].endswith("/_data/below")]
        self.assertEqual(os.listdir(mounted[0]), ["file"])
        self.davit("volume", "rm", "gone")
        subprocess.run(["umount", mounted[0]], check=True)
        self.davit("volume", "create", "last")
        self.davit("volume", "rm", "last")
        self.assertFalse(os.path.exists(os.path.dirname(mounted[0])))


class Named(Case):
    def volume(self, name):
        # run --rm answers before its job is removed
        self.addCleanup(wait_until, "the volume's end", lambda: self.davit("volume", "rm", name, code=None).code == 0)
        return name

    def test_made_on_first_use_and_kept(self):
        name = self.volume("data1")
        self.run_sh("echo kept > /vol/file", "-v", f"{name}:/vol")
        self.assertEqual(self.run_sh("cat /vol/file", "-v", f"{name}:/vol").out, "kept\n")
        self.assertIn(name, self.davit("volume", "ls").out.split())

    def test_filled_from_the_image_once(self):
        name = self.volume("data2")
        self.assertEqual(self.run_sh("cat /data/seed; mv /data/seed /data/moved", "-v", f"{name}:/data").out, "from the image\n")
        self.run_sh("cat /data/seed", "-v", f"{name}:/data", code=1)

    def test_who_has_it_sees_what_it_is_filled_with(self):
        name = self.volume("data3")
        job = self.job("-v", f"{name}:/vol", command=["sh", "-c", "cd /vol; until test -e seed; do sleep 0.05; done; cat seed; sleep 1000"])
        self.run_sh("true", "-v", f"{name}:/data")
        wait_until("the file", lambda: self.davit("logs", job).out == "from the image\n")
        self.davit("rm", "-f", job)

    def test_create_inspect_remove(self):
        self.davit("volume", "create", "made")
        path = self.davit("volume", "inspect", "made").out
        self.assertIn("/volumes/", path)
        self.davit("volume", "rm", "made")
        self.fails("volume", "rm", "made", says=["made"])
        self.fails("volume", "inspect", "made", says=["made"])
        self.fails("volume", "create", "../evil", says=["../evil"])

    def test_in_use(self):
        self.davit("volume", "create", "used")
        job = self.job("-v", "used:/vol")
        self.fails("volume", "rm", "used", says=["used", job])
        self.davit("rm", "-f", job)
        self.davit("volume", "rm", "used")

    def test_anonymous_says_whose_it_is(self):
        before = self.davit("volume", "ls").out.split()
        job = self.job("-v", "/vol")
        name = next(w for w in self.davit("volume", "ls").out.split() if w not in before and len(w) == 32)
        row = next(r for r in self.rows("ps") if get(r, "name", "names") == job)
        self.assertIn(get(row, "id"), self.davit("volume", "inspect", name).out)
        self.davit("rm", "-f", "-v", job)

    def test_anonymous_stays_while_another_job_uses_it(self):
        before = self.davit("volume", "ls").out.split()
        job = self.job("-v", "/vol")
        name = next(w for w in self.davit("volume", "ls").out.split() if w not in before and len(w) == 32)
        self.davit("exec", job, "touch", "/vol/kept")
        other = self.job("-v", name + ":/theirs")
        self.assertIn(f"job {job}: its volume {name} stays: job {other} uses it", self.davit("rm", "-f", "-v", job).err)
        self.davit("exec", other, "test", "-e", "/theirs/kept")
        self.fails("volume", "rm", name, says=[name, other])
        self.davit("rm", "-f", "-v", other)
        self.davit("volume", "rm", name)

    def test_anonymous_goes_with_rm(self):
        before = self.davit("volume", "ls").out
        self.run_sh("touch /vol/x", "-v", "/vol")
        wait_until("its removal", lambda: self.davit("volume", "ls").out == before)


class Tmpfs(Case):
    def test_is_one(self):
        self.assertIn("tmpfs", self.run_sh("grep ' /scratch ' /proc/mounts", "--tmpfs", "/scratch:size=1m").out)


class OwnFiles(Case):
    """hosts, hostname and resolv.conf."""
    NAMES = ("hosts", "hostname", "resolv.conf")

    def test_a_volume_on_etc_does_not_hide_them(self):
        self.addCleanup(wait_until, "the volume's end", lambda: self.davit("volume", "rm", "etc", code=None).code == 0)
        for flags in (("-v", "etc:/etc"), ("--tmpfs", "/etc"), ("-v", f"{self.folder}:/etc")):
            with self.subTest(flags=flags):
                out = self.run_sh("cat /etc/hosts /etc/hostname", "-h", "inside", *flags).out
                self.assertIn("127.0.1.1", out)
                self.assertEqual(out.splitlines()[-1], "inside")

    def test_what_is_mounted_read_only_on_etc_has_them_or_not(self):
        with open(os.path.join(self.folder, "hosts"), "w") as f:
            f.write("of the folder\n")
        for flags in (("-v", f"{self.folder}:/etc:ro"), ("--mount", f"type=bind,src={self.folder},dst=/etc/,readonly")):
            out = self.run_sh("ls /etc; cat /etc/hosts", *flags).out
            self.assertEqual(out.splitlines()[0], "hosts")
            self.assertIn("127.0.1.1", out)
        self.assertEqual(self.run_sh("ls /etc", "--tmpfs", "/etc:ro").out, "")
        self.assertEqual(os.listdir(self.folder), ["hosts"])

    def test_one_of_the_job_s_own_takes_its_place(self):
        path = os.path.join(self.folder, "hosts")
        with open(path, "w") as f:
            f.write("mine\n")
        self.assertEqual(self.run_sh("cat /etc/hosts", "-v", f"{path}:/etc/hosts").out, "mine\n")

    def test_read_only_takes_them_along(self):
        for name in self.NAMES:
            self.run_sh(f"echo x >> /etc/{name}")
            self.run_sh(f"echo x >> /etc/{name}", "--read-only", code=1)

    def test_a_job_cannot_fill_run_with_them(self):
        def used():
            st = os.statvfs("/run")
            return (st.f_blocks - st.f_bfree) * st.f_frsize
        before = used()
        job = self.job(command=["sh", "-c", "for f in hosts hostname resolv.conf; do dd if=/dev/zero of=/etc/$f bs=1M count=4; done; "
                                            "echo full; sleep 1000"])
        wait_until("its end", lambda: "full" in self.davit("logs", job).out)
        self.assertLess(used() - before, 4 << 20)
        self.davit("rm", "-f", job)

    def test_the_address_stands_in_hosts(self):
        self.need_network()
        out = self.davit("run", "--rm", "-h", "inside", Machine.image, "sh", "-c", "hostname -i; cat /etc/hosts").out
        self.assertIn(out.splitlines()[0], "\n".join(out.splitlines()[1:]))
