"""What a plan includes and what goes beyond it costs, in words for whoever buys it (DESIGN §2)."""

from collections.abc import Iterator, Sequence

from tollkeeper.catalogue import UNLIMITED, Catalogue, Metric, Mode, Plan
from tollkeeper.rules.money import money


def plan_text(catalogue: Catalogue, plan: Plan, *, trial: bool, longest: int) -> str:
    """Say what a plan includes a month, and what each further unit costs, in at most `longest` characters.

    Metrics that are only observed are left out, for they have no consequences. Where there are too many to
    name, each list names as many as there is room for and how many more there are; prices are the last to go.
    """
    metrics = [metric for metric in catalogue.metrics.values() if metric.mode is Mode.ENFORCE]
    for named, priced in _ever_fewer(len(metrics)):
        text = " ".join(_sentences(catalogue, plan, metrics, named, priced, trial=trial))
        if len(text) <= longest:
            return text
    return f"{text[: longest - 1]}\N{HORIZONTAL ELLIPSIS}"


def _ever_fewer(count: int) -> Iterator[tuple[int, int]]:
    """How many to name of each list, and of the prices: all, then fewer, and of prices only when at one."""
    yield from ((named, count) for named in range(max(1, count), 0, -1))
    yield from ((1, priced) for priced in range(count - 1, 0, -1))


def _sentences(
    catalogue: Catalogue, plan: Plan, metrics: Sequence[Metric], named: int, priced: int, *, trial: bool
) -> Iterator[str]:
    limited = [metric for metric in metrics if plan.limits[metric.name] != UNLIMITED]
    unlimited = [_name(metric) for metric in metrics if plan.limits[metric.name] == UNLIMITED]
    prices = [
        f"{money(metric.overage_price, catalogue.currency)} per {metric.unit}"
        for metric in limited
        if metric.overage_price is not None
    ]
    hard = [_name(metric) for metric in limited if metric.overage_price is None]
    if limited:
        included = [f"{plan.limits[metric.name]:,} {_name(metric)}" for metric in limited]
        yield f"Includes {_listed(included, named)} a month."
        beyond = [_listed(prices, priced)] if prices else []
        beyond += [f"no further {_listed(hard, named, 'or')}"] if hard else []
        yield f"Beyond that: {'; '.join(beyond)}."
    if unlimited:
        yield f"Unlimited: {_listed(unlimited, named)}."
    if trial and prices:
        yield "During the trial usage stops at what is included, so nothing more is charged."


def _listed(phrases: Sequence[str], most: int, joint: str = "and") -> str:
    """`a, b and c`, or `a, b and 7 more`."""
    named = [*phrases[:most]]
    if len(phrases) > len(named):
        named.append(f"{len(phrases) - len(named)} more")
    *first, last = named
    return f"{', '.join(first)} {joint} {last}" if first else last


def _name(metric: Metric) -> str:
    """What a metric is called within a sentence: `exports`, but `API calls`; by its unit, `Zapier runs`."""
    name = metric.display_name
    proper = name[1:2].isupper() or metric.unit[:1].isupper()
    return name if proper else f"{name[:1].lower()}{name[1:]}"
