"""Clusters that can't be reached or used are told in one line, at once."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
import yaml

from scorebench import UserError
from scorebench.engine.ray_cluster import RayEngine
from tests.conftest import Python


@pytest.fixture
def unused() -> Iterator[str]:
    """An address at which nothing listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"127.0.0.1:{taken.getsockname()[1]}"


@pytest.fixture
def other_server() -> Iterator[str]:
    """The address of a server that isn't Ray's."""
    server = HTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def refusal(planned: Callable[..., Any]) -> Callable[[str | None], str]:
    """What a user is told of an address."""
    bench, _ = planned()

    def ask(address: str | None) -> str:
        with pytest.raises(UserError) as caught:
            RayEngine(address=address).workers(bench)
        assert "\n" not in str(caught.value)
        return str(caught.value)

    return ask


@pytest.mark.parametrize("scheme", ["", "ray://"])
def test_nothing_at_the_address(
    refusal: Callable[[str | None], str], unused: str, scheme: str
) -> None:
    assert refusal(scheme + unused).startswith(f"no Ray cluster answers at {scheme}{unused};")


def test_nothing_at_the_address_in_the_environment(
    refusal: Callable[[str | None], str], unused: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAY_ADDRESS", unused)
    assert refusal(None).startswith(f"no Ray cluster answers at {unused};")


def test_another_server_at_the_address(
    refusal: Callable[[str | None], str], other_server: str
) -> None:
    assert refusal(other_server).startswith(f"no Ray cluster answers at {other_server};")


@pytest.mark.parametrize("address", ["nonsense", "host:port", "ray://", "127.0.0.1:99999"])
def test_an_address_that_is_none(refusal: Callable[[str | None], str], address: str) -> None:
    assert address in refusal(address)


WITHOUT_RAY = """
import sys
sys.modules["ray"] = None
from scorebench.cli import main
sys.argv = ["scorebench", "run", "suite.yaml", "--engine", "ray"]
main()
"""


def test_without_the_extra_it_is_named(
    tmp_path: Path, small_suite: dict[str, Any], python: Python
) -> None:
    (tmp_path / "suite.yaml").write_text(yaml.safe_dump(small_suite))
    done = python("-c", WITHOUT_RAY, code=2)
    assert done.stderr == "error: --engine ray needs Ray: pip install 'scorebench[ray]'\n"
    assert not (tmp_path / "results").exists()
