"""The catalogue file carried over to Stripe, and Stripe tied to a stack: `tollkeeper stripe`."""
