"""What happens around every request: problems, bearer tokens, response headers."""
