"""Singer tap for the Oura ring."""
