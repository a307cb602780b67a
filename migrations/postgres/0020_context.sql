-- What a tenant tells of its own: assets, planned work, networks that it trusts.

CREATE TABLE context_entries (
    tenant_id    TEXT COLLATE "C" NOT NULL REFERENCES tenants (tenant_id),
    entry_id     TEXT COLLATE "C" NOT NULL,
    kind         TEXT COLLATE "C" NOT NULL, -- asset, planned_work or trusted_network
    name_key     TEXT COLLATE "C" NOT NULL, -- hash of kind and display name
    crown_jewel  BIGINT NOT NULL,
    etag         TEXT COLLATE "C" NOT NULL,
    updated_time BIGINT NOT NULL,
    sealed       BYTEA NOT NULL,
    PRIMARY KEY (tenant_id, entry_id),
    UNIQUE (tenant_id, name_key)
);

CREATE INDEX context_entries_kind ON context_entries (tenant_id, kind, entry_id);

CREATE TABLE context_heads (
    tenant_id TEXT COLLATE "C" NOT NULL PRIMARY KEY REFERENCES tenants (tenant_id),
    edition   BIGINT NOT NULL -- counts the changes
);

ALTER TABLE context_entries ENABLE ROW LEVEL SECURITY;
ALTER TABLE context_entries FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON context_entries TO cordon_app, cordon_kernel
    USING (tenant_id = NULLIF(current_setting('cordon.tenant', true), ''))
    WITH CHECK (tenant_id = NULLIF(current_setting('cordon.tenant', true), ''));

ALTER TABLE context_heads ENABLE ROW LEVEL SECURITY;
ALTER TABLE context_heads FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON context_heads TO cordon_app, cordon_kernel
    USING (tenant_id = NULLIF(current_setting('cordon.tenant', true), ''))
    WITH CHECK (tenant_id = NULLIF(current_setting('cordon.tenant', true), ''));

GRANT SELECT, INSERT, UPDATE, DELETE ON context_entries TO cordon_app;
GRANT SELECT, INSERT, UPDATE ON context_heads TO cordon_app;

-- Sealing anew, and removal.
GRANT SELECT, UPDATE (sealed), DELETE ON context_entries TO cordon_kernel;
GRANT SELECT, DELETE ON context_heads TO cordon_kernel;
