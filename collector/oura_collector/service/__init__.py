"""The long-running process: the schedule, and health and metrics over HTTP."""
