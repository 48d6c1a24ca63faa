"""A configuration as Nomad sends it: what a job file says, in the shape of the driver's own schema (hclspec, as plugin-call prints it), with
every option in it, in cty's MessagePack."""
import base64
import json
import re
import struct


def pack(value):
    """MessagePack in cty's way: keys sorted, the shortest form of each."""
    if value is None:
        return b"\xc0"
    if isinstance(value, bool):
        return b"\xc3" if value else b"\xc2"
    if isinstance(value, int):
        return pack_int(value)
    if isinstance(value, float):
        return b"\xcb" + struct.pack(">d", value)
    if isinstance(value, str):
        data = value.encode()
        return pack_head(len(data), (0xa0, 32), b"\xd9", b"\xda", b"\xdb") + data
    if isinstance(value, (list, tuple)):
        return pack_head(len(value), (0x90, 16), None, b"\xdc", b"\xdd") + b"".join(pack(v) for v in value)
    return pack_head(len(value), (0x80, 16), None, b"\xde", b"\xdf") + b"".join(pack(k) + pack(value[k]) for k in sorted(value))


def pack_int(n):
    if -32 <= n < 128:
        return struct.pack("b", n) if n < 0 else bytes([n])
    for code, form, low, high in ((b"\xcc", ">B", 0, 2**8), (b"\xcd", ">H", 0, 2**16), (b"\xce", ">I", 0, 2**32), (b"\xcf", ">Q", 0, 2**64),
                                  (b"\xd0", ">b", -2**7, 0), (b"\xd1", ">h", -2**15, 0), (b"\xd2", ">i", -2**31, 0), (b"\xd3", ">q", -2**63, 0)):
        if low <= n < high:
            return code + struct.pack(form, n)
    raise OverflowError(n)


def pack_head(n, fixed, one, two, four):
    if n < fixed[1]:
        return bytes([fixed[0] | n])
    if one and n < 256:
        return one + bytes([n])
    return two + struct.pack(">H", n) if n < 65536 else four + struct.pack(">I", n)


def literal(text):
    """HCL of a default: a JSON value, but for what stands before an object's values."""
    return json.loads(re.sub(r"(\w+)\s*=", r'"\1":', text))


def shaped(spec, given):
    """@given, a dict of what a job file says, in the shape that @spec (hclspec, as plugin-call prints it) makes of it."""
    if "object" in spec:
        members = spec["object"]["attributes"]
        unknown = set(given) - {name_of(v) or k for k, v in members.items()}
        if unknown:
            raise KeyError(f"no argument or block type is named {sorted(unknown)}")
        return {k: shaped(v, given) for k, v in members.items()}
    if "default" in spec:
        value = shaped(spec["default"]["primary"], given)
        return value if value is not None else shaped(spec["default"]["default"], given)
    if "literal" in spec:
        return literal(spec["literal"]["value"])
    if "attr" in spec:
        return of_type(given.get(spec["attr"]["name"]), spec["attr"]["type"])
    for kind in ("block_list", "block_set"):
        if kind in spec:
            found = given.get(spec[kind]["name"]) or []
            return [shaped(spec[kind]["nested"], one) for one in (found if isinstance(found, list) else [found])]
    if "block_value" in spec:
        found = given.get(spec["block_value"]["name"])
        return shaped(spec["block_value"]["nested"], found) if found is not None else None
    if "block_attrs" in spec:
        return given.get(spec["block_attrs"]["name"])
    raise NotImplementedError(spec)


def of_type(value, kind):
    """Nomad takes a map where a list of maps is asked for."""
    return [value] if isinstance(value, dict) and kind.startswith("list(") else value


def name_of(spec):
    if "default" in spec:
        return name_of(spec["default"]["primary"])
    return next((v["name"] for v in spec.values() if isinstance(v, dict) and v.get("name")), None)


def encoded(schema, given):
    """As plugin-call has bytes."""
    return base64.b64encode(pack(shaped(schema, given))).decode()
