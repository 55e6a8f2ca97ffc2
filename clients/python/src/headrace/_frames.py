"""Data frames in and out: pandas, polars and pyarrow, none of which has to be installed.

A frame is known by the module of its type, so that this module imports a library only where the caller has it.
"""

from __future__ import annotations

import datetime as dt
import math
from decimal import Decimal
from typing import Any, Iterable, Literal, Mapping, Sequence

from ._vectors import Columns
from .errors import ClientInput

#: A data frame of pandas, polars or pyarrow, or rows as mappings.
Frame = Any
Kind = Literal["pandas", "polars", "arrow", "rows"]

_UTC = dt.timezone.utc
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=_UTC)


def kind_of(frame: Frame) -> Kind:
    """Which library a frame is of. Raises ClientInput for another value."""
    module = type(frame).__module__.split(".")[0]
    if module == "pandas" and hasattr(frame, "columns"):
        return "pandas"
    if module == "polars" and hasattr(frame, "columns"):
        return "polars"
    if module == "pyarrow" and hasattr(frame, "to_pylist"):
        return "arrow"
    if isinstance(frame, Sequence) and not isinstance(frame, (str, bytes)):
        return "rows"
    raise ClientInput(
        "CLIENT_INPUT",
        f"{type(frame).__name__} is neither a data frame nor a list of rows",
        "pass a DataFrame of pandas or polars, a pyarrow Table, or a list of mappings",
    )


def rows_of(frame: Frame) -> list[dict[str, Any]]:
    """The rows of a frame as JSON values: instants are epoch milliseconds, NaN, NaT and NA are None."""
    kind = kind_of(frame)
    if kind == "pandas":
        columns = {str(name): [plain(value) for value in frame[name]] for name in frame.columns}
        return _transposed(columns, len(frame))
    if kind == "polars":
        columns = {name: [plain(value) for value in frame[name].to_list()] for name in frame.columns}
        return _transposed(columns, frame.height)
    if kind == "arrow":
        found = frame.to_pylist()
    else:
        found = frame
    rows = []
    for row in found:
        if not isinstance(row, Mapping):
            raise ClientInput("CLIENT_INPUT", f"a row is a {type(row).__name__}", "pass each row as a mapping by column")
        rows.append({str(name): plain(value) for name, value in row.items()})
    return rows


def _transposed(columns: Mapping[str, Sequence[Any]], length: int) -> list[dict[str, Any]]:
    names = list(columns)
    if not names:
        return [{} for _ in range(length)]
    return [dict(zip(names, values)) for values in zip(*columns.values())]


def instant_ms(value: Any) -> int:
    """Epoch milliseconds of a datetime, a date or a number. A datetime without a zone is UTC."""
    if isinstance(value, dt.datetime):
        moment = value if value.tzinfo is not None else value.replace(tzinfo=_UTC)
        span = moment - _EPOCH
        return (span.days * 86_400 + span.seconds) * 1_000 + span.microseconds // 1_000
    if isinstance(value, dt.date):
        return (value - _EPOCH.date()).days * 86_400_000
    if isinstance(value, bool) or not isinstance(value, int):
        raise ClientInput(
            "CLIENT_INPUT", f"{value!r} is no instant", "pass a datetime, or whole milliseconds since 1970 (UTC)"
        )
    return value


def plain(value: Any) -> Any:
    """A value as JSON has it. Raises ClientInput for a value without a form."""
    if value is None or isinstance(value, (str, bool)):
        return value
    if type(value) is int:
        return value
    if isinstance(value, float):
        return _finite(float(value))
    if isinstance(value, (dt.datetime, dt.date)):
        # pandas.NaT is a datetime.
        return None if value != value else instant_ms(value)
    if isinstance(value, Decimal):
        return None if value.is_nan() else format(value, "f")
    if type(value).__name__ in ("NAType", "NaTType"):
        return None
    if hasattr(value, "tolist"):
        return plain(value.tolist())
    if isinstance(value, (list, tuple)):
        return [plain(one) for one in value]
    if isinstance(value, int):
        return int(value)
    if hasattr(value, "item"):
        return plain(value.item())
    raise ClientInput(
        "CLIENT_INPUT",
        f"a value of type {type(value).__name__} has no JSON form",
        "convert the column to numbers, texts, booleans or instants",
    )


def _finite(value: float) -> float | None:
    if math.isnan(value):
        return None
    if math.isinf(value):
        raise ClientInput("CLIENT_INPUT", "a value is infinite", "replace infinite values before the call")
    return value


def to_rows(columns: Columns) -> list[dict[str, Any]]:
    """Rows by name, with an aware datetime for each instant."""
    shown = {
        name: [_moment(value) for value in values] if columns.types[name] == "time" else values
        for name, values in columns.values.items()
    }
    return _transposed(shown, columns.length)


def _moment(ms: int | None) -> dt.datetime | None:
    return None if ms is None else _EPOCH + dt.timedelta(milliseconds=ms)


def to_arrow(columns: Columns) -> Any:
    """A pyarrow Table in the exact types: int64, float64, bool, string, timestamp[ms, UTC], decimal128, lists."""
    import pyarrow as pa

    fields = {name: _arrow_type(pa, kind) for name, kind in columns.types.items()}
    arrays = [pa.array(columns.values[name], type=kind) for name, kind in fields.items()]
    return pa.Table.from_arrays(arrays, names=list(fields))


