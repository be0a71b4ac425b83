"""Meltano as a process: its environment, its files and its result."""
