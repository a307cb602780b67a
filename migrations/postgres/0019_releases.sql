-- Answers across tenants: what is counted for them, and what was asked (docs/adr/0024). Rooms reach
-- none of it: an exact count leaves the kernel as an answer only.

-- Who pays for a tenant, and shares a budget with others for whom the same pays; NULL: it pays itself.
ALTER TABLE tenants ADD COLUMN billing_organisation TEXT COLLATE "C";

-- The provider's key of each day that an answer may reach back to. Destroyed with its row.
CREATE TABLE release_days (
    day    BIGINT NOT NULL PRIMARY KEY, -- since 1970-01-01, UTC
    sealed BYTEA  NOT NULL, -- the secret
    closed BIGINT NOT NULL -- 1: nothing is added any more
);

-- How many tenants contributed what, by a keyed tag that nothing else has.
CREATE TABLE release_counts (
    day     BIGINT NOT NULL,
    tag     BYTEA  NOT NULL,
    tenants BIGINT NOT NULL,
    PRIMARY KEY (day, tag)
);

-- What a tenant contributed within a window, by a tag under its own key.
CREATE TABLE release_memory (
    tenant_id TEXT COLLATE "C" NOT NULL REFERENCES tenants (tenant_id),
    own_tag   BYTEA            NOT NULL,
    day       BIGINT           NOT NULL,
    PRIMARY KEY (tenant_id, own_tag)
);

-- On which days a tenant contributed, and up to which of its events.
CREATE TABLE release_contributions (
    tenant_id TEXT COLLATE "C" NOT NULL REFERENCES tenants (tenant_id),
    day       BIGINT           NOT NULL,
    seq       BIGINT           NOT NULL,
    PRIMARY KEY (tenant_id, day)
);

-- Whoever has asked, and of which snapshot last: held while a question is charged.
CREATE TABLE release_organisations (
    organisation TEXT COLLATE "C" NOT NULL PRIMARY KEY, -- `organisations/{billing_organisation}` or `tenants/{tenant}`
    day          BIGINT           NOT NULL
);

-- What a billing organisation has asked, by a tag under the day's key.
CREATE TABLE release_questions (
    organisation TEXT COLLATE "C" NOT NULL,
    day          BIGINT           NOT NULL, -- of the snapshot
    fingerprint  BYTEA            NOT NULL,
    PRIMARY KEY (organisation, day, fingerprint)
);

ALTER TABLE release_days ENABLE ROW LEVEL SECURITY;
ALTER TABLE release_days FORCE ROW LEVEL SECURITY;
CREATE POLICY kernel ON release_days TO cordon_kernel USING (true) WITH CHECK (true);

ALTER TABLE release_counts ENABLE ROW LEVEL SECURITY;
ALTER TABLE release_counts FORCE ROW LEVEL SECURITY;
CREATE POLICY kernel ON release_counts TO cordon_kernel USING (true) WITH CHECK (true);

ALTER TABLE release_organisations ENABLE ROW LEVEL SECURITY;
ALTER TABLE release_organisations FORCE ROW LEVEL SECURITY;
CREATE POLICY kernel ON release_organisations TO cordon_kernel USING (true) WITH CHECK (true);

ALTER TABLE release_questions ENABLE ROW LEVEL SECURITY;
ALTER TABLE release_questions FORCE ROW LEVEL SECURITY;
CREATE POLICY kernel ON release_questions TO cordon_kernel USING (true) WITH CHECK (true);

ALTER TABLE release_memory ENABLE ROW LEVEL SECURITY;
ALTER TABLE release_memory FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON release_memory TO cordon_app, cordon_kernel
    USING (tenant_id = NULLIF(current_setting('cordon.tenant', true), ''))
    WITH CHECK (tenant_id = NULLIF(current_setting('cordon.tenant', true), ''));

ALTER TABLE release_contributions ENABLE ROW LEVEL SECURITY;
ALTER TABLE release_contributions FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON release_contributions TO cordon_app, cordon_kernel
    USING (tenant_id = NULLIF(current_setting('cordon.tenant', true), ''))
    WITH CHECK (tenant_id = NULLIF(current_setting('cordon.tenant', true), ''));

GRANT SELECT, INSERT, UPDATE, DELETE ON release_days, release_counts, release_organisations,
    release_questions, release_memory, release_contributions TO cordon_kernel;
GRANT SELECT (row_count, stored_time) ON journal TO cordon_kernel;
