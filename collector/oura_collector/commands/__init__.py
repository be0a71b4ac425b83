"""What an operator calls: the command line and the demo."""
