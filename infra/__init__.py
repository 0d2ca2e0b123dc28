"""What is not shipped: the command, the local stack, Stripe's stand-in, an example host, makers of files."""
