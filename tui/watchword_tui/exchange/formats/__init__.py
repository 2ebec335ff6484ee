"""One module for each app whose files are read or written."""
