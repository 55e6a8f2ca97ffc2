"""What schemathesis checks of the server next to its own checks, and how it sends JSON lines."""

import json

import schemathesis


@schemathesis.serializer("application/x-ndjson")
def json_lines(ctx, value):
    """Writes a list as one value a line; other values are sent as one line."""
    values = value if isinstance(value, list) else [value]
    return "\n".join(json.dumps(one) for one in values).encode()


@schemathesis.hook
def map_body(context, body):
    """Names what the test shop declares in half of the bodies: unknown names end every administrative call early."""
    path = context.operation.path if context.operation else ""
    if not isinstance(body, dict) or len(str(body)) % 2 == 0:
        return body
    if path == "/v1/admin/forget" and isinstance(body.get("entity"), str) and isinstance(body.get("key"), dict):
        return {**body, "entity": "user", "key": {"user": body["entity"]}}
    if path == "/v1/admin/promote" and isinstance(body.get("model"), str):
        return {**body, "model": "risk"}
    return body


def codes_of(response):
    """The codes of an error, or those of the events that were refused."""
    try:
        body = response.json()
    except ValueError:
        return set()
    if not isinstance(body, dict):
        return set()
    error = body.get("error")
    if isinstance(error, dict):
        return {error.get("code")}
    errors = body.get("errors")
    return {one.get("code") for one in errors} if isinstance(errors, list) else set()


@schemathesis.check
def named_refusals(ctx, response, case):
    """A body of the schema is refused with 400 for a named reason only: no schema is looser than the server."""
    meta = case.meta
    if meta is None or not meta.generation.mode.is_positive or response.status_code not in (200, 400):
        return
    named = set(case.operation.definition.raw.get("x-refusals", []))
    unnamed = codes_of(response) - named
    assert not unnamed, f"data of the schema is refused with {sorted(unnamed)}; named are {sorted(named)}"


@schemathesis.check
def refused_events(ctx, response, case):
    """Of events that are not of the schema at least one is refused; the others of the call are taken."""
    meta = case.meta
    if meta is None or meta.generation.mode.is_positive or not case.operation.path.startswith("/v1/events/"):
        return
    if response.status_code == 200:
        assert response.json()["refused"] > 0, "events that are not of the schema are taken"
