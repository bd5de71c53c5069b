-- Words that people give to files, so that they find them again. Compared by tag_key, which has neither capitals nor accents.
CREATE TABLE media_tags (
    media_id     TEXT NOT NULL REFERENCES media (id),
    workspace_id TEXT NOT NULL REFERENCES workspaces (id),
    tag          TEXT NOT NULL, -- as it was written first
    tag_key      TEXT NOT NULL,
    created_at   BIGINT NOT NULL,
    PRIMARY KEY (media_id, tag_key)
);
CREATE INDEX media_tags_tag ON media_tags (workspace_id, tag_key, media_id);

-- The name of a file as it is searched.
ALTER TABLE media ADD COLUMN name_key TEXT NOT NULL DEFAULT '';
UPDATE media SET name_key = lower(file_name);
