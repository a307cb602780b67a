-- What is usual of a tenant's principals, addresses and resources.

CREATE TABLE detection_baselines (
    tenant_id     TEXT COLLATE "C" NOT NULL PRIMARY KEY REFERENCES tenants (tenant_id),
    enabled       BIGINT NOT NULL,
    edition       BIGINT NOT NULL, -- counts how often it was begun anew
    learned_seq   BIGINT NOT NULL, -- events up to here were learned from
    learned_time  BIGINT,
    crowded_count BIGINT NOT NULL, -- how often the model was too full
    etag          TEXT COLLATE "C" NOT NULL
);

-- The model's parts.
CREATE TABLE detection_baseline_parts (
    tenant_id TEXT COLLATE "C" NOT NULL REFERENCES tenants (tenant_id),
    part_id   TEXT COLLATE "C" NOT NULL, -- its number in two digits
    sealed    BYTEA NOT NULL,
    PRIMARY KEY (tenant_id, part_id)
);

ALTER TABLE detection_baselines ENABLE ROW LEVEL SECURITY;
ALTER TABLE detection_baselines FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON detection_baselines TO cordon_app, cordon_kernel
    USING (tenant_id = NULLIF(current_setting('cordon.tenant', true), ''))
    WITH CHECK (tenant_id = NULLIF(current_setting('cordon.tenant', true), ''));

ALTER TABLE detection_baseline_parts ENABLE ROW LEVEL SECURITY;
ALTER TABLE detection_baseline_parts FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON detection_baseline_parts TO cordon_app, cordon_kernel
    USING (tenant_id = NULLIF(current_setting('cordon.tenant', true), ''))
    WITH CHECK (tenant_id = NULLIF(current_setting('cordon.tenant', true), ''));

GRANT SELECT, INSERT, UPDATE ON detection_baselines TO cordon_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON detection_baseline_parts TO cordon_app;

-- Sealing anew, and removal.
GRANT SELECT, DELETE ON detection_baselines TO cordon_kernel;
GRANT SELECT, UPDATE (sealed), DELETE ON detection_baseline_parts TO cordon_kernel;
