from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from scorebench.errors import SuiteError
from scorebench.suite.load import Suite, load_suite

LINES = {
    "name": "small",
    "samples": "100",
    "dataset": "digits",
    "features": "identity",
    "metrics": "[fid]",
}
BLOCK = {"model": "gaussian", "schedule": "geometric", "sampler": "euler"}


class Desk:
    """Where a test writes suite files and has them read."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "suite.yaml"

    def text(self, **changes: str | None) -> str:
        """A sound suite of one point with some keys changed, added or left out.

        The keys of its only block begin in line 7, in a suite that keeps all five keys above it;
        keys that are added to the suite itself come last.
        """
        block = {**BLOCK, **{k: v for k, v in changes.items() if k in (*BLOCK, "exclude", "zip")}}
        top = {k: changes.get(k, v) for k, v in LINES.items()}
        rest = {k: v for k, v in changes.items() if k not in top and k not in block}
        lines = [f"{k}: {v}" for k, v in top.items() if v is not None]
        lines += ["sweep:"]
        inside = [f"{k}: {v}" for k, v in block.items() if v is not None]
        lines += [f"  {'- ' if i == 0 else '  '}{line}" for i, line in enumerate(inside)]
        lines += [f"{k}: {v}" for k, v in rest.items()]
        return "\n".join(lines) + "\n"

    def load(self, text: str | None = None, *, settings: Any = (), **changes: str | None) -> Suite:
        """The suite that a text says, or a sound one with some keys changed."""
        self.path.write_text(self.text(**changes) if text is None else text)
        return load_suite(self.path, settings=settings)

    def problems(
        self, text: str | None = None, *, settings: Any = (), **changes: str | None
    ) -> list[str]:
        """The mistakes in such a suite, each without the file's name."""
        with pytest.raises(SuiteError) as raised:
            self.load(text, settings=settings, **changes)
        start = f"{self.path}:"
        assert all(p.startswith(start) and "\n" not in p for p in raised.value.problems)
        return [problem.removeprefix(start).strip() for problem in raised.value.problems]

    def column(self, name: str, **changes: str | None) -> list[Any]:
        """A column of the points that such a suite makes."""
        return [point.columns().get(name) for point in self.load(**changes).points]


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)
