"""Whether a stack is alive that was just deployed: `tollkeeper smoke`."""
