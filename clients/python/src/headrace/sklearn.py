"""A scikit-learn transformer that reads features from a Headrace server."""

from __future__ import annotations

from typing import Any

from sklearn.base import BaseEstimator, TransformerMixin

from . import _frames
from ._client import Headrace


class HeadraceFeatures(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Replaces a frame of requests by the features of a service, as of now.

    ``fit`` learns the names and order of the features, so that a changed declaration is an error and not other columns. Train on
    ``Headrace.training_set``, whose features are as of each row; use this transformer where rows are scored live.
    """

    def __init__(self, service: str, url: str = "http://127.0.0.1:8080", key: str | None = None, join: bool = False) -> None:
        self.service = service
        self.url = url
        self.key = key
        self.join = join

    def fit(self, X: Any, y: Any = None) -> HeadraceFeatures:
        """Reads the features of the first rows for their names."""
        head = X[:1] if isinstance(X, list) else X.head(1) if hasattr(X, "head") else X.slice(0, 1)
        with Headrace(self.url, key=self.key) as headrace:
            self.features_ = list(headrace.vectors(self.service, head).columns.types)
        return self

    def transform(self, X: Any) -> Any:
        """The features in the library of the frame; with ``join`` at the right of its columns."""
        with Headrace(self.url, key=self.key) as headrace:
            found = headrace.vectors(self.service, X)
        names = list(found.columns.types)
        if names != self.features_ and len(found) > 0:
            raise ValueError(f"the service {self.service} has the features {names}, and was fitted with {self.features_}")
        kind = _frames.kind_of(X)
        if self.join:
            return _frames.join(kind, X, found.columns)
        return _frames.like(kind, found.columns, getattr(X, "index", None) if kind == "pandas" else None)

    def get_feature_names_out(self, input_features: Any = None) -> list[str]:
        """Names of the features, in their order."""
        return [*(input_features if self.join and input_features is not None else []), *self.features_]
