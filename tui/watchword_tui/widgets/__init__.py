"""The parts screens are made of, one a file."""
