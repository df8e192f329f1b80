"""What holds for every sampler.

The laws are tried on data whose score is known exactly, so that nothing but the sampler errs.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from scorebench.errors import DivergenceError
from scorebench.plugin.contracts import Sampler, ScoreModel
from scorebench.running.context import Context
from scorebench.running.noise import StreamNoise
from scorebench.running.sampling import sample
from scorebench.testing.comparing import company_matters, worst
from scorebench.testing.convergence import COARSE, FINE, order_on_graded_levels
from scorebench.testing.exact_models import GAUSSIAN, MIXTURE, ExactMixture
from scorebench.testing.impulses import Response, response
from scorebench.testing.levels import levels, levels_for
from scorebench.testing.live_states import states_alive
from scorebench.testing.odd_models import Breaking, Witness
from scorebench.testing.outcome import Check, Outcome
from scorebench.testing.precision import rounding
from scorebench.testing.random_state import from_two_states
from scorebench.testing.readings import alone, contradiction, read_off, relatives, unlike

ROWS, LEVELS = 6, 7
ITERATIONS = ("steps", "steps_per_level")  # parameters that count a chain's
COUNTS = (5, 10, 18, 50)
CLOSED_FORM_TOLERANCE = 1e-10
AFFINE_TOLERANCE = 1e-9
ORDER_TOLERANCE = 0.1


def model_on(context: Context, dtype: torch.dtype = torch.float64) -> ExactMixture:
    """The exact mixture on the context's device."""
    return dataclasses.replace(MIXTURE, dtype=dtype, device=context.device)


def with_iterations(sampler: Sampler, n: int) -> Sampler:
    """The sampler with ``n`` iterations of its chain, where it has one."""
    chain: Any = sampler
    counts = {f.name: n for f in dataclasses.fields(chain) if f.name in ITERATIONS}
    changed: Sampler = dataclasses.replace(chain, **counts)
    return changed


def walked(sampler: Sampler, model: ScoreModel, rows: Iterable[int], n: int = LEVELS) -> Tensor:
    """The samples of those indices of seed 0, drawn in one batch."""
    noise = StreamNoise(0, list(rows), model.event_shape, device=model.device, dtype=model.dtype)
    with torch.no_grad():
        *_, x = sampler.trajectory(model, levels_for(sampler, n), noise)
    return x


def exact_moments(sampler: Sampler, context: Context) -> Outcome:
    """On Gaussian data, mean and covariance are those of the closed form that is declared.

    An affine sampler's are exact, without Monte Carlo: an impulse in each number it draws gives
    the factor of that number in the sample. Where no closed form is declared they are told beside
    the data's own.
    """
    name, errors, told = "exact moments", [], []
    for n in dict.fromkeys(len(levels_for(sampler, n)) for n in COUNTS):
        sigmas = levels(n)
        found = response(sampler, GAUSSIAN, sigmas)
        if not found.misfit < AFFINE_TOLERANCE:
            return Outcome(name, None, "not affine in what it draws, so not known exactly")
        told.append(f"{found.mean[1]:.4f} ± {found.std[1]:.4f} at n = {n}")
        for k, std in enumerate(GAUSSIAN.stds[0]):
            steps = sampler.closed_form(sigmas.tolist(), std**2)
            if steps is not None:
                mean = GAUSSIAN.means[0][k]
                errors.append(_distance(list(steps), mean, found, k))
    data = f"data {GAUSSIAN.means[0][1]:g} ± {GAUSSIAN.stds[0][1]:g} become {', '.join(told)}"
    if not errors:
        return Outcome(name, None, f"no closed form declared; exactly, {data}")
    error = worst(errors)
    agrees = error <= CLOSED_FORM_TOLERANCE
    said = f"mean and gains differ from the closed form by {error:.1e}"
    if agrees:
        said = f"mean and gain of every draw agree with the closed form to {error:.1e}"
    return Outcome(name, agrees, f"{said}; {data}")


def _distance(
    steps: Sequence[tuple[float, float]], mean: float, found: Response, coordinate: int
) -> float:
    """How far a response is from a closed form, in units of its largest number.

    The closed form is of data with mean 0. Steps after the first, which makes the start, act on
    the distance to the mean. No coordinate depends on what is drawn for another.
    """
    gains: list[float] = []
    kept = 1.0
    for step, (gain, draw) in enumerate(steps):
        gains = [gain * g for g in gains] + ([draw] if draw else [])
        kept *= gain if step else 1.0
    if len(gains) != len(found.gains):
        raise ValueError(f"the closed form has {len(gains)} draws, {len(found.gains)} were made")
    expected = torch.zeros(len(gains), len(found.offset), dtype=torch.float64)
    expected[:, coordinate] = torch.tensor(gains, dtype=torch.float64)
    offset = mean * (1 - kept)
    apart = (found.gains[..., coordinate] - expected).abs().max()
    size = max(abs(offset), float(expected.abs().max()))
    return worst([float(apart), abs(float(found.offset[coordinate]) - offset)]) / size


