"""Client of a Headrace server."""

from . import errors
from ._async_client import AsyncHeadrace
from ._client import Headrace
from ._reports import Comparison, Diagnosis, Plan
from ._results import Vectors
from ._transport import VERSION as __version__
from .errors import HeadraceError

__all__ = ["AsyncHeadrace", "Comparison", "Diagnosis", "Headrace", "HeadraceError", "Plan", "Vectors", "__version__", "errors"]
