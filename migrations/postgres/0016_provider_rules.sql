-- The provider's rules for all tenants, what each tenant makes of them, and incidents that are opened
-- of findings.

-- The provider's rules. They are read by every tenant and say nothing of any.
CREATE TABLE provider_rules (
    rule_id      TEXT COLLATE "C" NOT NULL PRIMARY KEY, -- UUID of version 7
    version      BIGINT NOT NULL, -- of its text, from 1
    enabled      BIGINT NOT NULL, -- for tenants that have said nothing of it
    etag         TEXT COLLATE "C" NOT NULL,
    created_time BIGINT NOT NULL,
    updated_time BIGINT NOT NULL,
    document     TEXT COLLATE "C" NOT NULL -- the text, who changed it last
);

-- The texts that they had.
CREATE TABLE provider_rule_versions (
    rule_id      TEXT COLLATE "C" NOT NULL REFERENCES provider_rules (rule_id),
    version      BIGINT NOT NULL,
    created_time BIGINT NOT NULL,
    document     TEXT COLLATE "C" NOT NULL, -- the text and who wrote it
    PRIMARY KEY (rule_id, version)
);

-- One row: how often there was something new to look at all tenants' events by, and by how many of
-- the rules they are looked at unless a tenant says otherwise.
CREATE TABLE provider_rule_head (
    id      BIGINT NOT NULL PRIMARY KEY CHECK (id = 1),
    begun   BIGINT NOT NULL,
    enabled BIGINT NOT NULL
);
INSERT INTO provider_rule_head (id, begun, enabled) VALUES (1, 0, 0);

-- Which rule a call that named itself made or changed.
CREATE TABLE provider_rule_requests (
    request_id   TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    request_hash TEXT COLLATE "C" NOT NULL,
    rule_id      TEXT COLLATE "C" NOT NULL,
    created_time BIGINT NOT NULL
);

-- Which of these beginnings a tenant that is not watched has nothing for.
ALTER TABLE tenant_head ADD COLUMN passed_begun BIGINT NOT NULL DEFAULT 0;

-- How one of the provider's rules works for a tenant.
CREATE TABLE detection_rule_settings (
    tenant_id    TEXT COLLATE "C" NOT NULL REFERENCES tenants (tenant_id),
    rule_id      TEXT COLLATE "C" NOT NULL, -- of the provider's
    enabled      BIGINT, -- NULL: as the provider says
    etag         TEXT COLLATE "C" NOT NULL,
    updated_time BIGINT NOT NULL,
    sealed       BYTEA NOT NULL, -- exceptions, until when it is muted
    PRIMARY KEY (tenant_id, rule_id)
);

-- By what findings open incidents.
CREATE TABLE detection_policies (
    tenant_id    TEXT COLLATE "C" NOT NULL REFERENCES tenants (tenant_id),
    policy_id    TEXT COLLATE "C" NOT NULL, -- there is one
    enabled      BIGINT NOT NULL,
    seen_seq     BIGINT NOT NULL, -- up to which of the findings' sequence they were decided on
    etag         TEXT COLLATE "C" NOT NULL,
    updated_time BIGINT NOT NULL,
    sealed       BYTEA NOT NULL, -- which findings, how many incidents, who said so
    PRIMARY KEY (tenant_id, policy_id)
);

-- Which incident a finding went to.
CREATE TABLE finding_incidents (
    tenant_id   TEXT COLLATE "C" NOT NULL REFERENCES tenants (tenant_id),
    finding_id  TEXT COLLATE "C" NOT NULL,
    incident_id TEXT COLLATE "C" NOT NULL,
    kind        TEXT COLLATE "C" NOT NULL, -- opened: for it; collected: with others, there were too many
    time        BIGINT NOT NULL, -- when
    told_count  BIGINT NOT NULL, -- how many events it had when the incident was last told
    PRIMARY KEY (tenant_id, finding_id),
    FOREIGN KEY (tenant_id, incident_id) REFERENCES incidents (tenant_id, incident_id)
);
CREATE INDEX findings_closed ON findings (tenant_id, status, updated_time);
CREATE INDEX finding_incidents_time ON finding_incidents (tenant_id, kind, time);
CREATE INDEX finding_incidents_incident ON finding_incidents (tenant_id, incident_id);

