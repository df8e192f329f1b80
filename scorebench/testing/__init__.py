"""The conformance kit: what authors of plugins prove their components with.

``conformance`` makes a pytest test of a component; ``run_checks`` runs the same checks one by
one. ``response`` and ``measured_order`` are what the checks of samplers measure with: the exact
moments on Gaussian data, and the order of convergence.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from scorebench.testing.conformance import conformance, run_checks
from scorebench.testing.outcome import Outcome

if TYPE_CHECKING:
    from scorebench.testing.convergence import measured_order as measured_order
    from scorebench.testing.impulses import response as response

# What needs torch is imported when first used.
_HOME_OF = {"measured_order": "convergence", "response": "impulses"}

__all__ = ["Outcome", "conformance", "measured_order", "response", "run_checks"]


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module 'scorebench.testing' has no attribute {name!r}")
    return getattr(importlib.import_module(f"scorebench.testing.{_HOME_OF[name]}"), name)
