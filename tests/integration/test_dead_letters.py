"""Dead letters of each queue come back, by the command or by SQS's own redrive, and are done this time."""

import io
import json
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any, cast

import boto3
import pytest
from moto import mock_aws

from infra.operate.dead_letters.command import Choice, Fate, Outcome, Told, choose, go_through
from infra.operate.dead_letters.letters import DeadLetterQueue
from infra.operate.dead_letters.stream import Announcer, Stream
from infra.operate.dead_letters.ways_back import Changes, StripeEvents, Usage
from tests.fakes.stripe_events import invoice
from tests.fakes.table import MemoryTable
from tests.fakes.tracker import tracker_of
from tests.ledger.tables import CREDENTIALS, create_table, template
from tollkeeper.announcements.dead_letters import StreamDeadLetters
from tollkeeper.catalogue import load
from tollkeeper.ledger import keys, rows
from tollkeeper.ledger.counting import Counting
from tollkeeper.ledger.dynamo import DynamoTable
from tollkeeper.ledger.patience import for_seconds
from tollkeeper.ledger.stream import RowChange
from tollkeeper.ledger.users import Users
from tollkeeper.rules.announcements import Announcement, Kind
from tollkeeper.rules.offers import Offer
from tollkeeper.rules.times import iso
from tollkeeper.stripe.events import StripeEvent
from tollkeeper.usage.batch import Message, Tracked
from tollkeeper.usage.messages import DeadLetter
from tollkeeper.usage.queue import DeadLetters

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_sqs import SQSClient

ACCEPTED = datetime.now(UTC).replace(microsecond=0) - timedelta(days=1)
LONG_AFTER = ACCEPTED + timedelta(days=15)
RECORD = {
    "id": "r1",
    "userId": "ada",
    "eventType": "apiCalls",
    "quantity": 2,
    "timestamp": iso(ACCEPTED - timedelta(days=30)),
}
UNKNOWN = "unknown_metric: …"


@pytest.fixture
def sqs() -> Iterator["SQSClient"]:
    """SQS as moto plays it."""
    with mock_aws():
        yield boto3.client("sqs", **CREDENTIALS)


@pytest.fixture
def urls(sqs: "SQSClient") -> tuple[str, str]:
    """A dead-letter queue and the queue its letters come from."""
    dead, alive = (sqs.create_queue(QueueName=name)["QueueUrl"] for name in ("dead", "alive"))
    return dead, alive


def bodies(sqs: "SQSClient", url: str) -> list[str]:
    """Return what stands on a queue."""
    found = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])
    return [message["Body"] for message in found]


def go(choice: Choice, reason: str, *, redrives: bool, told: list[Told] | None = None) -> Outcome:
    """Go through a queue's letters, and keep what is told of them."""
    kept: list[Told] = [] if told is None else told
    return go_through(choice, reason, kept.append, redrives=redrives)


def move(sqs: "SQSClient", dead: str, alive: str) -> None:
    """Do what SQS's own redrive does, which moto does not play: messages go over just as they are."""
    for message in sqs.receive_message(QueueUrl=dead, MaxNumberOfMessages=10, MessageAttributeNames=["All"])[
        "Messages"
    ]:
        attributes: Any = message.get("MessageAttributes", {})
        sqs.send_message(QueueUrl=alive, MessageBody=message["Body"], MessageAttributes=attributes)
        sqs.delete_message(QueueUrl=dead, ReceiptHandle=message["ReceiptHandle"])


