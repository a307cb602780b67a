-- The provider's rules for all tenants, what each tenant makes of them, and incidents that are opened
-- of findings.

-- The provider's rules. They are read by every tenant and say nothing of any.
CREATE TABLE provider_rules (
    rule_id      TEXT NOT NULL PRIMARY KEY, -- UUID of version 7
    version      INTEGER NOT NULL, -- of its text, from 1
    enabled      INTEGER NOT NULL, -- for tenants that have said nothing of it
    etag         TEXT NOT NULL,
    created_time INTEGER NOT NULL,
    updated_time INTEGER NOT NULL,
    document     TEXT NOT NULL -- the text, who changed it last
) STRICT;

-- The texts that they had.
CREATE TABLE provider_rule_versions (
    rule_id      TEXT NOT NULL REFERENCES provider_rules (rule_id),
    version      INTEGER NOT NULL,
    created_time INTEGER NOT NULL,
    document     TEXT NOT NULL, -- the text and who wrote it
    PRIMARY KEY (rule_id, version)
) STRICT;

-- One row: how often there was something new to look at all tenants' events by, and by how many of
-- the rules they are looked at unless a tenant says otherwise.
CREATE TABLE provider_rule_head (
    id      INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
    begun   INTEGER NOT NULL,
    enabled INTEGER NOT NULL
) STRICT;
INSERT INTO provider_rule_head (id, begun, enabled) VALUES (1, 0, 0);

-- Which rule a call that named itself made or changed.
CREATE TABLE provider_rule_requests (
    request_id   TEXT NOT NULL PRIMARY KEY,
    request_hash TEXT NOT NULL,
    rule_id      TEXT NOT NULL,
    created_time INTEGER NOT NULL
) STRICT;

-- Which of these beginnings a tenant that is not watched has nothing for.
ALTER TABLE tenant_head ADD COLUMN passed_begun INTEGER NOT NULL DEFAULT 0;

-- How one of the provider's rules works for a tenant.
CREATE TABLE detection_rule_settings (
    tenant_id    TEXT NOT NULL REFERENCES tenants (tenant_id),
    rule_id      TEXT NOT NULL, -- of the provider's
    enabled      INTEGER, -- NULL: as the provider says
    etag         TEXT NOT NULL,
    updated_time INTEGER NOT NULL,
    sealed       BLOB NOT NULL, -- exceptions, until when it is muted
    PRIMARY KEY (tenant_id, rule_id)
) STRICT;

-- By what findings open incidents.
CREATE TABLE detection_policies (
    tenant_id    TEXT NOT NULL REFERENCES tenants (tenant_id),
    policy_id    TEXT NOT NULL, -- there is one
    enabled      INTEGER NOT NULL,
    seen_seq     INTEGER NOT NULL, -- up to which of the findings' sequence they were decided on
    etag         TEXT NOT NULL,
    updated_time INTEGER NOT NULL,
    sealed       BLOB NOT NULL, -- which findings, how many incidents, who said so
    PRIMARY KEY (tenant_id, policy_id)
) STRICT;

-- Which incident a finding went to.
CREATE TABLE finding_incidents (
    tenant_id   TEXT NOT NULL REFERENCES tenants (tenant_id),
    finding_id  TEXT NOT NULL,
    incident_id TEXT NOT NULL,
    kind        TEXT NOT NULL, -- opened: for it; collected: with others, there were too many
    time        INTEGER NOT NULL, -- when
    told_count  INTEGER NOT NULL, -- how many events it had when the incident was last told
    PRIMARY KEY (tenant_id, finding_id),
    FOREIGN KEY (tenant_id, incident_id) REFERENCES incidents (tenant_id, incident_id)
) STRICT;
CREATE INDEX findings_closed ON findings (tenant_id, status, updated_time);
CREATE INDEX finding_incidents_time ON finding_incidents (tenant_id, kind, time);
CREATE INDEX finding_incidents_incident ON finding_incidents (tenant_id, incident_id);
