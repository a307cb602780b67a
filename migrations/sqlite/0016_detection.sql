-- Rules, up to where events were looked at by them, and what they found.

-- Up to which sequence number the tenant's events were looked at. What is there already is looked at
-- when somebody asks.
ALTER TABLE tenant_head ADD COLUMN detected_seq INTEGER NOT NULL DEFAULT 0;
UPDATE tenant_head SET detected_seq = seq;
-- 0 as long as there is nothing to look at them by; counts how often that began.
ALTER TABLE tenant_head ADD COLUMN watched INTEGER NOT NULL DEFAULT 0;

-- A tenant's own rules.
CREATE TABLE detection_rules (
    tenant_id    TEXT    NOT NULL REFERENCES tenants (tenant_id),
    rule_id      TEXT    NOT NULL, -- UUID of version 7
    version      INTEGER NOT NULL, -- of its text, from 1
    enabled      INTEGER NOT NULL,
    etag         TEXT    NOT NULL,
    created_time INTEGER NOT NULL,
    updated_time INTEGER NOT NULL,
    sealed       BLOB    NOT NULL, -- the text, exceptions, until when it is muted
    PRIMARY KEY (tenant_id, rule_id)
) STRICT;

-- The texts that they had.
CREATE TABLE detection_rule_versions (
    tenant_id    TEXT    NOT NULL REFERENCES tenants (tenant_id),
    version_id   TEXT    NOT NULL, -- rule, a slash and the version in ten digits
    rule_id      TEXT    NOT NULL,
    created_time INTEGER NOT NULL,
    sealed       BLOB    NOT NULL, -- the text and who wrote it
    PRIMARY KEY (tenant_id, version_id),
    FOREIGN KEY (tenant_id, rule_id) REFERENCES detection_rules (tenant_id, rule_id)
) STRICT;

-- What correlations remember between two looks at events.
CREATE TABLE detection_windows (
    tenant_id TEXT    NOT NULL REFERENCES tenants (tenant_id),
    rule_id   TEXT    NOT NULL,
    version   INTEGER NOT NULL, -- of the rule's text
    sealed    BLOB    NOT NULL,
    PRIMARY KEY (tenant_id, rule_id)
) STRICT;

-- What was found.
CREATE TABLE findings (
    tenant_id    TEXT    NOT NULL REFERENCES tenants (tenant_id),
    finding_id   TEXT    NOT NULL, -- UUID of version 7
    seq          INTEGER NOT NULL, -- the tenant's, of its last change
    dedup_key    TEXT    NOT NULL, -- keyed hash, 32 hexadecimal digits
    rule_id      TEXT    NOT NULL,
    level        INTEGER NOT NULL, -- 1 informational to 5 critical
    etag         TEXT    NOT NULL,
    status       INTEGER NOT NULL, -- OCSF's: 1 new, 2 in progress, 3 suppressed, 4 resolved
    created_time INTEGER NOT NULL,
    updated_time INTEGER NOT NULL,
    sealed       BLOB    NOT NULL, -- what it says
    PRIMARY KEY (tenant_id, finding_id)
) STRICT;
CREATE UNIQUE INDEX findings_dedup ON findings (tenant_id, dedup_key);
CREATE UNIQUE INDEX findings_seq ON findings (tenant_id, seq);

-- The last of these sequence numbers.
CREATE TABLE finding_heads (
    tenant_id TEXT    NOT NULL PRIMARY KEY REFERENCES tenants (tenant_id),
    seq       INTEGER NOT NULL
) STRICT;
