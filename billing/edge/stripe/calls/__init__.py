"""The requests of each kind of item, as values: functions from an item to one call."""
