"""Calls that send files to be judged."""

from __future__ import annotations

import json
import secrets
from pathlib import Path
from typing import Any, Mapping, Sequence

from . import _frames
from ._calls import Call, Request, checked
from .errors import ClientInput

#: A field of the form, the name of the file, its bytes.
Part = tuple[str, str, bytes]


def table(field: str, value: Any) -> Part:
    """A part of a DataFrame, or of a path of a Parquet or CSV file."""
    if isinstance(value, (str, Path)):
        return file(field, value)
    if _frames.kind_of(value) == "pandas" and not _has_pyarrow():
        return (field, f"{field}.csv", value.to_csv(index=False).encode())
    return (field, f"{field}.parquet", _frames.parquet_of(value))


def file(field: str, value: Any) -> Part:
    """A part of a path, or of a name with bytes."""
    if isinstance(value, tuple) and len(value) == 2 and isinstance(value[1], bytes):
        return (field, str(value[0]), value[1])
    if not isinstance(value, (str, Path)):
        raise ClientInput(
            "CLIENT_INPUT", f"{type(value).__name__} is no file", "pass a path, or a tuple of a name and bytes"
        )
    try:
        return (field, Path(value).name, Path(value).read_bytes())
    except OSError as error:
        raise ClientInput(
            "CLIENT_INPUT", f"{value} cannot be read: {error.strerror}", "check the path of the file"
        ) from error


def files(field: str, values: Any) -> list[Part]:
    """Parts of one file or several."""
    several = values if isinstance(values, list) else [values]
    return [file(field, one) for one in several]


def job(value: Any) -> Part:
    """The part of a job: a path of job.json, or its members as a mapping."""
    if isinstance(value, Mapping):
        return ("job", "job.json", json.dumps(value, allow_nan=False).encode())
    return file("job", value)


def judged(kind: str, parts: Sequence[Part], query: Mapping[str, Any]) -> Call[Any]:
    """Sends files and gets ``{report, html}``. Nothing of them stays at the server."""
    given = {name: _text(value) for name, value in query.items() if value is not None}
    boundary, body = _form(parts)
    answer = yield Request(
        "POST",
        f"/v1/files/{kind}",
        body,
        f"multipart/form-data; boundary={boundary}",
        query={**given, "html": "true"},
    )
    return checked(answer).json()


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return ",".join(value) if isinstance(value, (list, tuple)) else str(value)


def _form(parts: Sequence[Part]) -> tuple[str, bytes]:
    boundary = secrets.token_hex(16)
    pieces: list[bytes] = []
    for field, name, data in parts:
        plain = "".join(letter if letter.isascii() and letter.isprintable() and letter not in '"\\' else "_" for letter in name)
        head = f'--{boundary}\r\nContent-Disposition: form-data; name="{field}"; filename="{plain}"\r\n'
        pieces += [head.encode(), b"Content-Type: application/octet-stream\r\n\r\n", data, b"\r\n"]
    return boundary, b"".join([*pieces, f"--{boundary}--\r\n".encode()])


def _has_pyarrow() -> bool:
    from importlib.util import find_spec

    return find_spec("pyarrow") is not None
