"""What Tollkeeper costs a month at scale, reckoned from the figures of docs/bench.md and the price list.

`write_page` puts it into docs/scale.md, and a test holds the page to it. How long functions run is assumed:
nobody has measured it in an account.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from infra.local.places import ROOT
from tests.bench import prices
from tests.unit.docs.documents import code, table

PAGE = "docs/scale.md"
COSTS, TOTALS = "What a million costs", "What a month costs"

SUBSCRIBERS = (1_000, 10_000, 1_000_000)
RECORDS, CONSUMES, CHECKS = 1_000, 100, 100
"""Of a subscriber and month."""

DAYS = 30
KEPT_MONTHS = 400 * 12 / 365
LOG_BYTES_A_CALL = 1_000
"""Lambda's own lines of a call, and the metrics that it tells (assumed)."""

LOG_BYTES_A_REQUEST = 300
"""API Gateway's access log (assumed)."""

METRICS = 30
"""Custom metrics that are told all month, however many users there are: none names a user."""

TOGETHER = 10
"""Lone records that the tracker finds on the queue at a time (assumed)."""


type Reckoned = Callable[[Mapping[str, float]], list[list[str]]]
"""Makes the rows of a table from the figures."""


class Kind(NamedTuple):
    """A unit of work: what is paid for it in dollars, function calls, requests to the API, and bytes kept."""

    name: str
    dollars: float
    calls: float
    requests: float
    bytes_kept: float

    @property
    def logs(self) -> float:
        """Dollars for what is logged of it, kept for a month."""
        logged = self.calls * LOG_BYTES_A_CALL + self.requests * LOG_BYTES_A_REQUEST
        return logged / prices.GB * (prices.LOG_GB + prices.LOG_GB_MONTH)

    @property
    def storage(self) -> float:
        """Dollars a month for what is kept of it, once it is kept for as long as it will be."""
        month = prices.STORAGE_GB_MONTH + prices.BACKUP_GB_MONTH
        return self.bytes_kept / prices.GB * KEPT_MONTHS * month


def measured() -> dict[str, float]:
    """Return the figures of docs/bench.md."""
    rows = table("docs/bench.md", "All of them")
    return {code(name): float(value.replace(",", "")) for name, _, value, _ in rows}


def kinds(figures: Mapping[str, float]) -> dict[str, Kind]:
    """Return what there is to do, by its name."""
    lone, kept = figures["write_units_per_lone_record"], figures["storage_bytes_per_lone_record"]
    dense, summed = figures["usd_per_million_records"], figures["usd_per_million_summed_calls"]
    consume = figures["write_units_per_consume"]
    one_request = prices.HTTP_API_REQUEST + prices.LAMBDA_REQUEST
    tracked = (
        one_request
        + _gb_seconds(0.5, 0.010)
        + (1 + 2 / TOGETHER) * prices.SQS_REQUEST
        + (prices.LAMBDA_REQUEST + _gb_seconds(1.0, 0.050)) / TOGETHER
        + lone * prices.DYNAMODB_WRITE
        + 2 * prices.DYNAMODB_READ
    )
    consumed = one_request + _gb_seconds(0.5, 0.030) + consume * prices.DYNAMODB_WRITE + prices.DYNAMODB_READ
    checked = one_request + _gb_seconds(0.5, 0.010) + prices.DYNAMODB_READ
    of_all = (
        Kind(
            "dense record", dense / prices.MILLION, 2 / 1_000, 1 / 1_000, figures["storage_bytes_per_record"]
        ),
        Kind("sparse record", tracked, 1 + 1 / TOGETHER, 1, kept),
        Kind("summed call", summed / prices.MILLION, 2 / 150, 1 / 150, kept / 150),
        Kind("consume", consumed, 1, 1, kept),
        Kind("check", checked, 1, 1, 0),
    )
    return {each.name: each for each in of_all}


def _gb_seconds(gigabytes: float, seconds: float) -> float:
    return gigabytes * seconds * prices.LAMBDA_GB_SECOND


def costs(figures: Mapping[str, float]) -> list[list[str]]:
    """Return the rows of the first table: a million of each kind."""
    return [
        [each.name, *(_dollars(prices.MILLION * part) for part in (each.dollars, each.logs, each.storage))]
        for each in kinds(figures).values()
    ]


def totals(figures: Mapping[str, float]) -> list[list[str]]:
    """Return the rows of the second table: a month of so many subscribers, dense and sparse."""
    return [_total(figures, many, traffic) for many in SUBSCRIBERS for traffic in ("dense", "sparse")]


def _total(figures: Mapping[str, float], subscribers: int, traffic: str) -> list[str]:
    every = kinds(figures)
    parts = ((every[f"{traffic} record"], RECORDS), (every["consume"], CONSUMES), (every["check"], CHECKS))
    mirror = DAYS * figures["mirror_write_units_per_user_day"] * prices.DYNAMODB_WRITE
    requests = subscribers * (sum(kind.dollars * many for kind, many in parts) + mirror)
    logs = subscribers * sum(kind.logs * many for kind, many in parts)
    storage = subscribers * sum(kind.storage * many for kind, many in parts)
    fixed = METRICS * prices.METRIC_MONTH + figures["idle_usd_per_month"]
    total = requests + logs + storage + fixed
    dollars = [_dollars(each) for each in (requests, storage, logs, fixed, total)]
    return [f"{subscribers:,}", traffic, *dollars, f"{100 * total / subscribers:.2f} ¢"]


def _dollars(amount: float) -> str:
    return f"${amount:,.2f}" if amount < 1_000 else f"${amount:,.0f}"


def write_page() -> None:
    """Put both tables into docs/scale.md, as the figures are now."""
    text = (ROOT / PAGE).read_text()
    figures = measured()
    for heading, rows in ((COSTS, costs(figures)), (TOTALS, totals(figures))):
        text = _with_table(text, heading, rows)
    (ROOT / PAGE).write_text(text)


def _with_table(text: str, heading: str, rows: Sequence[Sequence[str]]) -> str:
    """Return a document with other rows in the first table under a heading."""
    lines = text.splitlines()
    first = next(n for n in range(lines.index(f"## {heading}"), len(lines)) if lines[n].startswith("|--")) + 1
    end = next(n for n in range(first, len(lines) + 1) if n == len(lines) or not lines[n].startswith("|"))
    lines[first:end] = [f"| {' | '.join(cells)} |" for cells in rows]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    write_page()
