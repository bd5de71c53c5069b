-- Messages that a platform sent about what happened. They come more than once, so each is known by its bytes; what they
-- say is not kept, because it is only a hint to ask.
CREATE TABLE callbacks (
    body_hash   TEXT PRIMARY KEY, -- sha256 of the message as it was signed
    platform    TEXT NOT NULL,
    name        TEXT NOT NULL,    -- the platform's word for what happened
    received_at BIGINT NOT NULL
);
CREATE INDEX callbacks_age ON callbacks (received_at);
