"""A direct charge on a connected account, from the clone to the last word of the bank."""