-- What all tenants may read, and none writes.
ALTER TABLE provider_rules ENABLE ROW LEVEL SECURITY;
ALTER TABLE provider_rules FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON provider_rules FOR SELECT TO cordon_app USING (true);
CREATE POLICY provider ON provider_rules TO cordon_provider USING (true) WITH CHECK (true);
ALTER TABLE provider_rule_versions ENABLE ROW LEVEL SECURITY;
ALTER TABLE provider_rule_versions FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON provider_rule_versions FOR SELECT TO cordon_app USING (true);
CREATE POLICY provider ON provider_rule_versions TO cordon_provider USING (true) WITH CHECK (true);
ALTER TABLE provider_rule_head ENABLE ROW LEVEL SECURITY;
ALTER TABLE provider_rule_head FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON provider_rule_head FOR SELECT TO cordon_app USING (true);
CREATE POLICY provider ON provider_rule_head TO cordon_provider USING (true) WITH CHECK (true);
CREATE POLICY ingest ON provider_rule_head FOR SELECT TO cordon_ingest USING (true);
CREATE POLICY kernel ON provider_rule_head FOR SELECT TO cordon_kernel USING (true);

ALTER TABLE detection_rule_settings ENABLE ROW LEVEL SECURITY;
ALTER TABLE detection_rule_settings FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON detection_rule_settings TO cordon_app, cordon_kernel
    USING (tenant_id = NULLIF(current_setting('cordon.tenant', true), ''))
    WITH CHECK (tenant_id = NULLIF(current_setting('cordon.tenant', true), ''));

ALTER TABLE detection_policies ENABLE ROW LEVEL SECURITY;
ALTER TABLE detection_policies FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON detection_policies TO cordon_app, cordon_kernel
    USING (tenant_id = NULLIF(current_setting('cordon.tenant', true), ''))
    WITH CHECK (tenant_id = NULLIF(current_setting('cordon.tenant', true), ''));

ALTER TABLE finding_incidents ENABLE ROW LEVEL SECURITY;
ALTER TABLE finding_incidents FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON finding_incidents TO cordon_app, cordon_kernel
    USING (tenant_id = NULLIF(current_setting('cordon.tenant', true), ''))
    WITH CHECK (tenant_id = NULLIF(current_setting('cordon.tenant', true), ''));

GRANT SELECT ON provider_rules, provider_rule_versions, provider_rule_head TO cordon_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON provider_rules, provider_rule_requests TO cordon_provider;
GRANT SELECT, INSERT, DELETE ON provider_rule_versions TO cordon_provider;
GRANT SELECT, UPDATE ON provider_rule_head TO cordon_provider;
GRANT SELECT ON provider_rule_head TO cordon_ingest, cordon_kernel;
GRANT SELECT (created_time), DELETE ON provider_rule_requests TO cordon_kernel;
GRANT UPDATE (detected_seq, watched) ON tenant_head TO cordon_ingest;
GRANT SELECT (passed_begun), UPDATE (passed_begun) ON tenant_head TO cordon_kernel;
GRANT SELECT, INSERT, UPDATE, DELETE ON detection_rule_settings, finding_incidents TO cordon_app;
GRANT SELECT, INSERT, UPDATE ON detection_policies TO cordon_app;
-- Of those that were closed long ago.
GRANT DELETE ON findings TO cordon_app;

-- Sealing anew, and removal.
GRANT SELECT, UPDATE (sealed), DELETE ON detection_rule_settings, detection_policies TO cordon_kernel;
GRANT SELECT, DELETE ON finding_incidents TO cordon_kernel;