def order_of_convergence(sampler: Sampler, context: Context) -> Outcome:
    """A deterministic sampler's error against the ODE's solution falls with the declared power."""
    name, declared = "order of convergence", sampler.convergence_order
    if declared is None:
        return Outcome(name, None, "declares none, as samplers with noise do")
    order, error = order_on_graded_levels(sampler)
    said = f"{order:.2f} from {COARSE} to {FINE} levels, declared {declared}; error {error:.1e}"
    return Outcome(name, order >= declared - ORDER_TOLERANCE, said)


def number_of_evaluations(sampler: Sampler, context: Context) -> Outcome:
    """As many evaluations are made as ``nfe`` declares."""
    problems, told = [], []
    for n in dict.fromkeys(len(levels_for(sampler, n)) for n in (1, 2, LEVELS)):
        found = sample(model_on(context), sampler, levels(n), ROWS).nfe
        declared = sampler.nfe(n)
        told.append(f"{found:g} at n = {n}")
        if declared is not None and declared != found:
            problems.append(f"{found:g} instead of {declared} at n = {n}")
    if problems:
        return Outcome("number of evaluations", False, "makes " + ", ".join(problems))
    known = True if sampler.nfe(n) is not None else None
    verdict = "as declared" if known else "none declared"
    return Outcome("number of evaluations", known, f"makes {', '.join(told)}; {verdict}")


def batch_invariance(sampler: Sampler, context: Context) -> Outcome:
    """Sample i is the same alone, in a batch, in half of it, and among shuffled neighbours."""
    model = model_on(context)
    apart = company_matters(lambda rows: walked(sampler, model, rows.tolist()), ROWS)
    said = f"alone, in a batch and among shuffled neighbours: differs by at most {apart:.1e}"
    if sampler.coupled:
        return Outcome("batch invariance", None, f"{said}; declared as coupled")
    return Outcome("batch invariance", apart <= rounding(torch.float64), said)


def reproducibility(sampler: Sampler, context: Context) -> Outcome:
    """The seed alone decides, whatever the global random state; another seed gives others."""
    model, sigmas = model_on(context), levels_for(sampler, LEVELS)

    def draw(seed: int) -> Tensor:
        return sample(model, sampler, sigmas, ROWS, seed=seed).x

    first, second = from_two_states(lambda: draw(0))
    same, other = torch.equal(first, second), not torch.equal(first, draw(1))
    said = "equal under two global random states" if same else "depends on global random state"
    said += ", different under another seed" if other else ", the same whatever the seed"
    return Outcome("reproducibility", same and other, said)


def precision_and_device(sampler: Sampler, context: Context) -> Outcome:
    """float32 stays float32 and float64 float64, on the model's device, at every state."""
    problems = []
    for dtype in (torch.float32, torch.float64):
        model = model_on(context, dtype)
        for state in _states(sampler, model):
            if state.dtype != dtype or state.device.type != model.device.type:
                problems.append(f"{dtype} on {model.device} became {state.dtype} on {state.device}")
    said = (
        "; ".join(dict.fromkeys(problems)) or "every state in the precision and place of the model"
    )
    return Outcome("precision and device", not problems, said)


def _states(
    sampler: Sampler, model: ScoreModel, n: int = LEVELS, sigmas: Tensor | None = None
) -> Iterator[Tensor]:
    noise = StreamNoise(0, range(ROWS), model.event_shape, device=model.device, dtype=model.dtype)
    return sampler.trajectory(model, levels_for(sampler, n) if sigmas is None else sigmas, noise)


def no_autograd_graph(sampler: Sampler, context: Context) -> Outcome:
    """No state requires a gradient, even where gradients are enabled."""
    with torch.enable_grad():
        graphs = sum(state.requires_grad for state in _states(sampler, model_on(context)))
    said = f"{graphs} states require a gradient" if graphs else "no state requires a gradient"
    return Outcome("no autograd graph", not graphs, said)


