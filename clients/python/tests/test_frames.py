"""What goes in comes out: values, types and order, in each library and in both clients."""

from __future__ import annotations

import asyncio
import datetime as dt
import time
from decimal import Decimal
from typing import Any, Callable

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from headrace import AsyncHeadrace, Headrace, errors
from headrace._frames import plain, rows_of

NOW = int(time.time() * 1000)
BIG = 2**53 + 1
SEEN = NOW - 123_456_789


def events(user: str, count: int = 3) -> list[dict[str, Any]]:
    return [
        {
            "id": f"{user}-{i}",
            "at": NOW - 60_000 + i,
            "user": user,
            "price": Decimal("12.50") + i,
            "big": BIG + i,
            "gift": i % 2 == 0,
            "weight": None if i == 0 else i / 3,
            "shop": "Köln 上海",
            "seen": SEEN + i,
        }
        for i in range(count)
    ]


def pandas_of(rows: list[dict[str, Any]]) -> Any:
    frame = pd.DataFrame(rows)
    if "at" not in frame:
        return frame
    frame["at"] = pd.to_datetime(frame["at"], unit="ms", utc=True)
    frame["big"] = frame["big"].astype("Int64")
    frame["gift"] = frame["gift"].astype("boolean")
    return frame


def polars_of(rows: list[dict[str, Any]]) -> Any:
    frame = pl.DataFrame(rows)
    return frame if "at" not in frame.columns else frame.with_columns(pl.col("at").cast(pl.Datetime("ms", "UTC")))


def arrow_of(rows: list[dict[str, Any]]) -> Any:
    table = pa.Table.from_pylist(rows)
    return table if "at" not in table.column_names else table.set_column(1, "at", table.column("at").cast(pa.timestamp("ms", "UTC")))


LIBRARIES: dict[str, Callable[[list[dict[str, Any]]], Any]] = {
    "rows": lambda rows: rows,
    "pandas": pandas_of,
    "polars": polars_of,
    "arrow": arrow_of,
}


def as_rows(frame: Any) -> list[dict[str, Any]]:
    if isinstance(frame, list):
        return frame
    if isinstance(frame, pa.Table):
        rows: list[dict[str, Any]] = frame.to_pylist()
        return rows
    if isinstance(frame, pl.DataFrame):
        return frame.to_dicts()
    return [{str(name): frame[name].iloc[i] for name in frame.columns} for i in range(len(frame))]


@pytest.mark.parametrize("library", LIBRARIES)
def test_values_survive_the_way_in_and_out(headrace: Headrace, library: str) -> None:
    user = f"user-{library}"
    report = headrace.ingest("purchases", LIBRARIES[library](events(user)))
    assert (report["accepted"], report["refused"], report["errors"]) == (3, 0, [])
    keys = LIBRARIES[library]([{"user": user, "basket": 1.5}, {"user": "nobody", "basket": None}])
    found = headrace.features("shopper", keys)
    assert type(found) is type(keys)
    first, second = as_rows(found)
    assert first["user"] == user
    assert first["spend_purchases_1h"] == 3
    assert first["spend_spent_1h"] == Decimal("40.50")
    assert first["spend_most_1h"] == BIG + 2
    assert bool(first["spend_gift_1h"]) is True
    assert first["spend_shop_1h"] == "Köln 上海"
    assert first["spend_heaviest_1h"] == 2 / 3
    assert list(first["spend_shops_1h"]) == ["Köln 上海"]
    assert plain(first["spend_seen_1h"]) == SEEN + 2
    assert second["spend_purchases_1h"] == 0
    assert plain(second["spend_most_1h"]) is None
    again = headrace.ingest("purchases", LIBRARIES[library](events(user)))
    assert (again["accepted"], again["duplicate"]) == (0, 3)


def test_more_requests_than_a_call_takes_come_back_in_order(headrace: Headrace) -> None:
    headrace.ingest("purchases", events("many", 7))
    keys = [{"user": "many" if i % 3 == 0 else f"x{i}", "basket": float(i)} for i in range(2_500)]
    found = headrace.vectors("shopper", keys, at=NOW)
    assert len(found) == 2_500
    assert found.columns.values["basket"] == [float(i) for i in range(2_500)]
    assert [n == 7 for n in found.columns.values["spend_purchases_1h"]] == [i % 3 == 0 for i in range(2_500)]
    assert set(found.at) == {NOW}


def test_the_asynchronous_client_reads_the_same(url: str, headrace: Headrace) -> None:
    headrace.ingest("purchases", events("both"))
    at = dt.datetime.now(dt.timezone.utc)

    async def read() -> Any:
        async with AsyncHeadrace(url) as client:
            one, other = await asyncio.gather(
                client.vectors("shopper", [{"user": "both", "basket": 2.0}], at=at),
                client.vectors("shopper", [{"user": "both", "basket": 2.0}], at=at),
            )
            return one.columns.values, other.columns.values

    one, other = asyncio.run(read())
    assert one == other == headrace.vectors("shopper", [{"user": "both", "basket": 2.0}], at=at).columns.values


def test_an_empty_frame_has_no_vectors(headrace: Headrace) -> None:
    assert len(headrace.vectors("shopper", [])) == 0
    assert headrace.ingest("purchases", [])["accepted"] == 0


def test_missing_values_of_every_library_are_null() -> None:
    frame = pd.DataFrame({"a": [1.0, None], "b": pd.array([1, None], dtype="Int64"), "c": [pd.Timestamp(0), pd.NaT]})
    assert rows_of(frame) == [{"a": 1.0, "b": 1, "c": 0}, {"a": None, "b": None, "c": None}]
    frame = pd.DataFrame({"a": pd.Categorical(["x", None]), "b": pd.array([True, None], dtype="boolean")})
    assert rows_of(frame) == [{"a": "x", "b": True}, {"a": None, "b": None}]
    assert rows_of(pl.DataFrame({"a": [None, dt.date(1970, 1, 2)]})) == [{"a": None}, {"a": 86_400_000}]


@pytest.mark.parametrize("value", [float("inf"), object(), {1, 2}, b"bytes"])
def test_a_value_without_a_form_is_an_error_of_the_caller(headrace: Headrace, value: Any) -> None:
    with pytest.raises(errors.ClientInput):
        headrace.vectors("shopper", [{"user": value}])


def test_a_refused_event_names_its_row(headrace: Headrace) -> None:
    rows = events("refused", 4)
    rows[2]["price"] = "seven"
    report = headrace.ingest("purchases", rows)
    assert (report["accepted"], report["refused"]) == (3, 1)
    assert [(error["index"], error["code"]) for error in report["errors"]] == [(2, "EVENT_TYPE")]


def test_all_events_refused_is_a_report_and_no_exception(headrace: Headrace) -> None:
    report = headrace.ingest("purchases", [{"id": "x"}])
    assert (report["accepted"], report["refused"]) == (0, 1)


def test_rows_are_numbered_over_all_parts_of_a_large_call(headrace: Headrace) -> None:
    rows = events("parts", 30_000)
    rows[-1]["price"] = "seven"
    report = headrace.ingest("purchases", rows)
    assert report["accepted"] + report["refused"] == 30_000
    assert [error["index"] for error in report["errors"]] == [29_999]
