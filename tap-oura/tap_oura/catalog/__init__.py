"""What Oura has: collections, their fields, and how values are made to fit them."""
