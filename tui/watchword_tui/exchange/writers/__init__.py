"""Files for other apps, one module for each format."""
