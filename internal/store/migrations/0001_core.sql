-- One text for SQLite and PostgreSQL. Times are BIGINT microseconds since 1970 UTC (NULL: not yet), durations BIGINT
-- microseconds, sealed values and hashes TEXT in base64 or hex, lists and documents TEXT in JSON.
-- Only {{serial}} differs: an integer key that the database counts up.

CREATE TABLE meta (
    key   TEXT PRIMARY KEY,
    value TEXT NOT NULL
);

-- One row per running process. A node whose beat is old may be taken over; nothing else follows from a beat.
CREATE TABLE nodes (
    id         TEXT PRIMARY KEY,
    started_at BIGINT NOT NULL,
    beat_at    BIGINT NOT NULL
);

CREATE TABLE workspaces (
    id          TEXT PRIMARY KEY,
    name        TEXT NOT NULL,
    late_window BIGINT NOT NULL,
    created_at  BIGINT NOT NULL
);

CREATE TABLE users (
    id          TEXT PRIMARY KEY,
    name        TEXT NOT NULL,
    created_at  BIGINT NOT NULL,
    disabled_at BIGINT
);

CREATE TABLE identities (
    id         TEXT PRIMARY KEY,
    user_id    TEXT NOT NULL REFERENCES users (id),
    platform   TEXT NOT NULL,
    subject    TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    UNIQUE (platform, subject)
);
CREATE INDEX identities_user ON identities (user_id);

CREATE TABLE members (
    workspace_id TEXT NOT NULL REFERENCES workspaces (id),
    user_id      TEXT NOT NULL REFERENCES users (id),
    role         TEXT NOT NULL,
    created_at   BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, user_id)
);
CREATE INDEX members_user ON members (user_id);

CREATE TABLE sessions (
    token_hash   TEXT PRIMARY KEY, -- sha256 of the cookie's value
    id           TEXT NOT NULL UNIQUE,
    user_id      TEXT NOT NULL REFERENCES users (id),
    workspace_id TEXT NOT NULL REFERENCES workspaces (id),
    network      TEXT NOT NULL, -- truncated address
    browser      TEXT NOT NULL, -- family only
    created_at   BIGINT NOT NULL,
    proved_at    BIGINT NOT NULL, -- last sign-in or step-up
    seen_at      BIGINT NOT NULL,
    expires_at   BIGINT NOT NULL
);
CREATE INDEX sessions_user ON sessions (user_id);
CREATE INDEX sessions_expiry ON sessions (expires_at);

CREATE TABLE api_keys (
    id           TEXT PRIMARY KEY,
    workspace_id TEXT NOT NULL REFERENCES workspaces (id),
    user_id      TEXT NOT NULL REFERENCES users (id),
    name         TEXT NOT NULL,
    hint         TEXT NOT NULL,
    hash         TEXT NOT NULL UNIQUE, -- sha256 of the key
    created_at   BIGINT NOT NULL,
    expires_at   BIGINT,
    last_used_at BIGINT,
    revoked_at   BIGINT
);
CREATE INDEX api_keys_workspace ON api_keys (workspace_id);

-- A sign-in or connection on its way through a platform's consent page.
CREATE TABLE oauth_flows (
    state_hash   TEXT PRIMARY KEY, -- sha256 of the state parameter
    browser_hash TEXT NOT NULL,    -- sha256 of the cookie that ties the flow to one browser
    purpose      TEXT NOT NULL,    -- sign_in, confirm, connect
    platform     TEXT NOT NULL,
    user_id      TEXT,             -- who started it; NULL for a sign-in
    workspace_id TEXT,             -- connect only
    account_id   TEXT,             -- connect only: the one account that may come back; NULL for any
    verifier     TEXT NOT NULL,    -- sealed; empty without PKCE
    redirect_uri TEXT NOT NULL,
    return_to    TEXT NOT NULL,    -- path on this server
    created_at   BIGINT NOT NULL,
    expires_at   BIGINT NOT NULL,
    used_at      BIGINT
);
CREATE INDEX oauth_flows_expiry ON oauth_flows (expires_at);

CREATE TABLE accounts (
    id              TEXT PRIMARY KEY,
    workspace_id    TEXT NOT NULL REFERENCES workspaces (id),
    platform        TEXT NOT NULL,
    subject         TEXT NOT NULL,
    handle          TEXT NOT NULL,
    name            TEXT NOT NULL,
    avatar_url      TEXT NOT NULL,
    status          TEXT NOT NULL,
    status_reason   TEXT NOT NULL,
    epoch           BIGINT NOT NULL,
    scopes          TEXT NOT NULL,
    connected_at    BIGINT NOT NULL,
    disconnected_at BIGINT
);
-- One connected account per creator and server: a second workspace is refused.
CREATE UNIQUE INDEX accounts_subject ON accounts (platform, subject) WHERE status <> 'disconnected';
CREATE INDEX accounts_workspace ON accounts (workspace_id);

