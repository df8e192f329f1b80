"""What docs/metrics.md says is what happens."""

from __future__ import annotations

import contextlib
import io
import re
from pathlib import Path

import pytest

import scorebench
from scorebench.plugin.host import default_host

ROOT = Path(__file__).parent.parent
TEXT = (ROOT / "docs" / "metrics.md").read_text()


def rows(heading: str) -> list[list[str]]:
    """The cells of the table that begins with this heading."""
    start = TEXT.index(f"| {heading} |")
    lines = TEXT[start:].split("\n\n")[0].splitlines()[2:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def test_perfect_samples_score_as_told() -> None:
    (block,) = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
    told = io.StringIO()
    with contextlib.redirect_stdout(told):
        exec(block, {})
    assert told.getvalue() in TEXT
    fids = [float(row[1]) for row in rows("N")]
    assert fids == sorted(fids, reverse=True)


def test_every_metric_and_extractor_is_listed() -> None:
    listed = {name for row in rows("component") for name in re.findall(r"`(\w+)`", row[0])}
    apart = {"mode_weights", "moments", "score_error", "dsm_loss"}
    assert listed == set(default_host().components("metric")) - apart
    features = TEXT[TEXT.index("## Features") :]
    for name in default_host().components("feature_extractor"):
        assert f"| `{name}` |" in features


def test_the_columns_are_those_listed() -> None:
    for component, columns, better, *_ in rows("component"):
        asked = {"infinity": 2, "jackknife": 3} if component == "`fid`" else {}
        made = scorebench.build(
            "metric",
            component.strip("`"),
            **({"train": "digits"} if component == "`ct_score`" else asked),
        )
        assert set(made.better) <= set(re.findall(r"`(\w+)`", columns))
        assert set(made.better.values()) <= {better}


@pytest.mark.slow
def test_copies_have_the_best_fid(tmp_path: Path) -> None:
    suite = ROOT / "suites" / "memorisation.yaml"
    table = scorebench.run(suite, results=tmp_path / "results", device="cpu")
    assert (table["status"] == "ok").all()
    columns = ["fid", "precision", "recall", "authenticity", "ct_score", "vendi"]
    models = [
        ("empirical", None),
        ("ncsn", None),
        ("factor_mixture", None),
        ("empirical", 100),
    ]
    for (model, subset), told in zip(models, rows("model"), strict=True):
        of_subset = table["model.subset"].isna() if subset is None else table["model.subset"] == 100
        found = table[(table["model"] == model) & of_subset][columns]
        assert len(found) == 3
        for column, cell in zip(columns, told[1:], strict=True):
            value, _, error = cell.replace("−", "-").partition(" ± ")
            last_digit = 10.0 ** -len(value.partition(".")[2])
            close = 0.02 * abs(float(value)) + last_digit
            assert found[column].mean() == pytest.approx(float(value), abs=close), (model, column)
            if error:
                assert found[column].sem() == pytest.approx(float(error), abs=0.05)
