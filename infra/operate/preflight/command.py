"""`tollkeeper preflight`: would a deploy succeed, and what is to be done where it would not?

It reads the environment of samconfig.toml that `sam deploy` would, and looks at the account. Nothing changes.
"""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import boto3
import click
import httpx

from infra.operate import options
from infra.operate.answers import Format, give
from infra.operate.checks import Check, Look, answer, looked_at
from infra.operate.exits import Exit
from infra.operate.preflight import account
from infra.operate.preflight.configured import Configured, fitting, tuned
from infra.template import KEY, ROOT, secret_parameter, written
from tollkeeper.catalogue import CatalogueError, load

BUILT = Path(".aws-sam") / "build" / "template.yaml"


@click.command()
@click.option("--config-env", default="default", show_default=True, help="As for `sam deploy`.")
@click.option(
    "--config-file",
    type=click.Path(path_type=Path),
    default=ROOT / "samconfig.toml",
    help="As for `sam deploy`: samconfig.toml, unless it is said.",
)
@options.form
def preflight(config_env: str, config_file: Path, form: Format) -> Exit:
    """Look before a deploy at its configuration, the account, Stripe's key and the issuer."""
    configured = Configured.read(config_file, config_env)
    boto3.setup_default_session(region_name=configured.region, profile_name=configured.profile)
    return give(answer([*checks(configured)], names_all=form is Format.TEXT), form)


def checks(configured: Configured) -> Iterator[Check]:
    """Look at all that a deploy needs. What the template refuses is not asked further."""
    template = written()
    parameters = template["Parameters"]
    first = [*fitting(configured, parameters)]
    yield from (each for each in first if not each.is_well)
    wrong = {each.what for each in first if not each.is_well}
    if not wrong:
        yield Check("configuration", f"{configured.stack_name}: {len(first)} values fit", is_well=True)
    yield from tuned(template["Mappings"]["Tuning"])
    yield _catalogue()
    is_built = (ROOT / BUILT).exists()
    yield Check("build", str(BUILT), is_built, "run `make build` first")

    def value(name: str) -> str:
        return configured.given.get(name, str(parameters[name].get("Default", "")))

    def concurrency() -> Iterator[Check]:
        functions = boto3.client("lambda")
        already = account.reserved_by(functions, configured.stack_name)
        yield from account.concurrency(functions, int(value("WebhookConcurrency")), already)

    def key() -> Iterator[Check]:
        stage, deployment = value("Stage"), value("Deployment") or configured.stack_name
        yield from account.key(boto3.client("ssm"), secret_parameter(stage, deployment, KEY), stage)

    looks: list[tuple[str, str, Look]] = [
        ("account", "", partial(account.bucket, configured)),
        ("account", "WebhookConcurrency", concurrency),
        ("stripe", "Stage", key),
        ("issuer", "TokenIssuer", lambda: account.issuer(httpx.Client(), value("TokenIssuer"))),
    ]
    for area, name, look in looks:
        if name not in wrong:
            yield from looked_at(area, look)


def _catalogue() -> Check:
    try:
        load()
    except CatalogueError as error:
        return Check("configuration", "the catalogue", is_well=False, found=str(error))
    return Check("configuration", "the catalogue", is_well=True)
