"""What the caller has and used, the same of any user for services, and the API's description."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from urllib.parse import quote

import pytest

from functions.reader.app import app, handler
from tests.examples import NOW, OFFER, RECORD, SUBSCRIPTION, bound
from tests.fakes.api_gateway import Answer, call
from tests.fakes.runtime import FixedClock
from tests.fakes.table import MemoryTable
from tollkeeper.ledger import entry_rows, keys
from tollkeeper.ledger.counting import Counting
from tollkeeper.ledger.history import History
from tollkeeper.ledger.patience import for_seconds
from tollkeeper.ledger.table import Put
from tollkeeper.ledger.users import Users
from tollkeeper.rules.audit import Action, AuditEntry
from tollkeeper.rules.series import Span
from tollkeeper.rules.usage import UsageRecord
from tollkeeper.runtime import views
from tollkeeper.views.reader import Reader
from tollkeeper.views.records import RecordQuestion

METRICS = [
    "apiCalls",
    "aiQueries",
    "exports",
    "designsCreated",
    "mlPredictions",
    "roomsCreated",
    "fixturesAdded",
    "facilityDashboards",
]


@pytest.fixture
def table() -> MemoryTable:
    """A ledger in which Ada has subscribed and Bob has not."""
    table = MemoryTable()
    users = Users(table)
    user = users.read("ada", NOW)
    users.write_subscription(user, SUBSCRIPTION, bound(user, SUBSCRIPTION), ())
    return table


@pytest.fixture(autouse=True)
def function(table: MemoryTable) -> Iterator[None]:
    """The function, with everything outside of it handed in."""
    app.dependency_overrides = {
        views.reader: lambda: Reader(Users(table), History(table), OFFER, FixedClock(NOW)),
    }
    yield
    app.dependency_overrides = {}


def count(table: MemoryTable, *records: UsageRecord) -> None:
    """Count records of one user."""
    counting = Counting(table, OFFER)
    [user] = counting.profiles([records[0].user_id])
    counting.count(user, records, now=NOW, patience=for_seconds(1))


def use(table: MemoryTable, user_id: str, facility_id: str | None = None, **used: int) -> None:
    """Count usage of a user."""
    count(
        table,
        *(
            replace(
                RECORD, id=metric, user_id=user_id, metric=metric, quantity=quantity, facility_id=facility_id
            )
            for metric, quantity in used.items()
        ),
    )


def test_a_busy_subscriber_sees_everything(table: MemoryTable) -> None:
    """Plan, status, usage and limits of all eight metrics, overage in units and cents, and the dates."""
    use(table, "ada", apiCalls=15_000, aiQueries=1_200, exports=600, roomsCreated=4)
    assert (
        200,
        {
            "plan": "professional",
            "status": "active",
            "usage": {
                **dict.fromkeys(METRICS, 0),
                "apiCalls": 15_000,
                "aiQueries": 1_200,
                "exports": 600,
                "roomsCreated": 4,
            },
            "limits": {
                **dict.fromkeys(METRICS, -1),
                "apiCalls": 10_000,
                "aiQueries": 1_000,
                "exports": 500,
                "mlPredictions": 1_000,
            },
            "overage": {
                "apiCalls": {"quantity": 5_000, "amount": 50_00},
                "aiQueries": {"quantity": 200, "amount": 20_00},
                "exports": {"quantity": 100, "amount": 50_00},
            },
            "projectedTotal": 219_00,
            "spendingCap": None,
            "customerId": "cus_ada",
            "subscriptionId": "sub_ada",
            "currentPeriodStart": "2025-11-03T09:30:15Z",
            "currentPeriodEnd": "2025-12-03T09:30:15Z",
            "trial": {"active": False, "endsAt": None, "daysLeft": 0},
            "cancelAt": None,
            "pendingPlan": None,
            "paymentMethod": None,
        },
    ) == call(handler, "GET", "/subscription")[:2]


def test_a_user_without_a_subscription_sees_the_free_plan(table: MemoryTable) -> None:
    """Usage and limits of all eight metrics in the calendar month, and nothing to pay."""
    use(table, "bob", apiCalls=7)
    assert (
        200,
        {
            "plan": "free",
            "status": None,
            "usage": {**dict.fromkeys(METRICS, 0), "apiCalls": 7},
            "limits": {
                **dict.fromkeys(METRICS, -1),
                "apiCalls": 100,
                "aiQueries": 10,
                "exports": 5,
                "designsCreated": 3,
                "mlPredictions": 10,
            },
            "overage": {},
            "projectedTotal": 0,
            "spendingCap": None,
            "customerId": None,
            "subscriptionId": None,
            "currentPeriodStart": "2025-11-01T00:00:00Z",
            "currentPeriodEnd": "2025-12-01T00:00:00Z",
            "trial": {"active": False, "endsAt": None, "daysLeft": 0},
            "cancelAt": None,
            "pendingPlan": None,
            "paymentMethod": None,
        },
    ) == call(handler, "GET", "/subscription", user="bob")[:2]


def test_a_user_sees_their_own_usage_only(table: MemoryTable) -> None:
    """What one did is not in the other's answer."""
    use(table, "bob", apiCalls=7)
    assert 0 == call(handler, "GET", "/subscription", user="ada").body["usage"]["apiCalls"]


