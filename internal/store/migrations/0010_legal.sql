-- Who has read which version of the privacy policy and the terms.
CREATE TABLE acknowledgements (
    user_id  TEXT NOT NULL REFERENCES users (id),
    document TEXT NOT NULL,
    version  TEXT NOT NULL, -- its day
    at       BIGINT NOT NULL,
    PRIMARY KEY (user_id, document, version)
);
