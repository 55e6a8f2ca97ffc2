"""Errors of a Headrace server as exceptions.

Each code of the catalogue has its own class: ``SERVICE_UNKNOWN`` is ``errors.ServiceUnknown``, a subclass of
``HeadraceError``. Catch the class of one code, or ``HeadraceError`` and read ``code``, ``hint`` and ``retry``.
"""

from __future__ import annotations

from typing import Any, Literal, Mapping, cast

Retry = Literal["never", "safe", "later"]


class HeadraceError(Exception):
    """An error with the code, message and hint of the catalogue (docs/reference/errors.md)."""

    #: Code of the catalogue, such as ``SERVICE_UNKNOWN``.
    code: str
    #: What happened.
    message: str
    #: What to do.
    hint: str
    #: Whether the call may be sent again: never, safe (at once) or later.
    retry: Retry
    #: HTTP status; 0 where no answer came.
    status: int

    def __init__(self, code: str, message: str, hint: str = "", retry: Retry = "never", status: int = 0) -> None:
        super().__init__(f"{code}: {message}" + (f"\n  {hint}" if hint else ""))
        self.code = code
        self.message = message
        self.hint = hint
        self.retry = retry
        self.status = status

    def add_hint(self, more: str) -> None:
        """Adds a step to the hint, in the text of the exception too."""
        self.hint = f"{self.hint}; {more}" if self.hint else more
        self.args = (f"{self.code}: {self.message}\n  {self.hint}",)


class ClientConnection(HeadraceError):
    """No answer came from the server."""


class ClientInput(HeadraceError):
    """A value of the caller has no form that the server takes."""


class ClientAnswer(HeadraceError):
    """The answer has a form that this version of the client cannot read."""


_classes: dict[str, type[HeadraceError]] = {
    "CLIENT_CONNECTION": ClientConnection,
    "CLIENT_INPUT": ClientInput,
    "CLIENT_ANSWER": ClientAnswer,
}


def class_of(code: str) -> type[HeadraceError]:
    """The exception class of a code; the same class each time."""
    found = _classes.get(code)
    if found is None:
        name = "".join(word.capitalize() for word in code.split("_"))
        found = cast("type[HeadraceError]", type(name, (HeadraceError,), {"__module__": __name__, "__doc__": code}))
        _classes[code] = found
    return found


def _code_of(name: str) -> str:
    return "".join(f"_{c}" if c.isupper() else c for c in name).lstrip("_").upper()


def __getattr__(name: str) -> type[HeadraceError]:
    if not name[:1].isupper():
        raise AttributeError(name)
    return class_of(_code_of(name))


def from_answer(status: int, body: Any, text: str) -> HeadraceError:
    """The exception of an answer that is not 2xx."""
    error: Mapping[str, Any] | None = None
    if isinstance(body, dict):
        candidate = body.get("error")
        if isinstance(candidate, dict):
            error = candidate
        elif isinstance(body.get("errors"), list) and body["errors"] and isinstance(body["errors"][0], dict):
            error = body["errors"][0]
    if error is None or not isinstance(error.get("code"), str):
        return ClientAnswer(
            "CLIENT_ANSWER",
            f"the server answered {status}: {text[:200]}",
            "check that the address is that of a Headrace server",
            "never",
            status,
        )
    retry = error.get("retry")
    return class_of(error["code"])(
        error["code"],
        str(error.get("message", "")),
        str(error.get("hint", "")),
        retry if retry in ("never", "safe", "later") else "never",
        status,
    )
