"""Reports about files: a comparison, a GPU diagnosis, a cost plan. Each shows its page in a notebook."""

from __future__ import annotations

import html
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, Mapping, TypeVar

from ._types import ComparisonReport, DiagnosisReport, PlanReport

R = TypeVar("R", bound=Mapping[str, Any])


@dataclass(frozen=True)
class Report(Generic[R]):
    """A report of the server: ``report[...]`` reads a member, ``html`` is its page."""

    #: Everything, as the command of the same name prints it with ``--json``.
    data: R
    #: One HTML document that needs no network.
    html: str

    def __getitem__(self, member: str) -> Any:
        return self.data[member]

    def save_html(self, path: str | Path) -> None:
        """Writes the page to a file."""
        Path(path).write_text(self.html, encoding="utf-8")

    def _repr_html_(self) -> str:
        # The page runs its one script in a frame without an origin: it reads nothing of the notebook.
        page = html.escape(self.html, quote=True)
        return f'<iframe srcdoc="{page}" sandbox="allow-scripts" loading="lazy" style="width:100%;height:480px;border:0"></iframe>'


@dataclass(frozen=True)
class Comparison(Report[ComparisonReport]):
    """Two tables compared: faults of the data first, then features that drifted."""

    @property
    def verdict(self) -> str:
        """fault, drift, inconclusive, ok or insufficient."""
        return str(self.data["verdict"])

    @property
    def drifted(self) -> list[str]:
        """Names of the features that drifted, the largest effect first."""
        return [str(feature["name"]) for feature in self.data["features"] if feature["state"] == "drift"]

    @property
    def faults(self) -> list[str]:
        """Each fault of the data in one sentence."""
        return [f"{', '.join(fault['columns'])}: {fault['text']}" for fault in self.data["faults"]]

    def to_pandas(self) -> Any:
        """The features as a pandas DataFrame, one row each."""
        import pandas as pd

        return pd.DataFrame(
            [
                {
                    "feature": feature["name"],
                    "kind": feature["kind"],
                    "state": feature["state"],
                    "reason": feature["reason"],
                    "mean_reference": feature["mean"]["reference"],
                    "mean_current": feature["mean"]["current"],
                }
                for feature in self.data["features"]
            ]
        )

    def __repr__(self) -> str:
        drifted = ", ".join(self.drifted) or "none"
        count = len(self.data["faults"])
        return f"<Comparison {self.verdict}: drifted {drifted}; {count} fault{'' if count == 1 else 's'} of the data>"


@dataclass(frozen=True)
class Diagnosis(Report[DiagnosisReport]):
    """A GPU diagnosis: what limits the GPUs, by the time that a fix can save."""

    @property
    def verdict(self) -> str:
        """findings, healthy, or not enough evidence."""
        return str(self.data["verdict"])

    @property
    def findings(self) -> list[str]:
        """The title of each finding, the first to fix first."""
        return [str(finding["title"]) for finding in self.data["findings"]]

    def __repr__(self) -> str:
        return f"<Diagnosis {self.verdict}: {self.data['summary']}>"


@dataclass(frozen=True)
class Plan(Report[PlanReport]):
    """A cost plan of a training job."""

    @property
    def first(self) -> str:
        """The change to try first, and how to measure it."""
        return str(self.data["first"])

    @property
    def cost_usd(self) -> tuple[float, float, float]:
        """The cost of the planned job at its quantiles p10, p50 and p90, USD."""
        cost = self.data["total"]["costUsd"]
        return (float(cost["p10"]), float(cost["p50"]), float(cost["p90"]))

    def __repr__(self) -> str:
        low, middle, high = self.cost_usd
        was = self.data["baseline"]["costUsd"]
        return f"<Plan of {self.data['job']}: {was:.2f} USD now, {middle:.2f} USD planned ({low:.2f} to {high:.2f})>"
