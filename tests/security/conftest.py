from server_fixtures import client, each_store, server

__all__ = ["client", "each_store", "server"]
