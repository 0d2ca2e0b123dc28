"""What must hold of queues, schedules and open addresses in template.yaml: what bounds the work."""

import json
import re
from collections.abc import Callable

import pytest

from functions.stripe_events.app import RESERVE_SECONDS
from infra.operate.preflight.configured import TUNED
from infra.template import ROOT
from tests.unit.template import resources, tuned, turned
from tollkeeper.queues import seconds_until_again
from tollkeeper.rules.metering import LONGEST_RUN
from tollkeeper.subscriptions.event_batch import SECONDS_FOR_A_CUSTOMER
from tollkeeper.subscriptions.event_workers import SECONDS_OF_SLOW_STRIPE, workers_for

DAY = 24 * 60 * 60


def receives_in_a_day(wait: Callable[[int], int]) -> int:
    """How often a message comes within a day that waits so many seconds after each receive."""
    receives, elapsed = 0, 0
    while elapsed < DAY:
        receives += 1
        elapsed += wait(receives)
    return receives


class TestSchedules:
    """What runs by the clock runs once."""

    def test_a_failed_run_is_not_repeated_beside_the_next(self) -> None:
        """Neither by the schedule nor by Lambda, which would try an asynchronous call twice more."""
        configured = {
            each["FunctionName"]["Ref"]: each["MaximumRetryAttempts"]
            for each in resources("AWS::Lambda::EventInvokeConfig").values()
        }
        scheduled = {
            each["Target"]["Arn"]["Fn::GetAtt"][0]: each["Target"]["RetryPolicy"]["MaximumRetryAttempts"]
            for each in resources("AWS::Scheduler::Schedule").values()
        }
        assert {"Reconciler": 0, "Reporter": 0, "Sweep": 0, "UsageMirror": 0} == configured == scheduled

    @pytest.mark.parametrize(
        ("function", "rate"),
        [("Reporter", "rate(15 minutes)"), ("Sweep", "rate(1 hour)"), ("UsageMirror", "rate(1 hour)")],
    )
    def test_what_was_stopped_is_tried_again_within_the_hour(self, function: str, rate: str) -> None:
        """A run that Stripe or DynamoDB stopped leaves the rest to the next one."""
        rates = {
            each["Target"]["Arn"]["Fn::GetAtt"][0]: each["ScheduleExpression"]
            for each in resources("AWS::Scheduler::Schedule").values()
        }
        assert rate == rates[function]

    def test_the_mirrors_run_ends_when_it_is_taken_to(self) -> None:
        """By that it is reckoned what Stripe may have forgotten."""
        assert LONGEST_RUN.total_seconds() >= resources("AWS::Lambda::Function")["UsageMirror"]["Timeout"]


class TestFloods:
    """Nobody can run up the bill of an address that is open to all."""

    def test_the_stage_is_throttled_and_open_routes_more(self) -> None:
        """A route without an authorizer takes a hundredth of what the API takes, or less."""
        (api,) = resources("AWS::ApiGatewayV2::Api").values()
        (stage,) = resources("AWS::ApiGatewayV2::Stage").values()
        everywhere = stage["DefaultRouteSettings"]
        assert (
            turned("ApiRequestsPerSecond")
            == everywhere["ThrottlingRateLimit"]
            == everywhere["ThrottlingBurstLimit"]
        )
        most = min(tuned("ApiRequestsPerSecond").values())
        open_routes = {
            f"{method.upper()} {path}"
            for path, operations in api["Body"]["paths"].items()
            for method, operation in operations.items()
            if "security" not in operation
        }
        assert open_routes == stage["RouteSettings"].keys()
        for settings in stage["RouteSettings"].values():
            assert most / 100 >= settings["ThrottlingRateLimit"] > 0
            assert most / 100 >= settings["ThrottlingBurstLimit"] > 0

    def test_the_access_log_names_no_user_and_no_secret(self) -> None:
        """A line of JSON for each request: its route, not its path, and nothing of its query or headers."""
        (stage,) = resources("AWS::ApiGatewayV2::Stage").values()
        settings = stage["AccessLogSettings"]
        assert {"Fn::GetAtt": ["AccessLogs", "Arn"]} == settings["DestinationArn"]
        told = json.loads(settings["Format"])
        assert "$context.routeKey" == told["route"]
        assert not re.search(r"path|query|header|claims|rawData|userAgent", settings["Format"], re.IGNORECASE)


