from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import load_file

from scorebench.running.cache import ArrayCache, digest, write_arrays
from tests.conftest import Python

NO_ROOM = """
import resource
from pathlib import Path
import numpy as np
from scorebench.running.cache import ArrayCache

resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
arrays = ArrayCache(Path("cache")).get("k", lambda: {"a": np.arange(1000)})
print(arrays["a"].sum(), list(Path("cache").iterdir()))
"""


def test_arrays_are_computed_once_and_come_back_exactly(tmp_path: Path) -> None:
    calls = []

    def compute() -> dict[str, np.ndarray]:
        calls.append(1)
        return {"a": np.linspace(0, 1, 7), "b": np.arange(6).reshape(2, 3).T}

    first = ArrayCache(tmp_path).get(["key", 1], compute)
    again = ArrayCache(tmp_path).get(["key", 1], compute)
    assert len(calls) == 1
    for name in ("a", "b"):
        assert np.array_equal(first[name], again[name])
        assert first[name].dtype == again[name].dtype


def test_different_keys_hold_different_arrays(tmp_path: Path) -> None:
    cache = ArrayCache(tmp_path)
    assert cache.get(1, lambda: {"a": np.array([1])})["a"] == 1
    assert cache.get(2, lambda: {"a": np.array([2])})["a"] == 2


@pytest.mark.parametrize("content", [b"", b"not arrays at all", b"\xff" * 100])
def test_a_damaged_file_is_computed_again(tmp_path: Path, content: bytes) -> None:
    ArrayCache(tmp_path).get("k", lambda: {"a": np.array([1.0])})
    (file,) = tmp_path.glob("*.safetensors")
    file.write_bytes(content)
    assert ArrayCache(tmp_path).get("k", lambda: {"a": np.array([2.0])})["a"] == 2
    assert ArrayCache(tmp_path).get("k", lambda: {"a": np.array([3.0])})["a"] == 2


def test_a_folder_that_cannot_be_written_costs_speed_only(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    cache = ArrayCache(tmp_path / "file" / "below")
    assert cache.get("k", lambda: {"a": np.array([1.0])})["a"] == 1


def test_a_file_that_finds_no_room_costs_speed_only(python: Python) -> None:
    assert python("-c", NO_ROOM).stdout == "499500 []\n"


def test_arrays_are_written_as_they_are_whatever_their_order(tmp_path: Path) -> None:
    turned = np.arange(6).reshape(2, 3).T
    write_arrays(tmp_path / "a.safetensors", {"a": turned})
    assert np.array_equal(load_file(tmp_path / "a.safetensors")["a"], turned)


def test_failing_to_compute_leaves_nothing_behind(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError):
        ArrayCache(tmp_path).get("k", lambda: {"a": np.array([1 // 0])})
    assert not list(tmp_path.iterdir())


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=8,
)


@given(JSON)
def test_a_digest_ignores_the_order_of_keys(value: object) -> None:
    def reversed_keys(v: object) -> object:
        if isinstance(v, dict):
            return {k: reversed_keys(v[k]) for k in reversed(list(v))}
        return [reversed_keys(i) for i in v] if isinstance(v, list) else v

    assert digest(value) == digest(reversed_keys(value))


def test_digests_tell_types_and_nesting_apart() -> None:
    values = [1, 1.5, "1", [1], [[1]], {"1": 1}, None, True, False, [], {}]
    assert len({digest(v) for v in values}) == len(values)
