"""What Stripe answered a user's page: asked once a minute, whoever looks at once, and whoever dies."""

from dataclasses import dataclass, field
from datetime import timedelta
from itertools import product

import pytest

from tests.examples import NOW, OFFER, SUBSCRIPTION, USER
from tests.fakes.dashboard import OneUser
from tests.fakes.runtime import FixedClock
from tests.fakes.stripe import FakeStripe
from tests.fakes.table import MemoryTable
from tests.ledger.crashes import Crash, CrashingTable, Moment, Outside
from tests.ledger.turns import Turns
from tollkeeper.ledger import keys
from tollkeeper.ledger.answer_rows import LIFETIME, Answer, read_answer
from tollkeeper.ledger.erasing import Erasing
from tollkeeper.ledger.stripe_answers import StripeAnswers
from tollkeeper.ledger.table import Table
from tollkeeper.rules.asking import MINUTE, MOST_CLICKS
from tollkeeper.stripe.errors import StripeUnavailableError
from tollkeeper.views import stripe_bills
from tollkeeper.views.bills_at_stripe import BillsAtStripe
from tollkeeper.views.invoices import InvoiceViews
from tollkeeper.views.stripe_bills import BillsView, packed

SECOND = timedelta(seconds=1)


def kept(table: Table) -> Answer:
    """Return what is kept of Ada's page."""
    return read_answer(next(table.get_all([keys.answer("ada")]), None))


@dataclass
class Loads:
    """Instances of the function that load Ada's page, each at a table of its own way there."""

    table: Table = field(default_factory=MemoryTable)
    clock: FixedClock = field(default_factory=lambda: FixedClock(NOW))
    asked: int = 0
    is_down: bool = False
    stripe: FakeStripe = field(default_factory=lambda: FakeStripe(SUBSCRIPTION))

    def __post_init__(self) -> None:
        self.stripe.customers["cus_ada"] = "ada"
        self.stripe.bill(SUBSCRIPTION, 1, 99_00)

    def load(self, table: Table | None = None) -> BillsView:
        """Load the page: what is kept is read, and then Stripe asked or not."""
        mine = table or self.table
        return self.with_(mine).of(USER, kept(mine))

    def with_(self, table: Table) -> BillsAtStripe:
        """Return what asks, in an instance of its own."""
        return BillsAtStripe(StripeAnswers(table), self._views, self.clock, self.clock.now)

    def _views(self) -> InvoiceViews:
        self.asked += 1
        if self.is_down:
            raise StripeUnavailableError
        return InvoiceViews(OneUser(USER), self.stripe, OFFER, "live", self.clock)

    def decide(self) -> None:
        """Let Ada decide something."""
        self.with_(self.table).decided("ada", kept(self.table))


def test_stripe_is_asked_once_a_minute(table: Table) -> None:
    """By whatever instance: each shows what was said last, as of when, and the next minute's asks anew."""
    loads = Loads(table)
    first = loads.load()
    assert (True, NOW, 1) == (first.is_known, first.as_of, len(first.invoices))
    for second in (1, 59):
        loads.clock.instant = NOW + second * SECOND
        assert first == loads.load()
    loads.clock.instant = NOW + MINUTE
    assert loads.load() == BillsView(NOW + MINUTE, True, first.invoices, first.has_more, first.upcoming)  # noqa: FBT003 - it is known
    assert 2 == loads.asked


@pytest.mark.parametrize("schedule", list(product(range(3), repeat=5)))
@pytest.mark.parametrize("minutes", [0, 1])
def test_of_all_who_look_at_once_one_asks(schedule: tuple[int, ...], minutes: int) -> None:
    """In every order of their steps, whether something was said before or not; the others show that."""
    loads = Loads()
    for minute in range(minutes):
        loads.load()
        loads.clock.instant = NOW + (minute + 1) * MINUTE
    seen: list[BillsView] = []
    Turns(loads.table, [lambda mine: seen.append(loads.load(mine))] * 3).take(schedule)
    assert minutes + 1 == loads.asked
    newest = [each for each in seen if each.is_known and each.as_of == loads.clock.now()]
    older = [each for each in seen if each not in newest]
    assert newest
    assert all(each.is_known == bool(minutes) and not each.is_silent for each in older)


