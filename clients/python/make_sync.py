"""Writes src/headrace/_client.py from _async_client.py: the two differ in these words alone. ``--check`` compares only."""

from __future__ import annotations

import sys
from pathlib import Path

FOLDER = Path(__file__).parent / "src" / "headrace"

WORDS = [
    ("The asynchronous client.", "The synchronous client. Written from _async_client.py by make_sync.py: do not edit."),
    ("async def ", "def "),
    ("async with ", "with "),
    ("await ", ""),
    ("AsyncHeadrace", "Headrace"),
    ("AsyncTransport", "SyncTransport"),
    ("httpx.AsyncClient", "httpx.Client"),
    ("__aenter__", "__enter__"),
    ("__aexit__", "__exit__"),
]


def synchronous(text: str) -> str:
    """The text of the synchronous client."""
    for word, other in WORDS:
        text = text.replace(word, other)
    return text


if __name__ == "__main__":
    made = synchronous((FOLDER / "_async_client.py").read_text())
    target = FOLDER / "_client.py"
    if "--check" not in sys.argv:
        target.write_text(made)
    elif target.read_text() != made:
        sys.exit("_client.py differs from _async_client.py: run python make_sync.py")
