"""Meltano's state, which holds the bookmarks, as data."""
