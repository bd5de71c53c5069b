-- Generated from migrations/ by "make generate"; do not edit.

CREATE TABLE goose_db_version (
		id INTEGER PRIMARY KEY AUTOINCREMENT,
		version_id INTEGER NOT NULL,
		is_applied INTEGER NOT NULL,
		tstamp TIMESTAMP DEFAULT (datetime('now'))
	);

CREATE TABLE meta (
    key   TEXT PRIMARY KEY,
    value TEXT NOT NULL
);

CREATE TABLE nodes (
    id         TEXT PRIMARY KEY,
    started_at BIGINT NOT NULL,
    beat_at    BIGINT NOT NULL
, key_id BIGINT NOT NULL DEFAULT 0);

CREATE TABLE workspaces (
    id          TEXT PRIMARY KEY,
    name        TEXT NOT NULL,
    late_window BIGINT NOT NULL,
    created_at  BIGINT NOT NULL
, keep_posted BIGINT NOT NULL DEFAULT 30, frozen_at BIGINT);

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
, avatar TEXT NOT NULL DEFAULT '', avatar_at BIGINT);

CREATE UNIQUE INDEX accounts_subject ON accounts (platform, subject) WHERE status <> 'disconnected';

CREATE INDEX accounts_workspace ON accounts (workspace_id);

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
, received_size BIGINT NOT NULL DEFAULT 0, fingerprint TEXT NOT NULL DEFAULT '', original_id TEXT NOT NULL DEFAULT '', name_key TEXT NOT NULL DEFAULT '');

CREATE INDEX media_workspace ON media (workspace_id, id);

CREATE INDEX media_received ON media (workspace_id, received_sha256) WHERE deleted_at IS NULL;

CREATE INDEX media_unfinished ON media (status, created_at) WHERE status IN ('receiving', 'checking');

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
    permalink    TEXT NOT NULL, due_offset BIGINT NOT NULL DEFAULT 0, due_rules TEXT NOT NULL DEFAULT '', overdue_at BIGINT, withdrawn_at BIGINT, visibility_at BIGINT,
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
    failure      TEXT NOT NULL, stop_asked_at BIGINT, stop_told_at BIGINT, -- JSON, empty without
    UNIQUE (post_id, number),
    CHECK (state IN ('planned', 'init_sent', 'open', 'committing', 'handed_over', 'live', 'dead', 'unknown')),
    CHECK (state <> 'dead' OR death <> '')
);

CREATE UNIQUE INDEX attempts_alive ON attempts (post_id) WHERE state <> 'dead';

CREATE INDEX attempts_working ON attempts (owner, state) WHERE state IN ('planned', 'init_sent', 'open', 'committing', 'handed_over');

CREATE INDEX attempts_polls ON attempts (next_poll_at) WHERE next_poll_at IS NOT NULL;

CREATE UNIQUE INDEX attempts_publish_id ON attempts (account_id, publish_id) WHERE publish_id <> '';

CREATE TABLE quota_hits (
    scope TEXT NOT NULL, -- "tiktok|init|acc_…"
    at    BIGINT NOT NULL,
    until BIGINT NOT NULL -- when it no longer counts
);

CREATE INDEX quota_hits_scope ON quota_hits (scope, at);

CREATE INDEX quota_hits_until ON quota_hits (until);

