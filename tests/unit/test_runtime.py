"""How the functions speak to Stripe: under a key that fits the stage, each at its own pace."""

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from tests.examples import ENVIRONMENT
from tests.fakes.runtime import forget
from tests.fakes.table import MemoryTable
from tollkeeper import runtime
from tollkeeper.runtime import mirror, periods, stripe_events, subscriptions
from tollkeeper.settings import Settings, SettingsError
from tollkeeper.stripe import gateway
from tollkeeper.subscriptions.sweep import STRIPE_PATIENCE_SECONDS

ASK_STRIPE = {
    "checkout": (subscriptions.checkout, {}),
    "events": (stripe_events.stripe_events, {"calls_per_second": 10.0}),
    "reporter": (periods.reporter, {"patience_seconds": 30.0, "calls_per_second": 20}),
    "mirror": (mirror.usage_mirror, {"patience_seconds": 30.0, "calls_per_second": 20}),
    "sweep": (subscriptions.sweep, {"patience_seconds": STRIPE_PATIENCE_SECONDS}),
}


class Keys:
    """SSM, with one key of Stripe's."""

    def __init__(self) -> None:
        self.key = "sk_live_1"

    def read(self, _: str) -> str:
        """Return it."""
        return self.key


@pytest.fixture
def keys(monkeypatch: pytest.MonkeyPatch) -> Iterator[Keys]:
    """What keeps the key of a deployment in prod."""
    keys, settings = Keys(), replace(Settings.from_environment(ENVIRONMENT))
    for name, part in {
        "secrets": lambda: keys,
        "settings": lambda: settings,
        "table": MemoryTable,
        "sqs": lambda: None,
    }.items():
        monkeypatch.setattr(runtime, name, part)
    forget()
    yield keys
    forget()


@pytest.fixture
def paces(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, float]]:
    """The paces at which Stripe was connected to."""
    paces: list[dict[str, float]] = []
    connect = gateway.connect

    def note(key: str, base: str | None, **pace: float) -> object:
        paces.append(pace)
        return connect(key, base, **pace)

    monkeypatch.setattr(gateway, "connect", note)
    return paces


@pytest.mark.parametrize("name", ASK_STRIPE)
@pytest.mark.usefixtures("paces")
def test_a_key_that_does_not_fit_the_stage_is_used_by_nobody(keys: Keys, name: str) -> None:
    """Prod bills nobody in test mode; the sweep does not either."""
    part: Callable[[], object] = ASK_STRIPE[name][0]
    keys.key = "sk_test_1"
    with pytest.raises(SettingsError, match="sk_live_"):
        part()


@pytest.mark.parametrize("name", ASK_STRIPE)
@pytest.mark.usefixtures("keys")
def test_each_has_its_own_pace(paces: list[dict[str, float]], name: str) -> None:
    """Nobody waits for the sweep, so that waits longer; who follows events keeps to a share of the limit."""
    part, pace = ASK_STRIPE[name]
    part()
    assert [pace] == paces
