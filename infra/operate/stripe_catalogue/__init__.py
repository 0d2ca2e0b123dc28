"""The catalogue file, carried over to Stripe: products, prices and meters.

`make stripe-plan` says what would change, `make stripe-apply` changes it; both can be repeated at will.
"""
