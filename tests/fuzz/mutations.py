"""Seeded changes to files: of bytes, of words, of JSON trees, of HDF5 structures."""

import copy
import json
import re
import struct

import h5py
import numpy as np

HOSTILE = [
    None, True, False, -1, 0, 1, 2, 10**30, -0.5, 1e308, 1e999, float("nan"), "", "x", "\0", "a\nb", "../..", "\u202e",
    [], {}, [[]], {"a": 1}, ["x"] * 3, "9" * 3000, "a" * 5000,
]  # fmt: skip
WORDS = [
    b"", b"x", b"-1", b"0", b"1e999", b"nan", b"inf", b"0x" + b"f" * 5000, b"9" * 5001, b"[" * 2000, b"{" * 100, b"]",
    b"}", b'"', b"'", b'"""', b"=", b",", b"\n", b"\r", b"\0", b"\xff", b"\xef\xbb\xbf", b"\\u0000", b"true", b"null",
    b"[]", b"{}", b"**", b"*.nc", b"../../", b"#", b"-" * 3000, b"(" * 300, b"class X(X):\n    name = 'x'\n",
    b"P = P\n",    b"{[]: 1}", b"lambda: 0", b"import dtbench\n", b"1979-05-27", b"\xe2\x80\xae", b"junk",
]  # fmt: skip
TOKEN = re.compile(rb"[\w.+-]+|\"[^\"\n]*\"|[^\w\s]")


def of_bytes(content, rng):
    """Flip, blank, cut, move, repeat or insert bytes at one to four places."""
    data = bytearray(content)
    for _ in range(rng.integers(1, 5)):
        if not data:
            break
        at, length = int(rng.integers(len(data))), int(2 ** rng.uniform(0, 7))
        match rng.integers(8):
            case 0 | 1:
                data[at] ^= 1 << int(rng.integers(8))
            case 2:
                data[at : at + length] = bytes(len(data[at : at + length]))
            case 3:
                data[at : at + length] = b"\xff" * len(data[at : at + length])
            case 4:
                data[at : at + length] = rng.bytes(len(data[at : at + length]))
            case 5:
                del data[at : at + length if rng.random() < 0.7 else None]
            case 6:
                data[at:at] = data[at : at + length]
            case _:
                other = int(rng.integers(len(data)))
                data[at : at + length] = data[other : other + length]
    return bytes(data)


def of_words(content, rng):
    """Replace words and signs of a text by others, or move lines."""
    for _ in range(rng.integers(1, 4)):
        if rng.random() < 0.25:
            lines = content.split(b"\n")
            at, to = rng.integers(len(lines), size=2)
            lines.insert(int(to), lines[at] if rng.random() < 0.5 else lines.pop(at))
            content = b"\n".join(lines)
            continue
        tokens = list(TOKEN.finditer(content))
        if not tokens:
            break
        token = tokens[rng.integers(len(tokens))]
        word = WORDS[rng.integers(len(WORDS))]
        content = content[: token.start()] + word + content[token.end() if rng.random() < 0.7 else token.start() :]
    return content


def of_tree(tree, rng):
    """Replace, remove, rename, add or nest one value of a JSON tree."""
    tree = copy.deepcopy(tree)
    for _ in range(rng.integers(1, 3)):
        places = [(box, key) for box in _boxes(tree) for key in (box if isinstance(box, dict) else range(len(box)))]
        if not places:
            break
        box, key = places[rng.integers(len(places))]
        value = copy.deepcopy(HOSTILE[rng.integers(len(HOSTILE))])
        match rng.integers(7):
            case 0 | 1 | 2:
                box[key] = value
            case 3:
                del box[key]
            case 4 if isinstance(box, dict):
                box[f"{key}x"] = box.pop(key)
            case 5 if isinstance(box, dict):
                box["more"] = value
            case _:
                for _ in range(int(rng.choice([1, 60, 300]))):
                    value = [value]
                box[key] = value
    return tree


def _boxes(tree):
    if isinstance(tree, dict | list):
        yield tree
        for value in tree.values() if isinstance(tree, dict) else tree:
            yield from _boxes(value)


def of_json(content, rng):
    """Of the tree, the words, or the bytes."""
    if rng.random() < 0.6:
        return json.dumps(of_tree(json.loads(content), rng)).encode()
    return of_words(content, rng) if rng.random() < 0.5 else of_bytes(content, rng)


def of_text(content, rng):
    """Of the words, or the bytes."""
    return of_words(content, rng) if rng.random() < 0.7 else of_bytes(content, rng)


def of_weights(content, rng):
    """Of a safetensors file: its header's tree, the JSON text in it, its length, or bytes."""
    length = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + length])
    match rng.integers(5):
        case 0:
            return of_bytes(content, rng)
        case 1:
            return struct.pack("<Q", int(2 ** rng.uniform(0, 63.9))) + content[8:]
        case 2:
            header = of_tree(header, rng)
        case 3:
            text = of_json(header["__metadata__"]["dtbench"].encode(), rng)
            header["__metadata__"]["dtbench"] = text.decode("utf-8", "replace")
        case _:
            names = [name for name in header if name != "__metadata__"]
            types = ["F8_E4M3", "BF16", "F64", "I32", "U8", "BOOL", "C64", 3]
            header[names[rng.integers(len(names))]]["dtype"] = types[rng.integers(len(types))]
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + content[8 + length :]


def of_hdf5(content, rng):
    """Of bytes, most often those of the structure; or of links, arrays and attributes by the library."""
    if rng.random() < 0.75:
        return of_bytes(content, rng)
    with h5py.File.in_memory(content) as root:
        _change(root, rng)
        root.flush()
        return root.id.get_file_image()


def _change(root, rng):
    arrays = []
    root.visititems(lambda _, item: arrays.append(item) if isinstance(item, h5py.Dataset) else None)
    item, other = arrays[rng.integers(len(arrays))], arrays[rng.integers(len(arrays))]
    value = [
        1,
        -1.5,
        "x",
        np.bytes_("1"),
        np.zeros(3),
        h5py.Empty("f8"),
        np.zeros(2, "f4,i2"),
        "a" * 70_000,
        float("nan"),
    ][rng.integers(9)]
    match rng.integers(10):
        case 0:
            root["more"] = h5py.SoftLink(item.name)
        case 1:
            root["more"] = h5py.ExternalLink("other.nc", item.name)
        case 2:
            root["more"] = item
        case 3:
            item.parent["loop"] = root
        case 4:
            del root[item.name]
        case 5:
            root.move(item.name, item.name + "x")
        case 6:
            item.attrs[["units", "long_name", "CLASS", "_FillValue", "scale_factor", "more"][rng.integers(6)]] = value
        case 7:
            root.attrs[["problem", "size", "seed", "generator_version", "title"][rng.integers(5)]] = value
        case 8:
            name, values = item.name, item[...]
            del root[name]
            with np.errstate(invalid="ignore", over="ignore"):  # what does not fit becomes something else
                root[name] = values.astype(["f4", ">f8", "i4", "i8", "u1", "S3", "c16"][rng.integers(7)])
        case _:
            if item.shape == other.shape and item.dtype.kind == "f":
                item[...] = np.nan if rng.random() < 0.5 else other[...]
