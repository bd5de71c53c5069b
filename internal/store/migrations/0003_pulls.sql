-- The secret addresses at which a platform fetches the photos of an attempt, one for each photo, and the ledger of what
-- it may have got. No byte leaves unless the attempt is past its commit; a closed address gives nothing any more.
CREATE TABLE pulls (
    token_hash   TEXT PRIMARY KEY, -- sha256 of the token in the address
    attempt_id   TEXT NOT NULL REFERENCES attempts (id),
    position     BIGINT NOT NULL, -- of the photo in the post
    media_id     TEXT NOT NULL REFERENCES media (id),
    last_byte_at BIGINT, -- written before the photo's last byte left for the first time
    closed_at    BIGINT -- from then on no last byte leaves
);
CREATE UNIQUE INDEX pulls_attempt ON pulls (attempt_id, position);
