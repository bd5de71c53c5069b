-- Words with a colour that a workspace puts on its posts, to find them again.
CREATE TABLE labels (
    id           TEXT PRIMARY KEY,
    workspace_id TEXT NOT NULL REFERENCES workspaces (id),
    name         TEXT NOT NULL,
    colour       TEXT NOT NULL,
    created_at   BIGINT NOT NULL
);
CREATE INDEX labels_workspace ON labels (workspace_id);

CREATE TABLE post_labels (
    post_id  TEXT NOT NULL REFERENCES posts (id),
    label_id TEXT NOT NULL REFERENCES labels (id),
    PRIMARY KEY (post_id, label_id)
);
CREATE INDEX post_labels_label ON post_labels (label_id, post_id);

-- Compositions to begin with. What a creator has to answer for each post is never part of one.
CREATE TABLE templates (
    id           TEXT PRIMARY KEY,
    workspace_id TEXT NOT NULL REFERENCES workspaces (id),
    name         TEXT NOT NULL,
    caption      TEXT NOT NULL,
    options      TEXT NOT NULL,
    labels       TEXT NOT NULL,
    created_at   BIGINT NOT NULL,
    updated_at   BIGINT NOT NULL
);
CREATE UNIQUE INDEX templates_name ON templates (workspace_id, name);

-- The latest posts with a file, and other files of the same bytes.
DROP INDEX post_media_media;
CREATE INDEX post_media_media ON post_media (media_id, post_id);
CREATE INDEX media_same ON media (workspace_id, sha256) WHERE sha256 <> '';
