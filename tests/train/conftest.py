"""Trainings of a config given as a mapping, in a folder."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from scorebench import Context
from scorebench.train import Training, load_config

Train = Callable[..., Training]


@pytest.fixture
def training_of(tmp_path: Path, write_suite: Callable[..., Path]) -> Train:
    """The training of a config, into ``tmp_path/folder``; overrides as ``--set`` takes them."""

    def make(
        data: dict[str, Any], *settings: str, folder: str = "made", **options: Any
    ) -> Training:
        config = load_config(write_suite(data, "training.yaml"), settings=settings, **options)
        return Training(config, tmp_path / folder, Context())

    return make
