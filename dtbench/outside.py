"""Files from outside: bounded in size and depth before anything is made of them.

One that cannot be used is named, and left out where a command is about more than this file.
"""

from __future__ import annotations

import json
import logging
import os
import re
import stat
import tomllib
from pathlib import Path
from typing import Any

from dtbench.errors import DtbenchError

MOST_BYTES = 2**24  # of a text file
MOST_TOML = 2**18
DEEPEST = 50  # lists and tables in each other
DIGITS = bytes(48 if 48 <= sign <= 57 else 32 for sign in range(256))  # every digit as 0, all else as a space
LONG = b"0" * 19  # digits in a row: what may be an integer of more than 64 bit
ESCAPED = b"\\u"  # what may be half of a sign
DOTTED = re.compile(r"(?:\.[ \t]*[\w\"'-]{1,60}[ \t]*){1000}")  # a key of so many parts takes quadratic time
CHECKSUM_ROW = re.compile(r"(?P<digest>[0-9a-f]{64})[ \t]+\*?(?P<name>[\w.+=-]+)[ \t]*")
SURROGATE = re.compile("[\ud800-\udfff]")  # half of a sign, which cannot be written

log = logging.getLogger("dtbench")
_named: set[str] = set()


def leave_out(reason: object) -> None:
    """Name a file that cannot be used while the rest goes on, once: on stderr, through the logger ``dtbench``."""
    text = str(reason)
    if text not in _named:
        _named.add(text)
        log.warning("left out: %s", text)


def read_bytes(path: Path, most: int = MOST_BYTES) -> bytes:
    """The bytes of a file.

    Raises
    ------
    DtbenchError
        If it is missing, not a plain file, not readable, or larger than ``most``.
    """
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):  # a pipe would be waited for
            raise FileNotFoundError
        with open(path, "rb") as file:
            content = file.read(most + 1)
    except (FileNotFoundError, NotADirectoryError, ValueError):  # a name with a zero byte is a ValueError
        raise DtbenchError(f"'{path}' does not exist or is not a file.") from None
    except OSError as error:
        raise DtbenchError(f"'{path}' cannot be read: {error.strerror}.") from None
    if len(content) > most:
        raise DtbenchError(f"'{path}' is larger than {most} bytes, the most that is read of such a file.")
    return content


def parse_text(content: bytes, where: str) -> str:
    """UTF-8 text, with or without a byte order mark.

    Raises
    ------
    DtbenchError
        If it is not UTF-8; ``where`` names the file.
    """
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        at = error.start
        raise DtbenchError(
            f"{where} is truncated, or not text: byte {at}, 0x{content[at]:02x}, is not UTF-8."
        ) from None


def parse_json(content: bytes | str, where: str, *, nan: bool = False) -> Any:
    """What a JSON text from outside holds; ``where`` names it in errors, ``nan`` lets NaN and infinities pass.

    Raises
    ------
    DtbenchError
        If it is not JSON, nested too deep, or holds a number without end or half of a sign.
    """
    if isinstance(content, str):
        content = content.encode("utf-8", "surrogatepass")
    try:
        value = json.loads(parse_text(content, where), parse_constant=None if nan else _no_constant)
    except RecursionError:
        raise DtbenchError(f"{where} is not valid JSON of ours: lists nested deeper than {DEEPEST}.") from None
    except ValueError as error:
        raise DtbenchError(f"{where} is truncated or not JSON: {error}.") from None
    if not is_plain(content):
        _check_tree(value, where, bits=128)  # states of random generators have so many
    return value


def is_plain(content: bytes) -> bool:
    """Whether a JSON text has no long integer, no escaped sign, and few brackets; quick, and never wrong if true."""
    deep = content.count(b"[") + content.count(b"{") > DEEPEST
    return not deep and ESCAPED not in content and LONG not in content.translate(DIGITS)


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not a number of JSON")


def parse_toml(content: bytes, where: str) -> dict[str, Any]:
    """What a TOML text from outside holds.

    Raises
    ------
    DtbenchError
        If it is not TOML, too large, nested too deep, or holds an integer of more than 64 bit; ``where`` names it.
    """
    text = parse_text(content, where)
    if len(content) > MOST_TOML:
        raise DtbenchError(f"{where} has {len(content)} bytes; at most {MOST_TOML} are read.")
    dotted = DOTTED.search(text)
    if dotted is not None:
        raise DtbenchError(f"{where} is not valid TOML of ours: key '{dotted[0][:40]}...' has more than 1000 parts.")
    try:
        value = tomllib.loads(text)
    except RecursionError:
        raise DtbenchError(f"{where} is not valid TOML of ours: lists nested deeper than {DEEPEST}.") from None
    except ValueError as error:  # of TOML, or an integer of too many digits
        raise DtbenchError(f"{where} is not valid TOML: {str(error).split(';')[0]}.") from None
    _check_tree(value, where, bits=64)
    return value


def _check_tree(value: Any, where: str, bits: int) -> None:
    """Refuse what is nested too deep, integers of more bits, and texts that cannot be written."""
    level, depth = [value], 0
    while level:
        depth += 1
        if depth > DEEPEST:
            raise DtbenchError(f"{where}: lists or tables are nested deeper than {DEEPEST}.")
        inner: list[Any] = []
        for item in level:
            if isinstance(item, dict):
                inner += item.values()
                inner += item
            elif isinstance(item, list):
                inner += item
            elif isinstance(item, int) and item.bit_length() > bits:
                raise DtbenchError(f"{where}: an integer has {item.bit_length()} bit; at most {bits} are read.")
            elif isinstance(item, str) and SURROGATE.search(item):
                raise DtbenchError(f"{where}: a text holds half of a sign, {item[:40]!r}.")
        level = inner


def read_checksums(file: Path) -> dict[str, str]:
    """File name -> SHA-256, from a list as ``sha256sum`` writes it.

    Raises
    ------
    DtbenchError
        If it is damaged; the message names file and line.
    """
    listed: dict[str, str] = {}
    for number, line in enumerate(parse_text(read_bytes(file), f"'{file}'").splitlines(), 1):
        row = CHECKSUM_ROW.fullmatch(line)
        if row is None and line.strip():
            raise DtbenchError(
                f"'{file}', line {number}: {line[:80]!r} is not a checksum and a file's name; restore the file "
                "(from git, or by installing again)."
            )
        if row is not None and listed.setdefault(row["name"], row["digest"]) != row["digest"]:
            raise DtbenchError(f"'{file}', line {number}: '{row['name']}' is listed twice, with different checksums.")
    return listed
