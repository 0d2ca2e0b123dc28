"""Whether a deploy would succeed, looked at before: `tollkeeper preflight`."""
