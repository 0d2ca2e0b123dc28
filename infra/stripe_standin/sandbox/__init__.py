"""The stand-in's own endpoints, which Stripe does not have: everything under `/_sandbox/`."""
