#!/usr/bin/env python3
"""The language of Nomad's job files, as davit reads it, beside Nomad itself: the table of the unit test, and expressions made by chance.
Arguments: a build folder, and how many files are made by chance ($SEED is the first). The last line is "N passed, N failed, N skipped"."""
import concurrent.futures
import json
import os
import random
import re
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, ".."))
from lib import containerds, nomads  # noqa: E402 (the path comes first)

TABLE = os.path.join(HERE, "..", "unit", "hcl", "expressions.tsv")
JOB = """%s
job "j" {
  group "g" {
    task "t" {
      driver = "docker"
      config {
%s
      }
    }
  }
}
"""


def job_file(expressions, head=""):
    return JOB % (head, "\n".join(f"        x{i} = {e}" for i, e in enumerate(expressions)))


def table():
    for line in open(TABLE, encoding="utf-8"):
        if line.strip() and not line.startswith("#"):
            expression, expected = line.rstrip("\n").split("\t")
            yield expression.replace("\\n", "\n") if "EOF" in expression or expression[0] in "[{" else expression, expected


def wrapped(expression, value):
    """In a config Nomad puts a literal object into a list."""
    literal = re.match(r"\{(?!\s*for )", expression) and not expression.rstrip().endswith((".b", "]", "a"))
    return [value] if literal and isinstance(value, dict) else value


def same(a, b):
    if isinstance(a, (int, float)) and isinstance(b, (int, float)) and not isinstance(a, bool) and not isinstance(b, bool):
        return a == b or abs(a - b) <= 1e-15 * max(abs(a), abs(b))
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(same(a[k], b[k]) for k in a)
    return type(a) is type(b) and a == b


class Oracle:
    def __init__(self, tool, program, folder):
        self.tool, self.program, self.folder = tool, program, folder
        self.n = 0

    def write(self, text):
        self.n += 1
        path = os.path.join(self.folder, f"{self.n}.nomad")
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)
        return path

    def nomad(self, path, **kw):
        job, why = nomads.read(self.program, path, **kw)
        return (job["TaskGroups"][0]["Tasks"][0]["Config"] if job else None), why

    def davit(self, path):
        done = subprocess.run([self.tool, path, "-folder", self.folder], capture_output=True, text=True, timeout=60)
        if done.returncode:
            return None, done.stderr.strip()
        body = json.loads(done.stdout)
        for kind in ("job", "group", "task", "config"):
            body = next(b for k, _, b in body["blocks"] if k == kind)
        return body["attributes"], ""


def check_values(oracle, rows):
    """All at once where Nomad takes them all, else one by one, so that the one it does not take is named."""
    theirs, why = oracle.nomad(oracle.write(job_file([e for e, _ in rows])))
    if theirs is None:
        for e, expected in rows:
            if oracle.nomad(oracle.write(job_file([e])))[0] is None:
                yield f"{e}: Nomad refuses it: {why.splitlines()[-1] if why else ''}"
        return
    for i, (e, expected) in enumerate(rows):
        value = theirs.get(f"x{i}")
        if not same(value, wrapped(e, json.loads(expected))):
            yield f"{e}: Nomad reads {json.dumps(value)}, the table has {expected}"


def check_errors(oracle, rows):
    paths = [oracle.write(job_file([e])) for e in rows]
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        for e, (job, _) in zip(rows, pool.map(oracle.nomad, paths)):
            if job is not None:
                yield f"{e}: Nomad takes it: {json.dumps(job)}"


def differences():
    """The rows of the table in docs/nomad.md: expression, Nomad's value, davit's; None is an error."""
    for line in open(os.path.join(HERE, "../../docs/nomad.md"), encoding="utf-8"):
        row = re.match(r"\| `(.*)` \| `(.*)` \| (?:`(.*)`|an error) \|$", line)
        if row:
            yield row[1], json.loads(row[2]), json.loads(row[3]) if row[3] else None


