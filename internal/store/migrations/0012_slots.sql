-- The recurring times of an account's queue: each week, by the wall clock of a zone.
CREATE TABLE slots (
    id           TEXT PRIMARY KEY,
    workspace_id TEXT NOT NULL REFERENCES workspaces (id),
    account_id   TEXT NOT NULL REFERENCES accounts (id),
    weekday      BIGINT NOT NULL, -- 0 is Sunday
    clock        TEXT NOT NULL,   -- "18:00"
    zone         TEXT NOT NULL,
    created_at   BIGINT NOT NULL,
    CHECK (weekday BETWEEN 0 AND 6)
);
CREATE UNIQUE INDEX slots_account ON slots (account_id, weekday, clock, zone);
CREATE INDEX slots_workspace ON slots (workspace_id);

-- Text that is used again: captions to begin with, and sets of hashtags.
CREATE TABLE snippets (
    id           TEXT PRIMARY KEY,
    workspace_id TEXT NOT NULL REFERENCES workspaces (id),
    kind         TEXT NOT NULL,
    name         TEXT NOT NULL,
    text         TEXT NOT NULL,
    created_at   BIGINT NOT NULL
);
CREATE UNIQUE INDEX snippets_name ON snippets (workspace_id, kind, name);