def _arrow_type(pa: Any, kind: str) -> Any:
    simple = {
        "int": pa.int64(),
        "int64": pa.int64(),
        "float": pa.float64(),
        "bool": pa.bool_(),
        "text": pa.string(),
        "time": pa.timestamp("ms", tz="UTC"),
    }
    if kind in simple:
        return simple[kind]
    if kind.startswith("decimal("):
        return pa.decimal128(19, int(kind[len("decimal(") : -1]))
    if kind.startswith("list<"):
        return pa.list_(_arrow_type(pa, kind[len("list<") : -1]))
    return pa.list_(pa.float64())


def to_polars(columns: Columns) -> Any:
    """A polars DataFrame in the exact types."""
    import polars as pl

    series = []
    for name, kind in columns.types.items():
        values = columns.values[name]
        if kind == "time":
            series.append(pl.Series(name, values, dtype=pl.Int64).cast(pl.Datetime("ms", "UTC")))
        else:
            series.append(pl.Series(name, values, dtype=_polars_type(pl, kind)))
    return pl.DataFrame(series)


def _polars_type(pl: Any, kind: str) -> Any:
    simple = {"int": pl.Int64, "int64": pl.Int64, "float": pl.Float64, "bool": pl.Boolean, "text": pl.String}
    if kind in simple:
        return simple[kind]
    if kind.startswith("decimal("):
        return pl.Decimal(19, int(kind[len("decimal(") : -1]))
    if kind.startswith("list<"):
        return pl.List(_polars_type(pl, kind[len("list<") : -1]))
    return pl.List(pl.Float64)


def to_pandas(columns: Columns, index: Any = None) -> Any:
    """A pandas DataFrame: nullable types where a column has nulls, Decimal objects for decimals."""
    import pandas as pd

    data = {}
    for name, kind in columns.types.items():
        values = columns.values[name]
        made: Any
        has_null = any(value is None for value in values)
        if kind in ("int", "int64"):
            made = pd.array(values, dtype="Int64") if has_null else pd.array(values, dtype="int64")
        elif kind == "float":
            made = pd.array([math.nan if value is None else value for value in values], dtype="float64")
        elif kind == "bool":
            made = pd.array(values, dtype="boolean") if has_null else pd.array(values, dtype="bool")
        elif kind == "time":
            made = pd.to_datetime(pd.Series(values, dtype="Int64"), unit="ms", utc=True)
        else:
            made = pd.Series(values, dtype="object")
        data[name] = pd.Series(made).reset_index(drop=True)
    frame = pd.DataFrame(data)
    if index is not None:
        frame.index = index
    return frame


def like(kind: Kind, columns: Columns, index: Any = None) -> Any:
    """Columns as a frame of the library that the caller uses."""
    if kind == "pandas":
        return to_pandas(columns, index)
    if kind == "polars":
        return to_polars(columns)
    if kind == "arrow":
        return to_arrow(columns)
    return to_rows(columns)


def join(kind: Kind, frame: Frame, columns: Columns) -> Any:
    """The frame with the columns at its right; a column of the frame with the name of a feature is kept."""
    kept = _without(columns, _names(kind, frame))
    made = like(kind, kept, getattr(frame, "index", None) if kind == "pandas" else None)
    if kind == "pandas":
        import pandas as pd

        return pd.concat([frame, made], axis=1)
    if kind == "polars":
        return frame.hstack(made.get_columns())
    if kind == "arrow":
        for name in made.column_names:
            frame = frame.append_column(name, made.column(name))
        return frame
    return [{**row, **more} for row, more in zip(frame, made)]


def _names(kind: Kind, frame: Frame) -> set[str]:
    if kind == "arrow":
        return set(frame.column_names)
    if kind == "rows":
        return set().union(*(row.keys() for row in frame)) if frame else set()
    return {str(name) for name in frame.columns}


def _without(columns: Columns, names: Iterable[str]) -> Columns:
    left_out = set(names)
    types = {name: kind for name, kind in columns.types.items() if name not in left_out}
    return Columns(types, {name: columns.values[name] for name in types}, columns.length)


def parquet_of(frame: Frame) -> bytes:
    """A frame as Parquet, in its own types. Needs pyarrow, or polars for a polars frame."""
    import io

    kind = kind_of(frame)
    out = io.BytesIO()
    if kind == "polars":
        frame.write_parquet(out)
        return out.getvalue()
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError as error:
        raise ClientInput(
            "CLIENT_INPUT", "pyarrow is not installed", "install it: pip install 'headrace[arrow]'"
        ) from error
    if kind == "pandas":
        table = pa.Table.from_pandas(frame, preserve_index=False)
    elif kind == "arrow":
        table = frame
    else:
        table = pa.Table.from_pylist(list(frame))
    pq.write_table(table, out)
    return out.getvalue()


def from_parquet(kind: Kind, data: bytes) -> Any:
    """A frame of the caller's library from Parquet."""
    import io

    if kind == "polars":
        import polars as pl

        return pl.read_parquet(io.BytesIO(data))
    import pyarrow.parquet as pq

    table = pq.read_table(io.BytesIO(data))
    if kind == "pandas":
        return table.to_pandas()
    return table if kind == "arrow" else table.to_pylist()
