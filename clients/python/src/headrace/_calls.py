"""Calls of the server without any transport: generators that yield a request and receive its answer.

The synchronous and the asynchronous client run the same generators.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any, Callable, Generator, Literal, Mapping, Sequence, TypeVar, cast
from urllib.parse import quote

from . import _frames, _vectors
from ._types import IngestReport
from .errors import ClientAnswer, ClientInput, from_answer

T = TypeVar("T")

#: Requests of one call, the server's bound.
MOST_REQUESTS = 1_000
#: Bytes of events in one call: below the server's default bound of a body, 4 MiB.
EVENT_BYTES = 2 * 2**20


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    body: bytes | None = None
    content_type: str | None = None
    accept: str = "application/json"
    query: Mapping[str, str] = field(default_factory=dict)
    #: Whether a lost connection may be tried again: the call changes nothing the second time.
    is_safe: bool = True
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Answer:
    status: int
    content_type: str
    body: bytes

    def json(self) -> Any:
        try:
            return json.loads(self.body)
        except ValueError as error:
            raise ClientAnswer(
                "CLIENT_ANSWER",
                f"the server answered {self.status} with something that is no JSON",
                "check that the address is that of a Headrace server",
                "never",
                self.status,
            ) from error


Call = Generator[Request, Answer, T]
Progress = Callable[[int, int], None]


def checked(answer: Answer) -> Answer:
    """The answer, or the exception that it carries."""
    if 200 <= answer.status < 300:
        return answer
    body: Any = None
    try:
        body = json.loads(answer.body)
    except ValueError:
        pass
    raise from_answer(answer.status, body, answer.body.decode("utf-8", "replace"))


def _name(part: str) -> str:
    if not isinstance(part, str) or part == "":
        raise ClientInput("CLIENT_INPUT", f"{part!r} is no name", "pass the declared name as a text")
    return quote(part, safe="")


def _json(value: Any) -> bytes:
    return json.dumps(value, allow_nan=False, ensure_ascii=False, separators=(",", ":")).encode()


def fetch(path: str, query: Mapping[str, Any] | None = None) -> Call[Any]:
    """A GET of JSON."""
    given = {name: str(value) for name, value in (query or {}).items() if value is not None}
    answer = yield Request("GET", path, query=given)
    return checked(answer).json()


def post(path: str, body: Any, is_safe: bool = False) -> Call[Any]:
    """A POST of JSON."""
    answer = yield Request("POST", path, _json(body), "application/json", is_safe=is_safe)
    return checked(answer).json()


def vectors(service: str, rows: Sequence[Mapping[str, Any]], at: Any, progress: Progress | None) -> Call[_vectors.Decoded]:
    """Vectors of any number of requests, a thousand a call."""
    instant = None if at is None else _frames.instant_ms(at)
    parts: list[_vectors.Decoded] = []
    for start in range(0, max(1, len(rows)), MOST_REQUESTS):
        some = rows[start : start + MOST_REQUESTS]
        if len(some) == 0:
            break
        body = {"requests": some, **({} if instant is None else {"at": instant})}
        answer = yield Request(
            "POST", f"/v1/features/{_name(service)}", _json(body), "application/json", _vectors.MEDIA_TYPE
        )
        parts.append(_vectors.decode(checked(answer).body))
        if progress is not None:
            progress(min(start + MOST_REQUESTS, len(rows)), len(rows))
    return _joined(parts)


def predictions(
    model: str, rows: Sequence[Mapping[str, Any]], ids: Sequence[str], at: Any, timeout_ms: int | None
) -> Call[_vectors.Decoded]:
    """Predictions of any number of requests, a thousand a call; each is logged before it is answered."""
    instant = None if at is None else _frames.instant_ms(at)
    headers = {} if timeout_ms is None else {"headrace-timeout-ms": str(timeout_ms)}
    parts: list[_vectors.Decoded] = []
    for start in range(0, len(rows), MOST_REQUESTS):
        end = start + MOST_REQUESTS
        requests = [{"id": one, "request": row} for one, row in zip(ids[start:end], rows[start:end])]
        body = {"requests": requests, **({} if instant is None else {"at": instant})}
        answer = yield Request(
            "POST",
            f"/v1/predictions/{_name(model)}",
            _json(body),
            "application/json",
            _vectors.MEDIA_TYPE,
            headers=headers,
        )
        parts.append(_vectors.decode(checked(answer).body))
    return _joined(parts)


def _joined(parts: Sequence[_vectors.Decoded]) -> _vectors.Decoded:
    if not parts:
        return _vectors.Decoded(_vectors.Columns({}, {}, 0), [], [], [])
    whole = parts[0]
    for part in parts[1:]:
        if part.columns.types != whole.columns.types:
            raise ClientAnswer(
                "CLIENT_ANSWER", "the declaration changed between two parts of the call", "make the call again", "safe"
            )
        before = whole.columns.length
        for name, values in part.columns.values.items():
            whole.columns.values[name].extend(values)
        whole.columns.length += part.columns.length
        whole.at += part.at
        whole.streaming_age += part.streaming_age
        whole.batch_age += part.batch_age
        whole.missing += [(before + vector, feature, reason) for vector, feature, reason in part.missing]
        whole.stale += [(before + vector, alias) for vector, alias in part.stale]
        whole.degraded += [before + vector for vector in part.degraded]
    return whole


def ingest(source: str, rows: Sequence[Mapping[str, Any]], progress: Progress | None) -> Call[IngestReport]:
    """Sends events in parts of about two megabytes; the report counts all. A part that was sent already is a duplicate."""
    total: IngestReport = {
        "accepted": 0,
        "duplicate": 0,
        "late": 0,
        "pending": 0,
        "refused": 0,
        "dropped": [],
        "errors": [],
    }
    sent = 0
    for lines in _event_parts(rows):
        answer = yield Request(
            "POST", f"/v1/events/{_name(source)}", b"\n".join(lines) + b"\n", "application/x-ndjson"
        )
        _count(total, answer, sent)
        sent += len(lines)
        if progress is not None:
            progress(sent, len(rows))
    return total


def _event_parts(rows: Sequence[Mapping[str, Any]]) -> Generator[list[bytes], None, None]:
    lines: list[bytes] = []
    size = 0
    for row in rows:
        line = _json(row)
        if lines and size + len(line) > EVENT_BYTES:
            yield lines
            lines, size = [], 0
        lines.append(line)
        size += len(line) + 1
    if lines:
        yield lines


_COUNTS: tuple[Literal["accepted", "duplicate", "late", "pending", "refused"], ...] = (
    "accepted",
    "duplicate",
    "late",
    "pending",
    "refused",
)
_LISTS: tuple[Literal["dropped", "errors"], ...] = ("dropped", "errors")


def _count(total: IngestReport, answer: Answer, sent: int) -> None:
    report: Any = None
    if answer.status in (200, 400):
        try:
            report = json.loads(answer.body)
        except ValueError:
            report = None
    # All events of a part may be refused: the report says why, and the other parts count.
    if not isinstance(report, dict) or "accepted" not in report:
        checked(answer)
        raise ClientAnswer("CLIENT_ANSWER", "the answer to events is no report", "check the address")
    for count in _COUNTS:
        total[count] += report[count]
    for name in _LISTS:
        for each in report.get(name, []):
            each["index"] += sent
            cast("list[Any]", total[name]).append(each)


def training_set(service: str, spine: bytes, query: Mapping[str, Any]) -> Call[bytes]:
    """A training set as Parquet, from a spine as Parquet."""
    given = {name: str(value) for name, value in query.items() if value is not None}
    parquet = "application/vnd.apache.parquet"
    answer = yield Request(
        "POST", f"/v1/training-sets/{_name(service)}", spine, parquet, parquet, given
    )
    return checked(answer).body


def model_path(kind: str, model: str) -> str:
    return f"/v1/{kind}/{_name(model)}"
