-- How the due time was reckoned, so that the wall clock can be kept when the rules of a zone change.
ALTER TABLE posts ADD COLUMN due_offset BIGINT NOT NULL DEFAULT 0;
ALTER TABLE posts ADD COLUMN due_rules TEXT NOT NULL DEFAULT ''; -- version of the zone database
-- When the watchdog found the post past its window without an end; NULL while it is not.
ALTER TABLE posts ADD COLUMN overdue_at BIGINT;
CREATE INDEX posts_overdue ON posts (overdue_at) WHERE overdue_at IS NOT NULL;
CREATE INDEX posts_unended ON posts (due_at, id) WHERE status IN ('queued', 'publishing') AND overdue_at IS NULL;