def get(path: str, user: str | None = "ada") -> Answer:
    """Ask with a user's token."""
    return call(handler, "GET", path, user=user)


def test_usage_is_told_by_day(table: MemoryTable) -> None:
    """Every day of the range with every metric, and what they come to."""
    use(table, "ada", apiCalls=7, exports=2)
    quiet = dict.fromkeys(METRICS, 0)
    busy = {**quiet, "apiCalls": 7, "exports": 2}
    assert (
        200,
        {
            "from": "2025-11-14",
            "to": "2025-11-16",
            "granularity": "day",
            "facilityId": None,
            "series": [
                {"start": "2025-11-14", "usage": quiet},
                {"start": "2025-11-15", "usage": busy},
                {"start": "2025-11-16", "usage": quiet},
            ],
            "total": busy,
        },
    ) == get("/usage?from=2025-11-14&to=2025-11-16")[:2]


def test_usage_is_told_by_month_and_facility(table: MemoryTable) -> None:
    """Of one facility, whatever its name, month by month."""
    use(table, "ada", facility_id="north, 2nd & 3rd floor", apiCalls=7)
    answer = get("/usage?from=2025-10-05&granularity=month&facilityId=north%2C%202nd%20%26%203rd%20floor")
    assert ("month", "north, 2nd & 3rd floor") == (answer.body["granularity"], answer.body["facilityId"])
    assert [("2025-10-05", 0), ("2025-11-01", 7)] == [
        (step["start"], step["usage"]["apiCalls"]) for step in answer.body["series"]
    ]


def test_usage_is_that_of_the_present_month_if_nothing_else_is_said() -> None:
    """From its first day until today."""
    body = get("/usage").body
    assert ("2025-11-01", "2025-11-15", 15) == (body["from"], body["to"], len(body["series"]))


@pytest.mark.parametrize(
    ("query", "path", "says"),
    [
        ("from=yesterday", "from", "Invalid isoformat string"),
        ("from=", "from", "Invalid isoformat string"),
        ("from=2025-11-01T00:00:00Z", "from", "Invalid isoformat string"),
        ("to=2025-02-30", "to", "day"),
        ("from=2025-11-02&to=2025-11-01", "from", "2025-11-02 is after 2025-11-01"),
        ("from=2025-12-24", "from", "2025-12-24 is after 2025-11-15"),
        ("from=2024-01-01&to=2025-02-04", "from", "401 days are too many; ask for at most 400"),
        ("from=0001-01-01&to=9999-12-31", "from", "days are too many"),
        ("granularity=hour", "granularity", "'day' or 'month'"),
        ("facilityId=", "facilityId", "at least 1 character"),
        ("from=2025-11-01&from=2025-11-02", "from", "ISO 8601 date"),
    ],
)
def test_usage_cannot_be_asked_otherwise(query: str, path: str, says: str) -> None:
    """What cannot be answered is refused with the field and the reason."""
    answer = get(f"/usage?{query}")
    assert (422, [path]) == (answer.status, [field["path"] for field in answer.body["fields"]])
    assert says in answer.body["message"]


