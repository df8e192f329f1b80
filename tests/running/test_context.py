from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

import scorebench
from scorebench import ComponentSpec, Context, Data, UserError


def test_device_and_dtype_are_read_from_words() -> None:
    context = Context(device="cpu", dtype="float64")
    assert context.device == torch.device("cpu")
    assert context.dtype == torch.float64


@pytest.mark.parametrize("dtype", ["float33", "int64", "nn"])
def test_a_dtype_that_is_not_floating_point_is_refused(dtype: str) -> None:
    with pytest.raises(UserError, match=f"{dtype} is not a floating-point dtype"):
        Context(dtype=dtype)


def test_a_dataset_is_loaded_once_and_by_name_or_default() -> None:
    context = Context(default_dataset=ComponentSpec("digits"))
    assert context.dataset() is context.dataset()
    assert context.dataset(ComponentSpec("digits")) is context.dataset()
    other = context.dataset(ComponentSpec("digits", {"split": "test"}))
    assert len(other) < len(context.dataset())


def test_another_precision_shares_what_is_loaded() -> None:
    context = Context(dtype="bfloat16")
    data = context.dataset(ComponentSpec("digits"))
    wide = context.in_precision(torch.float64)
    assert (wide.dtype, context.dtype) == (torch.float64, torch.bfloat16)
    assert wide.dataset(ComponentSpec("digits")) is data


def test_no_dataset_is_a_clear_error() -> None:
    with pytest.raises(UserError, match="no dataset is given"):
        Context().dataset()


def test_cached_arrays_belong_to_a_component_and_its_data(tmp_path: Path) -> None:
    context = Context(cache_dir=tmp_path)
    heun = scorebench.build("sampler", "heun")
    churned = scorebench.build("sampler", "heun", s_churn=1)
    data, others = Data(torch.zeros(2, 2)), Data(torch.ones(2, 2))
    calls: list[int] = []

    def compute() -> dict[str, np.ndarray]:
        calls.append(1)
        return {"n": np.array([len(calls)])}

    def fitted(component: object, x: Data | None) -> int:
        return int(Context(cache_dir=tmp_path).cached(component, x, compute)["n"][0])

    assert [fitted(heun, data), fitted(heun, data)] == [1, 1]
    assert [fitted(churned, data), fitted(heun, others), fitted(heun, None)] == [2, 3, 4]
    assert context.cached(heun, data, compute) is context.cached(heun, data, compute)


def test_what_a_parameter_names_may_not_be_edited_during_the_run(tmp_path: Path) -> None:
    file = tmp_path / "my_own_energy.py"
    file.write_text("def E(x): return x.sum(-1)\n")
    context = Context(cache_dir=tmp_path)
    energy = scorebench.build("score_model", "energy", energy=f"{file}:E")
    context.describe(energy)
    context.check_sources([energy])
    file.write_text("def E(x): return 2 * x.sum(-1)\n")
    with pytest.raises(UserError, match=r"my_own_energy.* edited"):
        context.check_sources([energy])
