-- Forensic snapshots: what was acquired, where it lies, and everything that was done with it since.

CREATE TABLE snapshots (
    tenant_id    TEXT    NOT NULL REFERENCES tenants (tenant_id),
    snapshot_id  TEXT    NOT NULL, -- UUID of version 7
    state        TEXT    NOT NULL,
    stored_bytes INTEGER NOT NULL, -- in the object store, without what other snapshots had before
    created_time INTEGER NOT NULL,
    updated_time INTEGER NOT NULL,
    sealed       BLOB    NOT NULL, -- of what, by whom, what for, and its key, wrapped by the key service
    PRIMARY KEY (tenant_id, snapshot_id)
) STRICT;

-- Pieces of the maps that lead to an item's blocks: objects under the snapshot's key.
CREATE TABLE snapshot_pieces (
    tenant_id   TEXT    NOT NULL REFERENCES tenants (tenant_id),
    piece_id    TEXT    NOT NULL, -- the object
    snapshot_id TEXT    NOT NULL,
    item        INTEGER NOT NULL, -- its place in the snapshot
    attempt     INTEGER NOT NULL, -- of acquiring it
    first_block INTEGER NOT NULL,
    blocks      INTEGER NOT NULL,
    bytes       INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, piece_id)
) STRICT;
CREATE INDEX snapshot_pieces_item ON snapshot_pieces (tenant_id, snapshot_id, item, attempt, first_block);

-- The packs that a snapshot's maps lead to. A pack goes when no snapshot leads to it any more.
CREATE TABLE snapshot_packs (
    tenant_id   TEXT    NOT NULL REFERENCES tenants (tenant_id),
    pack_id     TEXT    NOT NULL, -- the object
    snapshot_id TEXT    NOT NULL,
    bytes       INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, pack_id, snapshot_id)
) STRICT;
CREATE INDEX snapshot_packs_snapshot ON snapshot_packs (tenant_id, snapshot_id);

-- What was signed of snapshots, in pieces. It stays when a snapshot is destroyed.
CREATE TABLE snapshot_manifests (
    tenant_id TEXT NOT NULL REFERENCES tenants (tenant_id),
    part_id   TEXT NOT NULL, -- snapshot, a slash and the number of the piece in four digits
    sealed    BLOB NOT NULL,
    PRIMARY KEY (tenant_id, part_id)
) STRICT;

-- The chain of custody. Nothing of it is ever changed.
CREATE TABLE custody_entries (
    tenant_id TEXT NOT NULL REFERENCES tenants (tenant_id),
    entry_id  TEXT NOT NULL, -- snapshot, a slash and the number of the entry in eight digits
    sealed    BLOB NOT NULL,
    PRIMARY KEY (tenant_id, entry_id)
) STRICT;

-- Why a snapshot may not be deleted.
CREATE TABLE snapshot_holds (
    tenant_id     TEXT    NOT NULL REFERENCES tenants (tenant_id),
    hold_id       TEXT    NOT NULL, -- UUID of version 7
    snapshot_id   TEXT    NOT NULL,
    mode          TEXT    NOT NULL, -- governance, compliance
    until_time    INTEGER,          -- until when it holds; none until it is released
    released_time INTEGER,
    sealed        BLOB    NOT NULL, -- by whom and why
    PRIMARY KEY (tenant_id, hold_id)
) STRICT;
CREATE INDEX snapshot_holds_snapshot ON snapshot_holds (tenant_id, snapshot_id);