class TestUsage:
    """Records that could not be counted."""

    @pytest.fixture
    def choice(self, sqs: "SQSClient", urls: tuple[str, str]) -> Choice:
        """The queue with its way back."""
        dead, alive = urls
        return Choice(DeadLetterQueue(sqs, dead), Usage(sqs, alive))

    def track(self, sqs: "SQSClient", body: str, dead: str) -> tuple[Tracked, MemoryTable]:
        """Count a message that was sent long after its records were accepted."""
        table, offer = MemoryTable(), Offer(load(), date(2000, 1, 1))
        tracker = tracker_of(table, Counting(table, offer), DeadLetters(sqs, dead), offer.catalogue.metrics)
        return tracker.track([Message("m", body, LONG_AFTER)], LONG_AFTER, for_seconds(5)), table

    @pytest.mark.parametrize("by_command", [True, False], ids=["the command", "SQS"])
    def test_a_redriven_record_counts_by_its_first_acceptance(
        self,
        sqs: "SQSClient",
        urls: tuple[str, str],
        choice: Choice,
        by_command: bool,  # noqa: FBT001 - a parameter of the table
    ) -> None:
        """Whoever redrives it: half a month later it is as old as it was, and counts in its own period."""
        dead, alive = urls
        DeadLetters(sqs, dead).send([DeadLetter(RECORD, UNKNOWN, ACCEPTED)])
        if by_command:
            assert Outcome(1, 1, 0) == go(choice, "", redrives=True)
        else:
            move(sqs, dead, alive)
        assert [] == bodies(sqs, dead)
        (body,) = bodies(sqs, alive)
        tracked, table = self.track(sqs, body, dead)
        assert {"apiCalls": 2} == tracked.counted
        (period,) = table.query(keys.user("ada"), "PERIOD#", "PERIOD$")
        month = (ACCEPTED - timedelta(days=30)).replace(day=1, hour=0, minute=0, second=0)
        assert month == rows.period(period).start

    def test_a_message_that_sqs_gave_up_goes_back_whole(
        self, sqs: "SQSClient", urls: tuple[str, str], choice: Choice
    ) -> None:
        """A direct sender's message names no acceptance: that is when SQS took it."""
        dead, alive = urls
        sqs.send_message(QueueUrl=dead, MessageBody=json.dumps({"records": [RECORD, RECORD]}))
        go(choice, "", redrives=True)
        body = json.loads(bodies(sqs, alive)[0])
        assert [RECORD, RECORD] == body["records"]
        age = datetime.now(UTC) - datetime.fromisoformat(str(body["acceptedAt"]))
        assert timedelta(0) <= age < timedelta(minutes=1)

    def test_nonsense_goes_back_as_it_is(
        self, sqs: "SQSClient", urls: tuple[str, str], choice: Choice
    ) -> None:
        """A code that reads it may have been deployed."""
        dead, alive = urls
        sqs.send_message(QueueUrl=dead, MessageBody="nonsense")
        go(choice, "", redrives=True)
        assert ["nonsense"] == bodies(sqs, alive)

    def test_letters_that_are_only_looked_at_stay(
        self, sqs: "SQSClient", urls: tuple[str, str], choice: Choice
    ) -> None:
        """They are shown with their reasons, and are there for the next reader, nonsense included."""
        dead, _ = urls
        sqs.send_message(QueueUrl=dead, MessageBody="nonsense")
        DeadLetters(sqs, dead).send([DeadLetter(RECORD, UNKNOWN, ACCEPTED)])
        for _ in range(2):
            told: list[Told] = []
            assert Outcome(2, 0, 0) == go(choice, "", redrives=False, told=told)
            nonsense, unknown = sorted(told, key=lambda each: each.what != "nonsense")
            assert ("the tracker failed on it again and again", "nonsense") == nonsense[1:3]
            assert (True, Fate.WAITING) == (unknown.reason.startswith("unknown_metric"), unknown.fate)
            assert "'userId': 'ada'" in unknown.what

    def test_a_reason_chooses_letters(self, sqs: "SQSClient", urls: tuple[str, str], choice: Choice) -> None:
        """Others stay where they are."""
        dead, alive = urls
        letters = [DeadLetter({"id": reason}, reason, ACCEPTED) for reason in (UNKNOWN, "id_conflict")]
        DeadLetters(sqs, dead).send(letters)
        assert Outcome(1, 1, 1) == go(choice, "id_conflict", redrives=True)
        assert [{"id": "id_conflict"}] == json.loads(bodies(sqs, alive)[0])["records"]
        assert [{"id": UNKNOWN}] == json.loads(bodies(sqs, dead)[0])["records"]

    def test_what_comes_back_at_once_is_tried_once(self, sqs: "SQSClient", urls: tuple[str, str]) -> None:
        """A cause that was not mended makes a new letter of each: the command ends all the same."""
        dead, _ = urls
        DeadLetters(sqs, dead).send([DeadLetter(RECORD, UNKNOWN, ACCEPTED)])
        straight_back = Choice(DeadLetterQueue(sqs, dead), Usage(sqs, dead))
        assert Outcome(1, 1, 0) == go(straight_back, "", redrives=True)
        assert 1 == len(bodies(sqs, dead))


