"""Runs the Oura pipeline."""
