-- Questions and requests to whoever runs the server, each to be answered within 30 days.
CREATE TABLE inquiries (
    id          TEXT PRIMARY KEY,
    token_hash  TEXT NOT NULL UNIQUE, -- sha256 of what the address of its page ends with
    kind        TEXT NOT NULL,
    user_id     TEXT NOT NULL,        -- '' while nobody has signed in for it
    name        TEXT NOT NULL,
    mail        TEXT NOT NULL,
    message     TEXT NOT NULL,
    code_hash   TEXT NOT NULL,        -- sha256 of the code that was sent to the address; '' for none
    proof       TEXT NOT NULL,
    proof_note  TEXT NOT NULL,
    status      TEXT NOT NULL,        -- open, answered, refused, withdrawn
    answer      TEXT NOT NULL,
    asked_at    BIGINT NOT NULL,
    due_at      BIGINT NOT NULL,
    reminded    BIGINT NOT NULL,      -- how many reminders the operator got
    answered_at BIGINT,
    CHECK (status IN ('open', 'answered', 'refused', 'withdrawn'))
);
CREATE INDEX inquiries_open ON inquiries (due_at) WHERE status = 'open';
CREATE INDEX inquiries_user ON inquiries (user_id) WHERE user_id <> '';
CREATE INDEX inquiries_asked ON inquiries (asked_at);
