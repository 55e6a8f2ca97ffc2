"""The binary form of vectors, ``application/vnd.headrace.vectors`` (docs/reference/http.md has its grammar)."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Callable

from .errors import ClientAnswer

MEDIA_TYPE = "application/vnd.headrace.vectors"
_MAGIC = b"HRV"
_FORMAT = 2


@dataclass
class Columns:
    """Columns of equal length: Python values, None for null. An instant is an int of epoch milliseconds."""

    #: Type of each column by name: int, int64, time, float, bool, text, decimal(n), list<t> or embedding(n).
    types: dict[str, str]
    values: dict[str, list[Any]]
    length: int


@dataclass
class Decoded:
    """An answer of the server: columns, and what is known of each vector."""

    columns: Columns
    #: Instant of each vector, epoch ms.
    at: list[int]
    #: Age of the streaming and the batch tier of each vector, ms; None: no such tier, or not known.
    streaming_age: list[float | None]
    batch_age: list[float | None]
    #: (vector, feature, reason) of each feature without an answer.
    missing: list[tuple[int, str, str]] = field(default_factory=list)
    #: (vector, alias) of each lookup with data older than declared.
    stale: list[tuple[int, str]] = field(default_factory=list)
    #: Vectors whose store may have lost writes.
    degraded: list[int] = field(default_factory=list)


class _Reader:
    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0

    def take(self, count: int) -> bytes:
        end = self.at + count
        if end > len(self.data):
            raise _cut()
        taken = self.data[self.at : end]
        self.at = end
        return taken

    def varint(self) -> int:
        data, at, shift, value = self.data, self.at, 0, 0
        while True:
            if at >= len(data):
                raise _cut()
            byte = data[at]
            at += 1
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                break
            shift += 7
        self.at = at
        return value

    def whole(self) -> int:
        first = self.take(1)[0]
        value = first & 0x3F
        if first & 0x80:
            value |= self.varint() << 6
        return -value if first & 0x40 else value

    def text(self) -> str:
        return self.take(self.varint()).decode("utf-8")

    def floats(self, count: int) -> list[float]:
        return list(struct.unpack(f"<{count}d", self.take(8 * count)))

    def count(self) -> int:
        """A number of things that follow: each takes a byte at least."""
        found = self.varint()
        if found > len(self.data) - self.at:
            raise _cut()
        return found


def _cut() -> ClientAnswer:
    return ClientAnswer("CLIENT_ANSWER", "the binary answer ends early", "send the call again", "safe")


def decode(data: bytes) -> Decoded:
    """Reads an answer. Raises ClientAnswer where it is cut or of another format."""
    if data[:3] != _MAGIC or len(data) < 4:
        raise ClientAnswer("CLIENT_ANSWER", "the answer is not in the binary form of vectors", "check the address")
    if data[3] != _FORMAT:
        raise ClientAnswer(
            "CLIENT_ANSWER",
            f"the binary answer has format {data[3]}, and this client reads {_FORMAT}",
            "install the client of the server's version",
        )
    reader = _Reader(data)
    reader.at = 4
    try:
        decoded = _decode(reader)
    except (UnicodeDecodeError, struct.error, IndexError) as error:
        raise ClientAnswer("CLIENT_ANSWER", f"the binary answer is damaged: {error}", "send the call again") from error
    if reader.at != len(data):
        raise ClientAnswer("CLIENT_ANSWER", "the binary answer has bytes after its end", "send the call again")
    return decoded


def _decode(reader: _Reader) -> Decoded:
    types = {}
    for _ in range(reader.count()):
        name = reader.text()
        types[name] = reader.text()
    count = reader.count()
    at: list[int] = []
    for i in range(count):
        step = reader.whole()
        at.append(step if i == 0 else at[-1] + step)
    ages = [[None if age != age else age for age in reader.floats(count)] for _ in range(2)]
    names = list(types)
    missing = [(reader.varint(), names[reader.varint()], reader.text()) for _ in range(reader.count())]
    stale = [(reader.varint(), reader.text()) for _ in range(reader.count())]
    degraded = [reader.varint() for _ in range(reader.count())]
    values = {name: _column(reader, kind, count) for name, kind in types.items()}
    return Decoded(Columns(types, values, count), at, ages[0], ages[1], missing, stale, degraded)


def _column(reader: _Reader, kind: str, count: int) -> list[Any]:
    marker = reader.take(1)[0]
    if marker == 0:
        return _values(reader, kind, count)
    nulls = reader.take((count + 7) // 8)
    is_null = [bool(nulls[i // 8] >> (i % 8) & 1) for i in range(count)]
    given = iter(_values(reader, kind, count - sum(is_null)))
    return [None if null else next(given) for null in is_null]


def _values(reader: _Reader, kind: str, count: int) -> list[Any]:
    if kind == "float":
        return reader.floats(count)
    if kind == "int64" or kind.startswith("decimal("):
        whole = struct.unpack(f"<{count}q", reader.take(8 * count))
        if kind == "int64":
            return list(whole)
        digits = int(kind[len("decimal(") : -1])
        return [Decimal(value).scaleb(-digits) for value in whole]
    read = _reader_of(kind)
    return [read(reader) for _ in range(count)]


def _reader_of(kind: str) -> Callable[[_Reader], Any]:
    if kind in ("int", "time"):
        return _Reader.whole
    if kind == "bool":
        return lambda reader: reader.take(1)[0] == 1
    if kind == "text":
        return _Reader.text
    if kind.startswith("list<"):
        inner = kind[len("list<") : -1]
        return lambda reader: _values(reader, inner, reader.count())
    if kind.startswith("embedding("):
        width = int(kind[len("embedding(") : -1])
        return lambda reader: reader.floats(width)
    raise ClientAnswer(
        "CLIENT_ANSWER", f'this client knows no values of type "{kind}"', "install the client of the server's version"
    )
