"""The type of a parameter that says in what precision a network computes."""

from __future__ import annotations

from typing import Literal

Precision = Literal["float32", "float16", "bfloat16"]
