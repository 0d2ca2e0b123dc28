"""Parts 5 and 6.1 of the assessment: what its customer should see and owe, and the endpoints to track."""

import re

import httpx
import pytest

from infra.local.demo import Month
from infra.local.places import Home, Stack
from tests.e2e.callers import Callers
from tests.e2e.checklist.visitors import CALL, DESIGN, EXPORT, MODEL, PREDICTION, Visitor
from tests.e2e.pages import enter, link
from tests.e2e.subscribers import Subscriber
from tests.fakes.host_requests import TWENTY

SECTION = "Parts 5 and 6"

REALLY = {"designsCreated": 50, "exports": 20, "apiCalls": 100, "mlPredictions": 30, "aiQueries": 45}
"""What the assessment's customer did. Its dashboard showed the AI queries, and zeros."""

DID = dict(zip(REALLY, (DESIGN, EXPORT, CALL, PREDICTION, MODEL), strict=True))


@pytest.mark.line("5.1 What billing sees is reality")
def test_5_1_what_billing_sees_is_reality(
    home: Home, stack: Stack, callers: Callers, host: httpx.Client
) -> None:
    """50 designs, 20 exports, 100 API calls, 30 predictions, 45 queries, to the unit."""
    subscriber = Subscriber(home, stack, callers, "professional")
    visitor = Visitor(host, callers, subscriber.user_id)
    done = [path for metric, path in DID.items() for _ in range(REALLY[metric])]
    assert {200: sum(REALLY.values())} == visitor.post_all(done)
    assert REALLY == visitor.usage(REALLY)
    browser = callers.bearing(None)
    enter(browser, link(callers, subscriber.user_id))
    page = browser.get("/dashboard").text
    shown = re.findall(r'dashboard/records\?eventType=(\w+)"[^>]*>([\d,]+)</a>', page)
    assert REALLY == {metric: int(used) for metric, used in shown if used != "0"}


@pytest.mark.line("5.2 $99 + $50 + $20 + $50 = $219")
def test_5_2_99_50_20_50_219(month: Month) -> None:
    """Stripe's invoice of 16,800 records, one by one, is paid: $219.00."""
    assert [] == [figure for figure in month.figures if figure.is_off]
    assert ("paid", 219_00) == (month.renewal.invoice.status, month.renewal.invoice.amount_paid)


@pytest.mark.line("6.1 Must fix: 20 endpoints")
def test_6_1_must_fix_20_endpoints(host: httpx.Client, callers: Callers, user: str) -> None:
    """Each counts as its metric, to the unit, and as nothing else."""
    for number, each in enumerate(TWENTY):
        for _ in range(2):
            answer = host.request(each.method, each.path, headers={"x-user": f"{user}-{number}"}, **each.good)
            assert 200 == answer.status_code
    for number, each in enumerate(TWENTY):
        visitor = Visitor(host, callers, f"{user}-{number}")
        assert {each.metric: 2} == visitor.usage({each.metric: 2})
