-- Page views, of the last 14 days at most. No row says whose it is.
CREATE TABLE page_views (
    at      BIGINT NOT NULL, -- to the minute
    network TEXT NOT NULL,   -- /24 or /48
    browser TEXT NOT NULL,   -- family only
    page    TEXT NOT NULL    -- the route's pattern, never an id
);
CREATE INDEX page_views_at ON page_views (at);

-- How many there were on each day, in groups that are large enough to name nobody.
CREATE TABLE usage_days (
    day   TEXT NOT NULL,     -- 2006-01-02, UTC
    facet TEXT NOT NULL,     -- page, browser
    name  TEXT NOT NULL,
    views BIGINT NOT NULL,
    PRIMARY KEY (day, facet, name),
    CHECK (facet IN ('page', 'browser'))
);
