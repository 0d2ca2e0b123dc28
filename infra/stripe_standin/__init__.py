"""A stand-in for Stripe, spoken to by the unmodified SDK; nothing in it knows the product it is used for.

`app` puts it together. A request passes `server` (who asks, what for, asked before?), then the file named by
Stripe's noun, and `server.expansion` on its way out. `account` holds the state, made of the SDK's own
classes. `subscriptions.billing_cycle` and `invoices.collection` are what Stripe does by itself, when `clocks`
finds it due; `events.deliveries` tells the world.
"""
