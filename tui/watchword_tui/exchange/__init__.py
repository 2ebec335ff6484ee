"""Accounts from other apps' files, and into them."""
