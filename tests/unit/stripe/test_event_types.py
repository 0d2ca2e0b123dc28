"""The one list of the types of events that are followed."""

import re
from pathlib import Path

import pytest

from tollkeeper.stripe.event_types import EventType, Style, of_style

ROOT = Path(__file__).parents[3]
LIST = ROOT / "shared" / "tollkeeper" / "stripe" / "event_types.py"


def test_meters_send_thin_events_and_all_others_are_snapshots() -> None:
    """Each style has a destination of its own."""
    assert [EventType.METER_ERROR_REPORT_TRIGGERED, EventType.METER_NO_METER_FOUND] == of_style(Style.THIN)
    assert set(EventType) == {*of_style(Style.SNAPSHOT), *of_style(Style.THIN)}


@pytest.mark.parametrize("type_", EventType)
def test_each_says_what_is_done_about_it(type_: EventType) -> None:
    """In a sentence, for whoever sets up a destination."""
    assert re.fullmatch(r"[A-Z].+\.", type_.response)


@pytest.mark.parametrize("folder", ["shared", "functions", "infra/local", "infra/operate"])
def test_no_other_file_spells_a_type(folder: str) -> None:
    """Whoever needs one takes it from the list."""
    spelled = {f'"{each}"' for each in EventType}
    assert [] == [
        str(file.relative_to(ROOT))
        for file in (ROOT / folder).rglob("*.py")
        if file != LIST and any(each in file.read_text() for each in spelled)
    ]
