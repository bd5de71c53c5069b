-- Whether viewers can still see a post, where the platform tells.
ALTER TABLE posts ADD COLUMN withdrawn_at BIGINT; -- since when they cannot; NULL while nothing else is known
ALTER TABLE posts ADD COLUMN visibility_at BIGINT; -- when the latest word about it was given

-- What was found when everything that can be known was tried ahead of the time of a post, without effect.
CREATE TABLE forecasts (
    post_id      TEXT PRIMARY KEY REFERENCES posts (id),
    workspace_id TEXT NOT NULL REFERENCES workspaces (id),
    version      BIGINT NOT NULL, -- of the post that was looked at
    light        TEXT NOT NULL,
    problems     TEXT NOT NULL,
    checked_at   BIGINT NOT NULL,
    next_at      BIGINT, -- when it is tried again; NULL for no more
    CHECK (light IN ('green', 'yellow', 'red'))
);
CREATE INDEX forecasts_workspace ON forecasts (workspace_id);
