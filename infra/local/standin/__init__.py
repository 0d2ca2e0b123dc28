"""A stand-in for Stripe, spoken to by the unmodified SDK; nothing in it knows the product it is used for.

`app` puts it together. A request passes `api` (who asks, asked before?), `forms` and `params` (what for?),
then one room named by Stripe's noun, and `expansion` on its way out. `account` holds the state, made of the
SDK's own classes by `shapes`. `billing_cycle`, `invoicing` and `collection` are what Stripe does by itself,
when `agenda` finds it due and `stops` moves the clock there; `deliveries` tells the world.
"""
