-- Who may what. Four roles serve, and none owns anything or passes a row policy by:
--   cordon_app       one tenant at a time, named in the transaction by cordon.tenant
--   cordon_ingest    what a flush of events writes, for many tenants at once
--   cordon_provider  the provider's registers, for the rooms' SQL
--   cordon_kernel    keys, claims, quarantine, logs: work that no room's SQL does
-- cordon.tenant is empty after a transaction that set it, hence NULLIF: no tenant has no name.
--
-- FORCE holds for the owner too. A migration that changes rows of a tenant table must say so
-- (NO FORCE, and FORCE again, in its own transaction).

ALTER TABLE tenants ENABLE ROW LEVEL SECURITY;
ALTER TABLE tenants FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON tenants TO cordon_app, cordon_kernel
    USING (tenant_id = NULLIF(current_setting('cordon.tenant', true), ''))
    WITH CHECK (tenant_id = NULLIF(current_setting('cordon.tenant', true), ''));

ALTER TABLE accounts ENABLE ROW LEVEL SECURITY;
ALTER TABLE accounts FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON accounts TO cordon_app, cordon_kernel
    USING (tenant_id = NULLIF(current_setting('cordon.tenant', true), ''))
    WITH CHECK (tenant_id = NULLIF(current_setting('cordon.tenant', true), ''));

ALTER TABLE resources ENABLE ROW LEVEL SECURITY;
ALTER TABLE resources FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON resources TO cordon_app, cordon_kernel
    USING (tenant_id = NULLIF(current_setting('cordon.tenant', true), ''))
    WITH CHECK (tenant_id = NULLIF(current_setting('cordon.tenant', true), ''));

ALTER TABLE tenant_keys ENABLE ROW LEVEL SECURITY;
ALTER TABLE tenant_keys FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON tenant_keys TO cordon_app, cordon_kernel
    USING (tenant_id = NULLIF(current_setting('cordon.tenant', true), ''))
    WITH CHECK (tenant_id = NULLIF(current_setting('cordon.tenant', true), ''));

ALTER TABLE tenant_head ENABLE ROW LEVEL SECURITY;
ALTER TABLE tenant_head FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON tenant_head TO cordon_app, cordon_kernel
    USING (tenant_id = NULLIF(current_setting('cordon.tenant', true), ''))
    WITH CHECK (tenant_id = NULLIF(current_setting('cordon.tenant', true), ''));

ALTER TABLE journal ENABLE ROW LEVEL SECURITY;
ALTER TABLE journal FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON journal TO cordon_app, cordon_kernel
    USING (tenant_id = NULLIF(current_setting('cordon.tenant', true), ''))
    WITH CHECK (tenant_id = NULLIF(current_setting('cordon.tenant', true), ''));

ALTER TABLE journal_payloads ENABLE ROW LEVEL SECURITY;
ALTER TABLE journal_payloads FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON journal_payloads TO cordon_app, cordon_kernel
    USING (tenant_id = NULLIF(current_setting('cordon.tenant', true), ''))
    WITH CHECK (tenant_id = NULLIF(current_setting('cordon.tenant', true), ''));

ALTER TABLE tenant_sources ENABLE ROW LEVEL SECURITY;
ALTER TABLE tenant_sources FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON tenant_sources TO cordon_app, cordon_kernel
    USING (tenant_id = NULLIF(current_setting('cordon.tenant', true), ''))
    WITH CHECK (tenant_id = NULLIF(current_setting('cordon.tenant', true), ''));

ALTER TABLE segments ENABLE ROW LEVEL SECURITY;
ALTER TABLE segments FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON segments TO cordon_app, cordon_kernel
    USING (tenant_id = NULLIF(current_setting('cordon.tenant', true), ''))
    WITH CHECK (tenant_id = NULLIF(current_setting('cordon.tenant', true), ''));

ALTER TABLE segment_payloads ENABLE ROW LEVEL SECURITY;
ALTER TABLE segment_payloads FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON segment_payloads TO cordon_app, cordon_kernel
    USING (tenant_id = NULLIF(current_setting('cordon.tenant', true), ''))
    WITH CHECK (tenant_id = NULLIF(current_setting('cordon.tenant', true), ''));

ALTER TABLE event_originals ENABLE ROW LEVEL SECURITY;
ALTER TABLE event_originals FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON event_originals TO cordon_app, cordon_kernel
    USING (tenant_id = NULLIF(current_setting('cordon.tenant', true), ''))
    WITH CHECK (tenant_id = NULLIF(current_setting('cordon.tenant', true), ''));

