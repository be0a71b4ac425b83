"""Oura's API: requests, their limits and their answers."""
