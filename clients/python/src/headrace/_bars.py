"""Progress bars of long calls, by tqdm where it is installed."""

from __future__ import annotations

from contextlib import contextmanager
from typing import Any, Callable, Iterator

from .errors import ClientInput


@contextmanager
def bar(wanted: bool, name: str, total: int) -> Iterator[Callable[[int, int], None] | None]:
    """A callback for (done, total) that moves a bar; None where no bar is wanted."""
    if not wanted:
        yield None
        return
    try:
        from tqdm.auto import tqdm
    except ImportError as error:
        raise ClientInput(
            "CLIENT_INPUT", "tqdm is not installed", "install it: pip install 'headrace[progress]'"
        ) from error
    shown: Any = tqdm(total=total, desc=name, unit="row")
    try:
        yield lambda done, _: shown.update(done - shown.n)
    finally:
        shown.close()