class TestStripeEvents:
    """Events that could not be followed."""

    PAID = json.dumps(invoice("invoice.paid"))
    IN_ENVELOPE = json.dumps({"detail-type": "invoice.paid", "detail": invoice("invoice.paid")})

    @pytest.mark.parametrize("sent", [PAID, IN_ENVELOPE], ids=["webhook", "EventBridge"])
    def test_an_event_goes_back_as_stripe_sent_it(
        self, sqs: "SQSClient", urls: tuple[str, str], sent: str
    ) -> None:
        """As SQS's own redrive has it too; the list says which event it is."""
        dead, alive = urls
        choice = Choice(DeadLetterQueue(sqs, dead), StripeEvents(sqs, alive))
        told: list[Told] = []
        for redrive in (lambda: go(choice, "", redrives=True, told=told), lambda: move(sqs, dead, alive)):
            sqs.send_message(QueueUrl=dead, MessageBody=sent)
            redrive()
            assert [sent] == bodies(sqs, alive)
            assert [] == bodies(sqs, dead)
            assert "invoice.paid" == StripeEvent.read(sent).type
        assert [f"invoice.paid {invoice('invoice.paid')['id']}"] == [each.what for each in told]


class FakeLambda:
    """Lambda with the announcer in it: it keeps what it is called with, and fails as it is told."""

    def __init__(self) -> None:
        self.announced: list[Mapping[str, Any]] = []
        self.failures: list[dict[str, str]] = []
        self.error: str | None = None

    def invoke(self, *, FunctionName: str, Payload: bytes) -> dict[str, Any]:  # noqa: N803 - boto3's names
        """Call the announcer."""
        assert "announcer" == FunctionName
        if self.error:
            said: dict[str, Any] = {"errorMessage": self.error}
            return {"FunctionError": "Unhandled", "Payload": io.BytesIO(json.dumps(said).encode())}
        self.announced += json.loads(Payload)["Records"]
        answer = {"batchItemFailures": self.failures}
        return {"Payload": io.BytesIO(json.dumps(answer).encode())}


