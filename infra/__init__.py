"""What has another life than the stack: Stripe's catalogue, the API's description, the local stack."""
