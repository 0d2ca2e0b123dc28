"""Who had which plan when, read off Stripe's invoices and events (rule 3), and nothing of ours."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any


@dataclass
class Span:
    """A stretch of time that a limit applies to; without a subscription a calendar month.

    It was to end at `planned_end`, and did at `end`. `plans` are those it had, the first first.
    `used` is what counts of each metric, `given` the same before anything was taken back.
    """

    user: str
    start: datetime
    end: datetime
    planned_end: datetime
    plans: list[str]
    subscription: str | None = None
    is_trial: bool = False
    used: dict[str, int] = field(default_factory=dict)
    given: dict[str, int] = field(default_factory=dict)
    heard_at: datetime | None = None

    def holds(self, instant: datetime) -> bool:
        """Whether it holds an instant: half-open."""
        return self.start <= instant < self.end


def at(seconds: int) -> datetime:
    """Return one of Stripe's instants."""
    return datetime.fromtimestamp(seconds, UTC)


def month_of(user: str, instant: datetime) -> Span:
    """Return the UTC calendar month that holds an instant."""
    start = datetime(instant.year, instant.month, 1, tzinfo=UTC)
    end = (start + timedelta(days=31)).replace(day=1)
    return Span(user, start, end, end, ["free"])


def duplicates(subscriptions: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Return which subscriptions were begun beside a live one of the same customer, and beside which."""
    found: dict[str, str] = {}
    begun = [each for each in subscriptions if not each["status"].startswith("incomplete")]
    for each in sorted(begun, key=lambda each: (each["created"], each["id"])):
        for other in begun:
            is_earlier = (other["created"], other["id"]) < (each["created"], each["id"])
            lived = other["ended_at"] is None or other["ended_at"] > each["created"]
            if other["customer"] == each["customer"] and is_earlier and lived and other["id"] not in found:
                found[each["id"]] = other["id"]
    return found


def spans(
    invoices: Sequence[Mapping[str, Any]],
    subscriptions: Sequence[Mapping[str, Any]],
    customers: Mapping[str, Mapping[str, Any]],
    heard: Mapping[str, datetime],
    prices: Mapping[int, str],
    told: Sequence[Mapping[str, Any]] = (),
) -> list[Span]:
    """Return the periods of all subscriptions that were paid for, or that Stripe let go on.

    `told` is what Stripe told of them: no invoice says which plan a trial had later, nor when it was to end.
    """
    ended = {each["id"]: at(each["ended_at"]) for each in subscriptions if each["ended_at"]}
    never = {each["id"] for each in subscriptions if each["status"].startswith("incomplete")}
    never |= duplicates(subscriptions).keys()
    found: dict[tuple[str, datetime], Span] = {}
    upgrades: list[tuple[str, datetime, str]] = []
    for invoice in sorted(invoices, key=lambda each: each["created"]):
        user = str(customers.get(invoice["customer"], {}).get("userId"))
        for line in invoice["lines"]["data"]:
            details = (line["parent"] or {}).get("subscription_item_details")
            plan = prices.get(int(float((line["pricing"] or {}).get("unit_amount_decimal") or 0)))
            if not details or plan is None or details["subscription"] in never:
                continue
            name, start = details["subscription"], at(line["period"]["start"])
            if details["proration"]:
                if line["amount"] > 0 and invoice["status"] == "paid":
                    upgrades.append((name, start, plan))
                continue
            planned = at(line["period"]["end"])
            end = min(planned, ended.get(name, planned))
            span = Span(user, start, end, planned, [plan], name, is_trial=line["amount"] == 0)
            span.heard_at = heard.get(name)
            known = found.setdefault((name, start), span)
            if plan not in known.plans:
                known.plans.append(plan)
    _join(found.values(), {each["id"]: each for each in subscriptions}, ended)
    # Only now: a period's renewal and an upgrade in it may be invoiced in one second, in any order.
    for name, when, plan in upgrades:
        _upgrade(found.values(), name, when, plan)
    for each in told:
        _tried(found.values(), each["subscription"], at(each["at"]), prices)
    return [each for each in found.values() if each.end > each.start]


def _join(
    found: Iterable[Span], subscriptions: Mapping[str, Mapping[str, Any]], ended: Mapping[str, datetime]
) -> None:
    """Let each period end where the next begins: a trial may have been moved."""
    of_one: dict[str, list[Span]] = defaultdict(list)
    for each in sorted(found, key=lambda each: each.start):
        of_one[str(each.subscription)].append(each)
    for name, some in of_one.items():
        for each, following in pairwise(some):
            # Until that was heard of, what was used counted where it seemed to belong.
            each.end, each.planned_end = following.start, max(each.planned_end, following.start)
        if some[-1].is_trial and (end := subscriptions[name]["trial_end"]):
            some[-1].planned_end = at(end)
            some[-1].end = min(at(end), ended.get(name, at(end)))


def _upgrade(found: Iterable[Span], name: str, when: datetime, plan: str) -> None:
    for span in found:
        if span.subscription == name and span.holds(when) and plan not in span.plans:
            span.plans.append(plan)


def _tried(
    found: Iterable[Span], subscription: Mapping[str, Any], when: datetime, prices: Mapping[int, str]
) -> None:
    """Note what a trial's subscription was at an instant: its plan, and the end that it was to have."""
    if not subscription["trial_end"]:
        return
    plan = prices[subscription["items"]["data"][0]["price"]["unit_amount"]]
    _upgrade((each for each in found if each.is_trial), subscription["id"], when, plan)
    for span in found:
        if span.is_trial and span.subscription == subscription["id"]:
            span.planned_end = max(span.planned_end, at(subscription["trial_end"]))
