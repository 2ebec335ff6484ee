"""Where keys, their state and tokens are kept: one protocol, one module for each database."""
