-- By what the link in a letter to somebody without an account is known, that ends mail to their address.
ALTER TABLE letters ADD COLUMN leave_hash TEXT NOT NULL DEFAULT '';
CREATE UNIQUE INDEX letters_leave ON letters (leave_hash) WHERE leave_hash <> '';
