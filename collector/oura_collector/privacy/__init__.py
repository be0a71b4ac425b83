"""A person's data: exported, erased, purged."""
