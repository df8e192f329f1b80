"""Running only some cells of a suite, chosen by how their fingerprints begin."""

from __future__ import annotations

import re
from collections.abc import Sequence

from scorebench.errors import UserError
from scorebench.running.plan import Plan
from scorebench.store import Store

SHORTEST = 6  # hexadecimal digits


def only(plan: Plan, prefixes: Sequence[str]) -> Plan:
    """The cells of a plan whose fingerprints begin so, in its order.

    Args:
        plan: of the whole suite.
        prefixes: each of one cell, at least 6 hexadecimal digits.

    Raises:
        UserError: a prefix is too short or isn't hexadecimal, or no cell or several begin so.
    """
    chosen = {_find(plan, prefix) for prefix in prefixes}
    return Plan(plan.suite, tuple(c for c in plan.cells if c.fingerprint in chosen))


def _find(plan: Plan, prefix: str) -> str:
    wanted = prefix.lower()
    if not re.fullmatch(rf"[0-9a-f]{{{SHORTEST},}}", wanted):
        raise UserError(
            f"--only {prefix}: expected at least {SHORTEST} hexadecimal digits of a fingerprint, "
            "as the table's column fingerprint has them"
        )
    found = [c.fingerprint for c in plan.cells if c.fingerprint.startswith(wanted)]
    if not found:
        raise UserError(
            f"--only {prefix}: {plan.suite.path} has no such cell; either its parameters, data or "
            "sources were changed since, or it needs the --set and --plugins of its run, which are "
            "in the plan.json of its results"
        )
    if len(found) > 1:
        raise UserError(
            f"--only {prefix}: {len(found)} cells begin so; give more digits, e.g. {found[0]}"
        )
    return found[0]


def check_alone(store: Store, plan: Plan) -> None:
    """Make sure that a results directory's table loses no cell by taking this plan.

    Raises:
        UserError: its own plan has further cells.
    """
    if not (store.folder / "plan.json").exists():
        return
    held = {cell["fingerprint"] for cell in store.plan()["cells"]}
    others = len(held - {cell.fingerprint for cell in plan.cells})
    if others:
        raise UserError(
            f"--only would drop the {others} other cell{'s' * (others > 1)} of {store.folder} from "
            "its table; name another directory with --results"
        )
