"""What a deployer runs: the catalogue at Stripe, dead letters, the sweep."""
