"""Sound files made unsound: in their bytes, in their words, or in the values that they hold."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from hypothesis import strategies as st

from .watch import CANARY

Draw = Callable[[st.SearchStrategy[Any]], Any]

CODE = f"__import__('os').mkdir('{CANARY}')"
NUMBERS: tuple[Any, ...] = (
    0,
    -1,
    1,
    2,
    2**31,
    2**53 + 1,
    2**63,
    2**64,
    -(2**63),
    10**25,
    10**400,
    0.5,
    -0.0,
    1e-320,
    1e308,
    float("nan"),
    float("inf"),
    float("-inf"),
)
WORDS: tuple[Any, ...] = (
    "",
    " ",
    "a",
    "nan",
    "-inf",
    "ok",
    "failed",
    "name",
    "1e5",
    "é",
    "𝔘",
    "a\0b",
    "a\nb",
    "\x1b[31m",
    "\ud800",
    "\u202e",
    "\u2028",
    "[red]",
    "[/]",
    "{0}%s%n",
    "</script><script>",
    ".",
    "..",
    "../../x",
    "..\\x",
    "/etc/passwd",
    "/dev/zero",
    "~/x",
    "file:///etc/passwd",
    "x" * 300,
    "0" * 32,
    CODE,
    f"os:{CANARY}",
)
OTHERS: tuple[Any, ...] = (None, True, False, [], {}, [[]], [None], {"": None}, {"name": 3})
VALUES = st.sampled_from([*NUMBERS, *WORDS, *OTHERS]) | st.recursive(
    st.sampled_from([*NUMBERS, *WORDS, *OTHERS]),
    lambda inside: st.lists(inside, max_size=3) | st.dictionaries(st.text(), inside, max_size=3),
    max_leaves=6,
)
YAML = (
    "!!python/object/apply:os.mkdir [canary]",
    f"!!python/name:os.{CANARY}",
    "!!binary",
    "!!timestamp x",
    "!!int x",
    "!!float ''",
    "!!set {a, b}",
    "!!omap [a: 1]",
    "!!null x",
    "!x",
    "&a",
    "*a",
    "&a [*a, *a]",
    "<<: *a",
    "<<: {n: 1}",
    "\t",
    "\n",
    "\n  ",
    "- ",
    "? ",
    ": ",
    "---\n",
    "...\n",
    "%YAML 9.9\n",
    "|",
    ">9",
    "{",
    "}",
    "[",
    "]",
    "'",
    '"',
    '"\\ud800"',
    '"\\UFFFFFFFF"',
    '"\\e[31m"',
    '"\\0"',
    "#",
    "@",
    "`",
    "\ufeff",
    "\x85",
    "\u2028",
    "=",
    "0o9",
    "0x_",
    "1_0",
    "1:30:00",
    "2024-02-30",
    "9" * 400,
    "1e999",
    ".nan",
    "~",
    "yes",
)


@st.composite
def spoiled_bytes(draw: Draw, originals: Sequence[bytes]) -> bytes:
    """One of several files with some bytes changed, lost, doubled or from another."""
    content = bytearray(draw(st.sampled_from(originals)))
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(content)))
        end = min(len(content), at + draw(st.sampled_from([1, 2, 8, 100, len(content)])))
        match draw(st.integers(0, 4)):
            case 0:
                content[at:end] = draw(st.binary(max_size=12))
            case 1:
                content[at : at + 8] = draw(st.sampled_from([b"\xff" * 8, bytes(8), b"\x7f" * 8]))
            case 2:
                content[at:at] = content[at:end]
            case 3:
                content[at:] = draw(st.sampled_from(originals))[at:]
            case _:
                del content[at:end]
    return bytes(content)


@st.composite
def spoiled_text(draw: Draw, originals: Sequence[str], tokens: Sequence[str]) -> str:
    """One of several files with some of its words and signs replaced, moved or lost."""
    words = re.findall(r"\w+|\s+|.", draw(st.sampled_from(originals)))
    for _ in range(draw(st.integers(1, 4))):
        at, other = (draw(st.integers(0, max(0, len(words) - 1))) for _ in range(2))
        match draw(st.integers(0, 4)):
            case 0 | 1:
                words[at : at + 1] = [str(draw(st.sampled_from(tokens)))]
            case 2:
                words[at:at] = [str(draw(st.sampled_from(tokens)))]
            case 3:
                words[at : at + 1] = words[other : other + 1]
            case _:
                del words[at : at + draw(st.integers(1, 20))]
    return "".join(words)


@st.composite
def spoiled_values(draw: Draw, originals: Sequence[Any]) -> Any:
    """One of several nested mappings and lists with some values replaced, moved, lost or added."""
    data = [copy.deepcopy(draw(st.sampled_from(originals)))]
    for _ in range(draw(st.integers(1, 3))):
        places = list(_places(data))
        (around, key), (elsewhere, other) = (
            places[draw(st.integers(0, len(places) - 1))] for _ in range(2)
        )
        match draw(st.integers(0, 5)):
            case 0 | 1 | 2:
                around[key] = copy.deepcopy(draw(VALUES))
            case 3:
                around[key] = copy.deepcopy(elsewhere[other])
            case 4 if isinstance(around, dict):
                around[draw(st.sampled_from(WORDS))] = around.pop(key)
            case _ if around is not data:
                del around[key]
    return data[0]


def _places(around: Any) -> Iterator[tuple[Any, Any]]:
    """Every mapping and list inside, with each of its keys."""
    pairs = around.items() if isinstance(around, dict) else enumerate(around)
    for key, value in pairs:
        yield around, key
        if isinstance(value, dict | list):
            yield from _places(value)
