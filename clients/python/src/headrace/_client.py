"""The synchronous client. Written from _async_client.py by make_sync.py: do not edit."""

from __future__ import annotations

from typing import Any, Mapping, Sequence

from . import _calls, _files, _frames
from ._bars import bar
from ._reports import Comparison, Diagnosis, Plan
from ._results import Vectors
from ._transport import MOST_ATTEMPTS, SyncTransport, Retries
from ._types import (
    Alerts,
    Drift,
    FileComparison,
    FileDiagnosis,
    FilePlan,
    Flushed,
    ForgetReport,
    IngestReport,
    Job,
    Model,
    Models,
    Promotion,
    Quality,
    Rollout,
)
from .errors import ClientInput


class Headrace:
    """Calls a Headrace server.

    ``url`` is its address, ``key`` an API key. ``timeout_s`` bounds one request. A request that changes nothing when it is sent
    twice is sent again where the server's error allows it, at most ``attempts`` times. Other named arguments go to
    ``httpx.Client``. Every method raises ``headrace.errors.HeadraceError``.

    >>> with Headrace("http://127.0.0.1:8080") as headrace:
    ...     frame = headrace.features("shopper", keys)
    """

    def __init__(
        self,
        url: str = "http://127.0.0.1:8080",
        *,
        key: str | None = None,
        timeout_s: float = 60.0,
        attempts: int = MOST_ATTEMPTS,
        **options: Any,
    ) -> None:
        self._transport = SyncTransport(url.rstrip("/"), key, timeout_s, Retries(attempts), options)

    def __enter__(self) -> Headrace:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Closes the connections."""
        self._transport.close()

    # Features

    def vectors(self, service: str, keys: _frames.Frame, *, at: Any = None, progress: bool = False) -> Vectors:
        """Vectors of a service for a frame of requests, one row each, a thousand a request.

        ``at`` is the instant that all are of: a datetime or epoch ms. Without it each vector is of the moment of its read.
        """
        rows = _frames.rows_of(keys)
        with bar(progress, "vectors", len(rows)) as shown:
            return Vectors(self._transport.run(_calls.vectors(service, rows, at, shown)))

    def features(self, service: str, keys: _frames.Frame, *, at: Any = None, progress: bool = False) -> Any:
        """The frame with the features of a service at its right, in the library of the frame. See ``vectors``."""
        found = self.vectors(service, keys, at=at, progress=progress)
        return _frames.join(_frames.kind_of(keys), keys, found.columns)

    def training_set(
        self,
        service: str,
        spine: _frames.Frame,
        *,
        time: str | None = None,
        columns: Mapping[str, str] | None = None,
        mode: str | None = None,
        progress: bool = False,
    ) -> Any:
        """A training set: the spine with the features as of each row's time, in the library of the spine.

        ``time`` names the column of instants. ``columns`` says which column of the spine a column of the service's request is:
        ``{"user": "customer_id"}``. ``mode`` is as in docs/guide/training-sets.md. Needs pyarrow, or polars for its frames.
        """
        kind = _frames.kind_of(spine)
        pairs = ",".join(f"{own}={theirs}" for own, theirs in (columns or {}).items())
        query = {"time": time, "columns": pairs or None, "mode": mode}
        with bar(progress, "training set", len(spine)) as shown:
            made = self._transport.run(_calls.training_set(service, _frames.parquet_of(spine), query))
            if shown is not None:
                shown(len(spine), len(spine))
        return _frames.from_parquet(kind, made)

    # Events, and labels, which are events too

    def ingest(self, source: str, events: _frames.Frame, *, progress: bool = False) -> IngestReport:
        """Sends events of a source, one row each. The report counts each row once; ``errors`` and ``dropped`` name rows by index.

        Sending an event again changes nothing: it is a duplicate.
        """
        rows = _frames.rows_of(events)
        with bar(progress, "events", len(rows)) as shown:
            return self._transport.run(_calls.ingest(source, rows, shown))

    # Predictions and models

    def predict(
        self, model: str, requests: _frames.Frame, *, id: str = "id", at: Any = None, timeout_ms: int | None = None
    ) -> Vectors:
        """Predictions for a frame of requests; the column ``id`` names each, and its label later names it by that.

        The columns of the answer are id, version, cohort, rollout, score and missing.
        """
        rows = _frames.rows_of(requests)
        ids = [row.pop(id, None) for row in rows]
        if any(one is None for one in ids):
            raise ClientInput("CLIENT_INPUT", f'a row has no value in "{id}"', "name the column of the ids by id=")
        texts = [one if isinstance(one, str) else str(one) for one in ids]
        return Vectors(self._transport.run(_calls.predictions(model, rows, texts, at, timeout_ms)))

    def models(self) -> Models:
        """Every model with its versions and its champion."""
        found: Models = self._transport.run(_calls.fetch("/v1/models"))
        return found

    def model(self, name: str) -> Model:
        """One model with its versions and its champion."""
        found: Models = self._transport.run(_calls.fetch(_calls.model_path("models", name)))
        return found[0]

    def promote(self, model: str, version: int) -> Promotion:
        """Makes a version the champion; the server checks it first."""
        found: Promotion = self._transport.run(
            _calls.post("/v1/admin/promote", {"model": model, "version": version})
        )
        return found

    def quality(self, model: str, *, from_: Any = None, to: Any = None) -> Quality:
        """Metrics of judged predictions by version and day; the last 30 days by default."""
        query = {"from": _instant(from_), "to": _instant(to)}
        found: Quality = self._transport.run(_calls.fetch(_calls.model_path("quality", model), query))
        return found

    def rollout(self, model: str) -> Rollout:
        """The newest rollout of a model, with its numbers and events."""
        found: Rollout = self._transport.run(_calls.fetch(_calls.model_path("rollouts", model)))
        return found

    def act_on_rollout(
        self,
        model: str,
        action: str,
        *,
        version: int | None = None,
        plan: Mapping[str, Any] | None = None,
        reason: str | None = None,
    ) -> Rollout:
        """start (with a version, and a plan for a model without a declaration), hold, release, promote or rollback."""
        given = {"action": action, "version": version, "plan": plan, "reason": reason}
        body = {name: value for name, value in given.items() if value is not None}
        found: Rollout = self._transport.run(_calls.post(_calls.model_path("rollouts", model), body))
        return found

    # Drift

    def drift(self) -> Drift:
        """The newest windows of each monitor; ``watch`` is "unwatched" where none runs."""
        found: Drift = self._transport.run(_calls.fetch("/v1/drift"))
        return found

    def drift_of(self, model: str, *, from_: Any = None, to: Any = None, of: str | None = None) -> dict[str, Any]:
        """One window of the champion: features, series, labels, slices, causes, decisions. ``of``: causes or estimate."""
        query = {"from": _instant(from_), "to": _instant(to), "of": of}
        found: dict[str, Any] = self._transport.run(_calls.fetch(_calls.model_path("drift", model), query))
        return found

    def alerts(self) -> Alerts:
        """Open and resolved incidents, and their deliveries."""
        found: Alerts = self._transport.run(_calls.fetch("/v1/alerts"))
        return found

    # Files, which the server judges and forgets

    def compare(
        self,
        reference: _frames.Frame,
        current: _frames.Frame,
        *,
        rule: str | None = None,
        slice: str | None = None,
        time: str | None = None,
        season: str | None = None,
        ignore: Sequence[str] = (),
        features: Sequence[str] = (),
    ) -> Comparison:
        """Compares two DataFrames, or paths of Parquet or CSV files, as ``headrace drift compare`` does.

        In a notebook the answer shows its page. ``time`` names a column that orders the reference in time.
        """
        parts = [_files.table("reference", reference), _files.table("current", current)]
        query = {
            "rule": rule,
            "slice": slice,
            "time": time,
            "season": season,
            "ignore": list(ignore) or None,
            "features": list(features) or None,
        }
        found: FileComparison = self._transport.run(_files.judged("drift", parts, query))
        return Comparison(found["report"], found["html"] or "")

    def diagnose(self, files: Any, *, device: str | None = None) -> Diagnosis:
        """Says what limits the GPUs, from a file or a list of files, as ``headrace gpu diagnose`` does.

        A file is a path, or a tuple of a name and bytes: a trace, counters, or records of a scheduler.
        """
        parts = _files.files("file", files)
        found: FileDiagnosis = self._transport.run(_files.judged("gpu", parts, {"device": device}))
        return Diagnosis(found["report"], found["html"] or "")

    def plan_cost(
        self,
        job: Any,
        profile: Any,
        *,
        trace: Any = None,
        drill: Any = None,
        prices: Any = None,
        polarity: str | None = None,
        time_unit: str | None = None,
        old_prices: bool | None = None,
        draws: int | None = None,
        seed: int | None = None,
    ) -> Plan:
        """Plans the cost of a training job, as ``headrace cost plan`` does. ``job`` is a path of job.json, or a mapping.

        ``profile`` is a file or a list of files: a profile, a diagnosis, a trace. ``trace`` is a recording of spot instances.
        """
        parts = [_files.job(job), *_files.files("profile", profile)]
        for field, value in (("trace", trace), ("drill", drill), ("prices", prices)):
            parts += [] if value is None else _files.files(field, value)
        query = {
            "polarity": polarity,
            "timeUnit": time_unit,
            "oldPrices": old_prices,
            "draws": draws,
            "seed": seed,
        }
        found: FilePlan = self._transport.run(_files.judged("cost", parts, query))
        return Plan(found["report"], found["html"] or "")

    # Jobs and operation

    def start_job(self, **job: Any) -> Job:
        """Starts a job: ``start_job(kind="train", model="churn")``; docs/reference/http.md has its members."""
        found: Job = self._transport.run(_calls.post("/v1/admin/jobs", job))
        return found

    def job(self, id: str, *, after: int | None = None) -> Job:
        """A job, with its progress lines from number ``after`` on."""
        found: Job = self._transport.run(_calls.fetch(_calls.model_path("admin/jobs", id), {"after": after}))
        return found

    def flush(self) -> Flushed:
        """Ends when the history has everything that was accepted."""
        found: Flushed = self._transport.run(_calls.post("/v1/admin/flush", {}, is_safe=True))
        return found

    def forget(self, entity: str, key: Mapping[str, Any]) -> ForgetReport:
        """Forgets an entity in every store; the report names what was forgotten, and where nothing is touched."""
        body = {"entity": entity, "key": {name: _frames.plain(value) for name, value in key.items()}}
        found: ForgetReport = self._transport.run(_calls.post("/v1/admin/forget", body))
        return found

    def status(self) -> dict[str, Any]:
        """The state of the project, part by part."""
        found: dict[str, Any] = self._transport.run(_calls.fetch("/v1/status"))
        return found

    def slo(self) -> dict[str, Any]:
        """Every declared budget and its measurements."""
        found: dict[str, Any] = self._transport.run(_calls.fetch("/v1/slo"))
        return found


def _instant(value: Any) -> int | None:
    return None if value is None else _frames.instant_ms(value)

