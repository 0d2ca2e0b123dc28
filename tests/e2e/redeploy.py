"""Deploys the running stack again, with a parameter changed: `python -m tests.e2e.redeploy NAME=value`."""

import sys

from infra.local.places import Home
from infra.local.stack import deploy_again

if __name__ == "__main__":
    name, _, value = sys.argv[1].partition("=")
    deploy_again(Home.chosen(), {name: value})
