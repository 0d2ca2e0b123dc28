"""Run the stand-in alone: `python -m infra.stripe_standin --port 12111`."""

import argparse

import uvicorn

from infra.stripe_standin.app import create_app
from infra.stripe_standin.clocks.sandbox_clock import SandboxClock
from infra.stripe_standin.server.loopback import listen


def main() -> None:
    """Serve on loopback until interrupted; port 0 takes a free one and prints it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="loopback port; 0 takes a free one")
    listener, url = listen(parser.parse_args().port)
    print(f"Stripe stand-in on {url}", flush=True)
    app = create_app(clock=SandboxClock(), public_url=url)
    uvicorn.Server(uvicorn.Config(app, log_level="warning")).run(sockets=[listener])


if __name__ == "__main__":
    main()
