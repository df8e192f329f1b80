from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from scorebench import SuiteError
from scorebench.running.plan import Plan, check_models, make_plan
from scorebench.running.workbench import Workbench
from scorebench.suite.load import load_suite


@pytest.fixture
def plan(small_suite: dict[str, Any], write_suite: Callable[..., Path]) -> Callable[..., Plan]:
    def make(block: dict[str, Any] | None = None, **changes: Any) -> Plan:
        suite = {**small_suite, "sweep": [{**small_suite["sweep"][0], **(block or {})}], **changes}
        bench = Workbench(load_suite(write_suite(suite)), torch.device("cpu"))
        made = make_plan(bench)
        check_models(bench, made.cells)
        return made

    return make


def prints(plan: Plan) -> list[str]:
    return [cell.fingerprint for cell in plan.cells]


def test_repeats_come_one_after_the_other_each_with_its_seed(plan: Callable[..., Plan]) -> None:
    cells = plan(repeats=3, seed=5).cells
    assert [c.repeat for c in cells] == [0] * 4 + [1] * 4 + [2] * 4
    assert [c.seed for c in cells] == [5] * 4 + [6] * 4 + [7] * 4
    assert len({c.fingerprint for c in cells}) == 12


def test_levels_and_evaluations_are_known_beforehand(plan: Callable[..., Plan]) -> None:
    known = {(c.point.sampler.name, c.n_sigmas): c.nfe for c in plan().cells}
    assert known == {("euler", 3): 3, ("heun", 3): 5, ("euler", 5): 5, ("heun", 5): 9}


def test_equal_points_are_one_cell(plan: Callable[..., Plan]) -> None:
    assert len(plan({"sampler": ["euler", "euler"]}).cells) == 2


def test_one_class_under_two_names_gives_two_cells(
    plan: Callable[..., Plan], write_plugin: Callable[..., Path]
) -> None:
    path = write_plugin(
        """
        import scorebench
        from scorebench_plugins.samplers.euler import Euler

        @scorebench.hookimpl
        def scorebench_samplers():
            yield scorebench.Component("mine", Euler)
        """
    )
    assert len(plan({"sampler": ["euler", "mine"]}, plugins=[path.name]).cells) == 4


def test_repeats_and_new_cells_leave_the_old_ones_alone(plan: Callable[..., Plan]) -> None:
    base = prints(plan())
    assert prints(plan(repeats=2))[:4] == base
    wider = {"schedule": {"name": "geometric", "n": [3, 5, 9], "sigma_max": 5, "sigma_min": 0.1}}
    assert set(base) < set(prints(plan(wider)))


@pytest.mark.parametrize(
    "changes",
    [
        {"samples": 41},
        {"seed": 1},
        {"precision": {"state": "float64"}},
        {"metrics": ["fid", "precision_recall"]},
        {"metrics": [{"name": "precision_recall", "k": 5}]},
        {"dataset": "digits"},
        {"block": {"model": {"name": "gaussian", "mean": [1.0, -1.0], "std": 0.6}}},
    ],
)
def test_what_can_change_a_number_changes_every_fingerprint(
    plan: Callable[..., Plan], changes: dict[str, Any]
) -> None:
    assert not set(prints(plan())) & set(prints(plan(**changes)))


@pytest.mark.parametrize("changes", [{"name": "other"}, {"batch_size": 7}, {"limits": {}}])
def test_what_cannot_change_a_number_changes_no_fingerprint(
    plan: Callable[..., Plan], changes: dict[str, Any]
) -> None:
    assert prints(plan()) == prints(plan(**changes))


def test_one_parameter_concerns_its_own_cells_only(plan: Callable[..., Plan]) -> None:
    base = plan()
    churned = plan({"sampler": ["euler", {"name": "heun", "s_churn": 1}]})
    kept = set(prints(base)) & set(prints(churned))
    assert kept == {c.fingerprint for c in base.cells if c.point.sampler.name == "euler"}


EMPTY = """
    from dataclasses import dataclass
    import torch, scorebench

    @dataclass(frozen=True, kw_only=True)
    class Rows(scorebench.Dataset):
        rows: int = 0

        def load(self, context):
            if self.rows < 0:
                raise RuntimeError("disk on fire")
            return scorebench.Data(torch.zeros(self.rows, 2))

    @scorebench.hookimpl
    def scorebench_datasets():
        yield scorebench.Component("rows", Rows)
"""


@pytest.mark.parametrize(
    ("rows", "told"),
    [(0, "dataset rows is empty"), (-1, "dataset rows: RuntimeError: disk on fire")],
)
def test_an_empty_or_failing_dataset_is_told(
    plan: Callable[..., Plan], write_plugin: Callable[..., Path], rows: int, told: str
) -> None:
    write_plugin(EMPTY, "empty.py")
    dataset = {"name": "rows", "rows": rows}
    with pytest.raises(SuiteError, match=told):
        plan(plugins=["empty.py"], dataset=dataset, reference="dataset")


def test_a_file_that_is_not_there_is_told(plan: Callable[..., Plan]) -> None:
    features = {"name": "digits_cnn", "weights": "nothing.safetensors"}
    with pytest.raises(SuiteError, match=r"digits_cnn: .*nothing\.safetensors: No such file"):
        plan(features=features)


@pytest.mark.parametrize(
    ("block", "changes", "told"),
    [
        ({"sampler": {"name": "langevin", "step_size": 0.1}}, {}, "langevin stays at one noise"),
        ({}, {"dataset": {"name": "image_folder", "path": "none"}}, "none"),
        (
            {},
            {"dataset": "digits", "reference": "dataset"},
            r"shape \[2\], but those of the dataset are \[1, 8, 8\]",
        ),
        (
            {},
            {
                "dataset": "digits",
                "reference": "dataset",
                "samples": 5000,
                "metrics": [{"name": "precision_recall", "k": 2000}],
            },
            "digits has 1797 samples, but precision_recall needs 2001",
        ),
    ],
)
def test_mistakes_that_show_late_are_still_the_users(
    plan: Callable[..., Plan], block: dict[str, Any], changes: dict[str, Any], told: str
) -> None:
    with pytest.raises(SuiteError, match=told):
        plan(block, **changes)
