from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from scorebench.plugin.component import ComponentSpec
from scorebench.plugin.host import Host
from scorebench.suite.resolve import Resolver, beside
from scorebench.suite.yaml import Document

PLUGIN = """
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal
from annotated_types import Gt, Ge
import scorebench
from scorebench import Component, DatasetSpec, ImportSpec, ScoreModelSpec

@dataclass(frozen=True, kw_only=True)
class Model:
    checkpoint: Path = Path("/default")
    parts: list[Path] = field(default_factory=list)
    pair: tuple[Path, int] | None = None
    dataset: DatasetSpec | None = None
    truth: ScoreModelSpec | None = None
    network: ImportSpec | None = None
    means: list[float] = field(default_factory=list)
    scale: float | list[float] = 1.0
    n: Annotated[int, Ge(1)] = 1
    mode: Literal["half", "full"] = "half"
    def load(self, context): ...

@dataclass(frozen=True, kw_only=True)
class Pictures:
    path: Path
    size: Annotated[int, Gt(0)] = 8
    def load(self, context): ...

@scorebench.hookimpl
def scorebench_score_models():
    yield Component("net", Model)
    yield Component("lost", "no_such_module_here:Lost")

@scorebench.hookimpl
def scorebench_datasets():
    yield Component("pictures", Pictures)
"""


class Found:
    """A resolver over two components, and what it reports."""

    def __init__(self, host: Host) -> None:
        self.document = Document(None, "s.yaml")
        self.resolver = Resolver(host, self.document, Path("/suites"))

    def component(self, value: Any) -> Any:
        chosen = self.resolver.single("score_model", value, ("model",))
        return None if chosen is None else chosen.component

    def given(self, **parameters: Any) -> dict[str, Any]:
        chosen = self.resolver.single("score_model", {"name": "net", **parameters}, ("model",))
        assert chosen is not None, self.problems
        return dict(chosen.given)

    def axes(self, **parameters: Any) -> dict[str, list[Any]]:
        (found,) = self.resolver.alternatives(
            "score_model", {"name": "net", **parameters}, ("model",)
        )
        return dict(found.axes)

    @property
    def problems(self) -> list[str]:
        return [told.removeprefix("s.yaml: ") for _, told in self.document.problems]


@pytest.fixture
def found(write_plugin: Callable[..., Path]) -> Found:
    host = Host()
    host.load_paths([write_plugin(PLUGIN)])
    return Found(host)


def test_a_component_is_a_name_or_a_mapping(found: Found) -> None:
    assert found.component("net") == found.component({"name": "net"})
    assert found.component({"name": "net", "n": "5"}).n == 5
    assert found.problems == []


@pytest.mark.parametrize("value", [None, 3, ["net"], {"n": 3}, {"name": 3}])
def test_anything_else_is_reported(found: Found, value: Any) -> None:
    assert found.component(value) is None
    assert found.problems == [f"model: expected a name or a mapping with a name, got {value!r}"]


def test_an_unknown_name_is_reported_where_it_stands(found: Found) -> None:
    assert found.component("nte") is None
    assert found.component({"name": "nte", "n": 0}) is None
    assert found.problems == [
        "model: unknown score model 'nte'; did you mean net?",
        "model.name: unknown score model 'nte'; did you mean net?",
    ]


def test_a_component_that_can_not_be_used_is_reported_with_its_plugin(found: Found) -> None:
    assert found.component("lost") is None
    (told,) = found.problems
    assert told.startswith("model: score_model 'lost' of plugin ")
    assert told.endswith("No module named 'no_such_module_here'")


def test_all_wrong_parameters_are_reported(found: Found) -> None:
    assert found.component({"name": "net", "n": 0, "mdoe": "half", "mode": "quarter"}) is None
    assert found.problems == [
        "model.n: expected int ≥ 1, got 0",
        "model.mdoe: unknown parameter of net; did you mean mode?",
        "model.mode: expected half or full, got 'quarter'",
    ]


def test_what_is_given_is_kept_apart_from_defaults(found: Found) -> None:
    assert found.given() == {}
    assert found.given(n=1, mode="full") == {"n": 1, "mode": "full"}


def test_paths_are_beside_the_suite(found: Found) -> None:
    given = found.given(checkpoint="a/b", parts=["c", "/d"], pair=["e", 1])
    assert given == {
        "checkpoint": Path("/suites/a/b"),
        "parts": [Path("/suites/c"), Path("/d")],
        "pair": (Path("/suites/e"), 1),
    }
    assert found.component("net").checkpoint == Path("/default")


@pytest.mark.parametrize(
    ("given", "read"),
    [("nets.py:a.b", "/suites/nets.py:a.b"), ("/d/n.py:a", "/d/n.py:a"), ("m.nets:a", "m.nets:a")],
)
def test_files_of_python_objects_are_beside_the_suite(found: Found, given: str, read: str) -> None:
    assert str(found.given(network=given)["network"]) == read


def test_a_value_of_a_plugins_own_type_says_what_it_is_beside_the_suite(found: Found) -> None:
    class Named:
        def beside(self, folder: Path) -> str:
            return f"{folder}'s own"

    assert found.resolver.localised([Named()], ()) == ["/suites's own"]


