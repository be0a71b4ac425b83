"""A faithful fake of the Oura API v2."""
