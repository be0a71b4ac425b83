"""The names of the collections that are read by default: the labels that metrics start with.

The collector may not lean on the tap, which lives in an environment of its own; a test compares the two.
"""

COLLECTIONS = (
    "daily_activity daily_cardiovascular_age daily_readiness daily_resilience daily_sleep daily_spo2 daily_stress "
    "enhanced_tag heartrate personal_info rest_mode_period ring_battery_level ring_configuration session sleep "
    "sleep_time vo2_max workout"
).split()
DEPRECATED = "tag"
"""Only when asked for by name."""

EVERY_COLLECTION = "*"
"""Stands for all collections of an account of which nothing can be read."""
