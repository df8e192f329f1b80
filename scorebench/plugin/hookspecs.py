"""The six hooks a plugin may implement. Each takes no argument and returns component records."""

from __future__ import annotations

from collections.abc import Iterable

import pluggy

from scorebench.plugin.component import Component, Kind

hookspec = pluggy.HookspecMarker("scorebench")
hookimpl = pluggy.HookimplMarker("scorebench")

HOOKS: dict[str, Kind] = {
    "scorebench_score_models": "score_model",
    "scorebench_noise_schedules": "noise_schedule",
    "scorebench_samplers": "sampler",
    "scorebench_datasets": "dataset",
    "scorebench_feature_extractors": "feature_extractor",
    "scorebench_metrics": "metric",
}


@hookspec
def scorebench_score_models() -> Iterable[Component]:  # type: ignore[empty-body]
    """Score models: ``load(context)`` returns a ``ScoreModel``.

    Example::

        @scorebench.hookimpl
        def scorebench_score_models():
            yield scorebench.Component("my_net", "my_package.net:MyNet", "My trained network")
    """


@hookspec
def scorebench_noise_schedules() -> Iterable[Component]:  # type: ignore[empty-body]
    """Noise schedules: ``sigmas(context)`` returns the noise levels.

    Example::

        @scorebench.hookimpl
        def scorebench_noise_schedules():
            yield scorebench.Component("sqrt", "my_package.sqrt:Sqrt", "Uniform in the root of σ")
    """


@hookspec
def scorebench_samplers() -> Iterable[Component]:  # type: ignore[empty-body]
    """Samplers: ``trajectory(model, sigmas, noise)`` yields states, the last one the sample.

    Example::

        @scorebench.hookimpl
        def scorebench_samplers():
            yield scorebench.Component("midpoint", "my_package.midpoint:Midpoint", "Midpoint rule")
    """


@hookspec
def scorebench_datasets() -> Iterable[Component]:  # type: ignore[empty-body]
    """Datasets: ``load(context)`` returns ``Data``.

    Example::

        @scorebench.hookimpl
        def scorebench_datasets():
            yield scorebench.Component("galaxies", "my_package.galaxies:Galaxies", "64×64 galaxies")
    """


@hookspec
def scorebench_feature_extractors() -> Iterable[Component]:  # type: ignore[empty-body]
    """Feature extractors: ``load(context)`` returns a function from a batch to ``Features``.

    Example::

        @scorebench.hookimpl
        def scorebench_feature_extractors():
            yield scorebench.Component("clip", "my_package.clip:Clip", "CLIP image features")
    """


@hookspec
def scorebench_metrics() -> Iterable[Component]:  # type: ignore[empty-body]
    """Metrics: ``prepare`` once on the reference, ``compute`` on every cell's samples.

    Example::

        @scorebench.hookimpl
        def scorebench_metrics():
            yield scorebench.Component("mmd", "my_package.mmd:MMD", "Maximum mean discrepancy")
    """
