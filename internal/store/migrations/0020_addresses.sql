-- Mail addresses of people who sign in, and what they want to be told.
CREATE TABLE addresses (
    user_id       TEXT PRIMARY KEY REFERENCES users (id),
    mail          TEXT NOT NULL,   -- confirmed; '' while none is
    pending       TEXT NOT NULL,   -- waits to be confirmed; '' for none
    code_hash     TEXT NOT NULL,   -- sha256 of what was mailed to the pending one
    pending_until BIGINT,
    leave_hash    TEXT NOT NULL,   -- sha256 of what the link in each mail ends with
    leave_token   TEXT NOT NULL,   -- the same, sealed: each mail repeats it
    trouble       BIGINT NOT NULL, -- 1: posts that failed, were missed or need somebody
    posted        BIGINT NOT NULL, -- 1: posts that went out
    confirmed_at  BIGINT
);
CREATE UNIQUE INDEX addresses_code ON addresses (code_hash) WHERE code_hash <> '';
CREATE UNIQUE INDEX addresses_leave ON addresses (leave_hash) WHERE leave_hash <> '';

-- What people are to be told of their posts: written beside the journal, gone when a mail was made of it.
CREATE TABLE tidings (
    entry_id     TEXT NOT NULL, -- of the journal
    user_id      TEXT NOT NULL,
    workspace_id TEXT NOT NULL,
    post_id      TEXT NOT NULL,
    kind         TEXT NOT NULL,
    at           BIGINT NOT NULL,
    PRIMARY KEY (user_id, entry_id)
);
CREATE INDEX tidings_at ON tidings (at);

-- Whom a letter concerns, so that it goes with them.
ALTER TABLE letters ADD COLUMN user_id TEXT NOT NULL DEFAULT '';
UPDATE letters SET user_id = COALESCE((SELECT i.user_id FROM inquiries i WHERE i.id = letters.inquiry_id), '');
CREATE INDEX letters_user ON letters (user_id, created_at) WHERE user_id <> '';
