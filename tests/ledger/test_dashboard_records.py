"""The usage page over a ledger: each number opens all the records behind it, and invoices are explained."""

import csv
import html
import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from io import StringIO
from typing import Any
from urllib.parse import parse_qsl, quote, urlsplit

import pytest

from functions.dashboard.app import handler
from tests.examples import ENVIRONMENT
from tests.fakes.api_gateway import call
from tests.fakes.runtime import FakeContext, FixedClock, forget
from tests.ledger.billing_house import BEGINNING, DAY, END, MINUTE, OFFER, House, endless
from tollkeeper import runtime
from tollkeeper.ledger.consuming import Consuming, Release
from tollkeeper.ledger.counting import Counting
from tollkeeper.ledger.users import Users
from tollkeeper.rules.usage import UsageRecord
from tollkeeper.runtime import dashboard
from tollkeeper.settings import Settings
from tollkeeper.stripe.customer_port import LineKind, ShownInvoice, ShownLine
from tollkeeper.views import record_tables, records

ATTACK = """"><script>alert(1)</script>'&{{7*7}}"""


@dataclass
class Page:
    """Ada's browser at the page of a house."""

    house: House
    cookie: str = ""

    def open(self, address: str, language: str = "en") -> dict[str, Any]:
        """Follow an address as the page writes it."""
        split = urlsplit(address.removeprefix("dashboard/"))
        path = f"/dashboard/{split.path}" if split.path else "/dashboard"
        event = {
            "routeKey": f"GET {path}",
            "rawPath": path,
            "headers": {"accept-language": language},
            "cookies": [f"tollkeeper_page={self.cookie}"],
            "queryStringParameters": dict(parse_qsl(split.query, keep_blank_values=True)),
            "requestContext": {"domainName": "api.test", "http": {"method": "GET", "path": path}},
            "body": None,
            "isBase64Encoded": False,
        }
        return handler(event, FakeContext())

    def read(self, address: str = "", language: str = "en") -> str:
        """Return a page."""
        answer = self.open(address, language)
        assert 200 == answer["statusCode"], answer["body"]
        return str(answer["body"])

    def enter(self, user: str = "ada") -> "Page":
        """Come in by a link."""
        link = urlsplit(call(handler, "POST", "/dashboard-link", user=user).body["url"]).query
        self.cookie = ""
        (given,) = self.open(f"?{link}")["cookies"]
        self.cookie = given.partition("=")[2].partition(";")[0]
        return self


@pytest.fixture
def house() -> House:
    """Ada's month, three days of which she used: in two facilities and in none, with late and given back."""
    house = House(users=("ada", "bob"))
    for number, facility in enumerate(("north", "", "site & south", "north", None)):
        count(house, f"one-{number}", "exports", 4 + number, BEGINNING + number * DAY / 2, facility)
    count(house, "calls", "apiCalls", 250, BEGINNING + DAY, "north")
    consuming = Consuming(house.table, OFFER)
    at = house.clock.instant = BEGINNING + 3 * DAY
    consuming.consume(UsageRecord("taken", "ada", "exports", 9, at, at, "north"), endless())
    consuming.release(Release("ada", "taken", "exports", at, 4), endless())
    count(house, "bobs", "exports", 3, at, "north", user="bob")
    return house


@pytest.fixture
def page(house: House, monkeypatch: pytest.MonkeyPatch) -> Iterator[Page]:
    """Her page."""
    settings = Settings.from_environment({**ENVIRONMENT, "BILLING_CLAIM": ""})
    outside = {
        (runtime, "settings"): lambda: settings,
        (runtime, "clock"): lambda: house.clock,
        (runtime, "table"): lambda: house.table,
        (runtime, "users"): lambda: Users(house.table),
        (runtime, "offer"): lambda: OFFER,
        (runtime, "stripe_gateway"): lambda **_: house.stripe,
        (dashboard, "wall_clock"): lambda: FixedClock(BEGINNING),
    }
    for (module, name), part in outside.items():
        monkeypatch.setattr(module, name, part)
    forget()
    yield Page(house).enter()
    forget()