def check_differences(oracle, rows):
    if not rows:
        yield "docs/nomad.md has no table of expressions"
    for e, theirs, ours in rows:
        path = oracle.write(job_file([e]))
        for whose, wanted, (values, why) in (("Nomad", theirs, oracle.nomad(path)), ("davit", ours, oracle.davit(path))):
            got = values and values["x0"]
            if not same(got, wanted) or (values is None) != (wanted is None):
                yield f"{e}: {whose} reads {json.dumps(got)} {why}, docs/nomad.md has {json.dumps(wanted)}"


class Chance:
    """Expressions of every kind, mostly without errors."""

    def __init__(self, seed):
        self.r = random.Random(seed)

    def pick(self, *choices):
        return self.r.choice(choices)

    def text(self):
        return self.pick('"a"', '"b c"', '""', '"${1}x"', '"é"', '"NOMAD"', '"${NOMAD_TASK_DIR}"', 'var.s', 'local.t', '"x-${var.n}"', '"7"')

    def number(self, depth):
        if depth <= 0:
            return self.pick("0", "1", "2.5", "100", "-3", "var.n", "local.n")
        a, b = self.number(depth - 1), self.number(depth - 1)
        return self.pick(f"({a} + {b})", f"({a} - {b})", f"({a} * {b})", f"({a} / 4)", f"({a} % 7)", f"max({a}, {b})", f"min({a}, {b})",
                         f"floor({a})", f"length({self.list(depth - 1)})", f"strlen({self.string(depth - 1)})", f"abs({a})", f"-({a})")

    def string(self, depth):
        if depth <= 0:
            return self.text()
        s, t = self.string(depth - 1), self.string(depth - 1)
        return self.pick(f"upper({s})", f"lower({s})", f'"${{{s}}}-${{{t}}}"', f'join("+", {self.strings(depth - 1)})', f'replace({s}, "a", {t})',
                         f"trimspace({s})", f'format("%s/%v", {s}, {self.number(depth - 1)})', f'trim({s}, "a ")', f"title({s})",
                         f'substr({s}, 0, 2)', f"base64encode({s})", f"jsonencode({self.any(depth - 1)})", f"md5({s})", f"urlencode({s})",
                         f"({self.truth(depth - 1)} ? {s} : {t})", f'"%{{ if {self.truth(depth - 1)} }}${{{s}}}%{{ else }}-%{{ endif }}"',
                         f'"%{{ for x in {self.strings(depth - 1)} }}<${{x}}>%{{ endfor }}"', f'regex_replace({s}, "[a-c]+", "<$0>")')

    def truth(self, depth):
        if depth <= 0:
            return self.pick("true", "false", "var.b")
        a, b = self.truth(depth - 1), self.truth(depth - 1)
        return self.pick(f"({a} && {b})", f"({a} || {b})", f"!{a}", f"({self.number(depth - 1)} < {self.number(depth - 1)})",
                         f"({self.string(depth - 1)} == {self.string(depth - 1)})", f"contains({self.strings(depth - 1)}, {self.text()})",
                         f"can({self.any(depth - 1)})", f"({self.any(depth - 1)} == {self.any(depth - 1)})")

    def strings(self, depth):
        if depth <= 0:
            return self.pick('["a", "b"]', '["x"]', 'split(",", "q,w,e")', "local.l", "var.l")
        a = self.strings(depth - 1)
        return self.pick(f"concat({a}, {self.strings(depth - 1)})", f"sort({a})", f"distinct({a})", f"[for x in {a} : upper(x)]",
                         f'[for i, x in {a} : "${{i}}${{x}}" if x != "a"]', f"keys({self.object(depth - 1)})", f"{a}[*]",
                         f'formatlist("%s!", {a})', f"[{self.string(depth - 1)}, {self.string(depth - 1)}]", f"compact({a})",
                         f"flatten([{a}, [{a}]])", f"slice({a}, 0, 1)")

    def list(self, depth):
        return self.pick(self.strings(depth), f"[{self.any(depth - 1)}, {self.any(depth - 1)}]", "range(3)", "[]",
                         f"values({self.object(depth - 1)})", f"[for k, v in {self.object(depth - 1)} : v]", f"setunion({self.strings(depth - 1)})")

    def object(self, depth):
        if depth <= 0:
            return self.pick("{ a = 1 }", '{ "x.y" = "z", b = true }', "local.o", "var.o", "{}")
        return self.pick(f"merge({self.object(depth - 1)}, {self.object(depth - 1)})", f"{{ k = {self.any(depth - 1)}, (upper({self.text()})) = 2 }}",
                         f"{{ for x in {self.strings(depth - 1)} : x => x... }}", f"{{ for k, v in {self.object(depth - 1)} : \"${{k}}!\" => v }}",
                         f'zipmap(["m", "n"], [{self.any(depth - 1)}, {self.any(depth - 1)}])')

    def any(self, depth):
        return self.pick(self.number, self.string, self.truth, self.list, self.object)(max(depth, 0))

    def config(self, n):
        return [self.any(self.r.randint(0, 3)) for _ in range(n)]


