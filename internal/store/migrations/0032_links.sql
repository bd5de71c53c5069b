-- The journal's chain: a link for each entry, written after the entry's commit by whoever seals. A link holds no personal fact.
CREATE TABLE journal_links (
    position  BIGINT PRIMARY KEY, -- 1, 2, 3 …: the order of sealing, which is not that of seq
    entry_id  TEXT NOT NULL UNIQUE,
    sealed_at BIGINT NOT NULL,
    key_no    BIGINT NOT NULL, -- which key of the chain made the hash
    salts     TEXT NOT NULL,   -- of the parts of the entry that can be erased, or what took a salt's place
    gone      TEXT NOT NULL,   -- what an entry came to that was removed as it should be; '' while it is there
    hash      TEXT NOT NULL    -- HMAC-SHA256 over the link before, this one and the entry
);
