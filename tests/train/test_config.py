"""Training configs: every mistake with its line, all of them at once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from scorebench import SuiteError, UserError
from scorebench.train import load_config
from scorebench.train.config import network_of

Write = Callable[..., Path]


def told(path: Path, *settings: str) -> tuple[str, ...]:
    with pytest.raises(SuiteError) as caught:
        load_config(path, settings=settings)
    return tuple(line.removeprefix(f"{path}:") for line in caught.value.problems)


MISTAKES = {
    "netwrk=3": "netwrk: unknown key; did you mean network?",
    "optimiser.rate=3": "optimiser.rate: unknown key",
    "optimiser=adam": "optimiser: expected a mapping, got 'adam'",
    "optimiser.name=adan": "optimiser.name: expected 'adam', 'adamw' or 'sgd', got 'adan'",
    "optimiser.learning_rate=fast": "optimiser.learning_rate: expected a number, got 'fast'",
    "optimiser.learning_rate=.inf": "optimiser.learning_rate: expected a finite number, got inf",
    "optimiser.learning_rate=true": "optimiser.learning_rate: expected a number, got True",
    "sigma_data=.nan": "sigma_data: expected a finite number, got nan",
    "ema=1": "ema: expected less than 1, got 1",
    "steps=0": "steps: expected greater than or equal to 1, got 0",
    "steps=2.5": "steps: expected a whole number, got 2.5",
    "steps=": "steps: must not be empty",
    "name=a/b": "name: 'a/b' must be letters",
    "value_range=3": "value_range: expected a list, got 3",
    "value_range=[1]": "value_range: must have at least 2 items",
    "value_range=[1, 2, 3]": "value_range: must have at most 2 items",
    "value_range=[1, 1]": "value_range: the lower bound must be below the upper",
    "weights=int8": "weights: expected 'float32', 'float16' or 'bfloat16', got 'int8'",
    "parametrisation=scores": "parametrisation: expected 'score' or 'energy', got 'scores'",
    "objective=ncns": "objective: unknown objective 'ncns'; did you mean ncsn?",
    "objective={name: ncsn, weight: 1}": "objective.weight: unknown parameter; did you mean",
    "objective={weighting: none}": "objective: ",
    "objective=3": "objective: ",
    "network=mpl": "network: unknown network 'mpl'; did you mean mlp?",
    "network.width=0": "network.width: ",
    "network.width=1000000000": "network.width: ",
    "network.depth=1000000000": "network.depth: ",
    "network.widht=3": "network.widht: unknown parameter; did you mean width?",
    "schedule=geometrik": "schedule: ",
    "schedule.n=0": "schedule.n: ",
    "target=gausian": "target: ",
    "preview.sampler=hoin": "preview.sampler: ",
    "preview.samples=0": "preview.samples: expected greater than or equal to 1, got 0",
    "dataset=digits": "target: give a dataset to learn from, or a target: a score model that can "
    "draw samples; not both",
    "preconditioning=noise": "preconditioning: an energy can't learn with noise; take edm or none",
    "objective=edm": "schedule: edm draws noise levels by its mean and std; give no schedule",
}


@pytest.mark.parametrize("setting", MISTAKES)
def test_a_mistake_is_one_line(setting: str, small_training: Any, write_suite: Write) -> None:
    if setting == "preconditioning=noise":
        small_training["parametrisation"] = "energy"
    (line,) = told(write_suite(small_training), setting)
    assert line.lstrip("0123456789: ").startswith(MISTAKES[setting])


def test_all_mistakes_are_told_at_once_with_their_lines(
    small_training: Any, write_suite: Write
) -> None:
    small_training |= {"batch": 3, "objective": "ncns", "ema": "slow"}
    small_training["network"]["width"] = 1.5
    del small_training["steps"]
    path = write_suite(small_training)
    lines = path.read_text().splitlines()

    def line(start: str) -> int:
        return next(i for i, text in enumerate(lines, 1) if text.strip().startswith(start))

    starts = [f"{line(k)}: " for k in ("width:", "objective:", "batch:", "ema:")]
    found = told(path)
    assert found[0] == "1: key steps is missing"
    assert [f[: len(s)] for f, s in zip(found[1:], starts, strict=True)] == starts


def test_what_a_config_must_say(write_suite: Write) -> None:
    required = ("name", "network", "objective", "steps")
    assert told(write_suite({"seed": 1})) == tuple(f"1: key {key} is missing" for key in required)


def test_something_to_learn_from_must_be_named(small_training: Any, write_suite: Write) -> None:
    del small_training["target"]
    small_training["objective"] = "fisher_divergence"
    without_data, without_score = sorted(told(write_suite(small_training)))
    assert "give a dataset to learn from, or a target" in without_data
    assert "fisher_divergence needs a target, whose score is known" in without_score


@pytest.mark.parametrize("objective", ["dsm", "ncsn", "implicit", "sliced", "fisher_divergence"])
def test_noise_levels_must_be_named(
    objective: str, small_training: Any, write_suite: Write
) -> None:
    del small_training["schedule"]
    (line,) = told(write_suite(small_training | {"objective": objective}))
    assert "key schedule is missing: the noise levels, e.g. " in line


def test_edm_has_a_preconditioning_of_its_own(small_training: Any, write_suite: Write) -> None:
    del small_training["schedule"]
    small_training |= {"objective": "edm", "preconditioning": "noise"}
    (line,) = told(write_suite(small_training))
    assert line.endswith("preconditioning: the objective edm needs preconditioning edm")


@pytest.mark.parametrize("text", ["", "- 1", "just words", "name: [", "name: !!python/name:os.x"])
def test_what_is_no_config_at_all(text: str, tmp_path: Path) -> None:
    path = tmp_path / "training.yaml"
    path.write_text(text)
    with pytest.raises(SuiteError, match=r"a training config is a mapping|not valid YAML"):
        load_config(path)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"none\.yaml: no such file"):
        load_config(tmp_path / "none.yaml")


def test_plugins_are_relative_to_the_config(
    small_training: Any, write_suite: Write, write_plugin: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    plugin = """
    from dataclasses import dataclass
    import torch, scorebench

    @dataclass(frozen=True, kw_only=True)
    class Few(scorebench.Dataset):
        def load(self, context):
            return scorebench.Data(x=torch.zeros(3, 2))

    @scorebench.hookimpl
    def scorebench_datasets():
        yield scorebench.Component("few_points", Few)
    """
    write_plugin(plugin, "few_points.py")
    del small_training["target"]
    small_training |= {"dataset": "few_points", "plugins": ["few_points.py"]}
    path = write_suite(small_training)
    monkeypatch.chdir("/")
    config = load_config(path)
    assert config.dataset is not None
    assert config.dataset.name == "few_points"


def test_overrides_are_in_the_config_as_run(small_training: Any, write_suite: Write) -> None:
    path = write_suite(small_training)
    config = load_config(path, settings=["steps=7", "optimiser.learning_rate=1e-2"])
    assert (config.file.steps, config.file.optimiser.learning_rate) == (7, 0.01)
    assert config.data["optimiser"] == {"learning_rate": 0.01}
    assert config.settings == ("steps=7", "optimiser.learning_rate=1e-2")


def test_a_checkpoint_needs_part_of_a_config_only(small_training: Any) -> None:
    small_training |= {"target": "long_gone", "plugins": ["gone.py"]}
    network, preconditioning, parametrisation = network_of(small_training, Path("c.yaml"))
    assert (preconditioning, parametrisation) == ("edm", "score")
    assert vars(network) == {"width": 16, "depth": 2}
    with pytest.raises(SuiteError, match=r"c\.yaml: objective: unknown objective 'ncns'"):
        network_of(small_training | {"objective": "ncns"}, Path("c.yaml"))


def test_the_config_in_the_repository_is_sound(pytestconfig: pytest.Config) -> None:
    configs = sorted((pytestconfig.rootpath / "configs").glob("*.yaml"))
    assert configs
    for path in configs:
        assert load_config(path).file.name == yaml.safe_load(path.read_text())["name"]
