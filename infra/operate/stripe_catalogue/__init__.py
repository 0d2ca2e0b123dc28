"""The catalogue file, carried over to Stripe: products, prices and meters.

`make stripe-plan` says what would change, `make stripe-apply` changes it; both can be repeated at will.
`python -m infra.operate.stripe_catalogue destinations` has Stripe send its events to the webhook, and prints
the signing secrets.
"""
