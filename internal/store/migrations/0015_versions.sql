-- What a post was, each time somebody changed it.
CREATE TABLE post_versions (
    post_id   TEXT NOT NULL REFERENCES posts (id),
    version   BIGINT NOT NULL,
    user_id   TEXT NOT NULL,
    key_id    TEXT NOT NULL, -- of a program; '' for a person
    at        BIGINT NOT NULL,
    status    TEXT NOT NULL,
    media     TEXT NOT NULL,
    caption   TEXT NOT NULL,
    options   TEXT NOT NULL,
    due_local TEXT NOT NULL,
    due_zone  TEXT NOT NULL,
    due_fold  TEXT NOT NULL,
    PRIMARY KEY (post_id, version)
);
