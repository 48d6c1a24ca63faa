#!/usr/bin/env python3
"""tree-yaml-oracle.py SHOW FOLDER...: the tree of every file there, and of generated ones, is what libyaml's events say.
The events come by way of Python's yaml; what a tree is made of them stands here once more, written another way."""
import os
import random
import re
import subprocess
import sys
import tempfile

try:
    import yaml
    from yaml import events as ev
    Parser = yaml.CLoader
except (ImportError, AttributeError):
    print("no yaml module of Python's with libyaml; install it by: scripts/install-deps --test")
    sys.exit(77)

CORE = "tag:yaml.org,2002:"
INT = re.compile(r"[-+]?(0|[1-9][0-9]*)|0x[0-9a-fA-F]+")
FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+\.[0-9]*)([eE][-+]?[0-9]+)?|[-+]?[0-9]+[eE][-+]?[0-9]+|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
VALUES, TEXTS, DEPTH, ANCHORS = 100000, 16 << 20, 64, 4096


class Refused(Exception):
    pass


def plain(text):
    if text in ("", "~", "null", "Null", "NULL"):
        return "null"
    if text in ("true", "True", "TRUE"):
        return "true"
    if text in ("false", "False", "FALSE"):
        return "false"
    return "=" + text if INT.fullmatch(text) or FLOAT.fullmatch(text) else None


class Node:
    """kind: a scalar's shown text, "[" or "{"; members: (key, key's place, node)"""
    def __init__(self, at, kind, text=None):
        self.at, self.kind, self.text, self.members = at, kind, text, []

    def at_alias(self, at):
        copy = Node(at, self.kind, self.text)
        copy.members = self.members
        return copy

    def show(self, out):
        out.append("%d:%d" % self.at)
        if self.kind not in ("[", "{"):
            out.append(self.kind)
            return
        out.append(self.kind)
        for i, (key, at, node) in enumerate(self.members):
            if i:
                out.append(",")
            if key is not None:
                out.append("%d:%d'%s'" % (*at, key))
            node.show(out)
        out.append("]" if self.kind == "[" else "}")

    def cost(self):
        """Values, bytes of texts, levels: aliases written out."""
        if not hasattr(self, "costs"):
            values, size, levels = 1, len(self.text.encode()) if self.text is not None else 0, 0
            for key, _, node in self.members:
                v, s, n = node.cost()
                values, size, levels = values + v, size + s + len((key or "").encode()), max(levels, n)
            self.costs = values, size, levels + (self.kind in ("[", "{"))
        return self.costs


