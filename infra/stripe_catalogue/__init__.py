"""The catalogue file, carried over to Stripe: products, prices and meters.

`python -m infra.stripe_catalogue plan` says what would change, `apply` changes it; both can be repeated at
will.
"""
