"""Cancelling with the present period: what ends already is left alone, and what was begun is finished."""

from tests.examples import END, NOW
from tests.fakes.deciding import Household, patient
from tollkeeper.rules.decisions import Choice, Wish
from tollkeeper.subscriptions.cancellations import CancelAt


def test_what_ends_already_is_not_decided_again() -> None:
    """Somebody has said so on Stripe's own pages."""
    home = Household()
    home.be(cancel_at=END)
    home.desk().cancel()
    assert home.user.decision is None


def test_what_stripe_has_done_already_is_finished() -> None:
    """Who decided it died before that was written down: whoever wants the same finishes it for them."""
    home = Household()
    wish = Wish(Choice.CANCEL, CancelAt.PERIOD_END)
    begun = home.desk().ends.deciding.decisions.take(home.user, wish, NOW, patient())
    home.be(cancel_at=END)
    home.desk().cancel()
    assert (begun.number, True) == (home.decision.number, home.decision.done)
