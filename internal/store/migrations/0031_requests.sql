-- What a request was carried out by, and the erasure that its page leads to.
ALTER TABLE inquiries ADD COLUMN carried TEXT NOT NULL DEFAULT '[]'; -- JSON: ids of an erasure, or of copies
ALTER TABLE erasures ADD COLUMN page_hash TEXT NOT NULL DEFAULT '';  -- sha256 of what the address of the request's page ends with; '' for none
CREATE UNIQUE INDEX erasures_page ON erasures (page_hash) WHERE page_hash <> '';
