"""Files and frames that the server judges: comparisons, GPU diagnoses, cost plans; in every library and both clients."""

from __future__ import annotations

import asyncio
import json
import math
from pathlib import Path
from typing import Any, Callable

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from headrace import AsyncHeadrace, Comparison, Headrace, errors

ROOT = Path(__file__).resolve().parents[3]
COST = ROOT / "examples" / "training-cost"


def columns(shift: float) -> dict[str, list[Any]]:
    return {"price": [shift + 10 + 3 * math.sin(i * i) for i in range(600)], "shop": ["a" if i % 3 else "b" for i in range(600)]}


LIBRARIES: dict[str, Callable[[dict[str, list[Any]]], Any]] = {
    "rows": lambda data: [dict(zip(data, values)) for values in zip(*data.values())],
    "pandas": pd.DataFrame,
    "polars": pl.DataFrame,
    "arrow": pa.table,
}


@pytest.mark.parametrize("library", LIBRARIES)
def test_two_frames_are_compared_whatever_their_library(headrace: Headrace, library: str) -> None:
    make = LIBRARIES[library]
    found = headrace.compare(make(columns(0)), make(columns(5)))
    assert found.drifted == ["price"]
    assert headrace.compare(make(columns(0)), make(columns(0))).drifted == []


def test_files_and_frames_give_the_same_report_in_both_clients(url: str, headrace: Headrace, tmp_path: Path) -> None:
    frames = [pd.DataFrame(columns(0)), pd.DataFrame(columns(5))]
    paths = [tmp_path / "reference.parquet", tmp_path / "current.parquet"]
    for frame, path in zip(frames, paths):
        frame.to_parquet(path, index=False)

    async def compare() -> Comparison:
        async with AsyncHeadrace(url) as client:
            return await client.compare(*paths, ignore=["shop"])

    one, other = asyncio.run(compare()), headrace.compare(*frames, ignore=["shop"])
    assert one.data == other.data
    assert [feature["name"] for feature in one["features"]] == ["price"]


def test_a_comparison_shows_its_page_in_a_notebook_in_a_frame_without_an_origin(headrace: Headrace, tmp_path: Path) -> None:
    frame = pd.DataFrame(columns(0)).rename(columns={"price": "<script>alert(1)</script>"})
    found = headrace.compare(frame, frame)
    shown = found._repr_html_()
    assert shown.startswith("<iframe srcdoc=") and 'sandbox="allow-scripts"' in shown
    assert "<script" not in shown and "<script>alert" not in found.html
    found.save_html(tmp_path / "page.html")
    assert (tmp_path / "page.html").read_text(encoding="utf-8") == found.html
    assert list(found.to_pandas()["state"]) == ["ok", "ok"]
    assert found.verdict in repr(found)


def test_a_trace_of_counters_is_diagnosed(headrace: Headrace) -> None:
    head = "#Date       Time        gpu    pwr  gtemp     sm    mem     fb\n#YYYYMMDD   HH:MM:SS    Idx      W      C      %      %     MB\n"
    lines = [
        f" 20260105   09:{s // 60:02d}:{s % 60:02d}      0    {62 if s % 60 < 25 else 240}     41     {0 if s % 60 < 25 else 74}      28  31240"
        for s in range(300)
    ]
    found = headrace.diagnose(("dmon.txt", (head + "\n".join(lines) + "\n").encode()))
    assert found.verdict in ("findings", "healthy", "not enough evidence")
    assert found["files"][0]["path"].endswith("dmon.txt")
    assert found["summary"] in repr(found)


def test_a_job_is_planned_from_a_file_and_from_a_mapping(headrace: Headrace) -> None:
    profile, prices = COST / "loader-bound.json", COST / "offers.json"
    one = headrace.plan_cost(COST / "job.json", profile, prices=prices)
    other = headrace.plan_cost(json.loads((COST / "job.json").read_text()), [profile], prices=prices)
    assert one.data["total"] == other.data["total"]
    low, middle, high = one.cost_usd
    assert 0 < low <= middle <= high
    assert one.first != ""


@pytest.mark.parametrize(
    ("call", "error"),
    [
        (lambda client: client.compare("nowhere.csv", "nowhere.csv"), errors.ClientInput),
        (lambda client: client.compare(3, 3), errors.ClientInput),
        (lambda client: client.diagnose(3), errors.ClientInput),
        (lambda client: client.diagnose([]), errors.ServerForm),
        (lambda client: client.diagnose(("x\"\r\n.json", b"nothing")), errors.GpuFormat),
        (lambda client: client.compare(*[pd.DataFrame({"a": [1.0, 2.0]})] * 2, rule="chi"), errors.DriftRule),
        (lambda client: client.plan_cost({"version": 1}, ("p.json", b"{}")), errors.CostJob),
    ],
)
def test_bad_input_is_an_error_of_its_code_with_a_hint(
    headrace: Headrace, call: Callable[[Headrace], object], error: type[errors.HeadraceError]
) -> None:
    with pytest.raises(error) as caught:
        call(headrace)
    assert caught.value.hint != ""
