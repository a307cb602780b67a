-- Rules, up to where events were looked at by them, and what they found.

-- Up to which sequence number the tenant's events were looked at. What is there already is looked at
-- when somebody asks.
ALTER TABLE tenant_head ADD COLUMN detected_seq BIGINT NOT NULL DEFAULT 0;
UPDATE tenant_head SET detected_seq = seq;
-- 0 as long as there is nothing to look at them by; counts how often that began.
ALTER TABLE tenant_head ADD COLUMN watched BIGINT NOT NULL DEFAULT 0;

-- A tenant's own rules.
CREATE TABLE detection_rules (
    tenant_id    TEXT COLLATE "C" NOT NULL REFERENCES tenants (tenant_id),
    rule_id      TEXT COLLATE "C" NOT NULL, -- UUID of version 7
    version      BIGINT NOT NULL, -- of its text, from 1
    enabled      BIGINT NOT NULL,
    etag         TEXT COLLATE "C" NOT NULL,
    created_time BIGINT NOT NULL,
    updated_time BIGINT NOT NULL,
    sealed       BYTEA NOT NULL, -- the text, exceptions, until when it is muted
    PRIMARY KEY (tenant_id, rule_id)
);

-- The texts that they had.
CREATE TABLE detection_rule_versions (
    tenant_id    TEXT COLLATE "C" NOT NULL REFERENCES tenants (tenant_id),
    version_id   TEXT COLLATE "C" NOT NULL, -- rule, a slash and the version in ten digits
    rule_id      TEXT COLLATE "C" NOT NULL,
    created_time BIGINT NOT NULL,
    sealed       BYTEA NOT NULL, -- the text and who wrote it
    PRIMARY KEY (tenant_id, version_id),
    FOREIGN KEY (tenant_id, rule_id) REFERENCES detection_rules (tenant_id, rule_id)
);

-- What correlations remember between two looks at events.
CREATE TABLE detection_windows (
    tenant_id TEXT COLLATE "C" NOT NULL REFERENCES tenants (tenant_id),
    rule_id   TEXT COLLATE "C" NOT NULL,
    version   BIGINT NOT NULL, -- of the rule's text
    sealed    BYTEA NOT NULL,
    PRIMARY KEY (tenant_id, rule_id)
);

-- What was found.
CREATE TABLE findings (
    tenant_id    TEXT COLLATE "C" NOT NULL REFERENCES tenants (tenant_id),
    finding_id   TEXT COLLATE "C" NOT NULL, -- UUID of version 7
    seq          BIGINT NOT NULL, -- the tenant's, of its last change
    dedup_key    TEXT COLLATE "C" NOT NULL, -- keyed hash, 32 hexadecimal digits
    rule_id      TEXT COLLATE "C" NOT NULL,
    level        BIGINT NOT NULL, -- 1 informational to 5 critical
    etag         TEXT COLLATE "C" NOT NULL,
    status       BIGINT NOT NULL, -- OCSF's: 1 new, 2 in progress, 3 suppressed, 4 resolved
    created_time BIGINT NOT NULL,
    updated_time BIGINT NOT NULL,
    sealed       BYTEA NOT NULL, -- what it says
    PRIMARY KEY (tenant_id, finding_id)
);
CREATE UNIQUE INDEX findings_dedup ON findings (tenant_id, dedup_key);
CREATE UNIQUE INDEX findings_seq ON findings (tenant_id, seq);

-- The last of these sequence numbers.
CREATE TABLE finding_heads (
    tenant_id TEXT COLLATE "C" NOT NULL PRIMARY KEY REFERENCES tenants (tenant_id),
    seq       BIGINT NOT NULL
);

ALTER TABLE detection_rules ENABLE ROW LEVEL SECURITY;
ALTER TABLE detection_rules FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON detection_rules TO cordon_app, cordon_kernel
    USING (tenant_id = NULLIF(current_setting('cordon.tenant', true), ''))
    WITH CHECK (tenant_id = NULLIF(current_setting('cordon.tenant', true), ''));

ALTER TABLE detection_rule_versions ENABLE ROW LEVEL SECURITY;
ALTER TABLE detection_rule_versions FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON detection_rule_versions TO cordon_app, cordon_kernel
    USING (tenant_id = NULLIF(current_setting('cordon.tenant', true), ''))
    WITH CHECK (tenant_id = NULLIF(current_setting('cordon.tenant', true), ''));

ALTER TABLE detection_windows ENABLE ROW LEVEL SECURITY;
ALTER TABLE detection_windows FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON detection_windows TO cordon_app, cordon_kernel
    USING (tenant_id = NULLIF(current_setting('cordon.tenant', true), ''))
    WITH CHECK (tenant_id = NULLIF(current_setting('cordon.tenant', true), ''));

ALTER TABLE findings ENABLE ROW LEVEL SECURITY;
ALTER TABLE findings FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON findings TO cordon_app, cordon_kernel
    USING (tenant_id = NULLIF(current_setting('cordon.tenant', true), ''))
    WITH CHECK (tenant_id = NULLIF(current_setting('cordon.tenant', true), ''));

ALTER TABLE finding_heads ENABLE ROW LEVEL SECURITY;
ALTER TABLE finding_heads FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON finding_heads TO cordon_app, cordon_kernel
    USING (tenant_id = NULLIF(current_setting('cordon.tenant', true), ''))
    WITH CHECK (tenant_id = NULLIF(current_setting('cordon.tenant', true), ''));

GRANT SELECT, INSERT, UPDATE, DELETE ON detection_rules, detection_rule_versions, detection_windows
    TO cordon_app;
GRANT SELECT, INSERT, UPDATE ON findings, finding_heads TO cordon_app;
GRANT UPDATE (detected_seq, watched) ON tenant_head TO cordon_app;
GRANT SELECT (detected_seq, watched), UPDATE (detected_seq, watched) ON tenant_head TO cordon_kernel;

-- Sealing anew, and removal.
GRANT SELECT, UPDATE (sealed), DELETE ON detection_rules, detection_rule_versions,
    detection_windows, findings TO cordon_kernel;
GRANT SELECT, DELETE ON finding_heads TO cordon_kernel;
