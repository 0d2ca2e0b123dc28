"""The functions of the reporter and the reconciler, as Lambda calls them: what they tell operators."""

import json
from collections import Counter
from types import SimpleNamespace

import pytest

from functions.reconciler.app import handler as reconcile
from functions.reporter.app import handler as report
from tests.fakes.runtime import FakeContext
from tollkeeper.runtime import periods
from tollkeeper.telemetry import metrics


@pytest.fixture(autouse=True)
def _named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tell metrics under the product's name."""
    monkeypatch.setattr(metrics, "namespace", "Tollkeeper")


def told(capsys: pytest.CaptureFixture[str]) -> dict[str, tuple[float, str]]:
    """What was told of each metric, and in which unit, in CloudWatch's embedded format."""
    lines = [json.loads(each) for each in capsys.readouterr().out.splitlines() if "_aws" in each]
    return {
        each["Name"]: (sum(line[each["Name"]]), each["Unit"])
        for line in lines
        for each in line["_aws"]["CloudWatchMetrics"][0]["Metrics"]
    }


def run_of(monkeypatch: pytest.MonkeyPatch, **found: int) -> None:
    """Run the reporter, which comes upon this."""
    monkeypatch.setattr(periods, "reporter", lambda: SimpleNamespace(run=lambda _: Counter(found)))
    report({}, FakeContext())


def test_what_is_in_trouble_is_one_number(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The alarm listens to the sum of what waits too long and what closed without its usage."""
    run_of(monkeypatch, closed=4, late=1, unsettled=2, overdue=3, oldest=1_860)
    found = told(capsys)
    assert (6, "Count") == found["PeriodsInTrouble"]
    assert (1_860, "Seconds") == found["Reporter_oldest"]
    assert (4, "Count") == found["Reporter_closed"]


def test_a_run_without_trouble_tells_of_none(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A metric costs by the hours in which it is told."""
    run_of(monkeypatch, closed=1, released=1)
    assert {"Reporter_closed", "Reporter_released"} == told(capsys).keys()


@pytest.mark.parametrize("drift", [0, 2])
def test_the_reconciler_tells_of_its_run_whatever_it_finds(
    drift: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nought too: where the number is missing, nobody has compared, and the alarm rings."""
    reconciler = SimpleNamespace(run=lambda _: Counter(periods=1, drift=drift))
    monkeypatch.setattr(periods, "reconciler", lambda: reconciler)
    reconcile({}, FakeContext())
    assert {"Reconciler_drift": (drift, "Count")} == told(capsys)