HEAD = """
variable "s" {
  type    = string
  default = "str"
}
variable "n" { default = 42 }
variable "b" { default = true }
variable "l" {
  type    = list(string)
  default = ["l1", "l2", "a"]
}
variable "o" { default = { p = 1, q = [2, "r"] } }
locals {
  t = upper("${var.s}!")
  n = var.n / 8
}
locals {
  o = { s = local.t, deep = { er = [local.n] } }
  l = [for x in var.l : "<${x}>"]
}
"""


def check_chance(oracle, seed):
    """One file; where the two differ in whether they take it, expression by expression."""
    expressions = Chance(seed).config(30)
    path = oracle.write(job_file(expressions, HEAD))
    ours, why = oracle.davit(path)
    theirs, why_not = oracle.nomad(path)
    if (ours is None) != (theirs is None) or ours is None:
        for e in expressions:
            path = oracle.write(job_file([e], HEAD))
            ours, why = oracle.davit(path)
            theirs, why_not = oracle.nomad(path)
            if (ours is None) != (theirs is None):
                yield f"{e}: {'davit refuses it: ' + why if ours is None else 'Nomad refuses it: ' + why_not}"
            elif ours is not None and not same(theirs["x0"], wrapped(e, ours["x0"])):
                yield f"{e}: Nomad reads {json.dumps(theirs['x0'])}, davit {json.dumps(ours['x0'])}"
        return
    for i, e in enumerate(expressions):
        if not same(theirs.get(f"x{i}"), wrapped(e, ours[f"x{i}"])):
            yield f"{e}: Nomad reads {json.dumps(theirs.get(f'x{i}'))}, davit {json.dumps(ours[f'x{i}'])}"


def main():
    tool, files = os.path.join(sys.argv[1], "tests/integration/hcl-tool"), int(sys.argv[2]) if len(sys.argv) > 2 else 10
    try:
        program = nomads.build()
    except containerds.Unavailable as why:
        print(f"skip language: {why}\n0 passed, 0 failed, 1 skipped")
        return 0
    rows = list(table())
    values = [(e, x) for e, x in rows if not x.startswith("!")]
    errors = [e for e, x in rows if x.startswith("! ")]
    first = int(os.environ.get("SEED", "1"))
    passed = failed = 0
    with tempfile.TemporaryDirectory() as folder:
        oracle = Oracle(tool, program, folder)
        checks = [("values", check_values(oracle, values)), ("errors", check_errors(oracle, errors)),
                  ("differences", check_differences(oracle, list(differences())))]
        checks += [(f"chance {seed}", check_chance(oracle, seed)) for seed in range(first, first + files)]
        for name, found in checks:
            wrong = list(found)
            failed, passed = failed + bool(wrong), passed + (not wrong)
            for line in wrong:
                print(f"FAIL {name}: {line}", flush=True)
    print(f"{passed} passed, {failed} failed, 0 skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
