from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from scorebench.report.settings import LARGEST, settings

BOMB = "a0: &a0 [x, x]\n" + "".join(
    f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]\n" for i in range(1, 30)
)
MERGED = "a0: &a0 {x: 1}\n" + "".join(
    f"a{i}: &a{i} {{<<: [{', '.join([f'*a{i - 1}'] * 10)}]}}\n" for i in range(1, 30)
)


def told(folder: Path, text: str) -> dict[str, str]:
    path = folder / "suite.yaml"
    path.write_text(text, encoding="utf-8")
    return settings(path)


def test_what_metrics_depend_on(tmp_path: Path) -> None:
    text = (
        "\ufeffdataset: {split: train, name: cifar10, size: 1000}\n"
        "features: {name: inception}\nmetrics: [fid, {name: kid, subsets: [1, 2]}]\n"
    )
    assert told(tmp_path, text) == {
        "dataset": "cifar10 (size 1000, split train)",
        "reference": "dataset",
        "features": "inception",
        "metric fid": "defaults",
        "metric kid": "subsets [1, 2]",
    }


def test_what_a_suite_does_not_say_has_defaults(tmp_path: Path) -> None:
    assert told(tmp_path, "name: x\nmetrics: fid\n") == {
        "dataset": "none",
        "reference": "dataset",
        "features": "none",
    }


def test_aliases_are_followed(tmp_path: Path) -> None:
    text = "x: &x {size: 5}\ndataset: {<<: *x, name: digits}\nfeatures: &f pixels\nreference: *f\n"
    found = told(tmp_path, text)
    assert (found["dataset"], found["reference"]) == ("digits (size 5)", "pixels")


def test_names_are_made_printable(tmp_path: Path) -> None:
    found = told(tmp_path, 'dataset: {name: "a\\e", "k\\e": "v\\e"}\nmetrics: ["m\\e"]\n')
    assert found["dataset"] == "a\\x1b (k\\x1b v\\x1b)"
    assert "metric m\\x1b" in found


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[1]",
        "a: [",
        "a: &a [*a]\ndataset: *a",
        BOMB + "dataset: *a29\n",
        MERGED + "dataset: {<<: *a29, name: x}\n",
        f"dataset: 0x{'f' * 6000}\n",
        f"dataset: {{name: x, 0x{'f' * 6000}: 1}}\n",
        f"dataset: {':'.join(['59'] * 30_000)}\n",
        f"dataset: {':'.join(['59'] * 30_000)}.5\n",
        f"dataset: {'9' * 6000}\n",
        "dataset: !!bool maybe\n",
        "dataset: !!timestamp never\n",
        "dataset: !!float ''\n",
        "dataset: 2001-99-99\n",
        "? [a]\n: b\n",
        f"dataset: {'[' * 40_000}\n",
        "- " * 40_000,
        "dataset: x\n#" + "x" * LARGEST,
        "dataset: \x00",
    ],
)
def test_of_other_files_nothing_is_known(tmp_path: Path, text: str) -> None:
    assert told(tmp_path, text) == {}


def test_without_a_file_nothing_is_known(tmp_path: Path) -> None:
    assert settings(None) == {}
    assert settings(tmp_path) == {}
    assert settings(tmp_path / "missing") == {}
    (tmp_path / "bytes").write_bytes(b"dataset: \xff")
    assert settings(tmp_path / "bytes") == {}


SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
DATA = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=8,
)


@hypothesis_settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(dataset=DATA, metrics=DATA)
def test_whatever_a_suite_says_is_printable(
    tmp_path: Path, dataset: object, metrics: object
) -> None:
    found = told(tmp_path, yaml.safe_dump({"dataset": dataset, "metrics": metrics}))
    assert found
    assert all(key.isprintable() and value.isprintable() for key, value in found.items())
