-- Forensic snapshots: what was acquired, where it lies, and everything that was done with it since.

CREATE TABLE snapshots (
    tenant_id TEXT COLLATE "C" NOT NULL REFERENCES tenants (tenant_id),
    snapshot_id TEXT COLLATE "C" NOT NULL, -- UUID of version 7
    state TEXT COLLATE "C" NOT NULL,
    stored_bytes BIGINT NOT NULL, -- in the object store, without what other snapshots had before
    created_time BIGINT NOT NULL,
    updated_time BIGINT NOT NULL,
    sealed BYTEA NOT NULL, -- of what, by whom, what for, and its key, wrapped by the key service
    PRIMARY KEY (tenant_id, snapshot_id)
);

-- Pieces of the maps that lead to an item's blocks: objects under the snapshot's key.
CREATE TABLE snapshot_pieces (
    tenant_id TEXT COLLATE "C" NOT NULL REFERENCES tenants (tenant_id),
    piece_id TEXT COLLATE "C" NOT NULL, -- the object
    snapshot_id TEXT COLLATE "C" NOT NULL,
    item BIGINT NOT NULL, -- its place in the snapshot
    attempt BIGINT NOT NULL, -- of acquiring it
    first_block BIGINT NOT NULL,
    blocks BIGINT NOT NULL,
    bytes BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, piece_id)
);
CREATE INDEX snapshot_pieces_item ON snapshot_pieces (tenant_id, snapshot_id, item, attempt, first_block);

-- The packs that a snapshot's maps lead to. A pack goes when no snapshot leads to it any more.
CREATE TABLE snapshot_packs (
    tenant_id TEXT COLLATE "C" NOT NULL REFERENCES tenants (tenant_id),
    pack_id TEXT COLLATE "C" NOT NULL, -- the object
    snapshot_id TEXT COLLATE "C" NOT NULL,
    bytes BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, pack_id, snapshot_id)
);
CREATE INDEX snapshot_packs_snapshot ON snapshot_packs (tenant_id, snapshot_id);

-- What was signed of snapshots, in pieces. It stays when a snapshot is destroyed.
CREATE TABLE snapshot_manifests (
    tenant_id TEXT COLLATE "C" NOT NULL REFERENCES tenants (tenant_id),
    part_id TEXT COLLATE "C" NOT NULL, -- snapshot, a slash and the number of the piece in four digits
    sealed BYTEA NOT NULL,
    PRIMARY KEY (tenant_id, part_id)
);

-- The chain of custody. Nothing of it is ever changed.
CREATE TABLE custody_entries (
    tenant_id TEXT COLLATE "C" NOT NULL REFERENCES tenants (tenant_id),
    entry_id TEXT COLLATE "C" NOT NULL, -- snapshot, a slash and the number of the entry in eight digits
    sealed BYTEA NOT NULL,
    PRIMARY KEY (tenant_id, entry_id)
);

-- Why a snapshot may not be deleted.
CREATE TABLE snapshot_holds (
    tenant_id TEXT COLLATE "C" NOT NULL REFERENCES tenants (tenant_id),
    hold_id TEXT COLLATE "C" NOT NULL, -- UUID of version 7
    snapshot_id TEXT COLLATE "C" NOT NULL,
    mode TEXT COLLATE "C" NOT NULL, -- governance, compliance
    until_time BIGINT,          -- until when it holds; none until it is released
    released_time BIGINT,
    sealed BYTEA NOT NULL, -- by whom and why
    PRIMARY KEY (tenant_id, hold_id)
);
CREATE INDEX snapshot_holds_snapshot ON snapshot_holds (tenant_id, snapshot_id);

ALTER TABLE snapshots ENABLE ROW LEVEL SECURITY;
ALTER TABLE snapshots FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON snapshots TO cordon_app, cordon_kernel
    USING (tenant_id = NULLIF(current_setting('cordon.tenant', true), ''))
    WITH CHECK (tenant_id = NULLIF(current_setting('cordon.tenant', true), ''));

ALTER TABLE snapshot_pieces ENABLE ROW LEVEL SECURITY;
ALTER TABLE snapshot_pieces FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON snapshot_pieces TO cordon_app, cordon_kernel
    USING (tenant_id = NULLIF(current_setting('cordon.tenant', true), ''))
    WITH CHECK (tenant_id = NULLIF(current_setting('cordon.tenant', true), ''));

ALTER TABLE snapshot_packs ENABLE ROW LEVEL SECURITY;
ALTER TABLE snapshot_packs FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON snapshot_packs TO cordon_app, cordon_kernel
    USING (tenant_id = NULLIF(current_setting('cordon.tenant', true), ''))
    WITH CHECK (tenant_id = NULLIF(current_setting('cordon.tenant', true), ''));

ALTER TABLE custody_entries ENABLE ROW LEVEL SECURITY;
ALTER TABLE custody_entries FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON custody_entries TO cordon_app, cordon_kernel
    USING (tenant_id = NULLIF(current_setting('cordon.tenant', true), ''))
    WITH CHECK (tenant_id = NULLIF(current_setting('cordon.tenant', true), ''));

ALTER TABLE snapshot_holds ENABLE ROW LEVEL SECURITY;
ALTER TABLE snapshot_holds FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON snapshot_holds TO cordon_app, cordon_kernel
    USING (tenant_id = NULLIF(current_setting('cordon.tenant', true), ''))
    WITH CHECK (tenant_id = NULLIF(current_setting('cordon.tenant', true), ''));

ALTER TABLE snapshot_manifests ENABLE ROW LEVEL SECURITY;
ALTER TABLE snapshot_manifests FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON snapshot_manifests TO cordon_app, cordon_kernel
    USING (tenant_id = NULLIF(current_setting('cordon.tenant', true), ''))
    WITH CHECK (tenant_id = NULLIF(current_setting('cordon.tenant', true), ''));

GRANT SELECT, INSERT, UPDATE ON snapshots, snapshot_holds TO cordon_app;
GRANT SELECT, INSERT, DELETE ON snapshot_pieces, snapshot_packs TO cordon_app;
-- What was entered stays as it was entered.
GRANT SELECT, INSERT ON snapshot_manifests, custody_entries TO cordon_app;

-- Sealing anew, and removal.
GRANT SELECT, UPDATE (sealed), DELETE ON snapshots, snapshot_manifests, custody_entries, snapshot_holds
    TO cordon_kernel;
GRANT SELECT, DELETE ON snapshot_pieces, snapshot_packs TO cordon_kernel;
