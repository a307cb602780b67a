-- Incidents: what is being handled for whom, what happened to it, and what was said about it.
-- What people wrote is sealed under the tenant's keys; what lists and queues sort by is not.

-- The tenant's own counts: of incidents, and of what happened to them.
CREATE TABLE incident_heads (
    tenant_id TEXT COLLATE "C" NOT NULL PRIMARY KEY REFERENCES tenants (tenant_id),
    seq       BIGINT NOT NULL,
    number    BIGINT NOT NULL
);

CREATE TABLE incidents (
    tenant_id         TEXT COLLATE "C" NOT NULL REFERENCES tenants (tenant_id),
    incident_id       TEXT COLLATE "C" NOT NULL, -- UUID of version 7
    number            BIGINT NOT NULL, -- counts the tenant's, from 1
    severity          TEXT COLLATE "C" NOT NULL, -- sev1 (critical) to sev4 (low)
    phase             TEXT COLLATE "C" NOT NULL,
    state             TEXT COLLATE "C" NOT NULL, -- open, closed
    tlp               TEXT COLLATE "C" NOT NULL,
    pending_party     TEXT COLLATE "C" NOT NULL, -- whose move it is: customer, provider; of a closed one: nobody
    created_time      BIGINT NOT NULL,
    updated_time      BIGINT NOT NULL,
    acknowledged_time BIGINT,
    closed_time       BIGINT,
    close_code        TEXT COLLATE "C",
    etag              TEXT COLLATE "C" NOT NULL,
    sealed            BYTEA NOT NULL, -- title, description, criteria, who opened it
    PRIMARY KEY (tenant_id, incident_id)
);
CREATE UNIQUE INDEX incidents_number ON incidents (tenant_id, number);
-- With what lists filter by, so that they read the rows alone that they show.
CREATE INDEX incidents_updated ON incidents (tenant_id, updated_time, incident_id, state, severity,
    phase, pending_party);
CREATE INDEX incidents_queue ON incidents (state DESC, pending_party DESC, severity, created_time,
    tenant_id, incident_id);

-- What happened, by the tenant's count.
CREATE TABLE incident_entries (
    tenant_id   TEXT COLLATE "C" NOT NULL REFERENCES tenants (tenant_id),
    seq         BIGINT NOT NULL,
    incident_id TEXT COLLATE "C" NOT NULL,
    time        BIGINT NOT NULL,
    kind        TEXT COLLATE "C" NOT NULL,
    party       TEXT COLLATE "C" NOT NULL, -- who did it: customer, provider
    sealed      BYTEA NOT NULL, -- by whom, why, and what exactly
    PRIMARY KEY (tenant_id, seq),
    FOREIGN KEY (tenant_id, incident_id) REFERENCES incidents (tenant_id, incident_id)
);
CREATE INDEX incident_entries_incident ON incident_entries (tenant_id, incident_id, seq);

CREATE TABLE incident_comments (
    tenant_id    TEXT COLLATE "C" NOT NULL REFERENCES tenants (tenant_id),
    comment_id   TEXT COLLATE "C" NOT NULL, -- UUID of version 7
    incident_id  TEXT COLLATE "C" NOT NULL,
    created_time BIGINT NOT NULL,
    sealed       BYTEA NOT NULL, -- author, text, earlier texts
    PRIMARY KEY (tenant_id, comment_id),
    FOREIGN KEY (tenant_id, incident_id) REFERENCES incidents (tenant_id, incident_id)
);
CREATE INDEX incident_comments_incident ON incident_comments (tenant_id, incident_id, comment_id);

-- First answers to calls that named themselves, for a day.
CREATE TABLE request_ids (
    tenant_id    TEXT COLLATE "C" NOT NULL REFERENCES tenants (tenant_id),
    request_id   TEXT COLLATE "C" NOT NULL,
    created_time BIGINT NOT NULL,
    sealed       BYTEA NOT NULL, -- what was asked for, and the answer
    PRIMARY KEY (tenant_id, request_id)
);
CREATE INDEX request_ids_created ON request_ids (tenant_id, created_time);

