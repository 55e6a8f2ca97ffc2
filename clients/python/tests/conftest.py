"""Starts one real server for all tests: ``tests/server.ts`` by the Node.js of the repository."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import Iterator

import pytest

from headrace import Headrace

ROOT = Path(__file__).resolve().parents[3]


def _node() -> str:
    own = ROOT / "node_modules" / ".bin" / "node"
    found = str(own) if own.exists() else shutil.which("node")
    if found is None:
        pytest.skip("Node.js is not installed")
    return found


@pytest.fixture(scope="session")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    server = subprocess.Popen(
        [
            _node(),
            "--conditions=headrace-source",
            str(ROOT / "clients" / "python" / "tests" / "server.ts"),
            str(tmp_path_factory.mktemp("shop")),
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "ORT_DISABLE_TELEMETRY": "1"},
    )
    assert server.stdin is not None and server.stdout is not None
    address = server.stdout.readline().strip()
    assert address.startswith("http"), "the server did not start"
    try:
        yield address
    finally:
        server.stdin.close()
        server.wait()


@pytest.fixture()
def headrace(url: str) -> Iterator[Headrace]:
    with Headrace(url) as client:
        yield client
