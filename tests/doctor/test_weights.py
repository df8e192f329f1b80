from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from scorebench.doctor.finding import Finding
from scorebench.doctor.plugins import find_host
from scorebench.doctor.weights import weights

Write = Callable[..., Path]

EXTRACTORS = """
from dataclasses import dataclass
from pathlib import Path
import scorebench

HERE = Path(__file__).parent

class Plain(scorebench.FeatureExtractor):
    def load(self, context): ...

@dataclass(frozen=True, kw_only=True)
class Plainest(Plain):
    pass

@dataclass(frozen=True, kw_only=True)
class Both(Plain):
    @classmethod
    def default_weights(cls, context):
        for name in ("one.bin", "two.bin"):
            path = context.cache_dir / name
            yield scorebench.Weights(
                name=name, path=path if path.is_file() else None, how="ask me"
            )

@dataclass(frozen=True, kw_only=True)
class Wrong(Plain):
    @classmethod
    def default_weights(cls, context):
        print("hello")
        yield "one.bin"

@dataclass(frozen=True, kw_only=True)
class Raising(Plain):
    @classmethod
    def default_weights(cls, context):
        raise SystemExit(0)

@scorebench.hookimpl
def scorebench_feature_extractors():
    yield scorebench.Component("plainest", Plainest)
    yield scorebench.Component("both", Both)
    yield scorebench.Component("wrong", Wrong)
    yield scorebench.Component("raising", Raising)
    yield scorebench.Component("lost", "no_such_module_here:Mine")
"""


def found(path: Path) -> dict[str, list[Finding]]:
    host, _ = find_host([path])
    told: dict[str, list[Finding]] = {}
    for finding in weights(host):
        told.setdefault(finding.name, []).append(finding)
    return told


def test_weights_are_found_or_missing_with_how_to_have_them(
    write_plugin: Write, tmp_path: Path, monkeypatch
) -> None:
    monkeypatch.setenv("SCOREBENCH_CACHE", str(tmp_path))
    (tmp_path / "one.bin").write_bytes(b"x" * 1024)
    one, two = found(write_plugin(EXTRACTORS))["feature_extractor both"]
    assert one.text == f"one.bin, 1.0 KiB, in {tmp_path / 'one.bin'}"
    assert one.facts == {"path": str(tmp_path / "one.bin"), "bytes": 1024}
    assert (two.text, two.state) == ("two.bin: ask me", "missing")


def test_what_can_do_without_missing_ones_is_told(write_plugin: Write) -> None:
    told = found(write_plugin(EXTRACTORS))
    (others,) = told["feature_extractor"]
    label, _, names = others.text.partition(": ")
    assert label == "no weights are missing for"
    assert {"plainest", "identity", "digits_cnn"} <= set(names.split(", "))
    assert {"both", "wrong", "raising", "lost", "inception"}.isdisjoint(names.split(", "))
    assert "sampler" not in told  # none of them is missing any


def test_a_component_that_breaks_the_contract_is_broken(write_plugin: Write) -> None:
    told = found(write_plugin(EXTRACTORS))
    (wrong,), (raising,) = told["feature_extractor wrong"], told["feature_extractor raising"]
    assert wrong.text == "default_weights gave 'one.bin', not scorebench.Weights"
    assert (wrong.state, raising.state) == ("broken", "broken")
    assert "feature_extractor lost" not in told