class Reader:
    def __init__(self, text):
        self.lines = re.split("\r\n|[\r\n\x85\u2028\u2029]", text)
        self.events = yaml.parse(text, Loader=Parser)
        self.anchors, self.n_anchors = {}, 0

    def place(self, mark):
        line = min(mark.line, len(self.lines) - 1)
        return line + 1, len(self.lines[line][:mark.column].encode()) + 1

    def anchor(self, e):
        """Holds nothing while the value is read; an alias means the newest."""
        held = []
        if e.anchor is not None:
            self.n_anchors += 1
            self.anchors[e.anchor] = held
        if self.n_anchors > ANCHORS:
            raise Refused("anchors")
        return held

    def scalar(self, e):
        if "\0" in e.value:
            raise Refused("NUL")
        if e.tag in ("!", CORE + "str"):
            shown = None
        elif e.tag is not None:
            shown = plain(e.value)
            kind = {"int": INT.fullmatch(e.value), "float": shown and shown[0] == "=", "bool": shown in ("true", "false"),
                    "null": shown == "null"}
            if not kind.get(e.tag[len(CORE):] if e.tag.startswith(CORE) else ""):
                raise Refused("tag")
        else:
            shown = plain(e.value) if e.implicit[0] else None
        return Node(self.place(e.start_mark), shown if shown is not None else '"%s"' % e.value, e.value)

    def value(self, e, depth=0):
        if isinstance(e, ev.AliasEvent):
            held = self.anchors.get(e.anchor)
            if not held:
                raise Refused("alias")
            if depth + held[0].cost()[2] > DEPTH:
                raise Refused("depth")
            return held[0].at_alias(self.place(e.start_mark))
        held = self.anchor(e)
        if isinstance(e, ev.ScalarEvent):
            node = self.scalar(e)
        else:
            what, kind = ("seq", "[") if isinstance(e, ev.SequenceStartEvent) else ("map", "{")
            if e.tag not in (None, "!", CORE + what):
                raise Refused("tag")
            if depth == DEPTH:
                raise Refused("depth")
            node = Node(self.place(e.start_mark), kind)
            (self.list if kind == "[" else self.map)(node, depth + 1)
        held.append(node)
        return node

    def list(self, node, depth):
        for e in self.events:
            if isinstance(e, ev.SequenceEndEvent):
                return
            node.members.append((None, None, self.value(e, depth)))

    def key(self, e):
        if isinstance(e, ev.AliasEvent):
            node = self.value(e)
            if node.kind[0] not in '"=':
                raise Refused("key")
            return node.text
        if not isinstance(e, ev.ScalarEvent):
            raise Refused("key")
        if "\0" in e.value:
            raise Refused("NUL")
        self.anchor(e).append(Node(self.place(e.start_mark), '"%s"' % e.value, e.value))
        return e.value

    def map(self, node, depth):
        merged = []
        for e in self.events:
            if isinstance(e, ev.MappingEndEvent):
                break
            key, at = self.key(e), self.place(e.start_mark)
            value = self.value(next(self.events), depth)
            if key == "<<" and isinstance(e, ev.ScalarEvent) and e.implicit[0] and e.tag is None:
                merged.append(value)
            else:
                node.members.append((key, at, value))
        if len({m[0] for m in node.members}) < len(node.members) or len(merged) > 1:
            raise Refused("twice")
        for m in merged:
            if m.kind not in ("[", "{") or m.kind == "[" and any(k.kind != "{" for _, _, k in m.members):
                raise Refused("merge")
            have = {k for k, _, _ in node.members}
            for source in [m] if m.kind == "{" else [k for _, _, k in m.members]:
                for member in source.members:
                    if member[0] not in have:
                        have.add(member[0])
                        node.members.append(member)


def by_events(data):
    """What SHOW is to print; None: it is to refuse the file."""
    try:
        text = data.decode()
        text = text[1:] if text.startswith("\ufeff") else text
        if len(re.findall(r"^%TAG", text, re.M)) > 16:
            return None
        r = Reader(text)
        next(r.events)
        first = next(r.events)
        if not isinstance(first, ev.DocumentStartEvent):
            return None
        root = r.value(next(r.events))
        next(r.events)
        if not isinstance(next(r.events), ev.StreamEndEvent):
            return None
        values, size, _ = root.cost()
        if values > VALUES or size > TEXTS:
            return None
        out = []
        root.show(out)
        return "".join(out).replace("\n", " ").replace("\r", " ")
    except (Refused, yaml.YAMLError, UnicodeDecodeError, StopIteration):
        return None


WORDS = ["a", "b", "web", "7", "-1", "0x1f", "010", "1.5", "1e3", "true", "no", "~", "null", "V1", "a b", "8080:80/tcp", "é", "€ x",
         "😀", "it's", 'say "x"', "#no", "a #b", "- x", "k: v", "<<", "*a", "&a", "!t", "%x", "@x", "", " ", "x\ny", "x\n\ny\n", "\t", "{", "]", ","]


