-- Files that are made anew so that a platform takes them. The result is a file of its own beside its original.
CREATE TABLE conversions (
    id           TEXT PRIMARY KEY,
    workspace_id TEXT NOT NULL REFERENCES workspaces (id),
    original_id  TEXT NOT NULL REFERENCES media (id),
    result_id    TEXT NOT NULL, -- chosen at the beginning; the file exists once it is done
    started_by   TEXT NOT NULL REFERENCES users (id),
    status       TEXT NOT NULL,
    recipe       TEXT NOT NULL,
    percent      BIGINT NOT NULL,
    failure      TEXT NOT NULL, -- JSON, empty without
    created_at   BIGINT NOT NULL,
    updated_at   BIGINT NOT NULL,
    CHECK (status IN ('queued', 'running', 'done', 'failed', 'cancelled'))
);
CREATE INDEX conversions_original ON conversions (original_id, id);
CREATE INDEX conversions_running ON conversions (workspace_id, id) WHERE status IN ('queued', 'running');
CREATE INDEX conversions_result ON conversions (result_id);
ALTER TABLE media ADD COLUMN original_id TEXT NOT NULL DEFAULT ''; -- what it was made of
