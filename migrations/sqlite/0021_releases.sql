-- Answers across tenants: what is counted for them, and what was asked (docs/adr/0024). Rooms reach
-- none of it: an exact count leaves the kernel as an answer only.

-- Who pays for a tenant, and shares a budget with others for whom the same pays; NULL: it pays itself.
ALTER TABLE tenants ADD COLUMN billing_organisation TEXT;

-- The provider's key of each day that an answer may reach back to. Destroyed with its row.
CREATE TABLE release_days (
    day    INTEGER NOT NULL PRIMARY KEY, -- since 1970-01-01, UTC
    sealed BLOB NOT NULL, -- the secret
    closed INTEGER NOT NULL -- 1: nothing is added any more
) STRICT, WITHOUT ROWID;

-- How many tenants contributed what, by a keyed tag that nothing else has.
CREATE TABLE release_counts (
    day     INTEGER NOT NULL,
    tag     BLOB NOT NULL,
    tenants INTEGER NOT NULL,
    PRIMARY KEY (day, tag)
) STRICT, WITHOUT ROWID;

-- What a tenant contributed within a window, by a tag under its own key.
CREATE TABLE release_memory (
    tenant_id TEXT NOT NULL REFERENCES tenants (tenant_id),
    own_tag   BLOB NOT NULL,
    day       INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, own_tag)
) STRICT, WITHOUT ROWID;

-- On which days a tenant contributed, and up to which of its events.
CREATE TABLE release_contributions (
    tenant_id TEXT NOT NULL REFERENCES tenants (tenant_id),
    day       INTEGER NOT NULL,
    seq       INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, day)
) STRICT, WITHOUT ROWID;

-- Whoever has asked, and of which snapshot last: held while a question is charged.
CREATE TABLE release_organisations (
    organisation TEXT NOT NULL PRIMARY KEY, -- `organisations/{billing_organisation}` or `tenants/{tenant}`
    day          INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- What a billing organisation has asked, by a tag under the day's key.
CREATE TABLE release_questions (
    organisation TEXT NOT NULL,
    day          INTEGER NOT NULL, -- of the snapshot
    fingerprint  BLOB NOT NULL,
    PRIMARY KEY (organisation, day, fingerprint)
) STRICT, WITHOUT ROWID;
