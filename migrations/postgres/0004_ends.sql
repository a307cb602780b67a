-- How a tenant ends, what keeps it from ending, and how its older data keys do.

ALTER TABLE tenants ADD COLUMN purge_time BIGINT; -- when a deletion's waiting period ends; NULL: none was asked for

-- Reasons why a tenant must be kept.
CREATE TABLE legal_holds (
    tenant_id     TEXT COLLATE "C" NOT NULL REFERENCES tenants (tenant_id),
    hold_id       TEXT COLLATE "C" NOT NULL, -- UUID of version 7
    reason        TEXT    NOT NULL,
    reference     TEXT    NOT NULL,
    created_time  BIGINT NOT NULL,
    released_time BIGINT,
    PRIMARY KEY (tenant_id, hold_id)
);

-- A deletion once it has begun, up to its certificate, which stays.
CREATE TABLE deletions (
    tenant_id      TEXT COLLATE "C" NOT NULL PRIMARY KEY REFERENCES tenants (tenant_id),
    deleted_time   BIGINT NOT NULL, -- from when on nothing was the tenant's any more
    refused_time   BIGINT, -- when the key service was first seen to refuse the wrapping key
    certified_time BIGINT,
    certificate    BYTEA    -- a DSSE envelope
);

-- How many of what were removed.
CREATE TABLE deletion_counts (
    tenant_id TEXT COLLATE "C" NOT NULL REFERENCES tenants (tenant_id),
    what      TEXT COLLATE "C" NOT NULL, -- objects, segments, originals, …
    count     BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, what)
);

-- Each data key that was made to take another one's place, and how far sealing anew has come.
CREATE TABLE key_rotations (
    tenant_id     TEXT COLLATE "C" NOT NULL REFERENCES tenants (tenant_id),
    version       BIGINT NOT NULL,
    created_time  BIGINT NOT NULL,
    segment_count BIGINT NOT NULL, -- under older keys, when sealing anew began
    done_count    BIGINT NOT NULL,
    finished_time BIGINT, -- when the older keys were dropped
    PRIMARY KEY (tenant_id, version)
);

-- What is sealed under an older data key than this is refused: whoever was stopped before others
-- dropped that key, and goes on now, must not store what nobody could open.
ALTER TABLE tenant_head ADD COLUMN key_floor BIGINT NOT NULL DEFAULT 1;

ALTER TABLE legal_holds ENABLE ROW LEVEL SECURITY;
ALTER TABLE legal_holds FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON legal_holds TO cordon_app, cordon_kernel
    USING (tenant_id = NULLIF(current_setting('cordon.tenant', true), ''))
    WITH CHECK (tenant_id = NULLIF(current_setting('cordon.tenant', true), ''));
CREATE POLICY provider ON legal_holds TO cordon_provider USING (true) WITH CHECK (true);

ALTER TABLE deletions ENABLE ROW LEVEL SECURITY;
ALTER TABLE deletions FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON deletions TO cordon_app, cordon_kernel
    USING (tenant_id = NULLIF(current_setting('cordon.tenant', true), ''))
    WITH CHECK (tenant_id = NULLIF(current_setting('cordon.tenant', true), ''));
CREATE POLICY provider ON deletions TO cordon_provider USING (true) WITH CHECK (true);

ALTER TABLE deletion_counts ENABLE ROW LEVEL SECURITY;
ALTER TABLE deletion_counts FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON deletion_counts TO cordon_app, cordon_kernel
    USING (tenant_id = NULLIF(current_setting('cordon.tenant', true), ''))
    WITH CHECK (tenant_id = NULLIF(current_setting('cordon.tenant', true), ''));
CREATE POLICY provider ON deletion_counts TO cordon_provider USING (true) WITH CHECK (true);

ALTER TABLE key_rotations ENABLE ROW LEVEL SECURITY;
ALTER TABLE key_rotations FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON key_rotations TO cordon_app, cordon_kernel
    USING (tenant_id = NULLIF(current_setting('cordon.tenant', true), ''))
    WITH CHECK (tenant_id = NULLIF(current_setting('cordon.tenant', true), ''));
CREATE POLICY provider ON key_rotations TO cordon_provider USING (true) WITH CHECK (true);

-- A tenant's admin sees its holds and keys; the provider decides; the kernel carries it out.
GRANT SELECT ON legal_holds, key_rotations TO cordon_app;
GRANT SELECT, INSERT, UPDATE ON legal_holds, key_rotations TO cordon_provider;
GRANT SELECT, INSERT ON deletions TO cordon_provider;
GRANT SELECT, INSERT, UPDATE ON deletions, deletion_counts TO cordon_kernel;
GRANT SELECT, UPDATE ON key_rotations TO cordon_kernel;

-- What was sealed under a party's older key is sealed under its newest.
GRANT UPDATE (wrapped_key) ON originals TO cordon_kernel;

-- What belonged to a tenant goes with it, its log and its journal's rows included: once it is
-- deleted, which the policies ask, and not before.
GRANT SELECT (tenant_id, first_seq), DELETE ON journal TO cordon_kernel;
GRANT SELECT (tenant_id, seq), DELETE ON audit_log TO cordon_kernel;
GRANT DELETE ON credentials TO cordon_kernel;
-- Registrations stay.
REVOKE DELETE ON resources FROM cordon_kernel;
GRANT SELECT, DELETE ON legal_holds, key_rotations TO cordon_kernel;
GRANT SELECT (tenant_id, seq, chain, key_floor), UPDATE (key_floor) ON tenant_head TO cordon_kernel;
CREATE POLICY ended ON journal AS RESTRICTIVE FOR DELETE TO cordon_kernel
    USING (EXISTS (SELECT 1 FROM tenants t WHERE t.tenant_id = journal.tenant_id AND t.status = 'deleted'));
CREATE POLICY ended ON audit_log AS RESTRICTIVE FOR DELETE TO cordon_kernel
    USING (EXISTS (SELECT 1 FROM tenants t WHERE t.tenant_id = audit_log.tenant_id AND t.status = 'deleted'));
CREATE POLICY ended ON credentials AS RESTRICTIVE FOR DELETE TO cordon_kernel
    USING (EXISTS (SELECT 1 FROM tenants t WHERE 'tenants/' || t.tenant_id = credentials.home AND t.status = 'deleted'));
CREATE POLICY ended ON legal_holds AS RESTRICTIVE FOR DELETE TO cordon_kernel
    USING (EXISTS (SELECT 1 FROM tenants t WHERE t.tenant_id = legal_holds.tenant_id AND t.status = 'deleted'));
