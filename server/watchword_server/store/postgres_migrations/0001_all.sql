-- Everything, as the SQLite schema has it, but for three things: an audit chain for each writer, the next
-- key's number in a row, and tables that part by the hash of what each statement knows of its rows.
CREATE TABLE keys (
  id           bigint           NOT NULL,
  -- Names sort by their bytes, here as in Python and SQLite.
  name         text COLLATE "C" NOT NULL,
  status       text             NOT NULL CHECK (status IN ('pending', 'active', 'retired', 'rotated')),
  -- The sealing key's number.
  seal         bigint           NOT NULL,
  secret       bytea            NOT NULL,
  kind         text             NOT NULL CHECK (kind IN ('totp', 'hotp', 'steam')),
  algorithm    text             NOT NULL,
  digits       integer          NOT NULL,
  period       integer          NOT NULL,
  issuer       text             NOT NULL,
  account      text             NOT NULL,
  "window"     integer          CHECK ("window" BETWEEN 0 AND 10),
  version      bigint           NOT NULL,
  created_at   double precision NOT NULL,
  confirmed_at double precision,
  expires_at   double precision,
  -- What a check may change; no index has any of it. -1: no step consumed yet.
  last_step    bigint           NOT NULL,
  consumed_at  double precision,
  failures     integer          NOT NULL,
  locked_until double precision NOT NULL,
  "offset"     bigint,
  drift        bigint           NOT NULL,
  PRIMARY KEY (name, id)
) PARTITION BY HASH (name);

CREATE UNIQUE INDEX one_active_key_per_name ON keys (name) WHERE status = 'active';
CREATE UNIQUE INDEX one_pending_key_per_name ON keys (name) WHERE status = 'pending';
CREATE INDEX keys_by_id ON keys (id);
CREATE INDEX pending_keys_by_expiry ON keys (expires_at) WHERE status = 'pending';

CREATE TABLE deleted_keys (
  name        text   NOT NULL,
  fingerprint bytea  NOT NULL,
  last_step   bigint NOT NULL,
  PRIMARY KEY (name, fingerprint)
) PARTITION BY HASH (name);

CREATE TABLE recovery_codes (
  key_id  bigint           NOT NULL,
  digest  bytea            NOT NULL,
  used_at double precision,
  PRIMARY KEY (key_id, digest)
) PARTITION BY HASH (key_id);

CREATE TABLE answers (
  digest      bytea            NOT NULL PRIMARY KEY,
  fingerprint bytea            NOT NULL,
  answer      bytea            NOT NULL,
  expires_at  double precision NOT NULL
) PARTITION BY HASH (digest);

CREATE INDEX answers_by_expiry ON answers (expires_at);

CREATE TABLE audit (
  chain integer NOT NULL,
  seq   bigint  NOT NULL,
  event text    NOT NULL,
  mac   text    NOT NULL,
  PRIMARY KEY (chain, seq)
) PARTITION BY HASH (chain);

-- The end of each chain, and who writes it until when (Unix seconds by the database's clock).
CREATE TABLE audit_head (
  chain      integer          NOT NULL PRIMARY KEY,
  seq        bigint           NOT NULL,
  mac        text             NOT NULL,
  at         double precision NOT NULL,
  holder     text             NOT NULL,
  held_until double precision NOT NULL
);

INSERT INTO audit_head (chain, seq, mac, at, holder, held_until) VALUES (0, 0, '', 0, '', 0);

CREATE TABLE tickets (
  digest     bytea            NOT NULL PRIMARY KEY,
  key_id     bigint           NOT NULL,
  expires_at double precision NOT NULL,
  used_at    double precision
);

CREATE INDEX tickets_by_key ON tickets (key_id);

CREATE TABLE tokens (
  digest       bytea            NOT NULL PRIMARY KEY,
  name         text             NOT NULL,
  scopes       text             NOT NULL,
  keys         text,
  rate_limit   integer,
  created_at   double precision NOT NULL,
  expires_at   double precision,
  replaced_at  double precision,
  revoked_at   double precision,
  last_used_at double precision,
  -- The order in which they were made.
  made         bigint           NOT NULL
);

CREATE UNIQUE INDEX one_active_token_per_name ON tokens (name)
  WHERE revoked_at IS NULL AND replaced_at IS NULL;

CREATE TABLE meta (
  name  text  NOT NULL PRIMARY KEY,
  value bytea NOT NULL
);

-- Not a sequence: a number goes with the transaction that takes it, and is sealed into the key.
CREATE TABLE key_numbers (
  id   integer NOT NULL PRIMARY KEY CHECK (id = 1),
  next bigint  NOT NULL
);

INSERT INTO key_numbers (id, next) VALUES (1, 1);
