"""How pages write words and data, and how large they draw a bar; numbers and time are in `notation`."""

import json
from collections.abc import Mapping, Sequence

from tollkeeper.rules.facilities import Share
from tollkeeper.views.dashboard import MOST_FACILITIES, ChartView, DashboardView
from tollkeeper.views.metrics import MetricView

BAR = 100
"""Units that a bar is wide."""

CHART_HEIGHT = 60
DAY_WIDTH = 10
GAP = 2
"""Units of a chart; the browser stretches it."""

OF_SHARES = {Share.OTHERS: MOST_FACILITIES + 1, Share.WITHOUT: MOST_FACILITIES + 2}
"""The colours of what is no facility; those of facilities come before."""

MOST_IN_A_LINK = 150
"""Characters of a facility's name, as an address writes it, that a link to its records may take of a page."""


def brief(text: str, most: int) -> str:
    """Write a text whole if it has so many characters at most, or else its beginning and its end."""
    if len(text) <= most:
        return text
    last = most // 3
    return f"{text[: most - 1 - last]}…{text[-last:]}"


def sentence(name: str) -> str:
    """Write one of Stripe's words for people: `past_due` as `past due`."""
    return name.replace("_", " ")


def data(of: Mapping[str, object]) -> str:
    """Write what a host sent with a record, as it sent it."""
    return json.dumps(of, ensure_ascii=False)


def percent(of: MetricView) -> int:
    """How much of what is included is used, in percent, rounded down; more than 100 beyond it."""
    if of.included > 0:
        return max(0, of.used) * 100 // of.included
    return 100 if of.used > 0 else 0


def within(of: MetricView) -> int:
    """How wide the part of a bar is that is included. Beyond the limit the bar is all that is used."""
    if of.used > of.included > 0:
        return max(1, of.included * BAR // of.used)
    if of.used > of.included:
        return 0
    return min(BAR, max(1 if of.used > 0 else 0, percent(of)))


def columns(chart: ChartView) -> list[str]:
    """Return an SVG path for each facility of a chart, stacked by day; a day below nothing is not drawn."""
    top = max([*chart.by_day, 1])
    base = [0] * len(chart.by_day)
    paths = []
    for each in chart.facilities:
        path, x, y = "", 0, 0
        for position, quantity in enumerate(each.by_day):
            if quantity <= 0:
                continue
            low = _height(base[position], top)
            base[position] += quantity
            height = max(_height(base[position], top) - low, 1)
            # A stroke as wide as a day, from where the last one ended: a third of what rectangles take.
            to_x, to_y = position * DAY_WIDTH + (DAY_WIDTH - GAP) // 2, CHART_HEIGHT - low
            path += f"m{to_x - x} {to_y - y}v-{height}"
            x, y = to_x, to_y - height
        paths.append(path)
    return paths


def colours(chart: ChartView, view: DashboardView) -> list[int]:
    """Return which colour each part of a chart has, of six.

    A facility has one and the same in every chart, as long as all of them are few enough to be told apart.
    """
    named = _named(view.charts)
    order = named if len(named) <= MOST_FACILITIES else _named([chart])
    return [
        order.index(str(each.facility_id)) + 1 if each.share is Share.FACILITY else OF_SHARES[each.share]
        for each in chart.facilities
    ]


def _named(charts: Sequence[ChartView]) -> list[str]:
    parts = (each for chart in charts for each in chart.facilities if each.share is Share.FACILITY)
    return sorted({str(each.facility_id) for each in parts})


def width(view: DashboardView) -> int:
    """How wide a chart is: to the period's last day."""
    return ((view.last_day - view.days[0]).days + 1) * DAY_WIDTH - GAP


def _height(quantity: int, top: int) -> int:
    return min(CHART_HEIGHT, round(quantity * CHART_HEIGHT / top))