def count(
    house: House,
    id_: str,
    metric: str,
    quantity: int,
    at: datetime,
    facility: str | None = None,
    user: str = "ada",
    data: str | None = None,
) -> None:
    """Let a user have used something."""
    counting = Counting(house.table, OFFER)
    (profile,) = counting.profiles([user])
    record = UsageRecord(id_, user, metric, quantity, at, at, facility or None, data)
    assert not counting.count(profile, [record], now=max(at, house.now), patience=endless()).left


def links(page: str, to: str) -> list[tuple[str, int]]:
    """Return the addresses of a page's links that lead somewhere, with the number that each is on."""
    found = re.findall(r'<a href="([^"]+)"[^>]*>([^<]+)</a>', page)
    return [
        (html.unescape(address), int(words.replace(",", "")))
        for address, words in found
        if to in address and words.replace(",", "").isdigit()
    ]


def rows(answer: dict[str, Any]) -> list[dict[str, str]]:
    """Return the rows of a file."""
    assert (200, True) == (answer["statusCode"], answer["headers"]["Content-Type"].startswith("text/csv"))
    return list(csv.DictReader(StringIO(answer["body"], newline="")))


def total(of: list[dict[str, str]]) -> int:
    """Return what rows come to."""
    return sum(int(each["quantity"]) - int(each["released"]) for each in of)


def test_each_number_is_the_sum_of_the_records_that_it_opens(page: Page) -> None:
    """Of each metric, and of each facility of a chart, and of those without; as file and as page alike."""
    found = links(page.read(), "dashboard/records?")
    facilities = [address for address, _ in found if "facilityId=" in address]
    assert ({"north", "site & south", ""}, 4) == (
        {dict(parse_qsl(urlsplit(each).query, keep_blank_values=True))["facilityId"] for each in facilities},
        len(facilities),
    )
    for address, number in found:
        file = page.open(address.replace("records?", "records.csv?"))
        assert number == total(rows(file)), address
        listed = page.read(address)
        assert all(each["id"] in listed for each in rows(file))
        assert number == 0 or f"<b>{number:,}</b>" in listed, address
    assert {35, 250} <= {number for _, number in found}


def test_a_day_opens_its_records_in_whichever_period_they_count(page: Page) -> None:
    """Also one that came late and counts in the next month's period."""
    house, stamp = page.house, END - timedelta(hours=3)
    house.renew("ada")
    house.at(5 * MINUTE)
    house.run()
    house.at(2 * DAY)
    count(house, "late", "exports", 6, stamp, "north")
    day = stamp.date()
    of_day = rows(page.open(f"records.csv?from={day}&to={day}&eventType=exports"))
    assert [("late", "true")] == [(each["id"], each["late"]) for each in of_day]
    assert ["late"] == [each["id"] for each in rows(page.open("records.csv?eventType=exports"))]
    assert ("dashboard/records?eventType=exports", 6) in links(page.read(), "eventType=exports")
    past = [each for each in links(page.read(), "period=") if "exports" in each[0]]
    assert (
        [35]
        == [total(rows(page.open(a.replace("records?", "records.csv?")))) for a, _ in past]
        == [past[0][1]]
    )


def test_days_of_several_months_are_read_one_after_the_other(page: Page) -> None:
    """Part by part, each record once."""
    for number in range(5):
        count(page.house, f"april-{number}", "exports", 1, BEGINNING + (25 + number) * DAY, "north")
    page.house.clock.instant = END - DAY
    first, last = BEGINNING.date(), END.date()
    found = rows(page.open(f"records.csv?from={first}&to={last}&facilityId=north&eventType=exports"))
    assert len(found) == len({each["id"] for each in found}) == 5 + 3