-- The token pair of an account. Both tokens are sealed with the row's name as associated data.
CREATE TABLE grants (
    account_id         TEXT PRIMARY KEY REFERENCES accounts (id),
    access_token       TEXT NOT NULL,
    refresh_token      TEXT NOT NULL,
    access_issued_at   BIGINT NOT NULL,
    access_expires_at  BIGINT NOT NULL,
    refresh_expires_at BIGINT,
    scopes             TEXT NOT NULL,
    version            BIGINT NOT NULL, -- grows with each stored pair
    intent_hash        TEXT NOT NULL,   -- sha256 of the refresh token that was sent; empty without a refresh on its way
    intent_at          BIGINT,
    intent_by          TEXT NOT NULL    -- node
);
CREATE INDEX grants_expiry ON grants (access_expires_at);

CREATE TABLE media (
    id              TEXT PRIMARY KEY,
    workspace_id    TEXT NOT NULL REFERENCES workspaces (id),
    uploaded_by     TEXT NOT NULL REFERENCES users (id),
    status          TEXT NOT NULL,
    kind            TEXT NOT NULL,
    file_name       TEXT NOT NULL,
    type            TEXT NOT NULL,
    size            BIGINT NOT NULL,
    received_sha256 TEXT NOT NULL,
    sha256          TEXT NOT NULL,
    blob_key        TEXT NOT NULL,
    poster_key      TEXT NOT NULL,
    facts           TEXT NOT NULL,
    problems        TEXT NOT NULL,
    removed         TEXT NOT NULL,
    created_at      BIGINT NOT NULL,
    deleted_at      BIGINT
);
CREATE INDEX media_workspace ON media (workspace_id, id);
CREATE INDEX media_received ON media (workspace_id, received_sha256) WHERE deleted_at IS NULL;
CREATE INDEX media_unfinished ON media (status, created_at) WHERE status IN ('receiving', 'checking');

-- A file on its way in. The hash state lets hashing go on after a restart.
CREATE TABLE uploads (
    id           TEXT PRIMARY KEY,
    workspace_id TEXT NOT NULL REFERENCES workspaces (id),
    user_id      TEXT NOT NULL REFERENCES users (id),
    media_id     TEXT NOT NULL REFERENCES media (id),
    size         BIGINT NOT NULL,
    received     BIGINT NOT NULL,
    hash_state   TEXT NOT NULL, -- base64 of the hash after hashed bytes
    hashed       BIGINT NOT NULL,
    file_name    TEXT NOT NULL,
    metadata     TEXT NOT NULL,
    created_at   BIGINT NOT NULL,
    touched_at   BIGINT NOT NULL,
    finished_at  BIGINT
);
CREATE INDEX uploads_touched ON uploads (touched_at) WHERE finished_at IS NULL;
CREATE INDEX uploads_workspace ON uploads (workspace_id);

CREATE TABLE posts (
    id           TEXT PRIMARY KEY,
    workspace_id TEXT NOT NULL REFERENCES workspaces (id),
    account_id   TEXT NOT NULL REFERENCES accounts (id),
    group_id     TEXT NOT NULL,
    status       TEXT NOT NULL,
    phase        TEXT NOT NULL,
    caption      TEXT NOT NULL,
    options      TEXT NOT NULL,
    due_local    TEXT NOT NULL,
    due_zone     TEXT NOT NULL,
    due_fold     TEXT NOT NULL,
    due_at       BIGINT, -- NULL for a draft without a time
    late_window  BIGINT NOT NULL,
    version      BIGINT NOT NULL,
    hold         TEXT NOT NULL, -- JSON, empty without
    failure      TEXT NOT NULL, -- JSON, empty without
    wake_at      BIGINT,        -- when the publisher must look at it next; NULL when it need not
    created_by   TEXT NOT NULL REFERENCES users (id),
    created_at   BIGINT NOT NULL,
    updated_at   BIGINT NOT NULL,
    committed_at BIGINT,
    posted_at    BIGINT,
    platform_ids TEXT NOT NULL,
    permalink    TEXT NOT NULL,
    CHECK (status IN ('draft', 'queued', 'publishing', 'posted', 'failed', 'cancelled', 'missed', 'in_inbox', 'unconfirmed')),
    CHECK (due_at IS NOT NULL OR status IN ('draft', 'cancelled'))
);
CREATE INDEX posts_calendar ON posts (workspace_id, due_at, id);
CREATE INDEX posts_newest ON posts (workspace_id, id);
CREATE INDEX posts_wake ON posts (wake_at, id) WHERE wake_at IS NOT NULL;
CREATE INDEX posts_account ON posts (account_id, status);
CREATE INDEX posts_account_newest ON posts (account_id, id);
CREATE INDEX posts_status ON posts (workspace_id, status, id);
CREATE INDEX posts_group ON posts (group_id) WHERE group_id <> '';

