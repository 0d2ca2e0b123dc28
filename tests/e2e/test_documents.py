"""The calls that README and docs show with curl, sent to the stack as they stand there."""

import uuid

import pytest

from infra.local.customer import UsageRecord
from infra.local.places import Home, Stack
from tests.e2e.callers import Callers, soon
from tests.e2e.subscribers import Subscriber
from tests.unit.docs.calls import Call, call_of
from tests.unit.docs.documents import DOCUMENTS, name_of
from tests.unit.docs.shell import commands_of

CALLS = [
    call_of(command)
    for document in DOCUMENTS
    for command in commands_of(name_of(document))
    if command.program == "curl"
]
FORM = "application/x-www-form-urlencoded"
"""What curl calls a body of `-d`."""


@pytest.fixture
def reader(home: Home, stack: Stack, callers: Callers) -> Subscriber:
    """Somebody on starter, with a paid invoice and a dozen exports."""
    reader = Subscriber(home, stack, callers, "starter")
    reader.pass_trial()
    reader.customer.report([UsageRecord(uuid.uuid4().hex, "exports", callers.now(), 12)])
    assert 12 == soon(lambda: callers.usage(reader.user_id)["exports"], lambda found: found == 12)
    return reader


def test_each_call_is_answered_as_it_is_shown(reader: Subscriber, callers: Callers) -> None:
    """With the status below it, or as done where none is shown; `ada` and `in_…` are theirs who read."""
    (invoice, *_) = reader.api.get("/invoices").json()["invoices"]
    assert [] == [said for call in CALLS if (said := unlike(call, reader, invoice["id"], callers))]


def unlike(call: Call, reader: Subscriber, invoice: str, callers: Callers) -> str:
    """Send a call as its reader would; return what is answered otherwise than it is shown, or nothing."""
    url = call.url.replace("in_1Sw…", invoice).replace("in_1Sx…", invoice)
    who = callers.service if call.headers["authorization"] == "Bearer $SERVICE_TOKEN" else reader.api
    headers = {name: value.rstrip("…") for name, value in call.headers.items() if name != "authorization"}
    if call.body is not None:
        headers["content-type"] = FORM
    body = call.body and call.body.replace('"ada"', f'"{reader.user_id}"')
    answer = who.request(call.method, url, headers=headers, content=body)
    shown = {status for status, _ in call.answers}
    is_as_shown = str(answer.status_code) in shown if shown else answer.is_success
    is_whole = '"rejected":[{' not in answer.text
    return "" if is_as_shown and is_whole else f"{call}: {answer.status_code} {answer.text}"
