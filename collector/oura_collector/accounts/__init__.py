"""Whose data is collected, and their logins."""
