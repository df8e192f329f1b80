"""Trainings: stopped and resumed, their key, what they learn, and what goes wrong."""

from __future__ import annotations

import os
import random
import signal
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import load_file

from scorebench import DivergenceError, UserError
from scorebench.train import Training, load_checkpoint
from scorebench.train.interrupts import interrupts_held

Train = Callable[..., Training]


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return load_file(folder / "model.safetensors")


def same(one: Path, other: Path) -> bool:
    a, b = weights(one), weights(other)
    return a.keys() == b.keys() and all(a[name].equal(b[name]) for name in a)


def losses(folder: Path) -> pd.DataFrame:
    return pd.read_parquet(folder / "training.parquet")


def stopped(training: Training, after: int) -> None:
    """Run, and press Ctrl-C while a step is being computed."""
    from scorebench.train.trainer import Trainer

    whole, count = Trainer.step, 0

    def step(self: Trainer, number: int, batch: Any) -> torch.Tensor:
        nonlocal count
        count += 1
        if count == after:
            signal.raise_signal(signal.SIGINT)
        return whole(self, number, batch)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Trainer, "step", step)
        with pytest.raises(KeyboardInterrupt):
            training.run()
    assert count == after


@pytest.mark.parametrize("optimiser", ["adam", "adamw", "sgd"])
def test_an_interrupted_training_goes_on_as_if_nothing_had_been(
    optimiser: str, training_of: Train, small_training: dict[str, Any]
) -> None:
    small_training["optimiser"] = {"name": optimiser, "warmup": 5, "clip": 1.0}
    whole = training_of(small_training, folder="whole")
    whole.run()
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        for after in (3, 10):
            parts = training_of(small_training, folder="parts")
            stopped(parts, after)
        assert training_of(small_training, folder="parts").done == 13
    finally:
        signal.signal(signal.SIGINT, before)
    parts = training_of(small_training, folder="parts")
    parts.run()
    assert same(whole.folder, parts.folder)
    pd.testing.assert_frame_equal(losses(whole.folder), losses(parts.folder))
    steps = losses(parts.folder)["step"]
    assert sorted(set(steps)) == list(range(1, 21))
    assert sorted(os.listdir(parts.folder)) == sorted(os.listdir(whole.folder))


