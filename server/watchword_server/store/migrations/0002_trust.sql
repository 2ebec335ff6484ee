-- Sealed secrets, keys of every kind and status, recovery codes, enrolment, tokens that end, audit.
CREATE TABLE new_keys (
  id           INTEGER PRIMARY KEY AUTOINCREMENT,
  name         TEXT    NOT NULL,
  status       TEXT    NOT NULL CHECK (status IN ('pending', 'active', 'retired', 'rotated')),
  -- The sealing key's number; 0: not sealed yet, which the server mends before it answers anyone.
  seal         INTEGER NOT NULL,
  secret       BLOB    NOT NULL,
  kind         TEXT    NOT NULL CHECK (kind IN ('totp', 'hotp', 'steam')),
  algorithm    TEXT    NOT NULL,
  digits       INTEGER NOT NULL,
  period       INTEGER NOT NULL,
  issuer       TEXT    NOT NULL DEFAULT '',
  account      TEXT    NOT NULL DEFAULT '',
  window       INTEGER CHECK (window BETWEEN 0 AND 10),
  version      INTEGER NOT NULL DEFAULT 1,
  created_at   REAL    NOT NULL,
  confirmed_at REAL,
  expires_at   REAL,
  -- What a check may change. -1: no step consumed yet.
  last_step    INTEGER NOT NULL DEFAULT -1,
  consumed_at  REAL,
  failures     INTEGER NOT NULL DEFAULT 0,
  locked_until REAL    NOT NULL DEFAULT 0,
  offset       INTEGER,
  drift        INTEGER NOT NULL DEFAULT 0
) STRICT;

INSERT INTO new_keys (id, name, status, seal, secret, kind, algorithm, digits, period, created_at,
    confirmed_at, last_step, consumed_at, failures, locked_until)
  SELECT id, name, status, 0, secret, kind, algorithm, digits, period, created_at,
    created_at, last_step, consumed_at, failures, locked_until FROM keys;

DROP TABLE keys;

ALTER TABLE new_keys RENAME TO keys;

CREATE UNIQUE INDEX one_active_key_per_name ON keys (name) WHERE status = 'active';
CREATE UNIQUE INDEX one_pending_key_per_name ON keys (name) WHERE status = 'pending';
CREATE INDEX retired_keys ON keys (name) WHERE status = 'retired';
CREATE INDEX rotated_keys ON keys (name) WHERE status = 'rotated';
CREATE INDEX pending_keys_by_expiry ON keys (expires_at) WHERE status = 'pending';

-- What must be known of deleted keys, for a secret that comes back to bring no used code back.
CREATE TABLE deleted_keys (
  name        TEXT    NOT NULL,
  fingerprint BLOB    NOT NULL,
  last_step   INTEGER NOT NULL,
  PRIMARY KEY (name, fingerprint)
) STRICT, WITHOUT ROWID;

CREATE TABLE recovery_codes (
  key_id  INTEGER NOT NULL,
  digest  BLOB    NOT NULL,
  used_at REAL,
  PRIMARY KEY (key_id, digest)
) STRICT, WITHOUT ROWID;

CREATE TABLE tickets (
  digest     BLOB    NOT NULL PRIMARY KEY,
  key_id     INTEGER NOT NULL,
  expires_at REAL    NOT NULL,
  used_at    REAL
) STRICT, WITHOUT ROWID;

CREATE TABLE answers (
  digest      BLOB NOT NULL PRIMARY KEY,
  fingerprint BLOB NOT NULL,
  answer      BLOB NOT NULL,
  expires_at  REAL NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX answers_by_expiry ON answers (expires_at);

CREATE TABLE audit (
  seq   INTEGER PRIMARY KEY,
  event TEXT NOT NULL,
  mac   TEXT NOT NULL
) STRICT;

CREATE TABLE audit_head (
  id  INTEGER PRIMARY KEY CHECK (id = 1),
  seq INTEGER NOT NULL,
  mac TEXT    NOT NULL,
  at  REAL    NOT NULL
) STRICT;

INSERT INTO audit_head (id, seq, mac, at) VALUES (1, 0, '', 0);

CREATE TABLE meta (
  name  TEXT NOT NULL PRIMARY KEY,
  value BLOB NOT NULL
) STRICT, WITHOUT ROWID;

ALTER TABLE tokens ADD COLUMN expires_at REAL;
ALTER TABLE tokens ADD COLUMN replaced_at REAL;
ALTER TABLE tokens ADD COLUMN keys TEXT;
ALTER TABLE tokens ADD COLUMN rate_limit INTEGER;
ALTER TABLE tokens ADD COLUMN last_used_at REAL;

DROP INDEX one_active_token_per_name;

CREATE UNIQUE INDEX one_active_token_per_name ON tokens (name)
  WHERE revoked_at IS NULL AND replaced_at IS NULL;
