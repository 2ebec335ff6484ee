CREATE TABLE keys (
  id           INTEGER PRIMARY KEY AUTOINCREMENT,
  name         TEXT    NOT NULL,
  status       TEXT    NOT NULL CHECK (status IN ('active', 'retired')),
  secret       BLOB    NOT NULL,
  kind         TEXT    NOT NULL CHECK (kind IN ('totp', 'steam')),
  algorithm    TEXT    NOT NULL,
  digits       INTEGER NOT NULL,
  period       INTEGER NOT NULL,
  created_at   REAL    NOT NULL,
  -- What a check may change. -1: no step consumed yet.
  last_step    INTEGER NOT NULL DEFAULT -1,
  consumed_at  REAL,
  failures     INTEGER NOT NULL DEFAULT 0,
  locked_until REAL    NOT NULL DEFAULT 0
) STRICT;

CREATE UNIQUE INDEX one_active_key_per_name ON keys (name) WHERE status = 'active';

CREATE TABLE tokens (
  id         INTEGER PRIMARY KEY AUTOINCREMENT,
  name       TEXT NOT NULL,
  digest     BLOB NOT NULL UNIQUE,
  scopes     TEXT NOT NULL,
  created_at REAL NOT NULL,
  revoked_at REAL
) STRICT;

CREATE UNIQUE INDEX one_active_token_per_name ON tokens (name) WHERE revoked_at IS NULL;
