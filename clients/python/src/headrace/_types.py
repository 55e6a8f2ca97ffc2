"""Types of the server's answers, written from its OpenAPI document by generate_types.py. Do not edit."""

from __future__ import annotations

from typing import Any, Literal, TypeAlias, TypedDict

from typing_extensions import NotRequired


class Resolution(TypedDict):
    at: int
    reason: str


class OpenItem(TypedDict):
    no: int
    fingerprint: str
    kind: str
    severity: Literal["page", "ticket", "digest"]
    state: Literal["open", "acknowledged", "resolved"]
    tier: int | None
    model: str
    slice: str | None
    owner: str | None
    summary: str
    openedAt: int
    at: int
    acknowledgedBy: str | None
    resolution: Resolution | None
    evidence: dict[str, Any]


class ResolvedItem(TypedDict):
    no: int
    fingerprint: str
    kind: str
    severity: Literal["page", "ticket", "digest"]
    state: Literal["open", "acknowledged", "resolved"]
    tier: int | None
    model: str
    slice: str | None
    owner: str | None
    summary: str
    openedAt: int
    at: int
    acknowledgedBy: str | None
    resolution: Resolution | None
    evidence: dict[str, Any]


class UndeliveredItem(TypedDict):
    incident: int
    sink: str
    state: str
    attempts: int
    dueAt: int
    error: str | None


class Silence(TypedDict):
    id: int
    until: int
    by: str
    reason: str


class Alerts(TypedDict):
    open: list[OpenItem]
    openCount: int
    resolved: list[ResolvedItem]
    undelivered: list[UndeliveredItem]
    silences: list[Silence]


class Reference(TypedDict):
    name: str
    rows: int


class Current(TypedDict):
    name: str
    rows: int


class Fault(TypedDict):
    kind: str
    columns: list[str]
    text: str


class Rows(TypedDict):
    reference: int
    current: int


class Missing(TypedDict):
    reference: int
    current: int


class Mean(TypedDict):
    reference: float | None
    current: float | None


class Effect(TypedDict):
    debiasedPsi: float | None
    jensenShannon: float | None
    wasserstein: float | None


class Limit(TypedDict):
    psi: float | None


class Frozen(TypedDict):
    kind: Literal["edges", "values"]
    edges: NotRequired[list[float]]
    values: NotRequired[list[str]]


class Bins(TypedDict):
    frozen: Frozen
    reference: list[float]
    current: list[float]


class Feature(TypedDict):
    name: str
    kind: str
    state: Literal["drift", "ok", "inconclusive", "insufficient", "excluded"]
    reason: str
    rows: Rows
    missing: Missing
    mean: Mean
    effect: Effect | None
    limit: Limit | None
    bins: Bins | None


class FalseAlarm(TypedDict):
    rule: str
    flagged: int
    perQuarter: float | None


class DriftedItem(TypedDict):
    name: str
    reason: str


class Slice(TypedDict):
    column: str
    value: str
    rows: Rows
    drifted: list[DriftedItem]
    state: Literal["drift", "ok", "insufficient"]


class ExcludedItem(TypedDict):
    name: str
    reason: str


class ComparisonReport(TypedDict):
    version: Literal[1]
    verdict: Literal["fault", "drift", "inconclusive", "ok", "insufficient"]
    reference: Reference
    current: Current
    faults: list[Fault]
    features: list[Feature]
    domainAuc: float | None
    falseAlarms: list[FalseAlarm]
    windowsPerDay: float
    slices: list[Slice]
    excluded: list[ExcludedItem]


class Finding(TypedDict):
    id: str
    cause: str
    title: str
    severity: Literal["info", "warning"]
    shareOfStep: float | None
    ceiling: float | None
    confidence: Literal["high", "medium", "low"]
    disproof: str
    fix: list[str]
    nextCommand: str


class DiagnosisReport(TypedDict):
    version: Literal[1]
    verdict: Literal["findings", "healthy", "not enough evidence"]
    summary: str
    findings: list[Finding]
    reasons: list[str]
    limitations: list[str]


class Monitor(TypedDict):
    model: str
    version: int
    state: str
    reason: str


class FailedItem(TypedDict):
    model: str
    reason: str


class Drift(TypedDict):
    watch: Literal["watched", "stale", "unwatched"]
    at: float | None
    monitors: list[Monitor]
    failed: list[FailedItem]


class FileComparison(TypedDict):
    report: ComparisonReport
    html: str | None


class FileDiagnosis(TypedDict):
    report: DiagnosisReport
    html: str | None


class Flushed(TypedDict):
    flushed: bool


class Store(TypedDict):
    store: Literal["log", "history", "online", "samples"]
    name: str
    before: int
    after: int


class TrainingSet(TypedDict):
    model: str
    versions: list[int]
    path: str | None
    rows: int | None


class SpineSet(TypedDict):
    path: str
    rows: int


class ForgetReport(TypedDict):
    entity: str
    stores: list[Store]
    trainingSets: list[TrainingSet]
    spineSets: list[SpineSet]
    untouched: list[str]


class DroppedItem(TypedDict):
    index: int
    id: str
    reason: Literal["duplicate", "late"]


class Error(TypedDict):
    index: int
    id: NotRequired[str]
    code: str
    message: str
    hint: str
    retry: Literal["never", "safe", "later"]


class IngestReport(TypedDict):
    accepted: int
    duplicate: int
    late: int
    pending: int
    refused: int
    dropped: list[DroppedItem]
    errors: list[Error]


class Progress(TypedDict):
    rows: int
    total: int
    quarantined: int
    retries: int
    rowsPerSecond: float
    etaMs: float | None


