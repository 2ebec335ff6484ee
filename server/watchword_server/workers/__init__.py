"""Several processes that serve as one: `serve --workers N`.

The supervisor holds the address, starts the workers, each a fresh interpreter, and keeps them up. It
opens no database and answers no request, so there is little that could bring it down.
"""
