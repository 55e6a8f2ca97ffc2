"""What calls of vectors and predictions return."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from . import _frames
from ._vectors import Columns, Decoded


@dataclass(frozen=True)
class Vectors:
    """Vectors or predictions in the order of their requests."""

    _decoded: Decoded

    def __len__(self) -> int:
        return self._decoded.columns.length

    @property
    def columns(self) -> Columns:
        """Python values by column: ints, floats, bools, texts, Decimals; instants as epoch ms."""
        return self._decoded.columns

    @property
    def at(self) -> list[int]:
        """The instant of each vector, epoch ms: events before it count."""
        return self._decoded.at

    @property
    def streaming_age_ms(self) -> list[float | None]:
        """Age of the oldest streaming view of each vector, ms; None: the service has none, or it is not known."""
        return self._decoded.streaming_age

    @property
    def batch_age_ms(self) -> list[float | None]:
        """Age of the oldest batch view of each vector, ms; None: the service has none, or it never ran."""
        return self._decoded.batch_age

    @property
    def missing(self) -> list[tuple[int, str, str]]:
        """(row, feature, reason) of each feature without an answer; the reasons are in docs/reference/http.md."""
        return self._decoded.missing

    @property
    def stale(self) -> list[tuple[int, str]]:
        """(row, lookup) of each lookup whose data are older than its view's freshness."""
        return self._decoded.stale

    @property
    def degraded(self) -> list[int]:
        """Rows whose store may have lost acknowledged writes."""
        return self._decoded.degraded

    @property
    def is_complete(self) -> bool:
        """Whether every feature of every row has an answer."""
        return not self._decoded.missing

    def to_rows(self) -> list[dict[str, Any]]:
        """Rows as mappings; instants are aware datetimes."""
        return _frames.to_rows(self.columns)

    def to_pandas(self) -> Any:
        """A pandas DataFrame."""
        return _frames.to_pandas(self.columns)

    def to_polars(self) -> Any:
        """A polars DataFrame."""
        return _frames.to_polars(self.columns)

    def to_arrow(self) -> Any:
        """A pyarrow Table."""
        return _frames.to_arrow(self.columns)
