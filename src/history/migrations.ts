/**
 * The schema, oldest first; a database at `user_version` N has had the first N. What was released is never
 * edited: a change is a new entry at the end.
 */
export const migrations: readonly string[] = [
  `
  CREATE TABLE revisions (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    first_seen INTEGER NOT NULL,
    problems INTEGER NOT NULL,
    non_fast_forward_from TEXT
  ) STRICT;

  CREATE TABLE deployments (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    app TEXT NOT NULL,
    spec_hash TEXT NOT NULL,
    image_id TEXT,
    revision TEXT NOT NULL,
    cause TEXT NOT NULL,
    started_at INTEGER NOT NULL,
    phase TEXT NOT NULL,
    finished_at INTEGER,
    result TEXT,
    reason TEXT,
    message TEXT
  ) STRICT;
  CREATE INDEX deployments_of_app ON deployments (app, seq);
  CREATE INDEX deployments_unfinished ON deployments (id) WHERE finished_at IS NULL;

  CREATE TABLE steps (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    app TEXT NOT NULL,
    deployment TEXT REFERENCES deployments (id) ON DELETE CASCADE,
    kind TEXT NOT NULL,
    object TEXT NOT NULL,
    reason TEXT NOT NULL,
    started_at INTEGER NOT NULL,
    ended_at INTEGER,
    outcome TEXT,
    error TEXT
  ) STRICT;
  CREATE INDEX steps_of_deployment ON steps (deployment, id);
  CREATE INDEX steps_unfinished ON steps (id) WHERE ended_at IS NULL;

  CREATE TABLE evidence (
    deployment TEXT NOT NULL REFERENCES deployments (id) ON DELETE CASCADE,
    container TEXT NOT NULL,
    evidence TEXT NOT NULL,
    PRIMARY KEY (deployment, container)
  ) STRICT;

  CREATE TABLE events (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    first_at INTEGER NOT NULL,
    at INTEGER NOT NULL,
    app TEXT NOT NULL,
    type TEXT NOT NULL,
    reason TEXT NOT NULL,
    message TEXT NOT NULL,
    count INTEGER NOT NULL
  ) STRICT;
  CREATE INDEX events_of_app ON events (app, id);
  CREATE INDEX events_by_time ON events (at);

  CREATE TABLE app_memory (
    app TEXT PRIMARY KEY,
    memory TEXT NOT NULL
  ) STRICT;

  CREATE TABLE releases (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    app TEXT NOT NULL,
    revision TEXT NOT NULL,
    spec_hash TEXT NOT NULL,
    at INTEGER NOT NULL,
    release TEXT NOT NULL,
    UNIQUE (app, revision, spec_hash)
  ) STRICT;

  CREATE TABLE containers (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    app TEXT NOT NULL,
    unrouted_since INTEGER
  ) STRICT;

  CREATE TABLE approvals (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    kind TEXT NOT NULL CHECK (kind IN ('rollout', 'removal', 'prune')),
    subject TEXT NOT NULL,
    app TEXT NOT NULL,
    actor TEXT NOT NULL,
    at INTEGER NOT NULL
  ) STRICT;

  CREATE TABLE conditions (
    app TEXT NOT NULL,
    type TEXT NOT NULL,
    status TEXT NOT NULL,
    since INTEGER NOT NULL,
    PRIMARY KEY (app, type)
  ) STRICT;
  `,
  `
  CREATE TABLE deliveries (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    provider TEXT NOT NULL,
    delivery TEXT NOT NULL,
    event TEXT NOT NULL,
    repository TEXT NOT NULL,
    ref TEXT NOT NULL,
    commit_id TEXT NOT NULL,
    address TEXT NOT NULL,
    received_at INTEGER NOT NULL,
    outcome TEXT NOT NULL,
    reason TEXT NOT NULL,
    look INTEGER,
    revision TEXT,
    count INTEGER NOT NULL,
    UNIQUE (provider, delivery)
  ) STRICT;
  CREATE INDEX deliveries_by_time ON deliveries (received_at);
  CREATE INDEX deliveries_unanswered ON deliveries (id) WHERE outcome = 'accepted' AND reason = '';

  CREATE TABLE tokens (
    name TEXT PRIMARY KEY,
    hash TEXT NOT NULL UNIQUE,
    scopes TEXT NOT NULL,
    project TEXT,
    selector TEXT,
    created_by TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER,
    last_used_at INTEGER,
    revoked_at INTEGER
  ) STRICT;

  CREATE TABLE audit (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    at INTEGER NOT NULL,
    actor TEXT NOT NULL,
    via TEXT NOT NULL,
    address TEXT NOT NULL,
    verb TEXT NOT NULL,
    object TEXT NOT NULL,
    outcome TEXT NOT NULL,
    detail TEXT NOT NULL,
    request TEXT NOT NULL,
    count INTEGER NOT NULL
  ) STRICT;
  CREATE INDEX audit_by_time ON audit (at);
  `,
];
