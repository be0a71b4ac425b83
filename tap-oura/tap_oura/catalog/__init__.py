"""Oura's collections, their fields, and how values are fitted to them."""