def test_swept_paths_are_beside_the_suite(found: Found) -> None:
    axes = found.axes(checkpoint=["a", "b"], parts=[["c"], []])
    assert axes == {
        "checkpoint": [Path("/suites/a"), Path("/suites/b")],
        "parts": [[Path("/suites/c")], []],
    }


def test_a_score_model_parameter_is_checked_like_a_score_model(found: Found) -> None:
    given = found.given(truth={"name": "net", "checkpoint": "a", "n": "2"})
    inner = {"checkpoint": Path("/suites/a"), "n": 2}
    assert given["truth"] == ComponentSpec("net", inner, "score_model")
    for wrong in ("pictures", {"name": "net", "n": 0}):
        found.component({"name": "net", "truth": wrong})
    assert found.problems == [
        "model.truth.name: unknown score model 'pictures'; known: lost, net",
        "model.truth.n: expected int ≥ 1, got 0",
    ]


def test_a_dataset_parameter_is_checked_like_a_dataset(found: Found) -> None:
    given = found.given(dataset={"name": "pictures", "path": "imgs", "size": "16"})
    assert given["dataset"] == ComponentSpec("pictures", {"path": Path("/suites/imgs"), "size": 16})
    for wrong in ("pictuers", {"name": "pictures", "path": "x", "size": 0}, "pictures"):
        found.component({"name": "net", "dataset": wrong})
    assert found.problems == [
        "model.dataset.name: unknown dataset 'pictuers'; did you mean pictures?",
        "model.dataset.size: expected int > 0, got 0",
        "model.dataset: parameter path is required",
    ]


def test_datasets_can_be_swept(found: Found) -> None:
    axes = found.axes(dataset=[{"name": "pictures", "path": p} for p in ("a", "b")])
    assert [spec.parameters["path"].name for spec in axes["dataset"]] == ["a", "b"]


@pytest.mark.parametrize(
    ("parameters", "axes"),
    [
        ({"n": 5}, {}),
        ({"n": [5]}, {"n": [5]}),
        ({"n": [1, "2"], "mode": ["half", "full"]}, {"n": [1, 2], "mode": ["half", "full"]}),
        ({"means": [0, 1]}, {}),
        ({"means": []}, {}),
        ({"means": [[0, 1], [2]]}, {"means": [[0.0, 1.0], [2.0]]}),
        ({"scale": [1, 2]}, {}),
        ({"scale": [1, [2, 3]]}, {"scale": [1.0, [2.0, 3.0]]}),
    ],
)
def test_a_list_is_an_axis_where_the_parameter_takes_none(
    found: Found, parameters: dict[str, Any], axes: dict[str, list[Any]]
) -> None:
    assert found.axes(**parameters) == axes


@pytest.mark.parametrize(
    ("parameters", "told"),
    [
        ({"n": []}, ["model.n: an empty list sweeps over nothing"]),
        (
            {"n": [1, 0, "x", 2]},
            [
                "model.n[1]: expected int ≥ 1, got 0",
                "model.n[2]: expected int ≥ 1, got 'x'",
            ],
        ),
        ({"n": [True, 1]}, ["model.n[0]: expected int ≥ 1, got True"]),
        ({"n": [0]}, ["model.n: expected int ≥ 1, got [0]"]),
        ({"means": [1, "x"]}, ["model.means: expected list of float, got [1, 'x']"]),
        ({"means": [[1], ["x"]]}, ["model.means[1]: expected list of float, got ['x']"]),
        ({"checkpoint": ["a", "b\0"]}, ["model.checkpoint[1]: 'b\\x00' is no path"]),
    ],
)
def test_a_wrong_item_of_an_axis_is_reported(
    found: Found, parameters: dict[str, Any], told: list[str]
) -> None:
    assert (
        found.resolver.alternatives("score_model", {"name": "net", **parameters}, ("model",)) == []
    )
    assert found.problems == told


def test_what_can_not_be_swept_takes_no_axis(found: Found) -> None:
    assert found.component({"name": "net", "n": [1, 2]}) is None
    assert found.problems == ["model.n: expected int ≥ 1, got [1, 2]"]


def test_an_axis_of_components_keeps_the_sound_ones(found: Found) -> None:
    alternatives = found.resolver.alternatives(
        "score_model", ["net", "nte", {"name": "net", "n": 2}], ("model",)
    )
    assert [dict(a.fixed) for a in alternatives] == [{}, {"n": 2}]
    assert found.problems == ["model[1]: unknown score model 'nte'; did you mean net?"]
    assert found.resolver.alternatives("score_model", [], ("schedule",)) == []
    assert found.problems[1:] == ["schedule: an empty list sweeps over nothing"]


def test_paths_stand_beside_a_file() -> None:
    folder = Path("/suites")
    assert beside(folder, Path("a/../b")) == Path("/suites/a/../b")
    assert beside(folder, Path("/a")) == Path("/a")
    assert beside(folder, Path("~/a")) == Path.home() / "a"
    with pytest.raises(ValueError, match="~no_such_user_here/a: Could not determine home"):
        beside(folder, Path("~no_such_user_here/a"))
    with pytest.raises(ValueError, match=r"'a\\x00b' is no path"):
        beside(folder, Path("a\0b"))
