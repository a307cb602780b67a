-- Incidents: what is being handled for whom, what happened to it, and what was said about it.
-- What people wrote is sealed under the tenant's keys; what lists and queues sort by is not.

-- The tenant's own counts: of incidents, and of what happened to them.
CREATE TABLE incident_heads (
    tenant_id TEXT    NOT NULL PRIMARY KEY REFERENCES tenants (tenant_id),
    seq       INTEGER NOT NULL,
    number    INTEGER NOT NULL
) STRICT;

CREATE TABLE incidents (
    tenant_id         TEXT    NOT NULL REFERENCES tenants (tenant_id),
    incident_id       TEXT    NOT NULL, -- UUID of version 7
    number            INTEGER NOT NULL, -- counts the tenant's, from 1
    severity          TEXT    NOT NULL, -- sev1 (critical) to sev4 (low)
    phase             TEXT    NOT NULL,
    state             TEXT    NOT NULL, -- open, closed
    tlp               TEXT    NOT NULL,
    pending_party     TEXT    NOT NULL, -- whose move it is: customer, provider; of a closed one: nobody
    created_time      INTEGER NOT NULL,
    updated_time      INTEGER NOT NULL,
    acknowledged_time INTEGER,
    closed_time       INTEGER,
    close_code        TEXT,
    etag              TEXT    NOT NULL,
    sealed            BLOB    NOT NULL, -- title, description, criteria, who opened it
    PRIMARY KEY (tenant_id, incident_id)
) STRICT;
CREATE UNIQUE INDEX incidents_number ON incidents (tenant_id, number);
-- With what lists filter by, so that they read the rows alone that they show.
CREATE INDEX incidents_updated ON incidents (tenant_id, updated_time, incident_id, state, severity,
    phase, pending_party);
CREATE INDEX incidents_queue ON incidents (state DESC, pending_party DESC, severity, created_time,
    tenant_id, incident_id);

-- What happened, by the tenant's count.
CREATE TABLE incident_entries (
    tenant_id   TEXT    NOT NULL REFERENCES tenants (tenant_id),
    seq         INTEGER NOT NULL,
    incident_id TEXT    NOT NULL,
    time        INTEGER NOT NULL,
    kind        TEXT    NOT NULL,
    party       TEXT    NOT NULL, -- who did it: customer, provider
    sealed      BLOB    NOT NULL, -- by whom, why, and what exactly
    PRIMARY KEY (tenant_id, seq),
    FOREIGN KEY (tenant_id, incident_id) REFERENCES incidents (tenant_id, incident_id)
) STRICT;
CREATE INDEX incident_entries_incident ON incident_entries (tenant_id, incident_id, seq);

CREATE TABLE incident_comments (
    tenant_id    TEXT    NOT NULL REFERENCES tenants (tenant_id),
    comment_id   TEXT    NOT NULL, -- UUID of version 7
    incident_id  TEXT    NOT NULL,
    created_time INTEGER NOT NULL,
    sealed       BLOB    NOT NULL, -- author, text, earlier texts
    PRIMARY KEY (tenant_id, comment_id),
    FOREIGN KEY (tenant_id, incident_id) REFERENCES incidents (tenant_id, incident_id)
) STRICT;
CREATE INDEX incident_comments_incident ON incident_comments (tenant_id, incident_id, comment_id);

-- First answers to calls that named themselves, for a day.
CREATE TABLE request_ids (
    tenant_id    TEXT    NOT NULL REFERENCES tenants (tenant_id),
    request_id   TEXT    NOT NULL,
    created_time INTEGER NOT NULL,
    sealed       BLOB    NOT NULL, -- what was asked for, and the answer
    PRIMARY KEY (tenant_id, request_id)
) STRICT;
CREATE INDEX request_ids_created ON request_ids (tenant_id, created_time);

-- What is promised to a tenant about time, and for when.
CREATE TABLE sla_agreements (
    tenant_id    TEXT    NOT NULL REFERENCES tenants (tenant_id),
    version      INTEGER NOT NULL, -- from 1
    valid_from   INTEGER NOT NULL,
    valid_to     INTEGER, -- NULL while no other follows
    created_time INTEGER NOT NULL,
    document     TEXT    NOT NULL, -- JSON
    PRIMARY KEY (tenant_id, version)
) STRICT;
