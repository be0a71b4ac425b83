"""Oura's API: requests, rate limits and responses."""
