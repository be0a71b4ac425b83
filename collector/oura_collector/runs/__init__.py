"""A run from its start to its entry in the run log, and what is read from that log."""