def test_dropout_too_is_the_same_after_an_interruption(
    training_of: Train, small_training: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    del small_training["target"]
    small_training |= {
        "dataset": "digits",
        "network": {"name": "unet", "channels": [8], "embedding": 8, "dropout": 0.3},
        "steps": 4,
        "batch_size": 4,
        "preview": {"samples": 4},
    }
    whole, parts = (training_of(small_training, folder=name) for name in ("whole", "parts"))
    whole.run()
    monkeypatch.setattr(signal, "getsignal", lambda _: signal.default_int_handler)
    stopped(parts, 2)
    training_of(small_training, folder="parts").run()
    assert same(whole.folder, parts.folder)


def test_interrupts_are_held_once_and_only_where_they_are_ours() -> None:
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with interrupts_held() as pressed:
            assert not pressed()
            signal.raise_signal(signal.SIGINT)
            assert pressed()
            with pytest.raises(KeyboardInterrupt):
                signal.raise_signal(signal.SIGINT)
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        with interrupts_held():
            assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN

        def elsewhere() -> None:
            with interrupts_held() as pressed:
                found.append(pressed())

        found: list[bool] = []
        thread = threading.Thread(target=elsewhere)
        thread.start()
        thread.join()
        assert found == [False]
    finally:
        signal.signal(signal.SIGINT, before)


def test_a_finished_training_is_not_repeated(
    training_of: Train, small_training: dict[str, Any]
) -> None:
    training_of(small_training).run()
    again = training_of(small_training)
    assert again.is_finished
    assert again.done == again.steps == 20
    times = {path: path.stat().st_mtime_ns for path in again.folder.iterdir()}
    again.run()
    assert {path: path.stat().st_mtime_ns for path in again.folder.iterdir()} == times
    assert {path.name for path in times} == {
        *("model.safetensors", "config.yaml", "training.parquet", "samples.png")
    }
    again.restart()
    assert not again.is_finished
    assert again.done == 0


@pytest.mark.parametrize("rate", [10, 1e4])
def test_a_training_that_diverges_keeps_the_last_good_checkpoint(
    training_of: Train, small_training: dict[str, Any], rate: float
) -> None:
    small_training |= {
        "optimiser": {"name": "sgd", "learning_rate": rate, "decay": "none"},
        "checkpoint_every": 1,
    }
    training = training_of(small_training)
    with pytest.raises(DivergenceError) as caught:
        training.run()
    told = str(caught.value)
    kept = training_of(small_training).done
    assert f"not finite at step {kept + 1}; the checkpoint of step {kept} is kept in" in told
    assert kept > 0
    x = torch.tensor([[-2.0, -1.0], [6.0, 6.0]])
    model = load_checkpoint(training.folder, unfinished=True)
    assert model.score(x, torch.tensor(0.5)).isfinite().all()


def test_a_training_that_diverges_at_once_keeps_nothing(
    training_of: Train, small_training: dict[str, Any]
) -> None:
    small_training["optimiser"] = {"name": "sgd", "learning_rate": 1e30}
    training = training_of(small_training)
    with pytest.raises(DivergenceError, match=r"not finite at step \d; none was kept in "):
        training.run()
    assert not (training.folder / "model.safetensors").exists()


UNCHANGED = [
    *("name=other", "checkpoint_every=3", "preview.samples=9", "preview.sampler=euler"),
    *("ema=0.999", "optimiser={decay: cosine}", "objective={name: ncsn}"),
    "objective={name: ncsn, weighting: sigma_squared}",
    "target.value_range=",
]
CHANGED = [
    *("steps=21", "seed=1", "draws=501", "ema=0.99", "batch_size=33", "sigma_data=2"),
    *("network.width=17", "network.depth=3", "optimiser.learning_rate=1e-2", "weights=float16"),
    *("optimiser.clip=1", "optimiser.decay=none", "parametrisation=energy"),
    *("preconditioning=noise", "schedule.n=5", "schedule.sigma_max=7", "objective=sliced"),
    *("objective={name: ncsn, weighting: none}", "target.stds=[0.4, 0.31]"),
]


def test_the_key_follows_what_decides_the_weights(
    training_of: Train, small_training: dict[str, Any]
) -> None:
    key = training_of(small_training).key
    assert [s for s in UNCHANGED if training_of(small_training, s).key != key] == []
    keys = [training_of(small_training, s).key for s in CHANGED]
    assert [s for s, other in zip(CHANGED, keys, strict=True) if other == key] == []
    assert len(set(keys)) == len(CHANGED)


def test_the_key_follows_the_content_of_the_data(
    training_of: Train, small_training: dict[str, Any], tmp_path: Path
) -> None:
    from PIL import Image

    (tmp_path / "images").mkdir()
    image = Image.new("L", (8, 8), 7)
    image.save(tmp_path / "images" / "a.png")
    del small_training["target"]
    small_training["dataset"] = {"name": "image_folder", "path": "images", "mode": "grayscale"}
    key = training_of(small_training).key
    assert training_of(small_training).key == key
    image.putpixel((0, 0), 8)
    image.save(tmp_path / "images" / "a.png")
    assert training_of(small_training).key != key


def test_weights_follow_the_seed_and_leave_random_numbers_alone(
    training_of: Train, small_training: dict[str, Any]
) -> None:
    folders = {}
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        torch.manual_seed(len(folders))
        before = torch.get_rng_state(), np.random.get_state()[1], random.getstate()
        training = training_of(small_training, f"seed={seed}", folder=name)
        training.run()
        load_checkpoint(training.folder)
        assert torch.get_rng_state().equal(before[0])
        assert (np.random.get_state()[1] == before[1]).all()
        assert random.getstate() == before[2]
        folders[name] = training.folder
    assert same(folders["a"], folders["b"])
    assert not same(folders["a"], folders["c"])
    assert not losses(folders["a"]).equals(losses(folders["c"]))


def test_the_losses_are_those_of_the_objective_per_dimension(
    training_of: Train, small_training: dict[str, Any]
) -> None:
    """At first s = −x/(σ² + σ_d²), whose loss ½E‖σs + z‖² is known; the network starts at 0."""
    small_training |= {
        "target": {"name": "gaussian", "mean": [0, 0], "std": 2.0},
        "optimiser": {"learning_rate": 1e-12},
        "draws": 20_000,
        "batch_size": 4000,
        "steps": 5,
    }
    training = training_of(small_training)
    training.run()
    table = losses(training.folder)
    assert sorted(set(table["sigma"])) == pytest.approx(
        [0.1, 6 * (0.1 / 6) ** (2 / 3), 6 * (0.1 / 6) ** (1 / 3), 6], rel=1e-5
    )
    assert (table.groupby("step")["samples"].sum() == 4000).all()
    for sigma, rows in table.groupby("sigma"):
        mean = (rows["loss"] * rows["samples"]).sum() / rows["samples"].sum()
        assert mean == pytest.approx(0.5 * 4 / (4 + float(str(sigma)) ** 2), rel=0.1)


OBJECTIVES: dict[str, dict[str, Any]] = {
    "dsm": {"objective": "dsm", "schedule": {"name": "constant", "sigma": 0.7}},
    "ncsn": {},
    "implicit": {"objective": "implicit"},
    "implicit at 0": {
        "objective": {"name": "implicit", "weighting": "none"},
        "schedule": {"name": "constant", "sigma": 0.0},
        "preconditioning": "none",
    },
    "sliced": {"objective": {"name": "sliced", "projections": 2}},
    "fisher": {"objective": "fisher_divergence"},
    "edm": {"objective": "edm", "schedule": None},
    "noise": {"preconditioning": "noise"},
}


@pytest.mark.parametrize("parametrisation", ["score", "energy"])
@pytest.mark.parametrize("case", OBJECTIVES)
def test_the_loss_falls(
    case: str, parametrisation: str, training_of: Train, small_training: dict[str, Any]
) -> None:
    small_training |= OBJECTIVES[case] | {
        "parametrisation": parametrisation,
        "optimiser": {"learning_rate": 1e-2, "clip": 10.0},
        "batch_size": 128,
        "steps": 120,
        "checkpoint_every": 1000,
        "preview": {"samples": 4, "sampler": "euler"},
    }
    if (case, parametrisation) == ("noise", "energy"):
        small_training["preconditioning"] = "none"
    if small_training["schedule"] is None:
        del small_training["schedule"]
    training = training_of(small_training)
    training.run()
    table = losses(training.folder)
    early = table[table["step"] <= 20]
    late = table[table["step"] > 100]

    def mean(rows: pd.DataFrame) -> float:
        return float((rows["loss"] * rows["samples"]).sum() / rows["samples"].sum())

    assert mean(late) < mean(early) - 0.03
    model = load_checkpoint(training.folder, dtype=torch.float64)
    assert hasattr(model, "log_prob") == (parametrisation == "energy")
    assert model.score(torch.ones(3, 2).double(), torch.tensor(0.7)).dtype == torch.float64


def test_a_network_too_large_for_the_memory_is_told(
    training_of: Train, small_training: dict[str, Any]
) -> None:
    small_training["batch_size"] = 10**14
    with pytest.raises(UserError, match="out of memory; try a smaller batch_size or network"):
        training_of(small_training).run()


def test_half_precision_halves_the_file(training_of: Train, small_training: dict[str, Any]) -> None:
    small_training["network"]["width"] = 64
    sizes, scores = {}, {}
    for kind in ("float32", "float16", "bfloat16"):
        training = training_of(small_training, f"weights={kind}", folder=kind)
        training.run()
        sizes[kind] = (training.folder / "model.safetensors").stat().st_size
        model = load_checkpoint(training.folder)
        scores[kind] = model.score(torch.ones(1, 2), torch.tensor(1.0))
        assert scores[kind].dtype == torch.float32
    header = 2000
    assert sizes["float16"] == pytest.approx(sizes["float32"] / 2, abs=header)
    assert sizes["bfloat16"] == pytest.approx(sizes["float32"] / 2, abs=header)
    torch.testing.assert_close(scores["float16"], scores["float32"], atol=2e-3, rtol=0)


def test_a_report_tells_the_steps_and_the_loss(
    training_of: Train, small_training: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("scorebench.train.training.TELL", 0.0)
    told: list[tuple[int, str]] = []
    training = training_of(small_training)
    training.run(lambda done, how: told.append((done, how)))
    assert [done for done, _ in told] == list(range(1, 21))
    assert all(float(how.removeprefix("loss ")) > 0 for _, how in told)


def test_a_preview_that_fails_spoils_nothing(
    training_of: Train, small_training: dict[str, Any]
) -> None:
    small_training["preview"] = {  # a score network has no density
        "schedule": {"name": "constant", "sigma": 0.1},
        "sampler": {"name": "mala", "step_size": 0.1, "steps": 2},
    }
    training = training_of(small_training)
    with pytest.warns(UserWarning, match="trained, but the preview can't be drawn: "):
        training.run()
    assert training.is_finished


def test_weights_that_do_not_fit_their_precision_are_not_kept(
    training_of: Train, small_training: dict[str, Any]
) -> None:
    small_training |= {"weights": "float16", "ema": 0, "checkpoint_every": 1}
    small_training["optimiser"] = {"learning_rate": 1e5, "clip": 1}
    training = training_of(small_training)
    with pytest.raises(DivergenceError, match="weights are too large for float16 at step 1; none"):
        training.run()
    assert not (training.folder / "model.safetensors").exists()


def test_the_default_precision_does_not_matter(
    training_of: Train, small_training: dict[str, Any]
) -> None:
    torch.set_default_dtype(torch.float64)
    try:
        training = training_of(small_training)
        training.run()
    finally:
        torch.set_default_dtype(torch.float32)
    kinds = {tensor.dtype for tensor in weights(training.folder).values()}
    assert kinds == {torch.float32}
