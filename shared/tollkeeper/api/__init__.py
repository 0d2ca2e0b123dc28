"""The HTTP API: who calls, what they ask, how they are answered. HTTP stands here and in functions/."""
