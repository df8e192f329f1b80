from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter

from scorebench import Importable, ImportSpec, UserError
from scorebench.plugin.parameters import describe_type


def load(text: str) -> Any:
    return Importable.parse(text).load()


@pytest.mark.parametrize(
    ("text", "module", "attribute", "is_file"),
    [
        ("a:b", "a", "b", False),
        ("a.b_c.d2:Outer.inner", "a.b_c.d2", "Outer.inner", False),
        ("nets.py:net", "nets.py", "net", True),
        ("../my nets/v1.5.py:net", "../my nets/v1.5.py", "net", True),
        ("C:\\nets.py:net", "C:\\nets.py", "net", True),
        ("größe:maß", "größe", "maß", False),
    ],
)
def test_a_module_or_file_and_a_name_within_it(
    text: str, module: str, attribute: str, is_file: bool
) -> None:
    found = TypeAdapter(ImportSpec).validate_python(text)
    assert found == Importable(module, attribute)
    assert found.is_file == is_file
    assert str(found) == text
    assert Importable.parse(found) is found


@pytest.mark.parametrize(
    "value",
    [
        *("", "a", "a.b", ":", "a:", ":b", "nets.py", "nets.py:", "a/b:c", "a:1", "a:b-c"),
        *("a..b:c", "a:b.", "a b:c", 3, None, {"module": "a", "attribute": "b"}, ["a:b"]),
    ],
)
def test_anything_else_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match=r"expected package.module:attribute or folder/file.py:"):
        Importable.parse(value)


def test_types_in_words() -> None:
    assert describe_type(ImportSpec) == "module:name or file.py:name"


def test_objects_of_modules_and_files(
    write_plugin: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert load("math:pi") == math.pi
    assert load("pathlib:Path.cwd")() == Path.cwd()
    write_plugin("from within import A\nclass Outer:\n    inner = A\n", "sub/nets.py")
    write_plugin("A = 42\n", "sub/within.py")
    monkeypatch.chdir(tmp_path)
    assert load("sub/nets.py:Outer.inner") == 42
    assert load(f"{tmp_path}/sub/nets.py:Outer") is load("sub/nets.py:Outer")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("no_such_thing.nets:net", "there is no module no_such_thing; install it, or name the fil"),
        ("os.nothing:net", "there is no module os.nothing; install it, or name the file"),
        ("folder/nothing.py:net", "nothing.py:net: there is no file .*folder.nothing.py"),
        ("os.path:joins", "os.path has no joins; did you mean join"),
        ("pathlib:Path.cwb", "pathlib has no Path.cwb; did you mean cwd"),
        ("math:pi.cwb", "math has no pi.cwb; "),
    ],
)
def test_what_is_missing_is_told(text: str, told: str) -> None:
    with pytest.raises(UserError, match=told) as raised:
        load(text)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("import no_such_thing", "ModuleNotFoundError: No module named 'no_such_thing'"),
        ("import sys; sys.exit(3)", r"calls sys.exit\(3\) when imported"),
        ("def net(:", "syntax error in .*failing.py, line 1"),
        ("raise ValueError('two\\nlines')", "ValueError: two lines"),
    ],
)
@pytest.mark.parametrize("name", ["{folder}/failing.py:net", "failing:net"])
def test_a_module_that_fails_is_told(
    write_plugin: Callable[..., Path],
    monkeypatch: pytest.MonkeyPatch,
    source: str,
    told: str,
    name: str,
) -> None:
    folder = write_plugin(source, "failing.py").parent
    monkeypatch.syspath_prepend(folder)
    with pytest.raises(UserError, match=f"failing.*:net can't be imported: {told}"):
        load(name.format(folder=folder))
