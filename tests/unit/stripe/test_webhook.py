"""The door that Stripe knocks at: what is let in, and what it costs to turn the rest away."""

import base64
import json
import logging
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, cast

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from hypothesis import given
from hypothesis import strategies as st
from stripe import WebhookSignature

from functions.stripe_webhook import app as function
from tests.fakes.sqs import FakeSqs
from tollkeeper.stripe.event_queue import StripeEventQueue
from tollkeeper.stripe.webhook import MOST_BYTES, receive

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
SECRET = "whsec_present"
PAYLOAD = '{"id": "evt_1", "object": "event", "data": {"name": "Zoë"}}'


class Queue:
    """A queue that keeps what it is given, or is out of order."""

    def __init__(self) -> None:
        self.kept: list[str] = []
        self.works = True

    def put(self, event: str) -> bool:
        """Keep an event."""
        if self.works:
            self.kept.append(event)
        return self.works


def signed(
    payload: str = PAYLOAD,
    secret: str = SECRET,
    at: datetime = NOW,
    name: str = "stripe-signature",
    *,
    in_base64: bool = False,
) -> dict[str, Any]:
    """A request as Lambda hands it over, signed by Stripe's own SDK."""
    header = WebhookSignature.generate_signature_header(payload, secret, int(at.timestamp()))
    body = base64.b64encode(payload.encode()).decode() if in_base64 else payload
    return {"headers": {name: header, "user-agent": "Stripe/1.0"}, "body": body, "isBase64Encoded": in_base64}


def answer(request: Mapping[str, Any], secrets: str = SECRET) -> tuple[HTTPStatus, list[str]]:
    """What is answered to a request, and what is queued of it."""
    queue = Queue()
    return status(request, queue, secrets), queue.kept


def status(request: Mapping[str, Any], queue: Queue, secrets: str = SECRET) -> HTTPStatus:
    """What is answered to a request at a queue."""
    return HTTPStatus(function.answer(receive(function.read(request), secrets, queue, NOW))["statusCode"])


@pytest.mark.parametrize(
    ("request_", "secrets"),
    [
        pytest.param(signed(), SECRET, id="raw body"),
        pytest.param(signed(in_base64=True), SECRET, id="body in base64"),
        pytest.param(signed(name="Stripe-Signature"), SECRET, id="header as Stripe writes it"),
        pytest.param(signed(name="STRIPE-SIGNATURE"), SECRET, id="header in capitals"),
        pytest.param(signed(), f"whsec_next,{SECRET}", id="a secret that is being rolled"),
        pytest.param(signed(secret="whsec_next"), f"{SECRET}, whsec_next\n", id="the secret it is rolled to"),
        pytest.param(signed(secret="whsec_thin"), f"{SECRET},whsec_thin", id="the thin events' own secret"),
        pytest.param(signed(at=NOW - timedelta(minutes=5)), SECRET, id="five minutes old"),
        pytest.param(signed(at=NOW + timedelta(minutes=5)), SECRET, id="five minutes ahead"),
    ],
)
def test_what_stripe_signed_is_queued_as_it_was_signed(request_: dict[str, Any], secrets: str) -> None:
    """200 is said once the event is safely queued."""
    assert (HTTPStatus.OK, [PAYLOAD]) == answer(request_, secrets)


def without(request: dict[str, Any], *names: str) -> dict[str, Any]:
    """The request without some of its parts."""
    return {name: value for name, value in request.items() if name not in names}


def with_header(header: str) -> dict[str, Any]:
    """The request with another signature."""
    return signed() | {"headers": {"stripe-signature": header}}


GOOD_HEADER = str(signed()["headers"]["stripe-signature"])


@pytest.mark.parametrize(
    "request_",
    [
        pytest.param(signed(secret="whsec_other"), id="another secret"),
        pytest.param(signed(secret=""), id="no secret"),
        pytest.param(signed(at=NOW - timedelta(minutes=5, seconds=1)), id="too old"),
        pytest.param(signed(at=NOW + timedelta(minutes=5, seconds=1)), id="from the future"),
        pytest.param(signed() | {"body": PAYLOAD[:-1]}, id="body truncated"),
        pytest.param(signed() | {"body": PAYLOAD + " "}, id="body longer"),
        pytest.param(signed() | {"body": ""}, id="body empty"),
        pytest.param(without(signed(), "body"), id="body missing"),
        pytest.param(signed() | {"body": None}, id="body null"),
        pytest.param(without(signed(), "headers"), id="headers missing"),
        pytest.param(signed() | {"headers": None}, id="headers null"),
        pytest.param(with_header(""), id="signature empty"),
        pytest.param(with_header(GOOD_HEADER[:-1]), id="signature truncated"),
        pytest.param(with_header(GOOD_HEADER.replace("v1=", "v0=")), id="signature of another scheme"),
        pytest.param(with_header(GOOD_HEADER.partition(",")[2]), id="time missing"),
        pytest.param(with_header(GOOD_HEADER + ",t=1"), id="two times"),
        pytest.param(with_header("t=٣,v1=é"), id="signature of other letters"),
        pytest.param(signed(in_base64=True) | {"isBase64Encoded": False}, id="base64 taken for text"),
        pytest.param(signed() | {"isBase64Encoded": True}, id="text taken for base64"),
        pytest.param(signed() | {"body": "/w==", "isBase64Encoded": True}, id="no UTF-8"),
        pytest.param(signed() | {"body": "YQ", "isBase64Encoded": True}, id="base64 without its end"),
        pytest.param(signed() | {"body": "\ud800"}, id="half a character"),
    ],
)
def test_what_stripe_did_not_sign_is_refused(request_: dict[str, Any]) -> None:
    """400, and nothing is queued."""
    assert (HTTPStatus.BAD_REQUEST, []) == answer(request_)