ALTER TABLE audit_head ENABLE ROW LEVEL SECURITY;
ALTER TABLE audit_head FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON audit_head TO cordon_app, cordon_kernel
    USING (tenant_id = NULLIF(current_setting('cordon.tenant', true), ''))
    WITH CHECK (tenant_id = NULLIF(current_setting('cordon.tenant', true), ''));

ALTER TABLE audit_log ENABLE ROW LEVEL SECURITY;
ALTER TABLE audit_log FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON audit_log TO cordon_app, cordon_kernel
    USING (tenant_id = NULLIF(current_setting('cordon.tenant', true), ''))
    WITH CHECK (tenant_id = NULLIF(current_setting('cordon.tenant', true), ''));

ALTER TABLE jobs ENABLE ROW LEVEL SECURITY;
ALTER TABLE jobs FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON jobs TO cordon_app, cordon_kernel
    USING (tenant_id = NULLIF(current_setting('cordon.tenant', true), ''))
    WITH CHECK (tenant_id = NULLIF(current_setting('cordon.tenant', true), ''));

ALTER TABLE credentials ENABLE ROW LEVEL SECURITY;
ALTER TABLE credentials FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON credentials TO cordon_app
    USING (home = 'tenants/' || NULLIF(current_setting('cordon.tenant', true), ''))
    WITH CHECK (home = 'tenants/' || NULLIF(current_setting('cordon.tenant', true), ''));

-- How far a source has come is for those to whom it has delivered.
ALTER TABLE source_watermarks ENABLE ROW LEVEL SECURITY;
ALTER TABLE source_watermarks FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON source_watermarks FOR SELECT TO cordon_app
    USING (EXISTS (SELECT 1 FROM tenant_sources s
                    WHERE s.tenant_id = NULLIF(current_setting('cordon.tenant', true), '')
                      AND s.source_id = source_watermarks.source_id));

-- The server's own secrets are for whoever changes them, and not for the rooms' reads.
ALTER TABLE signing_keys ENABLE ROW LEVEL SECURITY;
ALTER TABLE signing_keys FORCE ROW LEVEL SECURITY;
CREATE POLICY kernel ON signing_keys TO cordon_kernel USING (true) WITH CHECK (true);
CREATE POLICY provider ON signing_keys TO cordon_provider
    USING (current_setting('transaction_read_only') = 'off') WITH CHECK (true);

-- What goes across tenants, by role. The grants below say what of it. What the kernel writes within
-- the provider's transactions is not there in those that only read.
CREATE POLICY ingest ON tenants TO cordon_ingest USING (true) WITH CHECK (true);
CREATE POLICY ingest ON tenant_head TO cordon_ingest USING (true) WITH CHECK (true);
CREATE POLICY ingest ON journal TO cordon_ingest USING (true) WITH CHECK (true);
CREATE POLICY ingest ON journal_payloads TO cordon_ingest USING (true) WITH CHECK (true);
CREATE POLICY ingest ON tenant_sources TO cordon_ingest USING (true) WITH CHECK (true);
CREATE POLICY ingest ON event_originals TO cordon_ingest USING (true) WITH CHECK (true);
CREATE POLICY ingest ON jobs TO cordon_ingest USING (true) WITH CHECK (true);
CREATE POLICY ingest ON source_watermarks TO cordon_ingest USING (true) WITH CHECK (true);

CREATE POLICY provider ON tenants TO cordon_provider USING (true) WITH CHECK (true);
CREATE POLICY provider ON accounts TO cordon_provider USING (true) WITH CHECK (true);
CREATE POLICY provider ON resources TO cordon_provider USING (true) WITH CHECK (true);
CREATE POLICY provider ON credentials TO cordon_provider USING (true) WITH CHECK (true);
CREATE POLICY provider ON tenant_keys TO cordon_provider
    USING (current_setting('transaction_read_only') = 'off') WITH CHECK (true);
CREATE POLICY provider ON tenant_head TO cordon_provider
    USING (current_setting('transaction_read_only') = 'off') WITH CHECK (true);
CREATE POLICY provider ON audit_head TO cordon_provider
    USING (current_setting('transaction_read_only') = 'off') WITH CHECK (true);
CREATE POLICY provider ON audit_log TO cordon_provider USING (true) WITH CHECK (true);
CREATE POLICY provider ON jobs TO cordon_provider
    USING (current_setting('transaction_read_only') = 'off') WITH CHECK (true);
CREATE POLICY provider ON source_watermarks TO cordon_provider USING (true) WITH CHECK (true);

