"""What Stripe will do by itself, read off the objects: nothing is scheduled, so nothing can go stale."""

from collections.abc import Iterator

from infra.stripe_standin.account.state import Account, Due


def dues(account: Account) -> Iterator[Due]:
    """Everything that is or will be due; of one instant, in the order of `account.agendas`."""
    for agenda in account.agendas:
        yield from agenda(account)


def do_due(account: Account, test_clock: str | None = None) -> bool:
    """Do everything whose time has come, in order; returns whether any of it was about billing.

    Args:
        account: The account.
        test_clock: Only what lives on this test clock; by default everything.
    """
    billing = False
    while ready := [due for due in dues(account) if due.at <= account.now(due.test_clock)]:
        mine = [due for due in ready if test_clock in (None, due.test_clock)]
        if not mine:
            break
        first = min(mine, key=lambda due: due.at)
        first.act()
        billing = billing or first.billing
    return billing


def next_due(account: Account, test_clock: str | None = None) -> int | None:
    """When the next thing falls due, in seconds; on one test clock, or anywhere."""
    return min(
        (due.at for due in dues(account) if test_clock in (None, due.test_clock)),
        default=None,
    )
