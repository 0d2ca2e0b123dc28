"""The whole system on one machine: the real template in an AWS emulator, and stand-ins for Stripe and OIDC.

`up` writes where everything is to `stack.json`, `down` stops it, `demo` bills a customer on a stack of its
own. Nothing here ships, and nothing the functions do depends on it.
"""
