"""The validator: checks two-factor codes over HTTP, each accepted exactly once."""
