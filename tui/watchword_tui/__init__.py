"""The authenticator: a terminal app and command line for two-factor codes."""