CREATE TABLE journal (
    seq          INTEGER PRIMARY KEY AUTOINCREMENT,
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

CREATE INDEX posts_overdue ON posts (overdue_at) WHERE overdue_at IS NOT NULL;

CREATE INDEX posts_unended ON posts (due_at, id) WHERE status IN ('queued', 'publishing') AND overdue_at IS NULL;

CREATE TABLE pulls (
    token_hash   TEXT PRIMARY KEY, -- sha256 of the token in the address
    attempt_id   TEXT NOT NULL REFERENCES attempts (id),
    position     BIGINT NOT NULL, -- of the photo in the post
    media_id     TEXT NOT NULL REFERENCES media (id),
    last_byte_at BIGINT, -- written before the photo's last byte left for the first time
    closed_at    BIGINT -- from then on no last byte leaves
);

CREATE UNIQUE INDEX pulls_attempt ON pulls (attempt_id, position);

CREATE INDEX media_fingerprint ON media (workspace_id, fingerprint) WHERE fingerprint <> '' AND deleted_at IS NULL;

CREATE INDEX posts_account_sent ON posts (account_id, committed_at) WHERE committed_at IS NOT NULL;

CREATE TABLE callbacks (
    body_hash   TEXT PRIMARY KEY, -- sha256 of the message as it was signed
    platform    TEXT NOT NULL,
    name        TEXT NOT NULL,    -- the platform's word for what happened
    received_at BIGINT NOT NULL
);

CREATE INDEX callbacks_age ON callbacks (received_at);

CREATE INDEX posts_account_due ON posts (account_id, due_at) WHERE status IN ('queued', 'publishing');

CREATE TABLE erasures (
    id         TEXT PRIMARY KEY,
    what       TEXT NOT NULL,        -- person, workspace
    plan       TEXT NOT NULL,        -- JSON: the ids of what goes; empty once it is gone
    token_hash TEXT NOT NULL UNIQUE, -- sha256 of what the address of its page ends with
    asked_at   BIGINT NOT NULL,
    due_at     BIGINT NOT NULL,      -- until then it can be undone
    undone_at  BIGINT,
    erased_at  BIGINT,
    receipt    TEXT NOT NULL         -- JSON: counts
, page_hash TEXT NOT NULL DEFAULT '');

CREATE INDEX erasures_open ON erasures (due_at) WHERE undone_at IS NULL AND erased_at IS NULL;

CREATE TABLE exports (
    id           TEXT PRIMARY KEY,
    workspace_id TEXT NOT NULL REFERENCES workspaces (id),
    user_id      TEXT NOT NULL REFERENCES users (id), -- who asked, and alone may fetch it
    what         TEXT NOT NULL, -- workspace, person
    status       TEXT NOT NULL, -- waiting, ready, failed, gone
    done         BIGINT NOT NULL, -- bytes of files copied
    total        BIGINT NOT NULL, -- bytes of files to copy
    size         BIGINT NOT NULL, -- of the archive
    created_at   BIGINT NOT NULL,
    ready_at     BIGINT,
    expires_at   BIGINT NOT NULL,
    CHECK (status IN ('waiting', 'ready', 'failed', 'gone'))
);

CREATE INDEX exports_user ON exports (user_id, created_at);

CREATE INDEX exports_expiry ON exports (expires_at) WHERE status <> 'gone';

CREATE INDEX exports_workspace ON exports (workspace_id);

CREATE INDEX journal_age ON journal (at) WHERE post_id = '';

CREATE INDEX journal_actor ON journal (actor_user) WHERE actor_user <> '';

CREATE TABLE conversions (
    id           TEXT PRIMARY KEY,
    workspace_id TEXT NOT NULL REFERENCES workspaces (id),
    original_id  TEXT NOT NULL REFERENCES media (id),
    result_id    TEXT NOT NULL, -- chosen at the beginning; the file exists once it is done
    started_by   TEXT NOT NULL REFERENCES users (id),
    status       TEXT NOT NULL,
    recipe       TEXT NOT NULL,
    percent      BIGINT NOT NULL,
    failure      TEXT NOT NULL, -- JSON, empty without
    created_at   BIGINT NOT NULL,
    updated_at   BIGINT NOT NULL,
    CHECK (status IN ('queued', 'running', 'done', 'failed', 'cancelled'))
);

CREATE INDEX conversions_original ON conversions (original_id, id);

CREATE INDEX conversions_running ON conversions (workspace_id, id) WHERE status IN ('queued', 'running');

CREATE INDEX conversions_result ON conversions (result_id);

CREATE TABLE acknowledgements (
    user_id  TEXT NOT NULL REFERENCES users (id),
    document TEXT NOT NULL,
    version  TEXT NOT NULL, -- its day
    at       BIGINT NOT NULL,
    PRIMARY KEY (user_id, document, version)
);

CREATE TABLE forecasts (
    post_id      TEXT PRIMARY KEY REFERENCES posts (id),
    workspace_id TEXT NOT NULL REFERENCES workspaces (id),
    version      BIGINT NOT NULL, -- of the post that was looked at
    light        TEXT NOT NULL,
    problems     TEXT NOT NULL,
    checked_at   BIGINT NOT NULL,
    next_at      BIGINT, -- when it is tried again; NULL for no more
    CHECK (light IN ('green', 'yellow', 'red'))
);

CREATE INDEX forecasts_workspace ON forecasts (workspace_id);

CREATE TABLE slots (
    id           TEXT PRIMARY KEY,
    workspace_id TEXT NOT NULL REFERENCES workspaces (id),
    account_id   TEXT NOT NULL REFERENCES accounts (id),
    weekday      BIGINT NOT NULL, -- 0 is Sunday
    clock        TEXT NOT NULL,   -- "18:00"
    zone         TEXT NOT NULL,
    created_at   BIGINT NOT NULL,
    CHECK (weekday BETWEEN 0 AND 6)
);

CREATE UNIQUE INDEX slots_account ON slots (account_id, weekday, clock, zone);

CREATE INDEX slots_workspace ON slots (workspace_id);

CREATE TABLE snippets (
    id           TEXT PRIMARY KEY,
    workspace_id TEXT NOT NULL REFERENCES workspaces (id),
    kind         TEXT NOT NULL,
    name         TEXT NOT NULL,
    text         TEXT NOT NULL,
    created_at   BIGINT NOT NULL
);

CREATE UNIQUE INDEX snippets_name ON snippets (workspace_id, kind, name);

CREATE TABLE media_tags (
    media_id     TEXT NOT NULL REFERENCES media (id),
    workspace_id TEXT NOT NULL REFERENCES workspaces (id),
    tag          TEXT NOT NULL, -- as it was written first
    tag_key      TEXT NOT NULL,
    created_at   BIGINT NOT NULL,
    PRIMARY KEY (media_id, tag_key)
);

CREATE INDEX media_tags_tag ON media_tags (workspace_id, tag_key, media_id);

CREATE TABLE labels (
    id           TEXT PRIMARY KEY,
    workspace_id TEXT NOT NULL REFERENCES workspaces (id),
    name         TEXT NOT NULL,
    colour       TEXT NOT NULL,
    created_at   BIGINT NOT NULL
);

CREATE INDEX labels_workspace ON labels (workspace_id);

CREATE TABLE post_labels (
    post_id  TEXT NOT NULL REFERENCES posts (id),
    label_id TEXT NOT NULL REFERENCES labels (id),
    PRIMARY KEY (post_id, label_id)
);

CREATE INDEX post_labels_label ON post_labels (label_id, post_id);

CREATE TABLE templates (
    id           TEXT PRIMARY KEY,
    workspace_id TEXT NOT NULL REFERENCES workspaces (id),
    name         TEXT NOT NULL,
    caption      TEXT NOT NULL,
    options      TEXT NOT NULL,
    labels       TEXT NOT NULL,
    created_at   BIGINT NOT NULL,
    updated_at   BIGINT NOT NULL
);

CREATE UNIQUE INDEX templates_name ON templates (workspace_id, name);

CREATE INDEX post_media_media ON post_media (media_id, post_id);

CREATE INDEX media_same ON media (workspace_id, sha256) WHERE sha256 <> '';

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
    answered_at BIGINT, carried TEXT NOT NULL DEFAULT '[]',
    CHECK (status IN ('open', 'answered', 'refused', 'withdrawn'))
);

