"""scorebench: a benchmark suite for samplers of score-based generative models.

The names below are the public ones. They are imported when first used, so that ``import
scorebench`` costs next to nothing and loads neither torch nor pandas.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from scorebench.api import (
        build as build,
    )
    from scorebench.api import (
        load as load,
    )
    from scorebench.api import (
        read_results as read_results,
    )
    from scorebench.api import (
        run as run,
    )
    from scorebench.errors import (
        DivergenceError as DivergenceError,
    )
    from scorebench.errors import (
        ParameterError as ParameterError,
    )
    from scorebench.errors import (
        PluginError as PluginError,
    )
    from scorebench.errors import (
        ScorebenchError as ScorebenchError,
    )
    from scorebench.errors import (
        SuiteError as SuiteError,
    )
    from scorebench.errors import (
        TimeLimitError as TimeLimitError,
    )
    from scorebench.errors import (
        UnknownComponentError as UnknownComponentError,
    )
    from scorebench.errors import (
        UserError as UserError,
    )
    from scorebench.plugin.component import (
        Component as Component,
    )
    from scorebench.plugin.component import (
        ComponentSpec as ComponentSpec,
    )
    from scorebench.plugin.component import (
        DatasetSpec as DatasetSpec,
    )
    from scorebench.plugin.component import (
        ScoreModelSpec as ScoreModelSpec,
    )
    from scorebench.plugin.contracts import (
        Convention as Convention,
    )
    from scorebench.plugin.contracts import (
        Data as Data,
    )
    from scorebench.plugin.contracts import (
        Dataset as Dataset,
    )
    from scorebench.plugin.contracts import (
        Evidence as Evidence,
    )
    from scorebench.plugin.contracts import (
        FeatureExtractor as FeatureExtractor,
    )
    from scorebench.plugin.contracts import (
        Features as Features,
    )
    from scorebench.plugin.contracts import (
        Init as Init,
    )
    from scorebench.plugin.contracts import (
        Metric as Metric,
    )
    from scorebench.plugin.contracts import (
        Noise as Noise,
    )
    from scorebench.plugin.contracts import (
        NoiseSchedule as NoiseSchedule,
    )
    from scorebench.plugin.contracts import (
        Reading as Reading,
    )
    from scorebench.plugin.contracts import (
        Sampler as Sampler,
    )
    from scorebench.plugin.contracts import (
        ScoreModel as ScoreModel,
    )
    from scorebench.plugin.contracts import (
        per_sample as per_sample,
    )
    from scorebench.plugin.hookspecs import (
        hookimpl as hookimpl,
    )
    from scorebench.plugin.importable import (
        Importable as Importable,
    )
    from scorebench.plugin.importable import (
        ImportSpec as ImportSpec,
    )
    from scorebench.plugin.weights import (
        Weights as Weights,
    )
    from scorebench.running.context import (
        Context as Context,
    )
    from scorebench.running.noise import (
        SeededNoise as SeededNoise,
    )
    from scorebench.running.sampling import (
        Samples as Samples,
    )
    from scorebench.running.sampling import (
        sample as sample,
    )

_HOME = {
    "scorebench.api": ("build", "load", "read_results", "run"),
    "scorebench.errors": (
        "DivergenceError",
        "ParameterError",
        "PluginError",
        "ScorebenchError",
        "SuiteError",
        "TimeLimitError",
        "UnknownComponentError",
        "UserError",
    ),
    "scorebench.plugin.component": ("Component", "ComponentSpec", "DatasetSpec", "ScoreModelSpec"),
    "scorebench.plugin.contracts": (
        "Convention",
        "Data",
        "Dataset",
        "Evidence",
        "FeatureExtractor",
        "Features",
        "Init",
        "Metric",
        "Noise",
        "NoiseSchedule",
        "Reading",
        "Sampler",
        "ScoreModel",
        "per_sample",
    ),
    "scorebench.plugin.hookspecs": ("hookimpl",),
    "scorebench.plugin.importable": ("ImportSpec", "Importable"),
    "scorebench.plugin.weights": ("Weights",),
    "scorebench.running.context": ("Context",),
    "scorebench.running.noise": ("SeededNoise",),
    "scorebench.running.sampling": ("Samples", "sample"),
}
_HOME_OF = {name: module for module, names in _HOME.items() for name in names}

__all__ = sorted(_HOME_OF)


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module 'scorebench' has no attribute {name!r}")
    value = getattr(importlib.import_module(_HOME_OF[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
