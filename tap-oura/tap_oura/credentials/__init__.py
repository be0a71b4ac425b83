"""Credentials: where tokens are stored (`vault`), and how they are refreshed (`auth`)."""