CREATE INDEX inquiries_open ON inquiries (due_at) WHERE status = 'open';

CREATE INDEX inquiries_user ON inquiries (user_id) WHERE user_id <> '';

CREATE INDEX inquiries_asked ON inquiries (asked_at);

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
, opened_by TEXT NOT NULL DEFAULT 'passkey');

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

CREATE TABLE ceremonies (
    token_hash TEXT PRIMARY KEY,
    purpose    TEXT NOT NULL,
    owner      TEXT NOT NULL, -- '' when somebody signs in
    challenge  TEXT NOT NULL, -- JSON
    expires_at BIGINT NOT NULL
);

CREATE INDEX attempts_cut ON attempts (owner) WHERE state = 'dead' AND guarded_at IS NULL AND stop_asked_at IS NOT NULL AND stop_told_at IS NULL;

CREATE TABLE page_views (
    at      BIGINT NOT NULL, -- to the minute
    network TEXT NOT NULL,   -- /24 or /48
    browser TEXT NOT NULL,   -- family only
    page    TEXT NOT NULL    -- the route's pattern, never an id
);

CREATE INDEX page_views_at ON page_views (at);

CREATE TABLE usage_days (
    day   TEXT NOT NULL,     -- 2006-01-02, UTC
    facet TEXT NOT NULL,     -- page, browser
    name  TEXT NOT NULL,
    views BIGINT NOT NULL,
    PRIMARY KEY (day, facet, name),
    CHECK (facet IN ('page', 'browser'))
);

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
    ended_at   BIGINT, user_id TEXT NOT NULL DEFAULT '', leave_hash TEXT NOT NULL DEFAULT '',               -- when it was sent or given up
    CHECK (status IN ('waiting', 'sent', 'given_up'))
);