def tensors_left_alone(sampler: Sampler, context: Context) -> Outcome:
    """What was yielded, received or handed to the model is never changed afterwards."""
    model, sigmas = Witness(model_on(context)), levels_for(sampler, LEVELS)
    seen = [("the noise levels", sigmas, sigmas.clone())]
    with torch.no_grad():
        for state in _states(sampler, model, sigmas=sigmas):
            seen.append(("a yielded state", state, state.clone()))
    seen += model.seen
    changed = dict.fromkeys(what for what, now, before in seen if not torch.equal(now, before))
    said = f"changes {', '.join(changed)}" if changed else f"{len(seen)} tensors as they were"
    return Outcome("tensors left alone", not changed, said)


def edge_cases(sampler: Sampler, context: Context) -> Outcome:
    """One level, two levels, one iteration and a single sample give finite samples, well shaped."""
    model, problems = model_on(context), []
    for each in (sampler, with_iterations(sampler, 1)):
        for n, count in ((1, 1), (1, ROWS), (2, 1), (2, ROWS)):
            x = walked(each, model, range(count), n)
            if tuple(x.shape) != (count, *model.event_shape) or not torch.isfinite(x).all():
                problems.append(f"{n} levels and {count} samples give {x.tolist()}")
    said = "; ".join(problems) or "one and two levels, one iteration, one sample: finite"
    return Outcome("edge cases", not problems, said)


def states_yielded(sampler: Sampler, context: Context) -> Outcome:
    """At least one state is yielded; time limits and progress see a walk at its states only."""
    yielded = sum(1 for _ in _states(sampler, model_on(context)))
    said = f"{yielded} states on a walk down {len(levels_for(sampler, LEVELS))} levels"
    return Outcome("states yielded", yielded > 0, said)


def divergence(sampler: Sampler, context: Context) -> Outcome:
    """A model that returns what isn't finite ends in a ``DivergenceError``."""
    model = Breaking(MIXTURE.weights, MIXTURE.means, MIXTURE.stds, device=context.device)
    sigmas = levels_for(sampler, LEVELS)
    try:
        sample(model, sampler, sigmas, ROWS)
    except DivergenceError as error:
        return Outcome("divergence", True, f"a score that is no number is told: {error}")
    if model.calls < 2:
        return Outcome("divergence", None, "the model is evaluated once only")
    return Outcome("divergence", False, "a score that is no number ends in finite samples")


def bounded_memory(sampler: Sampler, context: Context) -> Outcome:
    """As many tensors of a state's size are alive at once on a long walk as on a short one."""
    few, many = (states_alive(with_iterations(sampler, n), n) for n in (12, 36))
    said = f"at most {few} tensors of a state's size at once on 12 levels or iterations, {many} "
    said += "on 36"
    return Outcome("bounded memory", many <= few, said)


def reading(sampler: Sampler, context: Context) -> Outcome:
    """Samples read off one walk, as ``reading`` says, are those of walks of their own.

    The sampler is read together with those of its family that differ from it in one parameter.
    Each has the same samples bit for bit, evaluations and statistics as alone, so none disturbs
    what is read after it.
    """
    family = list(relatives(sampler))
    if not family:
        return Outcome("reading", None, "none declared: its samples take walks of their own")
    problems = [f"{name}: {told}" for name, _, said in family if (told := contradiction(said))]
    if problems:
        return Outcome("reading", False, "; ".join(problems))
    readings, model = [said for *_, said in family], model_on(context)
    for n in dict.fromkeys(len(levels_for(sampler, n)) for n in (1, LEVELS)):
        sigmas = levels_for(sampler, n)
        found = read_off(readings, model, sigmas, ROWS)
        for (name, each, _), read in zip(family, found, strict=True):
            if told := unlike(read, alone(each, model, sigmas, ROWS)):
                problems.append(f"{name}: {told} at n = {n}")
    if problems:
        return Outcome("reading", False, f"read off one walk, {'; '.join(problems)}")
    others = ", ".join(name for name, *_ in family[1:])
    said = f"read off one walk with {others}" if others else "read off its walk"
    return Outcome("reading", True, f"{said}: bit for bit as alone, evaluations and statistics too")


CHECKS: tuple[Check, ...] = (
    exact_moments,
    order_of_convergence,
    number_of_evaluations,
    batch_invariance,
    reproducibility,
    precision_and_device,
    no_autograd_graph,
    tensors_left_alone,
    edge_cases,
    states_yielded,
    divergence,
    bounded_memory,
    reading,
)
