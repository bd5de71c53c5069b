-- A file is recognised by its size and samples of it before all of it is read: see package media.
ALTER TABLE media ADD COLUMN received_size BIGINT NOT NULL DEFAULT 0;
ALTER TABLE media ADD COLUMN fingerprint TEXT NOT NULL DEFAULT '';
CREATE INDEX media_fingerprint ON media (workspace_id, fingerprint) WHERE fingerprint <> '' AND deleted_at IS NULL;
UPDATE media SET received_size = size;

-- The creator's picture as we keep it, and when it was last asked for.
ALTER TABLE accounts ADD COLUMN avatar TEXT NOT NULL DEFAULT ''; -- hash of the picture; empty without
ALTER TABLE accounts ADD COLUMN avatar_at BIGINT;

-- How much an account is used.
CREATE INDEX posts_account_sent ON posts (account_id, committed_at) WHERE committed_at IS NOT NULL;
