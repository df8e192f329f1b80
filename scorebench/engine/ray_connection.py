"""Connecting to a Ray cluster and leaving it, without hanging and without Ray's chatter."""

from __future__ import annotations

import logging
import os
import socket
import sys
import time
import warnings
from typing import Any
from urllib.parse import urlsplit

import ray
from ray._private.services import canonicalize_bootstrap_address

from scorebench.errors import UserError

PATIENCE = 10.0  # seconds in which a cluster answers
OUTAGE = 20.0  # seconds for which a cluster may be out of reach; after 60, Ray ends the driver
CLIENT_PORT = 10001  # where ray:// leads
# HTTP/2 (RFC 9113): each side begins with a SETTINGS frame, a client after a preface (section 3.4);
# a frame begins with three bytes of length, one of type, one of flags and four of stream (4.1).
SETTINGS = b"\0\0\0\x04\0\0\0\0\0"
HELLO = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + SETTINGS
QUIET = {
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",  # Ray warns about its own default
    "RAY_USAGE_STATS_ENABLED": "0",
}


class Connection:
    """A connection to a cluster; that of the program around, if it has one.

    Args:
        address: of the cluster; unless given, that in RAY_ADDRESS, or one that runs here, or a new
            one on this machine alone, which ends with the connection.

    Raises:
        UserError: there is no such cluster, or it can't be used.
    """

    def __init__(self, address: str | None) -> None:
        self._ours = not ray.is_initialized()
        if self._ours:
            for name, value in QUIET.items():
                os.environ.setdefault(name, value)
            found = _find(address)
            if found is None:
                print("no Ray cluster runs here; one is started on this machine", file=sys.stderr)
            # Ray prints what it logs of lost nodes, in the midst of whatever else is shown.
            ray._private.worker.print_to_stdstream = lambda *_, **__: None
            _init(found)
        context = ray.get_runtime_context()
        self.address, self._here = context.gcs_address, context.get_node_id()

    def nodes(self) -> list[dict[str, Any]]:
        """What Ray tells of the nodes.

        Raises:
            UserError: the cluster is lost, or this machine has lost its place in it.
        """
        until = time.monotonic() + OUTAGE
        while not (up := answers(self.address)) and time.monotonic() < until:
            time.sleep(1)
        table: list[dict[str, Any]] = ray.nodes() if up else []  # type: ignore[no-untyped-call]
        if self._here not in {node["NodeID"] for node in table if node["Alive"]}:
            raise UserError(
                f"the Ray cluster at {self.address} can't be reached any more; finished cells are "
                "kept, and the same command goes on from them"
            )
        return table

    def close(self) -> None:
        """Leave the cluster; what this program has started there ends."""
        if self._ours:
            ray.shutdown()


def _init(address: str | None) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            ray.init(
                address=address or "local",
                include_dashboard=None if address else False,
                log_to_driver=False,
                logging_level=logging.CRITICAL,
            )
        except (ConnectionError, ImportError, OSError, RuntimeError, ValueError) as error:
            where = f"the Ray cluster at {address}" if address else "a Ray cluster on this machine"
            told = " ".join(str(error).split())
            if address and "RAY_AUTH_MODE" not in os.environ:
                told += "; if it wants a token, set RAY_AUTH_MODE=token"
            raise UserError(f"{where} can't be used: {told}") from error


def _find(address: str | None) -> str | None:
    """The address of a cluster that answers; None where none is named and none runs here."""
    named = address or os.environ.get("RAY_ADDRESS")
    try:
        found = named if named and "://" in named else canonicalize_bootstrap_address(named)  # type: ignore[arg-type]
    except (ConnectionError, OSError, ValueError) as error:
        told = " ".join(str(error).split())
        raise UserError(f"--ray-address {named}: {told}") from error
    if found is None or answers(found):
        return found
    if named is None:
        return None  # what Ray remembers has ended
    raise UserError(
        f"no Ray cluster answers at {named}; see that it runs and that this machine can reach it, "
        "or name another with --ray-address"
    )


def answers(address: str) -> bool:
    """Whether a server of gRPC, which Ray speaks, is at ``host:port`` or ``ray://host:port``.

    Ray itself waits for minutes for one that isn't there.
    """
    parts = urlsplit(address if "://" in address else f"//{address}")
    try:
        where = (parts.hostname or "", parts.port or CLIENT_PORT)
        with socket.create_connection(where, PATIENCE) as connection:
            if os.environ.get("RAY_USE_TLS") == "1":
                return True
            connection.sendall(HELLO)
            return connection.recv(len(SETTINGS))[3:4] == SETTINGS[3:4]
    except (OSError, ValueError):
        return False