@pytest.mark.parametrize("secrets", ["", ",", f"{SECRET},", " , "])
def test_an_empty_secret_is_none(secrets: str) -> None:
    """A comma too many does not let anybody sign with nothing."""
    assert (HTTPStatus.BAD_REQUEST, []) == answer(signed(secret=""), secrets)


def test_a_signature_replayed_with_another_body_is_refused() -> None:
    """What somebody overheard serves for nothing else."""
    request = signed('{"id": "evt_2"}') | {"headers": signed()["headers"]}
    assert (HTTPStatus.BAD_REQUEST, []) == answer(request)


def test_an_event_replayed_is_queued_again() -> None:
    """Within five minutes it cannot be told from Stripe's own repetition, which does no harm."""
    queue = Queue()
    for _ in range(2):
        status(signed(), queue)
    assert [PAYLOAD, PAYLOAD] == queue.kept


@pytest.mark.parametrize("in_base64", [False, True])
@pytest.mark.parametrize("character", ["x", "é"])
def test_a_body_is_taken_up_to_so_many_bytes(character: str, in_base64: bool) -> None:  # noqa: FBT001 - a parameter of the table
    """The bytes of the body itself count, however it is handed over; 413 beyond, signed or not."""
    most = character * (MOST_BYTES // len(character.encode()))
    assert HTTPStatus.OK is answer(signed(most, in_base64=in_base64))[0]
    assert (HTTPStatus.REQUEST_ENTITY_TOO_LARGE, []) == answer(signed(most + "x", in_base64=in_base64))


def test_what_could_not_be_queued_is_asked_for_again() -> None:
    """503: Stripe repeats it for three days."""
    queue = Queue()
    queue.works = False
    assert HTTPStatus.SERVICE_UNAVAILABLE is status(signed(), queue)


def test_a_thousand_unsigned_requests_store_and_log_nothing(caplog: pytest.LogCaptureFixture) -> None:
    """A flood costs the computing of signatures, and no more."""
    queue = Queue()
    with caplog.at_level(logging.DEBUG):
        statuses = {status(signed(f'{{"id": "{number}"}}', "whsec_guess"), queue) for number in range(1_000)}
    assert ({HTTPStatus.BAD_REQUEST}, [], []) == (statuses, queue.kept, caplog.records)


@given(
    body=st.one_of(
        st.none(), st.text(max_size=40), st.binary(max_size=40).map(lambda b: base64.b64encode(b).decode())
    ),
    header=st.one_of(st.none(), st.text(max_size=40), st.just(GOOD_HEADER)),
    in_base64=st.booleans(),
)
def test_no_request_is_too_much(body: str | None, header: str | None, *, in_base64: bool) -> None:
    """Whatever comes without Stripe's signature is answered 400."""
    headers = {} if header is None else {"stripe-signature": header}
    assert (HTTPStatus.BAD_REQUEST, []) == answer(
        {"body": body, "headers": headers, "isBase64Encoded": in_base64}
    )


class Sqs:
    """SQS that takes what it is sent, or raises."""

    def __init__(self, error: Exception | None = None) -> None:
        self.sent: list[dict[str, str]] = []
        self._error = error

    def send_message(self, **message: str) -> None:
        """Take a message."""
        if self._error:
            raise self._error
        self.sent.append(message)


def test_the_queue_gets_the_event_as_one_message() -> None:
    """Its body is what Stripe wrote."""
    sqs = Sqs()
    assert StripeEventQueue(cast("SQSClient", sqs), "https://sqs.test/events").put(PAYLOAD)
    assert [{"QueueUrl": "https://sqs.test/events", "MessageBody": PAYLOAD}] == sqs.sent


@pytest.mark.parametrize("character", ["\ufffe", "\uffff"])
def test_an_event_may_hold_what_sqs_refuses(character: str) -> None:
    """It is queued as the same JSON, with the character escaped; Stripe would send it in vain for days."""
    sqs = FakeSqs()
    said = json.dumps({"note": character}, ensure_ascii=False)
    assert StripeEventQueue(cast("SQSClient", sqs), "https://sqs.test/events").put(said)
    assert [json.loads(said)] == [json.loads(body) for body in sqs.bodies]


def test_nothing_at_all_is_no_event() -> None:
    """400, though it is signed: SQS takes no empty message."""
    assert (HTTPStatus.BAD_REQUEST, []) == answer(signed(""))


@pytest.mark.parametrize(
    "error",
    [
        ClientError({"Error": {"Code": "ServiceUnavailable"}}, "SendMessage"),
        EndpointConnectionError(endpoint_url="https://sqs.test"),
    ],
)
def test_the_queue_says_when_sqs_does_not_take_it(error: Exception) -> None:
    """Refused or unreachable, it is the same to Stripe."""
    assert not StripeEventQueue(cast("SQSClient", Sqs(error)), "https://sqs.test/events").put(PAYLOAD)