CREATE POLICY kernel ON tenants TO cordon_kernel USING (true) WITH CHECK (true);
CREATE POLICY kernel ON accounts TO cordon_kernel USING (true) WITH CHECK (true);
CREATE POLICY kernel ON credentials TO cordon_kernel USING (true) WITH CHECK (true);
CREATE POLICY kernel ON tenant_keys TO cordon_kernel USING (true) WITH CHECK (true);
CREATE POLICY kernel ON event_originals TO cordon_kernel USING (true) WITH CHECK (true);
CREATE POLICY kernel ON audit_head TO cordon_kernel USING (true) WITH CHECK (true);
CREATE POLICY kernel ON audit_log TO cordon_kernel USING (true) WITH CHECK (true);
CREATE POLICY kernel ON jobs TO cordon_kernel USING (true) WITH CHECK (true);
CREATE POLICY kernel ON resources FOR SELECT TO cordon_kernel USING (true);

-- One tenant.
GRANT SELECT ON tenants, accounts, resources, credentials, tenant_head, journal, journal_payloads,
    tenant_sources, source_watermarks, segments, segment_payloads, event_originals, audit_head,
    audit_log, jobs TO cordon_app;
GRANT INSERT, UPDATE, DELETE ON resources, credentials, segments TO cordon_app;
GRANT INSERT, DELETE ON segment_payloads TO cordon_app;
GRANT INSERT, UPDATE ON jobs TO cordon_app;
GRANT DELETE ON journal_payloads TO cordon_app;
GRANT UPDATE (sealed_seq, oldest_seq, unsealed_since, unsealed_blocks, catalogue_version)
    ON tenant_head TO cordon_app;
GRANT UPDATE (seq, chain) ON audit_head TO cordon_app;
GRANT INSERT ON audit_log TO cordon_app;

-- A flush. UPDATE (id) lets it hold the directory's version, and change nothing.
GRANT SELECT (tenant_id, status) ON tenants TO cordon_ingest;
GRANT SELECT ON directory_version, tenant_head, tenant_sources, event_originals, jobs, batches,
    source_watermarks, originals, dead_letters, dead_letter_usage TO cordon_ingest;
GRANT UPDATE (id) ON directory_version TO cordon_ingest;
GRANT INSERT ON journal, journal_payloads, batches, quarantine, quarantine_parties TO cordon_ingest;
GRANT UPDATE (seq, chain, unsealed_since, last_stored_time, key_uses, unsealed_blocks)
    ON tenant_head TO cordon_ingest;
GRANT INSERT, UPDATE ON tenant_sources, event_originals, jobs, source_watermarks,
    dead_letter_usage TO cordon_ingest;
GRANT INSERT, DELETE ON originals, dead_letters TO cordon_ingest;

-- The registers.
GRANT SELECT, INSERT, UPDATE ON tenants TO cordon_provider;
GRANT SELECT, INSERT, UPDATE, DELETE ON accounts, resources, address_ranges, sources, credentials
    TO cordon_provider;
GRANT SELECT ON source_watermarks TO cordon_provider;
GRANT SELECT, UPDATE ON directory_version TO cordon_provider;
GRANT INSERT, SELECT (tenant_id, purpose, version) ON tenant_keys TO cordon_provider;
GRANT SELECT, INSERT, UPDATE ON signing_keys TO cordon_provider;
GRANT INSERT, SELECT (tenant_id), UPDATE (key_uses) ON tenant_head TO cordon_provider;
GRANT SELECT, INSERT, UPDATE ON audit_head, jobs TO cordon_provider;
GRANT INSERT ON audit_log TO cordon_provider;
GRANT SELECT, UPDATE ON provider_audit_head TO cordon_provider;
GRANT SELECT, INSERT ON provider_audit_log TO cordon_provider;

-- The kernel's own.
GRANT SELECT ON tenants, accounts, resources, address_ranges, sources, credentials TO cordon_kernel;
GRANT SELECT, UPDATE ON directory_version TO cordon_kernel;
GRANT SELECT, DELETE ON tenant_keys TO cordon_kernel;
GRANT SELECT, INSERT ON system_keys TO cordon_kernel;
GRANT SELECT, INSERT, UPDATE ON signing_keys TO cordon_kernel;
GRANT SELECT, INSERT, UPDATE, DELETE ON jobs TO cordon_kernel;
GRANT SELECT, UPDATE ON audit_head, provider_audit_head TO cordon_kernel;
GRANT INSERT ON audit_log TO cordon_kernel;
GRANT SELECT, INSERT ON provider_audit_log TO cordon_kernel;
GRANT SELECT, DELETE ON quarantine, quarantine_parties, dead_letters, batches, originals,
    event_originals TO cordon_kernel;
GRANT SELECT, UPDATE ON dead_letter_usage TO cordon_kernel;
-- What is left of a deleted tenant.
GRANT SELECT, DELETE ON journal_payloads, segments, segment_payloads, tenant_sources
    TO cordon_kernel;
GRANT DELETE ON resources TO cordon_kernel;

GRANT SELECT ON schema_migrations TO cordon_app, cordon_ingest, cordon_provider, cordon_kernel;
