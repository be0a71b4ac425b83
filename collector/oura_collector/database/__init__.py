"""The one PostgreSQL: reached, checked, migrated and locked."""
