from __future__ import annotations

import re
from pathlib import Path

from .budget import INPUTS, inputs


def test_readers_get_ten_thousand_inputs_in_all() -> None:
    assert sum(INPUTS.values()) >= 10_000
    assert all(inputs(reader).max_examples >= number for reader, number in INPUTS.items())


def test_every_share_is_used_once() -> None:
    texts = [path.read_text() for path in Path(__file__).parent.glob("test_*.py")]
    used = [name for text in texts for name in re.findall(r'^@inputs\("([^"]+)"\)', text, re.M)]
    assert sorted(used) == sorted(INPUTS)
