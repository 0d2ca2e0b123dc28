"""What keeps a table: restored to a point in time, brought to the present form, rid of a user."""