@pytest.mark.parametrize("moment", Moment)
@pytest.mark.parametrize("call", [1, 2])
def test_whoever_dies_leaves_a_minute_without_an_answer(moment: Moment, call: int) -> None:
    """At taking the right to ask, or at writing down what was said: never more is asked, later again."""
    loads = Loads()
    with pytest.raises(Crash):
        loads.load(CrashingTable(loads.table, Outside(call, moment)))
    before = loads.asked
    is_claimed, is_kept = kept(loads.table).asked_at is not None, kept(loads.table).said is not None
    assert is_kept == loads.load().is_known or not is_claimed
    assert before + (not is_claimed) == loads.asked
    loads.clock.instant += MINUTE
    assert loads.load().is_known
    assert before + (not is_claimed) + 1 == loads.asked


def test_who_asked_too_long_ago_keeps_nothing() -> None:
    """Somebody has asked since, or Ada has decided something: what was said before is not written over it."""
    for overtaken in (lambda loads: loads.load(), Loads.decide):
        loads = Loads()
        answers = StripeAnswers(loads.table)
        slow = answers.claim("ada", kept(loads.table), NOW)
        assert slow
        loads.clock.instant += MINUTE
        overtaken(loads)
        before = kept(loads.table)
        answers.keep("ada", slow, "old")
        answers.keep_silence("ada", slow)
        assert before == kept(loads.table)


def test_who_decides_sees_it_at_once_but_not_without_end() -> None:
    """As often as Ada may click in a minute; then what was said last stays until the minute is over."""
    loads = Loads()
    loads.load()
    for _ in range(MOST_CLICKS + 3):
        loads.decide()
        loads.load()
    assert 1 + MOST_CLICKS == loads.asked
    loads.clock.instant += MINUTE
    loads.decide()
    loads.load()
    assert 2 + MOST_CLICKS == loads.asked


def test_while_stripe_is_away_what_it_said_is_shown_as_of_then() -> None:
    """It is asked once a minute all the same; after an hour nobody knows any more."""
    loads = Loads()
    said = loads.load()
    loads.is_down = True
    for minute in range(1, 60):
        loads.clock.instant = NOW + minute * MINUTE
        shown = [loads.load() for _ in range(3)]
        assert [(True, True, said.as_of)] * 3 == [(e.is_known, e.is_silent, e.as_of) for e in shown]
    assert 60 == loads.asked
    loads.clock.instant = NOW + LIFETIME
    assert (False, True) == ((last := loads.load()).is_known, last.is_silent)
    loads.is_down = False
    loads.clock.instant += MINUTE
    assert (True, False) == ((last := loads.load()).is_known, last.is_silent)


def test_clicks_are_counted_for_all_instances(table: Table) -> None:
    """Ten in the minute that begins with the first, also of those who read the row before others wrote it."""
    answers, stale = StripeAnswers(table), Answer()
    assert [True] * MOST_CLICKS + [False] == [
        answers.click("ada", stale, NOW + number * SECOND) for number in range(MOST_CLICKS + 1)
    ]
    assert answers.click("ada", stale, NOW + MINUTE)
    assert 1 == (kept(table).clicks or (0,))[0]


def test_a_row_goes_by_itself_and_with_its_user() -> None:
    """An hour after the last asking, and when the user is erased."""
    loads = Loads()
    loads.load()
    (row,) = loads.table.get_all([keys.answer("ada")])
    assert int((NOW + LIFETIME).timestamp()) == row["expiresAt"]
    Erasing(loads.table).erase("ada", "kim", NOW)
    assert [] == list(loads.table.get_all([keys.answer("ada")]))


def test_all_are_shown_as_many_invoices_as_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever asked too: what is on the list can be explained, and the rest is on the page of older ones."""
    loads = Loads()
    for number in range(2, 12):
        loads.stripe.bill(SUBSCRIPTION, number, 99_00)
    whole = packed(loads.with_(MemoryTable()).of(USER, Answer()))
    assert whole is not None
    monkeypatch.setattr(stripe_bills, "MOST_CHARACTERS", len(whole) - 20)
    first = loads.load()
    assert first == loads.load()
    assert (True, True) == (0 < len(first.invoices) < 11, first.has_more)


def test_what_another_release_wrote_was_not_said() -> None:
    """Nobody fails by it: the next minute asks."""
    loads = Loads()
    answers = StripeAnswers(loads.table)
    for text in ("", "x", "eyJ9", "\N{SNOWMAN}", packed(BillsView(NOW, is_known=True))[:-8]):  # type: ignore[index]
        claimed = answers.claim("ada", kept(loads.table), loads.clock.now())
        assert claimed
        answers.keep("ada", claimed, text)
        assert not loads.load().is_known
        loads.clock.instant += MINUTE
    assert loads.load().is_known
