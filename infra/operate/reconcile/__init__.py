"""Whether what was billed is what was counted, of all that closed lately."""
