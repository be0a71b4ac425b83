"""Credentials that survive: where tokens live (`vault`), and how they are renewed (`auth`)."""