class TestChanges:
    """Changes of the table that could not be announced."""

    PAYMENTS = [  # noqa: RUF012 - nobody changes it
        Announcement.of(Kind.PAYMENT_FAILED, "ada", [f"in_{number}", "1"], at=ACCEPTED, detail={})
        for number in range(4)
    ]

    @pytest.fixture
    def function(self) -> FakeLambda:
        """The deployed announcer."""
        return FakeLambda()

    @pytest.fixture
    def choice(self, sqs: "SQSClient", urls: tuple[str, str], function: FakeLambda) -> Choice:
        """The queue with its way back, from a stream as moto plays it."""
        stream = Stream(boto3.client("dynamodbstreams", **CREDENTIALS))
        announcer = Announcer(cast("LambdaClient", function), "announcer")
        return Choice(DeadLetterQueue(sqs, urls[0]), Changes(stream, announcer))

    @pytest.fixture
    def written(self, sqs: "SQSClient") -> tuple[dict[str, Any], list[str]]:  # noqa: ARG002 - moto is on
        """Of four announcements, Lambda's letter about the two in the middle, and their keys."""
        client = boto3.client("dynamodb", **CREDENTIALS)
        create_table(client, "ledger")
        client.update_table(
            TableName="ledger",
            StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
        )
        for payment in self.PAYMENTS:
            Users(DynamoTable(client, "ledger")).announce([payment])
        streams = boto3.client("dynamodbstreams", **CREDENTIALS)
        arn = client.describe_table(TableName="ledger")["Table"]["LatestStreamArn"]
        (shard,) = streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"]
        iterator = streams.get_shard_iterator(
            StreamArn=arn, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
        )["ShardIterator"]
        found = streams.get_records(ShardIterator=iterator)["Records"]
        numbers = [each["dynamodb"]["SequenceNumber"] for each in found]
        letter = {
            "requestContext": {"condition": "RetryAttemptsExhausted"},
            "DDBStreamBatchInfo": {
                "shardId": shard["ShardId"],
                "startSequenceNumber": numbers[1],
                "endSequenceNumber": numbers[2],
                "batchSize": 2,
                "streamArn": arn,
            },
        }
        return letter, [each["dynamodb"]["Keys"]["sk"]["S"] for each in found[1:3]]

    def test_lambdas_letter_brings_the_changes_it_points_to(
        self,
        sqs: "SQSClient",
        urls: tuple[str, str],
        choice: Choice,
        function: FakeLambda,
        written: tuple[dict[str, Any], list[str]],
    ) -> None:
        """They are read from the stream, those alone, and handed over as Lambda does."""
        letter, expected = written
        sqs.send_message(QueueUrl=urls[0], MessageBody=json.dumps(letter))
        told: list[Told] = []
        assert Outcome(1, 1, 0) == go(choice, "", redrives=True, told=told)
        changes = [RowChange.read(each) for each in function.announced]
        assert expected == [each.key.sk for each in changes]
        assert [] == bodies(sqs, urls[0])
        assert told[0].what.startswith("2 changes from ")

    def test_what_the_stream_has_forgotten_stays_a_letter(
        self,
        sqs: "SQSClient",
        urls: tuple[str, str],
        choice: Choice,
        function: FakeLambda,
        written: tuple[dict[str, Any], list[str]],
    ) -> None:
        """It keeps a day; what is left of the letter says when that was."""
        letter, _ = written
        letter["DDBStreamBatchInfo"]["endSequenceNumber"] += "0"
        sqs.send_message(QueueUrl=urls[0], MessageBody=json.dumps(letter))
        told: list[Told] = []
        assert Outcome(1, 0, 0) == go(choice, "", redrives=True, told=told)
        assert [] == function.announced
        assert (Fate.STAYED, True) == (told[0].fate, "keeps changes for 24 hours" in str(told[0].because))
        assert 1 == len(bodies(sqs, urls[0]))

    def test_a_record_put_aside_is_announced_as_it_came(
        self, sqs: "SQSClient", urls: tuple[str, str], choice: Choice, function: FakeLambda
    ) -> None:
        """The letter is the record: the stream need not have it any more."""
        change = {"Keys": {"pk": {"S": "USER#ada"}}, "SequenceNumber": "7"}
        record = {"eventName": "INSERT", "dynamodb": change}
        assert StreamDeadLetters(sqs, urls[0]).put(record, "it cannot be read")
        assert Outcome(1, 1, 0) == go(choice, "cannot be read", redrives=True)
        assert [record] == function.announced
        assert [] == bodies(sqs, urls[0])

    @pytest.mark.parametrize(
        ("body", "error", "failures"),
        [
            ('{"dynamodb": {}}', "out of memory", []),
            ('{"dynamodb": {}}', None, [{"itemIdentifier": "7"}]),
            ("nonsense", None, []),
        ],
    )
    def test_what_could_not_be_announced_stays_a_letter(
        self,
        sqs: "SQSClient",
        urls: tuple[str, str],
        choice: Choice,
        function: FakeLambda,
        body: str,
        error: str | None,
        failures: list[dict[str, str]],
    ) -> None:
        """Whether the function failed, or a record, or there is none."""
        function.error, function.failures = error, failures
        sqs.send_message(QueueUrl=urls[0], MessageBody=body)
        assert Outcome(1, 0, 0) == go(choice, "", redrives=True)
        assert [body] == bodies(sqs, urls[0])


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("usage", {"UsageDeadLetterQueue", "UsageQueue"}),
        ("stripe", {"StripeEventDeadLetterQueue", "StripeEventQueue"}),
        ("stream", {"StreamDeadLetterQueue", "Announcer"}),
    ],
)
@pytest.mark.usefixtures("sqs")
def test_each_queue_is_found_by_its_name_in_the_template(name: str, expected: set[str]) -> None:
    """The command line names three; each has letters of its own."""
    asked: list[str] = []

    def resource(logical: str) -> str:
        asked.append(logical)
        return f"https://sqs.test/{logical}"

    choose(name, resource)
    assert expected == set(asked)
    assert expected <= template()["Resources"].keys()
