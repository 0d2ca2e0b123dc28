"""The auditor: from requests, answers and final invoices alone, what every line must be (DESIGN §3).

It imports nothing of the product nor of the other tests, and shares no thought with them: a period's plan is
read off Stripe's own base lines, its usage off the records that the API shows, and the overage is reckoned
anew. Where nobody outside can know the very instant at which Stripe's word was written, it says a range.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from tests.sim.auditor.agreement import announced, closed, proved
from tests.sim.auditor.records import Fact, caps_in, facts, heard, put_aside
from tests.sim.auditor.sold import (
    PRICES,
    SOON,
    Sold,
    in_force,
    jumps,
    later,
    plans_by_price,
    sold,
    unheard_until,
)
from tests.sim.auditor.timeline import Span, at, duplicates, month_of, spans
from tests.sim.auditor.words import gone_back

FINAL = ("open", "paid", "uncollectible")
SETTLING = timedelta(hours=64)
"""So long a period waits at most for what was accepted before its end."""

PINNED = timedelta(days=9)
"""So long after its start at most a period's terms are pinned: its webhooks may be lost for days."""


@dataclass
class Verdict:
    """What is wrong, and how much was looked at: lines whose quantity is known to the unit, and others."""

    findings: list[str] = field(default_factory=list)
    seen: Counter[str] = field(default_factory=Counter)


type Records = Callable[[str, datetime], Sequence[Mapping[str, Any]]]


