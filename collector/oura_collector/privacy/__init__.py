"""What is held of a person: exported, erased, purged."""
