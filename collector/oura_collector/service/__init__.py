"""The process that stays: when the next run is due, and what it says over HTTP."""
