"""What could not be counted, followed or announced: look at it, and redrive it once its cause is mended."""
