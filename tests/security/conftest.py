from server_fixtures import client, server

__all__ = ["client", "server"]
