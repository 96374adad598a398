-- Times are milliseconds since 1970. Companies and agents live in the configuration: here they are names.

CREATE TABLE favourite (
    company TEXT NOT NULL,
    agent TEXT NOT NULL,
    site TEXT NOT NULL,
    name TEXT NOT NULL,
    PRIMARY KEY (company, agent, site)
) STRICT, WITHOUT ROWID;

CREATE TABLE session (
    id TEXT NOT NULL PRIMARY KEY,
    company TEXT NOT NULL,
    -- The host alone: never a path or a query.
    site TEXT NOT NULL,
    via TEXT NOT NULL,
    created INTEGER NOT NULL,
    -- From the first PIN to the end.
    active INTEGER,
    ended INTEGER,
    ended_by TEXT,
    outcome TEXT,
    notes TEXT NOT NULL DEFAULT ''
) STRICT;

CREATE INDEX session_of_company ON session (company, created DESC);

CREATE TABLE participant (
    session TEXT NOT NULL REFERENCES session (id) ON DELETE CASCADE,
    agent TEXT NOT NULL,
    display TEXT NOT NULL,
    PRIMARY KEY (session, agent)
) STRICT, WITHOUT ROWID;
