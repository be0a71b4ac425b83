"""What the tap knows of its own reading, as streams: days, failures, rejected documents."""