@pytest.mark.parametrize(
    "query",
    [
        "from=2026-03-10",
        "from=2026-03-11&to=2026-03-10",
        "from=2020-01-01&to=2026-03-10",
        "from=x&to=y",
        "facilityId=north",
        "period=yesterday",
        "period=2026-03-10T12:00:00Z&from=2026-03-10&to=2026-03-10",
        "from=2026-03-10&to=2026-03-10&cursor=2025-01.x",
        "from=2026-03-10&to=2026-03-10&cursor=x",
        "eventType=none",
    ],
)
def test_what_cannot_be_asked_for_is_refused_in_words(page: Page, query: str) -> None:
    """422, and nothing of what was sent is markup."""
    for address in ("records", "records.csv"):
        assert 422 == page.open(f"{address}?{query}")["statusCode"]


def test_the_page_costs_one_read_and_what_its_chart_needs(
    page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Session, user and Stripe's answer by one; the chart's are its periods, days, and those periods again.

    Once a minute two writes go with it, to ask Stripe.
    """
    asked: Counter[str] = Counter()
    for name in ("query", "get_all", "transact", "due"):
        real = getattr(page.house.table, name)

        def ask(*of: Any, name: str = name, real: Any = real, **more: Any) -> Any:  # noqa: ANN401 - whatever
            asked[name] += 1
            return real(*of, **more)

        monkeypatch.setattr(page.house.table, name, ask)
    page.read()
    assert {"get_all": 1 + 1, "query": 2, "transact": 2} == asked
    asked.clear()
    page.read()
    assert {"get_all": 1 + 1, "query": 2} == asked


def test_nobody_elses_records_are_opened(page: Page) -> None:
    """Whatever is asked for, and with whosever cursor."""
    for query in ("", "?userId=bob", "?from=2026-03-10&to=2026-03-20", "?period=2026-03-10T12:00:00Z"):
        assert "bobs" not in page.read(f"records{query}")


class TestFiles:
    """A file holds all of a list, or says how to get the rest."""

    def test_a_long_list_is_one_file(self, page: Page) -> None:
        """Each of a thousand records once, where the page shows a hundred and more at a time."""
        many(page.house, 1_000)
        found = rows(page.open("records.csv?eventType=exports"))
        assert (1_006, 1_006) == (len(found), len({each["id"] for each in found}))
        assert "Download all rows as CSV" in page.read("records?eventType=exports")

    @pytest.mark.parametrize("bound", ["MOST_PARTS", "MOST_BYTES"])
    def test_what_no_file_holds_comes_in_parts(
        self, page: Page, monkeypatch: pytest.MonkeyPatch, bound: str
    ) -> None:
        """A page leads from part to part, until nothing is left: each record once, as in one file."""
        many(page.house, 1_000)
        whole = {each["id"] for each in rows(page.open("records.csv?eventType=exports"))}
        monkeypatch.setattr(record_tables, bound, {"MOST_PARTS": 3, "MOST_BYTES": 30_000}[bound])
        found: list[str] = []
        names, address = [], "records.csv?eventType=exports"
        while True:
            answer = page.open(address)
            if answer["headers"]["Content-Type"].startswith("text/csv"):
                break
            this, address = (
                html.unescape(each)
                for each in re.findall(r'class="button[^"]*" href="([^"]+)"', answer["body"])
            )
            part = page.open(this)
            names.append(part["headers"]["Content-Disposition"])
            found += [each["id"] for each in rows(part)]
        names.append(answer["headers"]["Content-Disposition"])
        found += [each["id"] for each in rows(answer)]
        assert (len(whole), whole) == (len(found), set(found))
        assert len(names) > 2
        assert [f'attachment; filename="usage-exports-part-{n + 1}.csv"' for n in range(len(names))] == names

    def test_no_answer_is_larger_than_lambda_allows(self, page: Page) -> None:
        """Six megabytes, whatever is in the data: here what JSON and CSV both write the longest."""
        worst = json.dumps({"a": ['"'] * 1_300})
        assert len(worst) <= 4_096 * 2
        many(page.house, 800, data=worst)
        answer, sizes = page.open("records.csv?eventType=exports&file=1"), []
        sizes.append(len(json.dumps(answer)))
        assert max(sizes) < 6_000_000
        assert 0 < len(rows(answer)) < 800

    def test_records_far_apart_are_found(self, page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
        """Where most of a list is of another facility, the page says that it goes on."""
        many(page.house, 400)
        monkeypatch.setattr(records, "MOST_PARTS_READ", 1)
        day = page.house.now.date()
        address: str | None = f"records?from={day}&to={day}&facilityId=north"
        seen = []
        while address:
            read = page.read(address)
            seen.append("taken" in read)
            onward = re.search(r'<a href="([^"]+)">Next records', read)
            address = html.unescape(onward[1]) if onward else None
        assert (1, True) == (sum(seen), len(seen) > 2)


class TestFigures:
    """Each list says as of when it is, and whether what it comes to may still change."""

    IN_DAYS = f"records?from={BEGINNING.date()}&to={(BEGINNING + DAY).date()}"
    OF_PERIOD = f"records?eventType=exports&period={quote(BEGINNING.isoformat())}"

    def test_a_periods_are_provisional_until_it_is_closed(self, page: Page) -> None:
        """And final after."""
        for address in ("records?eventType=exports", self.OF_PERIOD):
            read = page.read(address)
            assert "As of Mar 13, 2026" in words(read)
            assert "· provisional : the period is not closed yet." in words(read)
        page.house.renew("ada")
        assert "· provisional :" in words(page.read(self.OF_PERIOD))
        page.house.at(5 * MINUTE)
        page.house.run()
        assert "· final : the period is closed." in words(page.read(self.OF_PERIOD))
        assert "· provisional :" in words(page.read("records?eventType=exports"))

    def test_days_are_provisional_as_long_as_late_usage_is_taken(self, page: Page) -> None:
        """35 days, and until every period is closed that any of them are in."""
        last = datetime.combine((BEGINNING + 2 * DAY).date(), BEGINNING.timetz()).replace(hour=0)
        page.house.renew("ada")
        page.house.at(5 * MINUTE)
        page.house.clock.instant = last + 35 * DAY + MINUTE
        assert "· provisional : usage of these days may still be counted." in words(page.read(self.IN_DAYS))
        page.house.run()
        assert "· final : these days take no more usage." in words(page.read(self.IN_DAYS))
        page.house.clock.instant = last + 35 * DAY
        assert "· provisional :" in words(page.read(self.IN_DAYS))

    def test_days_of_two_periods_wait_for_both(self, page: Page) -> None:
        """The first is closed, the second is not."""
        page.house.renew("ada")
        page.house.at(5 * MINUTE)
        page.house.run()
        page.house.clock.instant = END + 60 * DAY
        across = f"records?from={(END - DAY).date()}&to={(END + DAY).date()}"
        assert "· provisional :" in words(page.read(across))
        assert "· final :" in words(page.read(self.IN_DAYS))

    def test_a_month_without_a_subscription_never_closes(self, page: Page, house: House) -> None:
        """So its figures stay provisional."""
        house.clock.instant = BEGINNING
        count(house, "carls", "exports", 1, BEGINNING, user="carl")
        page.enter("carl")
        house.clock.instant = BEGINNING + 300 * DAY
        assert "· provisional :" in words(page.read(self.IN_DAYS))


class TestExplaining:
    """Line, charge, period, records: of the reader's own invoices."""

    @pytest.fixture
    def invoice(self, page: Page) -> str:
        """A month's invoice, with 35 exports: over nothing; and 1,700 calls: 700 too many."""
        house = page.house
        count(house, "many", "apiCalls", 1_450, house.now, ATTACK, data=json.dumps({ATTACK: ATTACK}))
        house.renew("ada", "bob")
        house.at(5 * MINUTE)
        house.run()
        house.go_on(timedelta(hours=3))
        made = listed(house, str(house.bill().invoice_id))
        house.stripe.billed["cus_ada"] = [made]
        return made.id

    def test_an_invoice_is_explained_from_its_lines_to_its_records(self, page: Page, invoice: str) -> None:
        """With the arithmetic, and a link from the usage page."""
        assert f"dashboard/explain?invoice={invoice}" in page.read()
        read = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page.read(f"explain?invoice={invoice}")))
        for said in (
            "Invoice TEST-0007, explained",
            "Used 1,700",
            "Included in the plan −1,000",
            "Charged 700",
            "At $0.01 each $7.00",
            "On the invoice 700 for $7.00",
            "on the plan Solo Design",
            "many API calls 1,450",
        ):
            assert said in read

    def test_what_is_shown_is_text(self, page: Page, invoice: str) -> None:
        """Facilities and data that a host sent."""
        for address in (f"explain?invoice={invoice}", "records?from=2026-03-13&to=2026-03-13"):
            read = page.read(address)
            assert ("<script" not in read, "&lt;script&gt;" in read) == (True, True)

    def test_it_comes_as_json_and_csv(self, page: Page, invoice: str) -> None:
        """What the API answers, and the records alone."""
        told = page.open(f"explain?invoice={invoice}&format=json")
        assert ("application/json", 700) == (
            told["headers"]["Content-Type"],
            json.loads(told["body"])["charges"][0]["quantity"],
        )
        assert {"calls", "many"} == {
            each["id"] for each in rows(page.open(f"explain?invoice={invoice}&format=csv"))
        }

    @pytest.mark.parametrize("told", ["", "&format=json", "&format=csv"])
    def test_anothers_invoice_is_like_none(
        self, page: Page, invoice: str, told: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """404, and Stripe is not asked about it: ids are made up faster than it may be asked."""
        monkeypatch.delattr("tests.fakes.customer_pages.FakeCustomerPages.is_invoice_of")
        page.enter("bob")
        answers = [page.open(f"explain?invoice={each}{told}") for each in (invoice, "in_none", "", "<b>")]
        assert [404] * 4 == [each["statusCode"] for each in answers]
        assert 1 == len({each["body"] for each in answers})

    def test_stripe_is_asked_once_a_minute(
        self, page: Page, invoice: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """For the lists and for the invoice, however often it is explained."""
        asked: Counter[str] = Counter()
        for name in ("invoices_of", "upcoming_invoice", "invoice", "is_invoice_of"):
            real = getattr(page.house.stripe, name)

            def ask(*of: Any, name: str = name, real: Any = real) -> Any:  # noqa: ANN401 - whatever it is
                asked[name] += 1
                return real(*of)

            monkeypatch.setattr(page.house.stripe, name, ask)
        for _ in range(5):
            page.read()
            for told in ("", "&format=json", "&format=csv"):
                page.open(f"explain?invoice={invoice}{told}")
        assert {"invoices_of": 1, "upcoming_invoice": 1, "invoice": 1} == asked


def words(read: str) -> str:
    """Return what is read on a page, with single spaces."""
    return html.unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", read)))


def many(house: House, number: int, data: str | None = None) -> None:
    """Let Ada do so many exports, one each, now."""
    counting, now = Counting(house.table, OFFER), house.now
    (profile,) = counting.profiles(["ada"])
    all_ = [UsageRecord(f"m-{each}", "ada", "exports", 1, now, now, None, data) for each in range(number)]
    for first in range(0, number, 50):
        assert not counting.count(profile, all_[first : first + 50], now=now, patience=endless()).left


def listed(house: House, invoice_id: str) -> ShownInvoice:
    """Return an invoice as Stripe lists it for its customer."""
    line = ShownLine("API calls: 700 × $0.01", 700, 7_00, LineKind.OVERAGE, "apiCalls", BEGINNING, END)
    return replace(house.stripe.bill(house.stripe.held[0], 7, 29_00), id=invoice_id, lines=[line])
