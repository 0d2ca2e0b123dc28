"""What is sold: products, prices, coupons and promotion codes."""
