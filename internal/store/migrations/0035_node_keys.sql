-- Which key each process seals with: an old one can go when no process that runs seals with it.
ALTER TABLE nodes ADD COLUMN key_id BIGINT NOT NULL DEFAULT 0; -- 0: it has not said so
