"""Usage that could not be counted: look at it, and send it again once its cause is mended."""
