-- Administrators of the server, who are no users, with sessions of their own; and passkeys of both.
CREATE TABLE administrators (
    id          TEXT PRIMARY KEY,
    name        TEXT NOT NULL,
    created_at  BIGINT NOT NULL,
    disabled_at BIGINT
);

CREATE TABLE admin_sessions (
    token_hash TEXT PRIMARY KEY, -- sha256 of the cookie's value
    admin_id   TEXT NOT NULL REFERENCES administrators (id),
    network    TEXT NOT NULL,
    browser    TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    seen_at    BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);

CREATE TABLE passkeys (
    id         TEXT PRIMARY KEY,
    owner      TEXT NOT NULL,        -- id of a user or of an administrator
    credential TEXT NOT NULL UNIQUE, -- the credential's id, base64
    name       TEXT NOT NULL,
    record     TEXT NOT NULL,        -- JSON: public key, counter, flags
    created_at BIGINT NOT NULL,
    used_at    BIGINT
);
CREATE INDEX passkeys_owner ON passkeys (owner);

-- What was asked of an authenticator and is not answered yet.
CREATE TABLE ceremonies (
    token_hash TEXT PRIMARY KEY,
    purpose    TEXT NOT NULL,
    owner      TEXT NOT NULL, -- '' when somebody signs in
    challenge  TEXT NOT NULL, -- JSON
    expires_at BIGINT NOT NULL
);

-- What was ended while a node worked on it, until the node has stopped.
CREATE INDEX attempts_cut ON attempts (owner) WHERE state = 'dead' AND guarded_at IS NULL AND stop_asked_at IS NOT NULL AND stop_told_at IS NULL;