CREATE INDEX letters_open ON letters (status, created_at) WHERE status <> 'sent';

CREATE INDEX letters_inquiry ON letters (inquiry_id);

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

CREATE INDEX letters_user ON letters (user_id, created_at) WHERE user_id <> '';

CREATE UNIQUE INDEX letters_leave ON letters (leave_hash) WHERE leave_hash <> '';

CREATE UNIQUE INDEX erasures_page ON erasures (page_hash) WHERE page_hash <> '';

CREATE TABLE journal_links (
    position  BIGINT PRIMARY KEY, -- 1, 2, 3 …: the order of sealing, which is not that of seq
    entry_id  TEXT NOT NULL UNIQUE,
    sealed_at BIGINT NOT NULL,
    key_no    BIGINT NOT NULL, -- which key of the chain made the hash
    salts     TEXT NOT NULL,   -- of the parts of the entry that can be erased, or what took a salt's place
    gone      TEXT NOT NULL,   -- what an entry came to that was removed as it should be; '' while it is there
    hash      TEXT NOT NULL    -- HMAC-SHA256 over the link before, this one and the entry
);

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

CREATE INDEX admin_sessions_admin ON admin_sessions (admin_id);

CREATE INDEX posts_put_off ON posts (wake_at) WHERE wake_at > due_at + late_window;

INSERT INTO goose_db_version (version_id, is_applied) VALUES ('0', '1');
INSERT INTO goose_db_version (version_id, is_applied) VALUES ('1', '1');
INSERT INTO goose_db_version (version_id, is_applied) VALUES ('2', '1');
INSERT INTO goose_db_version (version_id, is_applied) VALUES ('3', '1');
INSERT INTO goose_db_version (version_id, is_applied) VALUES ('4', '1');
INSERT INTO goose_db_version (version_id, is_applied) VALUES ('5', '1');
INSERT INTO goose_db_version (version_id, is_applied) VALUES ('6', '1');
INSERT INTO goose_db_version (version_id, is_applied) VALUES ('7', '1');
INSERT INTO goose_db_version (version_id, is_applied) VALUES ('8', '1');
INSERT INTO goose_db_version (version_id, is_applied) VALUES ('9', '1');
INSERT INTO goose_db_version (version_id, is_applied) VALUES ('10', '1');
INSERT INTO goose_db_version (version_id, is_applied) VALUES ('11', '1');
INSERT INTO goose_db_version (version_id, is_applied) VALUES ('12', '1');
INSERT INTO goose_db_version (version_id, is_applied) VALUES ('13', '1');
INSERT INTO goose_db_version (version_id, is_applied) VALUES ('14', '1');
INSERT INTO goose_db_version (version_id, is_applied) VALUES ('15', '1');
INSERT INTO goose_db_version (version_id, is_applied) VALUES ('16', '1');
INSERT INTO goose_db_version (version_id, is_applied) VALUES ('17', '1');
INSERT INTO goose_db_version (version_id, is_applied) VALUES ('18', '1');
INSERT INTO goose_db_version (version_id, is_applied) VALUES ('19', '1');
INSERT INTO goose_db_version (version_id, is_applied) VALUES ('20', '1');
INSERT INTO goose_db_version (version_id, is_applied) VALUES ('28', '1');
INSERT INTO goose_db_version (version_id, is_applied) VALUES ('31', '1');
INSERT INTO goose_db_version (version_id, is_applied) VALUES ('32', '1');
INSERT INTO goose_db_version (version_id, is_applied) VALUES ('34', '1');
INSERT INTO goose_db_version (version_id, is_applied) VALUES ('35', '1');
INSERT INTO goose_db_version (version_id, is_applied) VALUES ('36', '1');
