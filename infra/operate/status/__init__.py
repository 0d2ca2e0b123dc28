"""What comes in, what waits and what is wrong, of a stack that runs: `tollkeeper status`."""