class Auditor:
    """Audits one world that has come to rest at `until`."""

    def __init__(self, evidence: Mapping[str, Any], users: Sequence[str], until: datetime) -> None:
        self.verdict = Verdict()
        self._entries = evidence["entries"]
        self._invoices = evidence["invoices"]
        self._records: Records = evidence["records"]
        self._subscriptions = evidence["subscriptions"]
        self._facts = facts(self._entries)
        self._aside = put_aside(evidence["deadLetters"])
        self._customers = evidence["customers"]
        self._redriven = put_aside(
            entry["body"]["message"] for entry in self._entries if entry["request"] == "make redrive"
        )
        for body in evidence["deadEvents"]:
            self._find(f"an event is a dead letter: {body[:80]}")
        self._users, self._until = users, until
        self._spans = spans(
            self._invoices,
            self._subscriptions,
            self._customers,
            heard(self._entries),
            plans_by_price(self._entries),
            evidence["words"],
        )
        self._sold = sold(self._entries, datetime.min.replace(tzinfo=until.tzinfo))
        self._jumps = jumps(self._entries)
        self._looks = [each for each in self._entries if each["request"] == "GET /subscription"]
        self._evidence = evidence
        self._touched = {
            (line["user"], line["metric"], line["start"])
            for entry in self._entries
            if entry["request"] == "a person at Stripe"
            for line in entry["body"]["lines"]
        }

    def audit(self) -> Verdict:
        """Look at everything."""
        for user in self._users:
            places = self._places(user)
            self._conserved(user, places)
            self._limits_held(user, places)
        lines = self._lines()
        self._agrees(lines)
        self._lines_are_right(dict(lines))
        self._one_lives()
        return self.verdict

    def _agrees(self, lines: Mapping[tuple[str, str, datetime], Sequence[Mapping[str, Any]]]) -> None:
        """See that proofs, announcements and what users were shown say the same as all else."""
        evidence, seen = self._evidence, self.verdict.seen
        paid = [each for each in self._spans if each.subscription]
        findings = [
            *evidence["troubles"],
            *proved(evidence["proofs"], lines, seen),
            *closed(evidence["proofs"], paid, self._until - SOON),
            *announced(evidence, self._looks, seen),
        ]
        for user in self._users:
            mine = [each for each in self._looks if each["body"]["userId"] == user]
            findings += gone_back(mine, evidence["words"], seen)
        self.verdict.findings += findings

    # Records.

    def _places(self, user: str) -> dict[str, list[tuple[Span, Mapping[str, Any]]]]:
        """Return where each record of a user is shown."""
        places: dict[str, list[tuple[Span, Mapping[str, Any]]]] = defaultdict(list)
        for span in self._spans_of(user):
            for shown in self._records(user, span.start):
                places[shown["id"]].append((span, shown))
                if not shown["dropped"]:
                    net = shown["quantity"] - shown["released"]
                    span.used[shown["eventType"]] = span.used.get(shown["eventType"], 0) + net
                    given = max(0, shown["quantity"])
                    span.given[shown["eventType"]] = span.given.get(shown["eventType"], 0) + given
        return places

    def _spans_of(self, user: str) -> list[Span]:
        mine = [each for each in self._spans if each.user == user]
        starts = {each.start for each in mine}
        first = min([each.stamp for each in self._facts.values() if each.user == user], default=self._until)
        month = month_of(user, first)
        while month.start < self._until:
            if month.start not in starts:
                mine.append(month)
            month = month_of(user, month.end)
        # What was counted after an end, for a period that never came.
        starts = {each.start for each in mine}
        beyond = {end for each in mine for end in (each.end, each.planned_end)} - starts
        return [*mine, *(Span(user, each, each, each, ["free"]) for each in beyond if each < self._until)]

    def _conserved(self, user: str, places: Mapping[str, Sequence[tuple[Span, Mapping[str, Any]]]]) -> None:
        """See that nothing accepted is lost or counted twice, and each stands where it may (rules 1-4)."""
        mine = {name: each for name, each in self._facts.items() if each.user == user}
        for name, fact in mine.items():
            shown = places.get(name, ())
            self.verdict.seen["records"] += 1
            if not shown:
                if fact.taken_at and not (fact.is_correction and name in self._aside):
                    self._find(f"{name} was accepted at {fact.taken_at}, and is nowhere")
                continue
            if len(shown) > 1:
                self._find(f"{name} is counted in {len(shown)} periods")
            if name in self._aside:
                self._find(f"{name} is counted and a dead letter: {self._aside[name]}")
            span, view = shown[0]
            if (view["eventType"], view["quantity"]) != (fact.metric, fact.quantity):
                self._find(f"{name} is shown as {view}")
            if fact.released and view["released"] != fact.quantity:
                self._find(f"{name} was released, and is shown as {view}")
            self._stands_right(fact, span, view)
        for name in places.keys() - mine.keys():
            self._find(f"{name} is shown, and was never accepted")

    def _stands_right(self, fact: Fact, span: Span, view: Mapping[str, Any]) -> None:
        if fact.is_consumed or fact.is_correction:
            return  # stamped when it was accepted, which nobody outside saw
        own = next((each for each in self._spans if each.user == fact.user and each.holds(fact.stamp)), None)
        if view["late"]:
            self.verdict.seen["late records"] += 1
            missed = own or next(
                (
                    each
                    for each in self._spans
                    if each.user == fact.user and each.start <= fact.stamp < each.planned_end
                ),
                None,
            )
            if missed is None:
                self._find(f"{fact.id} is late of no period")
            elif (
                fact.taken_at
                and fact.taken_at < missed.end
                and fact.id not in self._redriven
                and not self._waited_too_long(fact.taken_at, missed.end)
            ):
                self._find(
                    f"{fact.id}, accepted {fact.taken_at}, is late of a period that ended {missed.end}"
                )
        elif own is None or span is own or span.start == own.start:
            return
        elif span.subscription is None and own.heard_at and fact.first_sent < own.heard_at:
            self.verdict.seen["records before Stripe's word was heard"] += 1
        elif span.start <= fact.stamp and self._was_unheard(own, fact):
            self.verdict.seen["records of a period that nobody had told of"] += 1
        elif not span.start <= fact.stamp <= span.planned_end and span.start != span.end:
            self._find(f"{fact.id}, stamped {fact.stamp}, stands in {span.start}, not in {own.start}")

    def _waited_too_long(self, taken_at: datetime, end: datetime) -> bool:
        """Whether the clock jumped over all the time that a period waits for what is on its way."""
        return any(
            each.end > end + SETTLING and each.end > taken_at and each.begin < end + SETTLING
            for each in self._jumps
        )

    def _was_unheard(self, own: Span, fact: Fact) -> bool:
        """Whether the clock had jumped over a period's start, and Stripe's word of it had yet to come."""
        until = unheard_until(own.start, self._jumps)
        return until is not None and fact.first_sent < until

    def _limits_held(self, user: str, places: Mapping[str, Sequence[tuple[Span, Mapping[str, Any]]]]) -> None:
        """See that what was allowed fits under what is hard (rules 5, 6)."""
        allowed: Counter[tuple[datetime, str]] = Counter()
        by_start = {each.start: each for each in self._spans_of(user)}
        for name, shown in places.items():
            fact = self._facts.get(name)
            if fact and fact.is_consumed and not fact.release_asked:
                allowed[shown[0][0].start, fact.metric] += fact.quantity
        for (start, metric), quantity in allowed.items():
            span = by_start[start]
            hard = span.subscription is None or span.is_trial or metric not in PRICES
            most = [each.limits[plan].get(metric) for plan in span.plans for each in self._terms(span)]
            if hard and span.start < span.end and None not in most and quantity > max(filter(None, most)):
                self._find(f"{user} was allowed {quantity} {metric} in the period of {start}: {most}")
            self.verdict.seen["limits"] += hard

    def _one_lives(self) -> None:
        """See that of two live subscriptions the older one stays (rule 10)."""
        known = {each["id"]: each for each in self._subscriptions}
        for name, older in duplicates(self._subscriptions).items():
            self.verdict.seen["duplicate subscriptions"] += 1
            begun, ended = at(known[name]["created"]), known[name]["ended_at"]
            soon = later(begun, SOON, self._jumps)
            if soon < self._until and (ended is None or at(ended) > soon):
                self._find(f"{name} was begun at {begun} beside {older}, and lives on until {ended}")

    # Invoices.

    def _lines(self) -> dict[tuple[str, str, datetime], list[Mapping[str, Any]]]:
        """Return all overage on final invoices, by user, metric and the period's start."""
        found: dict[tuple[str, str, datetime], list[Mapping[str, Any]]] = defaultdict(list)
        for invoice in self._invoices:
            for line in invoice["lines"]["data"]:
                noted = line["metadata"] or {}
                if "charge" in noted and invoice["status"] in FINAL:
                    user = str(self._customers[invoice["customer"]].get("userId"))
                    found[user, noted["eventType"], at(line["period"]["start"])].append(line)
        return found

    def _lines_are_right(self, found: dict[tuple[str, str, datetime], list[Mapping[str, Any]]]) -> None:
        """See that each period's overage stands once on a final invoice, and nothing else (7, 8, 11)."""
        for span in self._spans:
            self._span_is_charged(span, found)
        for (user, metric, start), lines in found.items():
            self._find(f"nothing explains {lines[0]['quantity']} {metric} of {user} since {start}")

    def _span_is_charged(
        self, span: Span, found: dict[tuple[str, str, datetime], list[Mapping[str, Any]]]
    ) -> None:
        is_over = later(span.end, timedelta(days=4), self._jumps) < self._until
        least, most = self._owed(span)
        total = 0
        for metric in PRICES:
            lines = found.pop((span.user, metric, span.start), [])
            name = f"{metric} of {span.user} {span.start:%Y-%m-%d %H:%M} to {span.end:%Y-%m-%d %H:%M}"
            is_touched = (span.user, metric, span.start.isoformat()) in self._touched
            if len(lines) > 1:
                self._find(f"{name} stands on {len(lines)} lines")
            quantity = lines[0]["quantity"] if lines else 0
            amount = lines[0]["amount"] if lines else 0
            total += amount
            if amount not in {quantity * each.prices[metric] for each in self._terms(span)}:
                self._find(f"{name}: {quantity} cost {amount}")
            if quantity > most[metric]:
                self._find(f"{name}: {quantity} are billed, of {most[metric]} at most")
            if quantity < least[metric] and is_over and not is_touched:
                self._find(f"{name}: {quantity} are billed, of {least[metric]} at least")
            if is_over and (most[metric] or quantity):
                exact = least[metric] == most[metric] and not is_touched
                self.verdict.seen["lines to the unit" if exact else "lines within a range"] += 1
        caps = caps_in(self._entries, span.user, span.start, self._known_to_end(span))
        highest = None if None in caps else max(each for each in caps if each is not None)
        if highest is not None:
            self.verdict.seen["capped periods"] += 1
            if total > highest:
                self._find(f"{span.user} is billed {total} since {span.start}, over the cap of {highest}")

    def _owed(self, span: Span) -> tuple[dict[str, int], dict[str, int]]:
        """Return the least and the most that a period owes of each metric."""
        if span.is_trial:
            nothing = dict.fromkeys(PRICES, 0)
            return nothing, nothing
        terms = self._terms(span)
        amounts = {
            metric: [
                each.over(plan, metric, span.used.get(metric, 0)) for plan in span.plans for each in terms
            ]
            for metric in PRICES
        }
        least = {metric: min(each) for metric, each in amounts.items()}
        most = {metric: max(each) for metric, each in amounts.items()}
        if len(span.plans) > 1:  # what an upgrade froze stays, whatever is taken back afterwards
            most = {
                metric: max(
                    each.over(plan, metric, span.given.get(metric, 0))
                    for plan in span.plans
                    for each in terms
                )
                for metric in PRICES
            }
        caps = caps_in(self._entries, span.user, span.start, self._known_to_end(span))
        if set(caps) == {None}:
            return least, most
        (cap, *others) = caps
        if others or cap is None or least != most or len(terms) > 1:
            return dict.fromkeys(PRICES, 0), most
        left = cap
        for metric, price in terms[0].prices.items():
            billed = min(most[metric], left // price)
            left -= billed * price
            least[metric] = most[metric] = billed
        return least, most

    def _known_to_end(self, span: Span) -> datetime:
        """Return until when a period's end may have been unheard of, since the clock had jumped over it."""
        return unheard_until(span.end, self._jumps) or span.end

    def _terms(self, span: Span) -> list[Sold]:
        """Return what may have been pinned by a period: what was sold when it began or was heard of first."""
        if span.subscription is None or len(span.plans) > 1:
            return in_force(self._sold, span.start, span.end)
        return in_force(self._sold, span.start, later(span.start, PINNED, self._jumps))

    def _find(self, what: str) -> None:
        self.verdict.findings.append(what)
