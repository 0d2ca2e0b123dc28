"""A run over what is due: ended periods are closed, and bills taken on (DESIGN rules 11 and 12)."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import batched, zip_longest

from tollkeeper.clock import Clock
from tollkeeper.ledger.bills import BillMovedError
from tollkeeper.ledger.closing import Closing
from tollkeeper.ledger.patience import Patience
from tollkeeper.ledger.table import Table
from tollkeeper.periods.charging import Charging
from tollkeeper.periods.closing import Closed, PeriodClosing
from tollkeeper.periods.settling import Settling
from tollkeeper.rules.bill_steps import SOON, is_overdue
from tollkeeper.rules.bills import Bill
from tollkeeper.rules.settling import SETTLING, Settled
from tollkeeper.stripe.errors import StripeUnavailableError
from tollkeeper.telemetry import logger

PERIODS_AT_ONCE = 256
"""Periods that are handed to the workers together: so many that few workers wait for the last."""

SECONDS_FOR_A_PERIOD = 60.0
"""Time without which none is begun: it takes three seconds, and longer where Stripe is slow."""

STRIPE_PATIENCE_SECONDS = 30.0
"""Of waiting in one call while Stripe limits calls: nobody waits for the reporter."""

MOST_SILENCES = 8
"""How often Stripe may give no answer before it is left in peace until the next run."""

OVERDUE = "overdue"
"""Of a bill that has been in its state for so long that somebody must look."""

OLDEST = "oldest"
"""How many seconds the oldest of those bills that a run came upon and left unfinished is in its state."""

type PeriodName = tuple[str, str]
"""A user, and the name of one of their periods."""

type Worker = Callable[[list[PeriodName]], Counter[str]]
type Several = Callable[[Worker, Iterable[list[PeriodName]]], Iterable[Counter[str]]]
"""How several users are worked on at once: `map`, or that of an executor."""


class Reporter:
    """Closes and charges what is due. Whatever a run leaves undone, the next one finds; two do no harm."""

    def __init__(
        self,
        table: Table,
        charging: Charging,
        settling: Settling,
        clock: Clock,
        several: Several = map,
    ) -> None:
        self._closing = Closing(table)
        self._bills = charging.bills
        self._period_closing = PeriodClosing(
            self._closing, charging.bills, charging.stripe, charging.policy, charging.deployment
        )
        self._charging = charging
        self._settling = settling
        self._clock = clock
        self._several = several
        self._silences = 0
        self._ages: list[float] = []  # in seconds, of what a run leaves unfinished

    def run(self, patience: Patience) -> Counter[str]:
        """Take everything on that is due, as long as there is time; say in numbers what became of it.

        Closing and charging take turns, so that neither waits for the other. A user's periods are worked on
        one after the other, several users at once.
        """
        now = self._clock.now()
        self._silences, self._ages = 0, []
        report: Counter[str] = Counter()
        ended = self._closing.ended(until=now - SETTLING)
        due = self._bills.due(until=now)
        settled: Settled | None = None
        for together in batched(_in_turn(ended, due), PERIODS_AT_ONCE, strict=False):
            if not patience.lasts(SECONDS_FOR_A_PERIOD):
                report.update(postponed=len(together))
                break
            settled = settled or self._settling.ends(now)
            of_users = _by_user(together)
            several = self._several if len(of_users) > 1 else map
            for each in several(partial(self._take_on, settled=settled, patience=patience), of_users):
                report.update(each)
        if oldest := int(max(self._ages, default=0)):
            report[OLDEST] = oldest
        return report

    def _take_on(self, periods: list[PeriodName], settled: Settled, patience: Patience) -> Counter[str]:
        """Take a user's periods on; say what became of them."""
        report: Counter[str] = Counter()
        for user_id, period_id in periods:
            if not patience.lasts(SECONDS_FOR_A_PERIOD):
                report["postponed"] += 1
                continue
            try:
                closed, bill = self._period_closing.close(
                    user_id, period_id, settled, asks_stripe=not self._is_silent
                )
                if closed is not Closed.LEFT:
                    report[closed] += 1
                if bill and bill.may_go_on:
                    report.update(self._charge(bill))
            except BillMovedError:
                report["taken"] += 1  # another run is at it
            except StripeUnavailableError:
                report["silences"] += self._note_silence(user_id)
            except Exception:  # noqa: BLE001 - one user's trouble is not another's, and the alarm rings
                logger.exception("A period could not be taken on", extra={"userId": user_id})
                report["failed"] += 1
        return report

    def _charge(self, bill: Bill) -> list[str]:
        """Take a bill on as far as it goes; say its state, and whether it should have come further by now."""
        if self._is_silent:
            return ["postponed"]
        now = self._clock.now()
        try:
            bill = self._charging.advance(bill, now)
        except BillMovedError:
            raise
        except StripeUnavailableError:
            self._bills.postpone(bill, now + SOON)  # it holds nobody up meanwhile
            self._note_silence(bill.user_id)
            became = "silences"
        except Exception:
            self._bills.postpone(bill, now + SOON)
            raise
        else:
            self._silences = 0
            became = bill.state.value
        if not bill.is_final:
            self._ages.append((now - bill.since).total_seconds())
        return [became, *([OVERDUE] if is_overdue(bill, now) else [])]

    @property
    def _is_silent(self) -> bool:
        """Whether Stripe has given no answer so often that it is left in peace until the next run."""
        return self._silences >= MOST_SILENCES

    def _note_silence(self, user_id: str) -> int:
        logger.warning("Stripe gave no answer about a period", extra={"userId": user_id}, exc_info=True)
        self._silences += 1
        return 1


def _in_turn(*several: Iterator[PeriodName]) -> Iterator[PeriodName]:
    """Return names from several, one of each in turn."""
    return (each for turn in zip_longest(*several) for each in turn if each)


def _by_user(periods: Iterable[PeriodName]) -> list[list[PeriodName]]:
    """Return periods by their user, each once, the oldest first."""
    found: dict[str, set[PeriodName]] = defaultdict(set)
    for each in periods:
        found[each[0]].add(each)
    return [sorted(each) for each in found.values()]
