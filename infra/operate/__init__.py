"""What a deployer and an operator run: the command `tollkeeper` (docs/operating.md)."""
