"""The stack, brought up and taken down."""

import os
import subprocess
import sys
from urllib.parse import urlsplit

import stripe

from infra.local import aws, event_sources, issuer, permissions, routes, sam
from infra.local.console import step
from infra.local.deployed import DeployedTemplate
from infra.local.edition import AS_SHIPPED, Edition
from infra.local.errors import LocalError
from infra.local.places import ROOT, WEB_APPLICATION, Home, Stack
from infra.local.processes import free_port
from infra.local.product.pages import PRICING

SANDBOX_READY_SECONDS = 120.0
STRIPE_SECRET_KEY = "sk_test_local"  # noqa: S105 - the stand-in takes any test key


def up(home: Home, edition: Edition = AS_SHIPPED) -> Stack:
    """Bring the stack up, or find it up. If that fails, nothing is left running.

    Raises:
        LocalError: something did not start or deploy.
    """
    if home.running:
        stack = home.stack
        aws.enter(stack.awsEndpoint)
        return stack
    down(home)  # what an interrupted attempt may have left
    try:
        return _bring_up(home, edition)
    except BaseException:
        down(home)
        raise


def redeploy(home: Home, edition: Edition) -> Stack:
    """Deploy the working tree again onto the running stack: what it holds lives on.

    Raises:
        LocalError: no stack is running, or something did not deploy.
    """
    stack = home.stack
    aws.enter(stack.awsEndpoint)
    _deploy(home, edition, stack.stripe)
    return stack


def down(home: Home) -> None:
    """Stop the stack and forget its data. Logs and what was built stay."""
    home.example_host.stop()  # first: at its end it tells what it has counted
    try:
        if home.running:
            aws.enter(home.stack.awsEndpoint)
            home.functions_log.write_text("\n".join(aws.function_logs()))
    finally:
        home.retract()
        home.sandbox.stop()
        aws.stop(home)


def stripe_client(url: str) -> stripe.StripeClient:
    """The Stripe SDK, talking to the stand-in."""
    return stripe.StripeClient(STRIPE_SECRET_KEY, base_addresses={"api": url, "meter_events": url})


def _bring_up(home: Home, edition: Edition) -> Stack:
    with step("Start MiniStack, the AWS emulator"):
        endpoint = aws.start(home)
        aws.enter(endpoint)
    with step("Start the stand-in for Stripe, and the token issuer"):
        stripe_url = _start_sandbox(home)
    outputs = _deploy(home, edition, stripe_url)
    stack = Stack(
        api=f"{endpoint}/_aws/execute-api/{_first_label(outputs['ApiUrl'])}/$default",
        webhook=f"{endpoint}/_aws/lambda-url/{_first_label(outputs['WebhookUrl'])}/",
        stripe=stripe_url,
        issuer=issuer.url(stripe_url),
        userAudience=issuer.USER_AUDIENCE,
        serviceAudience=issuer.SERVICE_AUDIENCE,
        table=outputs["TableName"],
        usageQueue=outputs["UsageQueueUrl"],
        region=aws.REGION,
        awsEndpoint=endpoint,
    )
    with step("Tell Stripe where it may call, and store the secrets"):
        _apply_stripes_side(home, stripe_url, "--stack", sam.STACK_NAME, "--webhook", stack.webhook)
    home.announce(stack)
    return stack


def _deploy(home: Home, edition: Edition, stripe_url: str) -> dict[str, str]:
    """Do what a deployer does after an edit; return the stack's outputs."""
    with step("sam build"):
        sam.build(home, edition.catalogue)
    with step("Create products, prices and meters in Stripe"):
        _apply_stripes_side(home, stripe_url, "--without-stack")
    with step("sam deploy"):
        outputs = sam.deploy(home, {**_parameters(stripe_url), **edition.parameters})
    with step("Add what the emulator lacks: routes, authorizers, numbers, a permission"):
        template = DeployedTemplate.read(sam.STACK_NAME)
        routes.supply(template)
        event_sources.supply(template)
        permissions.supply(template.physical_ids("AWS::IAM::Role"))
    return outputs


def _start_sandbox(home: Home) -> str:
    """Start Stripe's stand-in and the token issuer; return their address once they answer."""
    issuer.create_key(home.signing_key)
    port = free_port()
    home.sandbox.start(
        [sys.executable, "-m", "infra.local.sandbox", str(port), str(home.signing_key.resolve())],
        environment=os.environ,
        cwd=ROOT,
    )
    address = f"http://127.0.0.1:{port}"
    home.sandbox.wait_until_ready(
        f"{issuer.url(address)}/.well-known/openid-configuration", seconds=SANDBOX_READY_SECONDS
    )
    return address


def _parameters(stripe_url: str) -> dict[str, str]:
    return {
        "Stage": "local",
        "TokenIssuer": issuer.url(stripe_url),
        "UserAudience": issuer.USER_AUDIENCE,
        "ServiceAudience": issuer.SERVICE_AUDIENCE,
        "AllowedOrigins": f"{WEB_APPLICATION},{stripe_url}",
        "UpgradeUrl": f"{stripe_url}{PRICING}",
        "StripeApiBase": stripe_url,
    }


def _first_label(url: str) -> str:
    """AWS names an API and a function URL by the first label of their host; MiniStack by a path segment."""
    return str(urlsplit(url).hostname).partition(".")[0]


def _apply_stripes_side(home: Home, stripe_url: str, *options: str) -> None:
    """Run the deployer's own command against the stand-in, with the catalogue that was built."""
    command = ["stripe", "apply", *options]
    result = subprocess.run(  # noqa: S603 - the command is ours
        [sys.executable, "-m", "infra.operate", *command],
        env=os.environ
        | {
            "PYTHONPATH": str(home.layer),
            "STRIPE_API_BASE": stripe_url,
            "STRIPE_SECRET_KEY": STRIPE_SECRET_KEY,
        },
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if result.returncode:
        raise LocalError(f"tollkeeper {' '.join(command)} failed:\n{result.stdout}{result.stderr}")
