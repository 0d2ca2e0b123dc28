"""The records behind an invoice, all of them."""

from datetime import timedelta

from tests.ledger.billing_house import MINUTE, OFFER, House, endless
from tollkeeper.catalogue import load
from tollkeeper.ledger.bills import Bills
from tollkeeper.ledger.closing import Closing
from tollkeeper.ledger.counting import Counting
from tollkeeper.ledger.history import History
from tollkeeper.ledger.users import Users
from tollkeeper.rules.usage import UsageRecord
from tollkeeper.views.explanations import Explanations

RECORDS = 450


def test_all_records_come_together_each_once() -> None:
    """Of however many parts they are read."""
    house = House()
    counting, now = Counting(house.table, OFFER), house.now
    (profile,) = counting.profiles(["ada"])
    records = [UsageRecord(f"export-{each}", "ada", "exports", 1, now, now) for each in range(RECORDS)]
    assert not counting.count(profile, records, now=now, patience=endless()).left
    house.renew()
    house.at(5 * MINUTE)
    house.run()
    house.go_on(timedelta(hours=3))
    table = house.table
    explanations = Explanations(
        Users(table), Bills(table), Closing(table), History(table), house.stripe, load(), house.clock
    )
    invoice = str(house.bill().invoice_id)
    whole = explanations.table("ada", invoice, None)
    named = [row.split(",")[0] for row in whole.text.splitlines()[1:]]
    assert (sorted(each.id for each in records), RECORDS, None) == (sorted(named), whole.rows, whole.cursor)
