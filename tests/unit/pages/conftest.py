"""The page that tests look at."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from tests.examples import ENVIRONMENT, OFFER
from tests.fakes.runtime import FixedClock, forget
from tests.unit.pages.browser import Page
from tollkeeper import runtime
from tollkeeper.ledger.users import Users
from tollkeeper.runtime import dashboard, subscriptions
from tollkeeper.settings import Settings


@pytest.fixture
def page(monkeypatch: pytest.MonkeyPatch) -> Iterator[Page]:
    """Ada's page."""
    page = Page()
    settings = Settings.from_environment({**ENVIRONMENT, "BILLING_CLAIM": ""})
    outside = {
        (runtime, "settings"): lambda: replace(settings, billing_claim=page.claim, stage=page.stage),
        (runtime, "clock"): lambda: FixedClock(page.home.now),
        (runtime, "table"): page.table,
        (runtime, "users"): lambda: Users(runtime.table()),
        (runtime, "offer"): lambda: OFFER,
        (runtime, "stripe_gateway"): lambda **_: page.reached(),
        (dashboard, "wall_clock"): lambda: FixedClock(page.wall),
        (subscriptions, "plan_changes"): lambda: page.home.desk().plans,
        (subscriptions, "cancellations"): lambda: page.home.desk().ends,
    }
    for (module, name), part in outside.items():
        monkeypatch.setattr(module, name, part)
    forget()
    yield page
    forget()
