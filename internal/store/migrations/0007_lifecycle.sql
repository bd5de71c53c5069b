-- What becomes of data: how long files of posted posts stay, what is on its way out, and copies made for their owners.
ALTER TABLE workspaces ADD COLUMN keep_posted BIGINT NOT NULL DEFAULT 30; -- days after the last post; 0: until posted, -1: always
ALTER TABLE workspaces ADD COLUMN frozen_at BIGINT; -- nobody may enter from then on; NULL while it lives

-- An erasure that was asked for. After it was carried out the plan is empty, and nothing here names anybody.
CREATE TABLE erasures (
    id         TEXT PRIMARY KEY,
    what       TEXT NOT NULL,        -- person, workspace
    plan       TEXT NOT NULL,        -- JSON: the ids of what goes; empty once it is gone
    token_hash TEXT NOT NULL UNIQUE, -- sha256 of what the address of its page ends with
    asked_at   BIGINT NOT NULL,
    due_at     BIGINT NOT NULL,      -- until then it can be undone
    undone_at  BIGINT,
    erased_at  BIGINT,
    receipt    TEXT NOT NULL         -- JSON: counts
);
CREATE INDEX erasures_open ON erasures (due_at) WHERE undone_at IS NULL AND erased_at IS NULL;

CREATE TABLE exports (
    id           TEXT PRIMARY KEY,
    workspace_id TEXT NOT NULL REFERENCES workspaces (id),
    user_id      TEXT NOT NULL REFERENCES users (id), -- who asked, and alone may fetch it
    what         TEXT NOT NULL, -- workspace, person
    status       TEXT NOT NULL, -- waiting, ready, failed, gone
    done         BIGINT NOT NULL, -- bytes of files copied
    total        BIGINT NOT NULL, -- bytes of files to copy
    size         BIGINT NOT NULL, -- of the archive
    created_at   BIGINT NOT NULL,
    ready_at     BIGINT,
    expires_at   BIGINT NOT NULL,
    CHECK (status IN ('waiting', 'ready', 'failed', 'gone'))
);
CREATE INDEX exports_user ON exports (user_id, created_at);
CREATE INDEX exports_expiry ON exports (expires_at) WHERE status <> 'gone';
CREATE INDEX exports_workspace ON exports (workspace_id);

-- Entries that belong to no post are kept for a year; those of a post as long as the post.
CREATE INDEX journal_age ON journal (at) WHERE post_id = '';
CREATE INDEX journal_actor ON journal (actor_user) WHERE actor_user <> '';
