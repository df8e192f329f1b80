"""What differs between machines is found and named."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from scorebench.engine.alike import difference, installed
from scorebench.engine.parcel import pack


def test_the_modules_of_components_are_compared_unless_they_travel(
    planned: Callable[..., Any], mine: Path
) -> None:
    bench, cells = planned({"sampler": ["euler", "mine"]}, plugins=[mine.name])
    names = pack(bench, cells).modules
    assert all(name.startswith("scorebench_plugins.") for name in names)
    assert "scorebench_plugins.samplers.euler" in names
    assert "scorebench_plugins.metrics.fid" in names
    ours = installed(names)
    assert difference(ours, installed(names)) is None
    for what, told in [
        ("the source of scorebench_plugins.samplers.euler", "the source of scorebench_plugins."),
        ("the source of scorebench", "the source of scorebench differs"),
        ("torch", "it has torch 1.0, not "),
    ]:
        found = difference(ours, {**ours, what: "1.0"})
        assert found is not None
        assert found.startswith(told)


def test_a_module_that_a_machine_lacks_differs() -> None:
    ours = installed(["scorebench_plugins.samplers.heun"])
    theirs = installed(["scorebench_plugins.samplers.nowhere"])
    told = difference(ours, theirs)
    assert told == "the source of scorebench_plugins.samplers.heun differs"