CREATE TABLE post_media (
    post_id  TEXT NOT NULL REFERENCES posts (id),
    position BIGINT NOT NULL,
    media_id TEXT NOT NULL REFERENCES media (id),
    PRIMARY KEY (post_id, position)
);
CREATE INDEX post_media_media ON post_media (media_id);

CREATE TABLE consents (
    id           TEXT PRIMARY KEY,
    post_id      TEXT NOT NULL REFERENCES posts (id),
    post_version BIGINT NOT NULL,
    user_id      TEXT NOT NULL REFERENCES users (id),
    account_id   TEXT NOT NULL REFERENCES accounts (id),
    nickname     TEXT NOT NULL,
    wording      TEXT NOT NULL,
    media        TEXT NOT NULL,
    caption      TEXT NOT NULL,
    options      TEXT NOT NULL,
    at           BIGINT NOT NULL
);
CREATE INDEX consents_post ON consents (post_id, post_version);

CREATE TABLE attempts (
    id           TEXT PRIMARY KEY,
    post_id      TEXT NOT NULL REFERENCES posts (id),
    workspace_id TEXT NOT NULL,
    account_id   TEXT NOT NULL REFERENCES accounts (id),
    number       BIGINT NOT NULL,
    post_version BIGINT NOT NULL,
    epoch        BIGINT NOT NULL,
    state        TEXT NOT NULL,
    owner        TEXT NOT NULL,
    fence        BIGINT NOT NULL,
    publish_id   TEXT NOT NULL,
    upload_url   TEXT NOT NULL, -- sealed; empty before it is known
    size         BIGINT NOT NULL,
    sent         BIGINT NOT NULL,
    planned_at   BIGINT NOT NULL,
    init_sent_at BIGINT,
    opened_at    BIGINT,
    guarded_at   BIGINT,
    committed_at BIGINT,
    handed_at    BIGINT,
    ended_at     BIGINT,
    polls        BIGINT NOT NULL,
    next_poll_at BIGINT,
    death        TEXT NOT NULL,
    evidence     TEXT NOT NULL,
    failure      TEXT NOT NULL, -- JSON, empty without
    UNIQUE (post_id, number),
    CHECK (state IN ('planned', 'init_sent', 'open', 'committing', 'handed_over', 'live', 'dead', 'unknown')),
    CHECK (state <> 'dead' OR death <> '')
);
-- I1: at most one attempt of a post is alive. This index, not code, keeps it so.
CREATE UNIQUE INDEX attempts_alive ON attempts (post_id) WHERE state <> 'dead';
CREATE INDEX attempts_working ON attempts (owner, state) WHERE state IN ('planned', 'init_sent', 'open', 'committing', 'handed_over');
CREATE INDEX attempts_polls ON attempts (next_poll_at) WHERE next_poll_at IS NOT NULL;
CREATE UNIQUE INDEX attempts_publish_id ON attempts (account_id, publish_id) WHERE publish_id <> '';

-- Requests made under a platform's limit, so that all nodes share it. Old rows are swept.
CREATE TABLE quota_hits (
    scope TEXT NOT NULL, -- "tiktok|init|acc_…"
    at    BIGINT NOT NULL,
    until BIGINT NOT NULL -- when it no longer counts
);
CREATE INDEX quota_hits_scope ON quota_hits (scope, at);
CREATE INDEX quota_hits_until ON quota_hits (until);

-- The append-only record. Personal facts are kept apart so that erasure can blank them.
CREATE TABLE journal (
    seq          {{serial}},
    id           TEXT NOT NULL UNIQUE,
    workspace_id TEXT NOT NULL,
    at           BIGINT NOT NULL,
    kind         TEXT NOT NULL,
    actor_kind   TEXT NOT NULL,
    actor_user   TEXT NOT NULL,
    actor_key    TEXT NOT NULL,
    request_id   TEXT NOT NULL,
    network      TEXT NOT NULL,
    account_id   TEXT NOT NULL,
    post_id      TEXT NOT NULL,
    attempt_id   TEXT NOT NULL,
    media_id     TEXT NOT NULL,
    data         TEXT NOT NULL,
    personal     TEXT NOT NULL
);
CREATE INDEX journal_post ON journal (post_id, seq) WHERE post_id <> '';
CREATE INDEX journal_workspace ON journal (workspace_id, seq);

-- Answers to requests that carried an Idempotency-Key, kept for a day.
CREATE TABLE idempotent_replies (
    api_actor  TEXT NOT NULL, -- key or user
    key        TEXT NOT NULL,
    body_hash  TEXT NOT NULL,
    status     BIGINT NOT NULL,
    reply      TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (api_actor, key)
);
CREATE INDEX idempotent_replies_age ON idempotent_replies (created_at);