class Writer:
    """Values in all the styles that YAML has, a seed's own each time."""
    def __init__(self, seed):
        self.r, self.anchors, self.maps = random.Random(seed), [], []

    def scalar(self, flow):
        text = self.r.choice(WORDS)
        if self.r.random() < 0.5 and re.fullmatch(r"[\w.€é😀][\w.€é😀 -]*", text):
            return text
        if self.r.random() < 0.4 and "\n" not in text:
            return "'" + text.replace("'", "''") + "'"
        return '"' + "".join(c if c.isalnum() or c in " #'" else "\\U%08x" % ord(c) for c in text) + '"'

    def prefix(self, of_map=False):
        out = ""
        if self.r.random() < 0.25:
            self.anchors.append("%s%d" % ("m" if of_map else "a", self.r.randrange(6)))
            self.maps += self.anchors[-1:] if of_map else []
            out += "&%s " % self.anchors[-1]
        return out

    def flow(self, depth):
        if self.anchors and self.r.random() < 0.15:
            return "*%s " % self.r.choice(self.anchors)
        kind = self.r.randrange(4) if depth < 4 else 0
        prefix = self.prefix(kind == 3)
        gap = self.r.choice(["", " ", "\n     ", " # c\n     "])
        if kind < 2:
            return prefix + self.scalar(True)
        n = self.r.randrange(4)
        if kind == 2:
            return prefix + "[" + gap + ", ".join(self.flow(depth + 1) for _ in range(n)) + "]"
        members = ["%s : %s" % (self.name(i), self.flow(depth + 1)) for i in range(n)]
        if self.maps and self.r.random() < 0.6:
            members.append("<<: *%s " % self.r.choice(self.maps))
        return prefix + "{" + gap + ", ".join(members) + "}"

    def name(self, i):
        return self.r.choice(["k%d", "'k%d'", '"k%d"', "é%d"]) % (i if self.r.random() < 0.95 else 0)

    def block(self, depth, indent):
        pad = " " * indent
        kind = self.r.randrange(5) if depth < 5 else 0
        if kind < 2:
            return " " + self.flow(depth) + self.r.choice(["", " # c"]) + "\n"
        if kind == 2:
            lines = [self.r.choice(["x", "é €", "  more", "", "# no"]) for _ in range(self.r.randrange(1, 5))]
            return " " + self.r.choice("|>") + self.r.choice(["", "-", "+"]) + "\n" + "".join((pad + " " + x).rstrip() + "\n" for x in lines)
        out = " " + self.prefix(kind == 4) + self.r.choice(["\n", " # c\n", "\n\n"])
        n = self.r.randrange(1, 5)
        if kind == 3:
            return out + "".join(pad + "-" + self.block(depth + 1, indent + 2) for _ in range(n))
        out += "".join(pad + self.name(i) + ":" + self.block(depth + 1, indent + self.r.choice([1, 2, 4])) for i in range(n))
        if self.maps and self.r.random() < 0.6:
            out += pad + self.r.choice(["<<: *%s\n", "<<: [*%s ]\n"]) % self.r.choice(self.maps)
        return out

    def file(self):
        text = self.r.choice(["", "---", "# c\n---", "%YAML 1.1\n---"]) + self.block(0, 0)
        text = text.lstrip("\n ") if text[0] in "\n " else text
        if self.r.random() < 0.3:
            text = text.replace("\n", self.r.choice(["\r\n", "\r", "\n"]))
        if self.r.random() < 0.3:  # something is wrong with it
            i = self.r.randrange(len(text))
            text = text[:i] + self.r.choice(["", ":", "\t", "]", "'", "*a0", "\n", "\n...\n---\n", "\u2028", "\x85", "é"]) + text[i + self.r.randrange(3):]
        return text.encode()


def main():
    show, folders = sys.argv[1], sys.argv[2:]
    texts = []
    for folder in folders:
        for name in sorted(os.listdir(folder)):
            with open(os.path.join(folder, name), "rb") as f:
                texts.append(f.read())
    texts += [Writer(seed).file() for seed in range(4000)]
    taken = merged = 0
    with tempfile.TemporaryDirectory() as tmp:
        names = [os.path.join(tmp, str(i)) for i in range(len(texts))]
        for name, data in zip(names, texts):
            with open(name, "wb") as f:
                f.write(data)
        shown = subprocess.run([show, *names], capture_output=True, check=True).stdout.decode(errors="replace").split("\n")
    for data, ours in zip(texts, shown):
        theirs = by_events(data)
        if theirs is None and ours.startswith("error "):
            continue
        if theirs != ours:
            sys.exit(f"{data.decode(errors='replace')}\n--- ours\n{ours}\n--- by the events\n{theirs}")
        taken += 1
        merged += b"<<" in data
    print(f"{len(texts)} files, {taken} taken by both, {merged} with merge keys")
    if taken < len(texts) // 3 or merged < 50:
        sys.exit("too few are taken for this to be a test")


main()