class Job(TypedDict):
    id: str
    kind: str
    target: str
    state: Literal["waiting", "running", "done", "failed", "cancelled"]
    askedAt: int
    startedAt: int | None
    endedAt: int | None
    lines: list[str]
    next: int
    progress: Progress | None
    result: Any
    error: Any


class Jobs(TypedDict):
    jobs: list[Job]


TrainingSet1 = TypedDict(
    "TrainingSet1",
    {
        "digest": str,
        "rows": int,
        "unlabelled": int,
        "from": float | None,
        "to": float | None,
        "mode": str,
        "uniform": NotRequired[list[str]],
    },
)


class Trainer(TypedDict):
    kind: str


class Run(TypedDict):
    attempts: int
    seconds: float
    cost: float


class Lineage(TypedDict):
    service: str
    trainingSet: TrainingSet1
    trainer: Trainer
    run: NotRequired[Run]


class Signature(TypedDict):
    features: list[str]
    input: str
    output: str


class Version(TypedDict):
    version: int
    origin: Literal["trained", "logged"]
    aliases: list[str]
    createdAt: NotRequired[float]
    metrics: NotRequired[dict[str, float]]
    run: NotRequired[str | None]
    lineage: NotRequired[Lineage]
    signature: NotRequired[Signature | None]


class Model(TypedDict):
    model: str
    versions: list[Version]
    champion: int | None


Models: TypeAlias = list[Model]


class Baseline(TypedDict):
    offer: str
    usdPerNodeHour: float
    hours: float
    costUsd: float


class Technique(TypedDict):
    name: str
    title: str
    leftOut: str | None


class CostUsd(TypedDict):
    p10: float
    p50: float
    p90: float


class Hours(TypedDict):
    p10: float
    p50: float
    p90: float


class Saving(TypedDict):
    p10: float
    p50: float
    p90: float


class Total(TypedDict):
    costUsd: CostUsd
    hours: Hours
    saving: Saving
    missedShare: float
    dominant: str


class PlanReport(TypedDict):
    version: Literal[1]
    job: str
    first: str
    notes: list[str]
    baseline: Baseline
    techniques: list[Technique]
    total: Total


class Ages(TypedDict):
    streaming: float | None
    batch: float | None


class Prediction(TypedDict):
    id: str
    model: str
    version: int
    cohort: Literal["champion", "canary", "baseline"]
    rollout: str | None
    score: float
    at: int
    ages: Ages
    missing: int


class Promotion(TypedDict):
    model: str
    champion: int


class Whole(TypedDict):
    task: Literal["binary", "regression"]
    predictions: int
    labelled: int
    assumed: int
    pending: int
    unlabelled: int
    coverage: float


class Champion(TypedDict):
    version: int
    origin: Literal["trained", "logged"] | None


class Quality1(TypedDict):
    task: Literal["binary", "regression"]
    predictions: int
    labelled: int
    assumed: int
    pending: int
    unlabelled: int
    coverage: float


class Version1(TypedDict):
    version: int
    origin: Literal["trained", "logged"] | None
    quality: Quality1


class Day(TypedDict):
    day: int
    quality: Quality1


Quality = TypedDict(
    "Quality",
    {
        "model": str,
        "from": int,
        "to": int,
        "whole": Whole | None,
        "champion": Champion | None,
        "versions": list[Version1],
        "days": list[Day],
    },
)


class Gate(TypedDict):
    isPassed: bool
    reason: str


class Requests(TypedDict):
    canary: int
    baseline: int
    shadow: int


class Reading(TypedDict):
    guardrail: str
    tripped: bool
    suspected: NotRequired[bool]
    says: str
    numbers: dict[str, float | None]


class Success(TypedDict):
    outcome: Literal["worse", "passes", "inconclusive"]
    says: str
    numbers: dict[str, float | None]


class Numbers(TypedDict):
    requests: Requests
    readings: list[Reading]
    success: Success | None


class Verdict(TypedDict):
    action: str
    reason: str
    numbers: Numbers


class Canary(TypedDict):
    requests: int
    errors: int
    timeouts: int
    nonFinite: int
    outOfRange: int
    slow: int
    p50Ms: float | None
    p99Ms: float | None
    meanScore: float | None


class Baseline1(TypedDict):
    requests: int
    errors: int
    timeouts: int
    nonFinite: int
    outOfRange: int
    slow: int
    p50Ms: float | None
    p99Ms: float | None
    meanScore: float | None


class Shadow(TypedDict):
    requests: int
    errors: int
    timeouts: int
    nonFinite: int
    outOfRange: int
    slow: int
    p50Ms: float | None
    p99Ms: float | None
    meanScore: float | None


class Lanes(TypedDict):
    canary: Canary
    baseline: Baseline1
    shadow: Shadow


class Shadow1(TypedDict):
    copies: int
    dropped: int
    meanDifference: float | None
    rankCorrelation: float | None
    flips: float | None


class Needs(TypedDict):
    ms: float | None


class Place(TypedDict):
    kind: Literal["online", "job", "stream"]
    name: str


class Numbers1(TypedDict):
    requests: Requests
    readings: list[Reading]
    success: Success | None


class Event(TypedDict):
    kind: str
    revision: int
    at: int
    by: str
    reason: str
    state: str
    percent: float
    numbers: Numbers1 | None


class Rollout(TypedDict):
    model: str
    rollout: str
    state: Literal["shadow", "canary", "held", "soaking", "completed", "rolledBack"]
    champion: int
    candidate: int
    percent: float
    revision: int
    since: int
    startedAt: int
    endedAt: int | None
    reason: str
    gate: Gate | None
    verdict: Verdict
    lanes: Lanes
    shadow: Shadow1
    needs: NotRequired[Needs | None]
    places: list[Place]
    events: list[Event]


class FilePlan(TypedDict):
    report: PlanReport
    html: str | None