def test_four_hundred_days_are_told() -> None:
    """That is the longest range."""
    assert 400 == len(get("/usage?from=2024-01-01&to=2025-02-03").body["series"])


def test_the_records_behind_a_period_are_shown(table: MemoryTable) -> None:
    """Each as it was sent and counted, by the start of the period that /subscription shows."""
    record = replace(RECORD, facility_id="north", event_data='{"tokens":7}', quantity=3)
    count(table, record)
    period = get("/subscription").body["currentPeriodStart"]
    assert (
        200,
        {
            "records": [
                {
                    "id": "evt-1",
                    "eventType": "apiCalls",
                    "quantity": 3,
                    "billingMonth": "2025-11",
                    "timestamp": "2025-11-15T12:00:00Z",
                    "facilityId": "north",
                    "eventData": {"tokens": 7},
                    "late": False,
                    "unbilled": False,
                    "dropped": False,
                    "released": 0,
                    "acceptedAt": "2025-11-15T12:00:00Z",
                    "reason": None,
                    "actor": None,
                }
            ],
            "cursor": None,
        },
    ) == get(f"/usage/records?period={period}")[:2]


def test_of_an_expired_record_the_rest_is_shown(table: MemoryTable) -> None:
    """What is gone is null: nobody is told that it was not late."""
    count(table, RECORD)
    del table.rows[keys.record("ada", RECORD.id)]
    [shown] = get("/usage/records?billingMonth=2025-11").body["records"]
    assert {"id": "evt-1", "eventType": "apiCalls", "quantity": 1, "billingMonth": "2025-11"} == {
        name: value for name, value in shown.items() if value is not None
    }


def test_records_come_a_part_at_a_time(table: MemoryTable) -> None:
    """The cursor of one answer brings the next, until there is none."""
    count(table, *(replace(RECORD, id=f"evt-{n}", metric=METRICS[n % 2]) for n in range(500)))
    found, cursor, answers = [], "", 0
    while cursor is not None:
        body = get(f"/usage/records?billingMonth=2025-11&eventType=aiQueries{cursor}").body
        found += [each["id"] for each in body["records"]]
        cursor = body["cursor"] and f"&cursor={body['cursor']}"
        answers += 1
    assert sorted(f"evt-{n}" for n in range(1, 500, 2)) == sorted(found)
    assert answers > 1


@pytest.mark.parametrize(
    ("query", "path", "says"),
    [
        ("", "period", "either period or billingMonth"),
        ("period=2025-11-03T09:30:15Z&billingMonth=2025-11", "period", "either period or billingMonth"),
        ("period=2025-11-03", "period", "time zone is missing"),
        ("period=now", "period", "Invalid isoformat string"),
        ("billingMonth=2025-13", "billingMonth", "pattern"),
        ("billingMonth=0000-01", "billingMonth", "pattern"),
        ("billingMonth=2025-1", "billingMonth", "pattern"),
        (
            "billingMonth=2025-11&eventType=apicalls",
            "eventType",
            "no metric 'apicalls'. The metrics are apiCalls, aiQ",
        ),
        ("billingMonth=2025-11&cursor=nonsense", "cursor", "begin again without it"),
        ("billingMonth=2025-11&cursor=", "cursor", "begin again without it"),
        (f"billingMonth=2025-11&cursor={'A' * 4097}", "cursor", "at most 4096"),
    ],
)
def test_records_cannot_be_asked_otherwise(query: str, path: str, says: str) -> None:
    """What cannot be answered is refused with the field and the reason."""
    answer = get(f"/usage/records?{query}")
    assert (422, [path]) == (answer.status, [field["path"] for field in answer.body["fields"]])
    assert says in answer.body["message"]


@pytest.mark.parametrize(
    "path", ["/usage", "/usage/records?billingMonth=2025-11", "/subscription"], ids=lambda path: path
)
def test_nothing_is_shown_without_a_token(path: str) -> None:
    """Where nobody has said who asks, nobody is answered."""
    assert 401 == get(path, user=None).status


