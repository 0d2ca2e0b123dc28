"""The catalogue's file: read once, validated as a whole, and refused with every fault it has."""

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from enum import StrEnum
from functools import cache
from pathlib import Path
from types import MappingProxyType

from tollkeeper.catalogue.currencies import decimal_places
from tollkeeper.catalogue.model import (
    FREE,
    NONE,
    UNLIMITED,
    Catalogue,
    Count,
    LatePolicy,
    Metric,
    Mode,
    Plan,
    Route,
    TaxBehavior,
    Unreachable,
    segments_of,
)
from tollkeeper.catalogue.payment_methods import PAYMENT_METHODS

_SHIPPED = Path(__file__).with_name("catalogue.toml")

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9]{0,39}")
_ALTERNATIVES = re.compile(r"\{([^{}]*,[^{}]*)\}")
_ROUTE = re.compile(
    r"(?:(?P<method>GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS) +)?"
    r"(?P<path>(?=/)(?:/(?:\*|[^\s/?#*{}]+))*)(?P<below>/\*\*)?/?"
)

KEYS = (
    *("currency", "tax_behavior", "automatic_tax", "collect_tax_ids", "payment_methods"),
    *("trial_days", "trial_without_card", "metrics", "plans", "routes"),
)

_CENTS = 2  # decimal places: every amount here is in hundredths
_HIGHEST_PRICE = Decimal("999999.99")  # Stripe takes eight digits
_FINEST_PRICE = Decimal("0.01")
_FINEST_OVERAGE_PRICE = Decimal("0.000001")  # Stripe takes more places than a customer can read
_LONGEST_TRIAL = 730  # days: Stripe's maximum
_HIGHEST_LIMIT = 10**15  # far from what a float in somebody's JSON reader would round


class CatalogueError(ValueError):
    """The catalogue file cannot be used; the message names the file and every key or line at fault."""


@cache
def load(path: Path | None = None) -> Catalogue:
    """Read and validate a catalogue file, once per process.

    Args:
        path: The TOML file; by default the one shipped beside this package.

    Raises:
        CatalogueError: The file is missing, is no TOML, or says something that cannot be sold.
    """
    path = path or _SHIPPED
    try:
        # Decimal keeps 0.01 the cent it is.
        document = tomllib.loads(path.read_text("utf-8"), parse_float=Decimal)
    except (OSError, ValueError) as exc:
        raise CatalogueError(f"{path}: {exc}") from exc
    problems: list[str] = []
    catalogue = _catalogue(_Table("", document, problems))
    if problems:
        raise CatalogueError("\n  ".join([f"{path}:", *problems]))
    return catalogue


class _Table:
    """One table of the file being read: a problem is noted under its key, and reading goes on."""

    def __init__(self, key: str, values: object, problems: list[str]) -> None:
        self.key = key
        self.problems = problems
        self.values: dict[str, object] = values if isinstance(values, dict) else {}
        if not isinstance(values, dict):
            problems.append(f"{key}: must be a table")

    def refuse(self, name: str, why: str) -> None:
        self.problems.append(f"{self.key}.{name}: {why}".removeprefix("."))

    def expect(self, kind: str, known: Iterable[str]) -> None:
        for name in self.values:
            if name not in known:
                self.refuse(name, f"unknown {kind}; known {kind}s are {', '.join(known)}")

    def table(self, name: str) -> "_Table":
        return _Table(f"{self.key}.{name}".removeprefix("."), self.values.get(name), self.problems)

    def named_tables(self, name: str) -> Iterator[tuple[str, "_Table"]]:
        tables = self.table(name)
        for entry in tables.values:
            if not _NAME.fullmatch(entry):
                tables.refuse(entry, "a name is a letter, then up to 39 letters or digits")
            yield entry, tables.table(entry)

    def text(self, name: str, default: str = "") -> str:
        value = self.values.get(name, default)
        if isinstance(value, str) and value.strip():
            return value
        self.refuse(name, "must be a text, and not empty")
        return ""

    def choice(self, name: str, options: type[StrEnum]) -> str:
        first, *_ = options
        value = self.values.get(name, first)
        if value in [*options]:
            return str(value)
        self.refuse(name, f"must be one of {', '.join(options)}")
        return first

    def whole(self, name: str, low: int, high: int) -> int:
        value = self.values.get(name)
        if type(value) is int and low <= value <= high:  # not isinstance: True is an int too
            return value
        self.refuse(name, f"must be a whole number from {low} to {high}")
        return low

    def flag(self, name: str, *, default: bool) -> bool:
        value = self.values.get(name, default)
        if isinstance(value, bool):
            return value
        self.refuse(name, "must be true or false")
        return default

    def names(self, name: str, known: Iterable[str]) -> tuple[str, ...]:
        """Some of what is known, each once; nothing where the key is left out."""
        if name not in self.values:
            return ()
        given = self.values[name]
        if isinstance(given, list) and given and all(each in known for each in given):
            if len({*given}) == len(given):
                return tuple(map(str, given))
            self.refuse(name, "names something twice")
        else:
            self.refuse(name, f"must be a list, and not empty, of {', '.join(known)}")
        return ()

    def cents(self, name: str, finest: Decimal, finer: str = "") -> Decimal:
        """What a price is in cents; `finer` says what to do about one that is too fine."""
        value, hint = self.values.get(name), ""
        if type(value) in {int, Decimal}:
            price = Decimal(str(value))
            if price.is_finite() and 0 <= price <= _HIGHEST_PRICE:
                if price % finest == 0:
                    return price * 100
                hint = finer
        self.refuse(name, f"must be a number from 0 to {_HIGHEST_PRICE} in steps of {finest}{hint}")
        return Decimal(0)


