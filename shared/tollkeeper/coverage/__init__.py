"""What hosts tell of their requests: kept by process and hour, and shown."""
