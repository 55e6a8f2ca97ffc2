"""Sends the requests of a call over HTTP, and sends again what may be sent again."""

from __future__ import annotations

import asyncio
import random
import time
from typing import Any, Callable, TypeVar

import httpx

from ._calls import Answer, Call, Request
from .errors import ClientConnection, HeadraceError, from_answer

T = TypeVar("T")

#: The version of the package; the server reads it in the user-agent.
VERSION = "0.2.0"
#: Attempts of one request, the first included.
MOST_ATTEMPTS = 5
_LONGEST_WAIT_S = 30.0
#: Errors that a server of another version may have caused: its version is looked up.
_OF_OTHER_VERSIONS = frozenset({"CLIENT_ANSWER", "SERVER_ROUTE", "SERVER_BODY", "SERVER_MEDIA_TYPE"})
_SESSION_S = 5.0


class Retries:
    """How often a request is sent, and how long to wait before the next attempt."""

    def __init__(self, most: int = MOST_ATTEMPTS) -> None:
        self.most = most

    def wait_after(self, attempt: int, request: Request, answer: Answer | None, retry_after: str | None) -> float | None:
        """Seconds to wait before the next attempt; None: this was the last one."""
        if attempt >= self.most or not request.is_safe:
            return None
        if answer is None:
            return self._backoff(attempt)
        error = _error_of(answer)
        if error is None or error.retry == "never":
            return None
        if error.retry == "safe" and attempt == 1:
            return 0.0
        try:
            asked = float(retry_after) if retry_after is not None else 0.0
        except ValueError:
            asked = 0.0
        return min(_LONGEST_WAIT_S, max(asked, self._backoff(attempt)))

    def _backoff(self, attempt: int) -> float:
        return float(min(_LONGEST_WAIT_S, 0.1 * 2**attempt) * (0.5 + random.random() / 2))


def _error_of(answer: Answer) -> HeadraceError | None:
    if answer.status < 400:
        return None
    import json

    try:
        body: Any = json.loads(answer.body)
    except ValueError:
        return None
    return from_answer(answer.status, body, "")


def _connection(base_url: str, error: httpx.HTTPError) -> ClientConnection:
    return ClientConnection(
        "CLIENT_CONNECTION",
        f"no answer from {base_url}: {error or type(error).__name__}",
        "check that the server runs and that the address is right",
        "later",
    )


def _headers(key: str | None) -> dict[str, str]:
    headers = {"user-agent": f"headrace-python/{VERSION}"}
    if key is not None:
        headers["authorization"] = f"Bearer {key}"
    return headers


def _built(client: httpx.Client | httpx.AsyncClient, request: Request) -> httpx.Request:
    headers = {"accept": request.accept, **request.headers}
    if request.content_type is not None:
        headers["content-type"] = request.content_type
    return client.build_request(
        request.method, request.path, params=dict(request.query), content=request.body, headers=headers
    )


def _name_versions(error: HeadraceError, session: Answer) -> None:
    """Adds to the hint of an error which versions server and client have, where they differ."""
    import json

    try:
        found: Any = json.loads(session.body)
    except ValueError:
        return
    version = found.get("version") if isinstance(found, dict) else None
    if isinstance(version, str) and version != VERSION:
        error.add_hint(f"the server is Headrace {version} and this client is {VERSION}: install the client of the server")


def _answer(response: httpx.Response) -> Answer:
    return Answer(response.status_code, response.headers.get("content-type", ""), response.content)


class SyncTransport:
    """Runs calls on an httpx.Client."""

    def __init__(self, base_url: str, key: str | None, timeout_s: float, retries: Retries, options: dict[str, Any]) -> None:
        self.base_url = base_url
        self._retries = retries
        self._client = httpx.Client(base_url=base_url, headers=_headers(key), timeout=timeout_s, **options)

    def run(self, call: Call[T]) -> T:
        """Runs a call to its end. Raises HeadraceError."""
        try:
            request = next(call)
            while True:
                request = call.send(self._send(request))
        except StopIteration as end:
            result: T = end.value
            return result
        except HeadraceError as error:
            if error.code in _OF_OTHER_VERSIONS:
                self._name_versions(error)
            raise

    def _name_versions(self, error: HeadraceError) -> None:
        try:
            answer = self._client.get("/v1/session", timeout=_SESSION_S)
        except httpx.HTTPError:
            return
        _name_versions(error, _answer(answer))

    def _send(self, request: Request) -> Answer:
        attempt = 1
        while True:
            answer: Answer | None = None
            retry_after: str | None = None
            failure: httpx.HTTPError | None = None
            try:
                response = self._client.send(_built(self._client, request))
                answer, retry_after = _answer(response), response.headers.get("retry-after")
            except httpx.HTTPError as error:
                failure = error
            wait = self._retries.wait_after(attempt, request, answer, retry_after)
            if wait is None:
                if answer is not None:
                    return answer
                raise _connection(self.base_url, failure or httpx.HTTPError("")) from failure
            time.sleep(wait)
            attempt += 1

    def close(self) -> None:
        self._client.close()


class AsyncTransport:
    """Runs calls on an httpx.AsyncClient."""

    def __init__(self, base_url: str, key: str | None, timeout_s: float, retries: Retries, options: dict[str, Any]) -> None:
        self.base_url = base_url
        self._retries = retries
        self._client = httpx.AsyncClient(base_url=base_url, headers=_headers(key), timeout=timeout_s, **options)

    async def run(self, call: Call[T]) -> T:
        """Runs a call to its end. Raises HeadraceError."""
        try:
            request = next(call)
            while True:
                request = call.send(await self._send(request))
        except StopIteration as end:
            result: T = end.value
            return result
        except HeadraceError as error:
            if error.code in _OF_OTHER_VERSIONS:
                await self._name_versions(error)
            raise

    async def _name_versions(self, error: HeadraceError) -> None:
        try:
            answer = await self._client.get("/v1/session", timeout=_SESSION_S)
        except httpx.HTTPError:
            return
        _name_versions(error, _answer(answer))

    async def _send(self, request: Request) -> Answer:
        attempt = 1
        while True:
            answer: Answer | None = None
            retry_after: str | None = None
            failure: httpx.HTTPError | None = None
            try:
                response = await self._client.send(_built(self._client, request))
                answer, retry_after = _answer(response), response.headers.get("retry-after")
            except httpx.HTTPError as error:
                failure = error
            wait = self._retries.wait_after(attempt, request, answer, retry_after)
            if wait is None:
                if answer is not None:
                    return answer
                raise _connection(self.base_url, failure or httpx.HTTPError("")) from failure
            await asyncio.sleep(wait)
            attempt += 1

    async def close(self) -> None:
        await self._client.aclose()


#: Shown to a caller while a long call runs: how many of how many rows.
ProgressBar = Callable[[int, int], None]