def test_a_users_cursor_is_of_no_use_to_another(table: MemoryTable) -> None:
    """It is refused, and shows neither one's records nor the other's."""
    for user in ("ada", "bob"):
        count(table, *(replace(RECORD, id=f"evt-{n}", user_id=user) for n in range(250)))
    cursor = get("/usage/records?billingMonth=2025-11", user="ada").body["cursor"]
    answer = get(f"/usage/records?billingMonth=2025-11&cursor={cursor}", user="bob")
    assert (422, "cursor") == (answer.status, answer.body["fields"][0]["path"])


def test_nothing_trusts_a_user_id_that_comes_with_a_users_token(table: MemoryTable) -> None:
    """What is shown is the token's user's, whatever else the request says."""
    use(table, "bob", apiCalls=7)
    assert 0 == get("/usage?userId=bob", user="ada").body["total"]["apiCalls"]


@pytest.mark.parametrize("user", ["bob", "auth0|bob", "bob@example.com", "böb", "b%6Fb", "50%", "a+b c"])
@pytest.mark.parametrize(
    ("question", "of_user"),
    [
        ("/subscription", "/users/{}/subscription"),
        ("/usage", "/users/{}/usage"),
        ("/usage/records?billingMonth=2025-11", "/users/{}/records?billingMonth=2025-11"),
    ],
)
def test_a_service_sees_what_the_user_sees(
    table: MemoryTable, user: str, question: str, of_user: str
) -> None:
    """The same answer, whatever the user's id is made of."""
    count(table, replace(RECORD, user_id=user))
    own = get(question, user=user)
    assert "apiCalls" in str(own.body)
    assert own[:2] == get(of_user.format(quote(user, safe="")), user="a service")[:2]


def test_a_service_sees_the_audit_trail(table: MemoryTable) -> None:
    """Who did what to which thing, when, what changed, and which of Stripe's events told of it."""
    details = {"before": {"plan": "starter"}, "after": {"plan": "professional"}}
    entry = AuditEntry(
        "ada", NOW, "stripe", Action.SUBSCRIPTION_UPDATED, "subscription", "sub_ada", details, "evt_1"
    )
    table.transact([Put(keys.audit("ada", NOW, "random"), entry_rows.audit_entry(entry))])
    assert (
        200,
        {
            "entries": [
                {
                    "at": "2025-11-15T12:00:00Z",
                    "actor": "stripe",
                    "action": "SUBSCRIPTION_UPDATED",
                    "entityType": "subscription",
                    "entityId": "sub_ada",
                    "details": details,
                    "eventId": "evt_1",
                }
            ],
            "cursor": None,
        },
    ) == get("/users/ada/audit", user="a service")[:2]


def test_a_strange_cursor_is_refused_in_the_audit_trail() -> None:
    """It was never given out."""
    assert 422 == get("/users/ada/audit?cursor=nonsense", user="a service").status


def test_a_user_id_is_no_longer_than_ids_are() -> None:
    """Nothing is looked up for what cannot be a user."""
    answer = get(f"/users/{'a' * 257}/usage", user="a service")
    assert (422, "userId") == (answer.status, answer.body["fields"][0]["path"])


def test_the_api_describes_itself_to_anyone() -> None:
    """The OpenAPI document is served without a token, and names what this function answers."""
    answer = call(handler, "GET", "/openapi.json", user=None)
    assert (200, "3.1.0", True) == (
        answer.status,
        answer.body["openapi"],
        "/subscription" in answer.body["paths"],
    )


def test_days_of_two_months_are_read_the_newest_first(table: MemoryTable) -> None:
    """Month by month, each part where the one before ended."""
    first = NOW - timedelta(days=NOW.day)
    for stamped in (first, NOW):
        count(table, replace(RECORD, id=f"{stamped:%Y-%m}", user_id="bob", timestamp=stamped))
    reader = Reader(Users(table), History(table), OFFER, FixedClock(NOW))
    question, found = RecordQuestion(span=Span(first.date(), NOW.date())), list[str]()
    cursor: str | None = None
    for _ in range(2):
        part = reader.asked_for("bob", question, cursor)
        found += [each.id for each in part.records]
        cursor = part.cursor
    assert ([f"{NOW:%Y-%m}", f"{first:%Y-%m}"], None) == (found, cursor)
