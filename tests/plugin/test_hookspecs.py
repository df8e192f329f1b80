from __future__ import annotations

import textwrap
from pathlib import Path

import pytest

import scorebench
from scorebench.plugin import hookspecs
from scorebench.plugin.component import KINDS
from scorebench.plugin.host import Host


def test_every_kind_has_one_hook_named_after_it() -> None:
    assert {f"scorebench_{kind}s": kind for kind in KINDS} == hookspecs.HOOKS


def test_every_hook_is_declared_without_arguments() -> None:
    for hook in hookspecs.HOOKS:
        function = getattr(hookspecs, hook)
        assert function.scorebench_spec
        assert function.__code__.co_argcount == 0


def test_the_public_marker_is_that_of_the_hooks() -> None:
    assert scorebench.hookimpl is hookspecs.hookimpl


@pytest.mark.parametrize("hook", hookspecs.HOOKS)
def test_every_hook_is_documented_by_an_example_that_works(hook: str, tmp_path: Path) -> None:
    told, _, example = (getattr(hookspecs, hook).__doc__ or "").partition("Example::")
    assert told.strip()
    plugin = tmp_path / "example.py"
    plugin.write_text("import scorebench\n" + textwrap.dedent(example))
    host = Host()
    host.load_paths([plugin])
    assert host.broken == []
    assert {kind: len(host.components(kind)) for kind in KINDS} == {
        kind: int(kind == hookspecs.HOOKS[hook]) for kind in KINDS
    }