class TestQueues:
    """Nothing good becomes a dead letter, and no dead letter lies there unseen."""

    def test_an_event_that_eventbridge_cannot_deliver_is_kept(self) -> None:
        """Beside the events that could not be followed, and EventBridge may put it there."""
        (rule,) = resources("AWS::Events::Rule").values()
        (target,) = rule["Targets"]
        arn = {"Fn::GetAtt": ["StripeEventDeadLetterQueue", "Arn"]}
        assert {"Arn": arn} == target["DeadLetterConfig"]
        allowed = [
            statement["Resource"]
            for policy in resources("AWS::SQS::QueuePolicy").values()
            for statement in policy["PolicyDocument"]["Statement"]
            if statement["Condition"]["ArnEquals"]["aws:SourceArn"]
            == {"Fn::GetAtt": ["StripeEventRule", "Arn"]}
        ]
        assert [{"Fn::GetAtt": ["StripeEventQueue", "Arn"]}, arn] == allowed

    @pytest.mark.parametrize("function", ["StripeEvents", "UsageTracker"])
    def test_a_message_stays_hidden_while_it_may_be_worked_on(self, function: str) -> None:
        """Six timeouts and the batching window, as Lambda asks for; over ten messages need a window."""
        source = resources("AWS::Lambda::EventSourceMapping")[f"{function}Queue"]
        queue = resources("AWS::SQS::Queue")[source["EventSourceArn"]["Fn::GetAtt"][0]]
        window = source.get("MaximumBatchingWindowInSeconds", 0)
        shortest = longest = window
        if isinstance(window, dict):
            shortest, longest = TUNED[window["Fn::FindInMap"][1]]
        timeout = resources("AWS::Lambda::Function")[function]["Timeout"]
        assert queue["VisibilityTimeout"] >= 6 * timeout + longest
        assert source["BatchSize"] <= 10 or shortest >= 1

    @pytest.mark.parametrize(
        ("case", "wait"),
        [
            ("the tracker slows it down", seconds_until_again),
            (
                "others take the tracker's time",
                lambda receives: 55 + seconds_until_again(receives, begun=False),
            ),
            ("nobody can slow it down", lambda _: 420),
        ],
    )
    def test_an_outage_of_a_day_makes_no_dead_letters(self, case: str, wait: Callable[[int], int]) -> None:
        """However a message comes again meanwhile, SQS does not give it up. The template has the sums."""
        queue = resources("AWS::SQS::Queue")["UsageQueue"]
        assert 420 == queue["VisibilityTimeout"]
        assert receives_in_a_day(wait) < queue["RedrivePolicy"]["maxReceiveCount"] / 2, case

    @pytest.mark.parametrize(
        ("case", "wait"),
        [
            ("the function slows it down", seconds_until_again),
            (
                "others take the function's time",
                lambda receives: 75 + seconds_until_again(receives, begun=False),
            ),
            ("nobody can slow it down", lambda _: 726),
        ],
    )
    def test_a_day_without_stripe_makes_no_dead_letters(self, case: str, wait: Callable[[int], int]) -> None:
        """Nor does a day on which it is merely slow."""
        queue = resources("AWS::SQS::Queue")["StripeEventQueue"]
        assert 726 == queue["VisibilityTimeout"]
        assert receives_in_a_day(wait) < queue["RedrivePolicy"]["maxReceiveCount"] / 2, case

    def test_a_full_batch_of_stripes_events_is_followed_in_time(self) -> None:
        """Each event of another customer, at the usual pace; time is kept for the last customers begun."""
        calls = tuned("StripeCallsPerSecond")["prod"] / tuned("StripeEventConcurrency")["prod"]
        source = resources("AWS::Lambda::EventSourceMapping")["StripeEventsQueue"]
        assert {"MaximumConcurrency": turned("StripeEventConcurrency")} == source["ScalingConfig"]
        timeout = resources("AWS::Lambda::Function")["StripeEvents"]["Timeout"]
        begun = timeout - RESERVE_SECONDS - SECONDS_FOR_A_CUSTOMER
        assert source["BatchSize"] / calls + SECONDS_OF_SLOW_STRIPE < begun
        # However few calls are allowed, waiting for one's turn is a small part of what a customer may take.
        fewest = TUNED["StripeCallsPerSecond"][0] / TUNED["StripeEventConcurrency"][1]
        assert workers_for(fewest) / fewest < SECONDS_FOR_A_CUSTOMER / 8

    def test_who_follows_stripes_events_keeps_to_its_limits(self) -> None:
        """Together they leave something of the 25 calls a second that Stripe takes of an endpoint."""
        assert 25 * 0.8 >= max(tuned("StripeCallsPerSecond").values())
        variables = resources("AWS::Lambda::Function")["StripeEvents"]["Environment"]["Variables"]
        assert turned("StripeCallsPerSecond") == variables["STRIPE_CALLS_PER_SECOND"]
        assert turned("StripeEventConcurrency") == variables["STRIPE_EVENT_CONCURRENCY"]

    def test_the_figures_in_the_comment_are_these(self) -> None:
        """What the comment above the queue says, computed."""
        comment = (ROOT / "template.yaml").read_text()
        assert f"{receives_in_a_day(seconds_until_again)} receives" in comment
        assert f"{DAY // 420 + 1} receives" in comment
        assert f"{1_000 * 420 / DAY:.1f} days"[:3] in comment

    def test_the_trackers_window_and_concurrency_are_turned_by_stage(self) -> None:
        """Traffic decides them, and each is bounded by what SQS and Lambda take."""
        source = resources("AWS::Lambda::EventSourceMapping")["UsageTrackerQueue"]
        assert {"MaximumConcurrency": turned("UsageTrackerConcurrency")} == source["ScalingConfig"]
        assert turned("UsageBatchingWindow") == source["MaximumBatchingWindowInSeconds"]
        assert (2, 1) == (TUNED["UsageTrackerConcurrency"][0], TUNED["UsageBatchingWindow"][0])
