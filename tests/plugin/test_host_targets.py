"""What the host asks of a component's class when it is first used."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from scorebench import PluginError, UserError
from scorebench.plugin.component import KINDS
from scorebench.plugin.host import Host

Write = Callable[..., Path]


def host_of(path: Path) -> Host:
    """The host of one plugin alone."""
    host = Host()
    host.load_paths([path])
    return host


WRONG_TARGETS = {
    "no_method": ("class Target(scorebench.Sampler): ...", "Target has no method trajectory"),
    "unrelated": (
        "class Target:\n    def trajectory(self, model, sigmas, noise): ...",
        "Target must derive from scorebench.Sampler",
    ),
    "own_abstract": (
        "class Target(scorebench.Sampler):\n    def trajectory(self, *a): ...\n"
        "    @abstractmethod\n    def step(self): ...",
        "Target has no method step",
    ),
    "in_a_function": (
        "def made(scale):\n    @dataclass(frozen=True, kw_only=True)\n"
        "    class Scaled(scorebench.Sampler):\n        def trajectory(self, *a): ...\n"
        "    return Scaled\nTarget = made(2)",
        "made.<locals>.Scaled must be defined at the top level of its module",
    ),
    "no_class": ("Target = 3", "TypeError: 3 is neither a class nor"),
    "bad_annotation": (
        "class Target(scorebench.Sampler):\n    n: 'Missing' = 3\n    def trajectory(self): ...",
        "can't be used: NameError: name 'Missing' is not defined",
    ),
    "bad_default": (
        "class Target(scorebench.Sampler):\n    n: list = field(default_factory=lambda: 1 / 0)\n"
        "    def trajectory(self): ...",
        "can't be used: ZeroDivisionError: division by zero",
    ),
}


@pytest.mark.parametrize("case", WRONG_TARGETS)
def test_a_target_that_breaks_its_contract_is_named(case: str, write_plugin: Write) -> None:
    source, reason = WRONG_TARGETS[case]
    decorated = source.replace("class T", "@dataclass(frozen=True, kw_only=True)\nclass T")
    path = write_plugin(
        "from abc import abstractmethod\nfrom dataclasses import dataclass, field\n"
        f"import scorebench\n{decorated}\n@scorebench.hookimpl\ndef scorebench_samplers():\n"
        '    yield scorebench.Component("target", Target)\n',
    )
    host = host_of(path)
    with pytest.raises(PluginError) as raised:
        host.build("sampler", "target", {})
    assert str(raised.value).startswith(f"sampler 'target' of plugin {path}")
    assert reason in str(raised.value)
    assert not isinstance(raised.value, UserError)


@pytest.mark.parametrize("decorator", ["", "@dataclass", "@dataclass(frozen=True)"])
def test_a_target_must_be_a_frozen_keyword_only_dataclass(
    decorator: str, write_plugin: Write
) -> None:
    path = write_plugin(
        "from dataclasses import dataclass\nimport scorebench\n"
        f"{decorator}\nclass Target(scorebench.Sampler):\n    n: int = 3\n"
        "    def trajectory(self, *a): ...\n"
        "@scorebench.hookimpl\ndef scorebench_samplers():\n"
        '    yield scorebench.Component("target", Target)\n'
    )
    told = r"Target must be declared with @dataclass\(frozen=True, kw_only=True\)"
    with pytest.raises(PluginError, match=told):
        host_of(path).find("sampler", "target")


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_held_to_its_methods(kind: str, write_plugin: Write) -> None:
    path = write_plugin(
        "from dataclasses import dataclass\nimport scorebench\n"
        "@dataclass(frozen=True, kw_only=True)\nclass Target: ...\n@scorebench.hookimpl\n"
        f'def scorebench_{kind}s(): yield scorebench.Component("target", Target)\n'
    )
    with pytest.raises(PluginError, match=r"Target (has no method|must derive from)"):
        host_of(path).find(kind, "target")