def _catalogue(file: _Table) -> Catalogue:
    file.expect("key", KEYS)
    currency = file.text("currency")
    if not re.fullmatch("[a-z]{3}", currency) or decimal_places(currency) != _CENTS:
        file.refuse("currency", "must be the lower-case code of a currency that has cents, such as usd")
    metrics = {name: _metric(name, table) for name, table in file.named_tables("metrics")}
    plans = {name: _plan(name, table, metrics) for name, table in file.named_tables("plans")}
    if FREE not in plans:
        file.refuse(f"plans.{FREE}", "is missing; it is what users without a subscription have")
    elif plans[FREE].price:
        file.refuse(f"plans.{FREE}.price", "must be 0")
    if file.values.get("routes") == {}:
        file.refuse("routes", "at least one route is needed")
    return Catalogue(
        currency=currency,
        tax_behavior=TaxBehavior(file.choice("tax_behavior", TaxBehavior)),
        trial_days=file.whole("trial_days", 0, _LONGEST_TRIAL),
        metrics=MappingProxyType(metrics),
        plans=MappingProxyType(plans),
        routes=_routes(file.table("routes"), metrics),
        automatic_tax=file.flag("automatic_tax", default=False),
        collect_tax_ids=file.flag("collect_tax_ids", default=False),
        trial_without_card=_trial_without_card(file),
        payment_methods=file.names("payment_methods", PAYMENT_METHODS),
    )


def _trial_without_card(file: _Table) -> bool:
    wanted = file.flag("trial_without_card", default=False)
    if wanted and file.values.get("trial_days") == 0:
        file.refuse("trial_without_card", "needs a trial: set trial_days")
    return wanted


def _metric(name: str, table: _Table) -> Metric:
    table.expect(
        "key",
        ("display_name", "unit", "overage_price", "mode", "late", "mirror", "count", "unreachable"),
    )
    if name == NONE:
        table.refuse("display_name", f"{NONE} is what the route map calls requests that are not counted")
    count = Count(table.choice("count", Count))
    unreachable = Unreachable(table.choice("unreachable", Unreachable))
    if (count, unreachable) == (Count.AFTER, Unreachable.CLOSED):
        table.refuse("unreachable", "what is counted after cannot be closed; count it before")
    return Metric(
        name=name,
        display_name=table.text("display_name"),
        unit=table.text("unit", default="unit"),
        overage_price=_overage_price(table) if "overage_price" in table.values else None,
        mode=Mode(table.choice("mode", Mode)),
        late=LatePolicy(table.choice("late", LatePolicy)),
        mirror=table.flag("mirror", default=True),
        count=count,
        unreachable=unreachable,
    )


def _overage_price(table: _Table) -> Decimal:
    return table.cents(
        "overage_price",
        _FINEST_OVERAGE_PRICE,
        finer="; a unit that costs less is better counted by the thousand, at the price of a thousand",
    )


def _plan(name: str, table: _Table, metrics: Mapping[str, Metric]) -> Plan:
    table.expect("key", ("display_name", "price", "limits"))
    limits = table.table("limits")
    limits.expect("metric", metrics)
    return Plan(
        name=name,
        display_name=table.text("display_name"),
        price=int(table.cents("price", _FINEST_PRICE)),
        limits=MappingProxyType(
            {
                metric: limits.whole(metric, UNLIMITED, _HIGHEST_LIMIT)
                if metric in limits.values
                else UNLIMITED
                for metric in metrics
            }
        ),
    )


def _routes(table: _Table, metrics: Mapping[str, Metric]) -> tuple[Route, ...]:
    routes: list[Route] = []
    for pattern, value in table.values.items():
        key = f'"{pattern}"'
        metric, reason = _excused(table, key) if isinstance(value, dict) else (value, "")
        if not isinstance(metric, str) or (metric not in metrics and not reason):
            table.refuse(key, f"unknown metric; known metrics are {', '.join(metrics)}")
            continue
        for alternative in _alternatives(pattern):
            parts = _ROUTE.fullmatch(alternative)
            if parts is None:
                table.refuse(key, "must read like POST /api/rooms; * is one segment, /** ends the pattern")
                continue
            below = parts["below"] is not None
            route = Route(metric, parts["method"], segments_of(parts["path"]), below, reason)
            if first := next((earlier for earlier in routes if earlier.covers(route)), None):
                table.refuse(key, f"never counts, for {first} stands above it")
            routes.append(route)
    return tuple(routes)


def _excused(routes: _Table, key: str) -> tuple[object, str]:
    """Return the metric of a line that is a table, and the reason that one without a metric must have."""
    table = _Table(f"{routes.key}.{key}", routes.values[key.strip('"')], routes.problems)
    table.expect("key", ("metric", "reason"))
    metric = table.values.get("metric")
    return metric, table.text("reason") if metric == NONE else ""


def _alternatives(pattern: str) -> Iterator[str]:
    """`{a,b}/c` → `a/c`, `b/c`."""
    if braces := _ALTERNATIVES.search(pattern):
        for alternative in braces[1].split(","):
            yield from _alternatives(pattern[: braces.start()] + alternative + pattern[braces.end() :])
    else:
        yield pattern
