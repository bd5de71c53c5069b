-- Mail that is to be sent. What a letter says is sealed, and goes as soon as it was sent.
CREATE TABLE letters (
    id         TEXT PRIMARY KEY,
    once       TEXT NOT NULL UNIQUE, -- what caused it: a cause has one letter
    kind       TEXT NOT NULL,
    inquiry_id TEXT NOT NULL,        -- whom it concerns
    content    TEXT NOT NULL,        -- sealed: recipient, subject, text; '' when it is no longer needed
    status     TEXT NOT NULL,
    failure    TEXT NOT NULL,        -- why the latest try failed, without an address
    tries      BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    ended_at   BIGINT,               -- when it was sent or given up
    CHECK (status IN ('waiting', 'sent', 'given_up'))
);
CREATE INDEX letters_open ON letters (status, created_at) WHERE status <> 'sent';
CREATE INDEX letters_inquiry ON letters (inquiry_id);
