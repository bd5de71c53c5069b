-- How administrators get in without a passkey: by whose sign-in they are known, and what shows besides that it is them.
CREATE TABLE admin_fallbacks (
    admin_id      TEXT PRIMARY KEY REFERENCES administrators (id),
    user_id       TEXT NOT NULL UNIQUE REFERENCES users (id), -- who they are when they sign in to the product
    seed          TEXT NOT NULL,   -- of their authenticator app, sealed; '' for none
    used_step     BIGINT NOT NULL, -- the latest step of time whose code was used; a code counts once
    pending       TEXT NOT NULL,   -- a seed that waits for its first code, sealed; '' for none
    pending_until BIGINT,
    app_at        BIGINT,          -- when the app was set up
    recovered_at  BIGINT,          -- when a recovery code was used, of those that count
    created_at    BIGINT NOT NULL
);
CREATE TABLE admin_codes (
    admin_id  TEXT NOT NULL REFERENCES admin_fallbacks (admin_id),
    code_hash TEXT NOT NULL, -- sha256; the row goes when the code is used
    PRIMARY KEY (admin_id, code_hash)
);

-- By what a session was opened: only one by passkey may change how somebody gets in.
ALTER TABLE admin_sessions ADD COLUMN opened_by TEXT NOT NULL DEFAULT 'passkey';
CREATE INDEX admin_sessions_admin ON admin_sessions (admin_id);
