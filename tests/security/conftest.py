from server_fixtures import client, databases, each_store, server

__all__ = ["client", "databases", "each_store", "server"]
