"""How AWS is called: by a client that gives up in time, and leaves the patience to the ledger."""

from botocore.config import Config

AWS = Config(
    max_pool_connections=32,
    connect_timeout=2,
    read_timeout=5,
    retries={"mode": "standard", "total_max_attempts": 3},
    # The types vouch for the parameters; botocore's own look at each takes a fifth of a transaction's time.
    parameter_validation=False,
    # As it stands. What botocore puts together for each request takes a twelfth of a transaction's time.
    user_agent="tollkeeper",
)