-- What is promised to a tenant about time, and for when.
CREATE TABLE sla_agreements (
    tenant_id    TEXT COLLATE "C" NOT NULL REFERENCES tenants (tenant_id),
    version      BIGINT NOT NULL, -- from 1
    valid_from   BIGINT NOT NULL,
    valid_to     BIGINT, -- NULL while no other follows
    created_time BIGINT NOT NULL,
    document     TEXT NOT NULL, -- JSON
    PRIMARY KEY (tenant_id, version)
);

ALTER TABLE incident_heads ENABLE ROW LEVEL SECURITY;
ALTER TABLE incident_heads FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON incident_heads TO cordon_app, cordon_kernel
    USING (tenant_id = NULLIF(current_setting('cordon.tenant', true), ''))
    WITH CHECK (tenant_id = NULLIF(current_setting('cordon.tenant', true), ''));

ALTER TABLE incidents ENABLE ROW LEVEL SECURITY;
ALTER TABLE incidents FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON incidents TO cordon_app, cordon_kernel
    USING (tenant_id = NULLIF(current_setting('cordon.tenant', true), ''))
    WITH CHECK (tenant_id = NULLIF(current_setting('cordon.tenant', true), ''));

ALTER TABLE incident_entries ENABLE ROW LEVEL SECURITY;
ALTER TABLE incident_entries FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON incident_entries TO cordon_app, cordon_kernel
    USING (tenant_id = NULLIF(current_setting('cordon.tenant', true), ''))
    WITH CHECK (tenant_id = NULLIF(current_setting('cordon.tenant', true), ''));

ALTER TABLE incident_comments ENABLE ROW LEVEL SECURITY;
ALTER TABLE incident_comments FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON incident_comments TO cordon_app, cordon_kernel
    USING (tenant_id = NULLIF(current_setting('cordon.tenant', true), ''))
    WITH CHECK (tenant_id = NULLIF(current_setting('cordon.tenant', true), ''));

ALTER TABLE request_ids ENABLE ROW LEVEL SECURITY;
ALTER TABLE request_ids FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON request_ids TO cordon_app, cordon_kernel
    USING (tenant_id = NULLIF(current_setting('cordon.tenant', true), ''))
    WITH CHECK (tenant_id = NULLIF(current_setting('cordon.tenant', true), ''));

ALTER TABLE sla_agreements ENABLE ROW LEVEL SECURITY;
ALTER TABLE sla_agreements FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON sla_agreements TO cordon_app, cordon_kernel
    USING (tenant_id = NULLIF(current_setting('cordon.tenant', true), ''))
    WITH CHECK (tenant_id = NULLIF(current_setting('cordon.tenant', true), ''));
CREATE POLICY provider ON sla_agreements TO cordon_provider USING (true) WITH CHECK (true);

-- The queue, by named columns: nothing of what people wrote.
CREATE POLICY provider ON incidents FOR SELECT TO cordon_provider USING (true);
GRANT SELECT (tenant_id, incident_id, number, severity, phase, state, pending_party, created_time,
    updated_time, acknowledged_time) ON incidents TO cordon_provider;

GRANT SELECT, INSERT, UPDATE ON incident_heads, incidents, incident_comments TO cordon_app;
GRANT SELECT, INSERT ON incident_entries TO cordon_app;
GRANT SELECT, INSERT, DELETE ON request_ids TO cordon_app;
GRANT SELECT ON sla_agreements TO cordon_app;
GRANT SELECT, INSERT, UPDATE (valid_to) ON sla_agreements TO cordon_provider;

-- Sealing anew, and removal.
GRANT SELECT, DELETE ON incident_heads, sla_agreements TO cordon_kernel;
GRANT SELECT, UPDATE (sealed), DELETE ON incidents, incident_entries, incident_comments, request_ids
    TO cordon_kernel;
