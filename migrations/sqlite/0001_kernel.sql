-- The kernel's tables. Times are nanoseconds since 1970 (INTEGER), UTC; NULL in an "until" is
-- "open". In every tenant table the primary key, the foreign keys and the unique constraints begin
-- with tenant_id: no constraint of one tenant can be felt by another. Plain indexes may begin
-- otherwise, since nobody can feel those.

CREATE TABLE tenants (
    tenant_id    TEXT    NOT NULL PRIMARY KEY,
    display_name TEXT    NOT NULL,
    status       TEXT    NOT NULL CHECK (status IN ('active', 'suspended', 'deleted')),
    parent       TEXT,             -- a tenant_id; checked by the kernel, not by a constraint
    home_region  TEXT    NOT NULL, -- fixes bucket and key service; never changes
    created_time INTEGER NOT NULL,
    updated_time INTEGER NOT NULL,
    etag         TEXT    NOT NULL
) STRICT, WITHOUT ROWID;

-- Which tenant an account belongs to, and when. That no two tenants hold one at one time is
-- checked by the provider's transaction: a unique constraint across tenants would tell.
CREATE TABLE accounts (
    tenant_id    TEXT    NOT NULL REFERENCES tenants (tenant_id),
    account      TEXT    NOT NULL, -- aws:123456789012
    valid_from   INTEGER NOT NULL,
    valid_to     INTEGER,          -- exclusive
    created_time INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, account, valid_from),
    CHECK (valid_to IS NULL OR valid_to > valid_from)
) STRICT, WITHOUT ROWID;
CREATE INDEX accounts_by_account ON accounts (account, valid_from);

CREATE TABLE resources (
    tenant_id    TEXT    NOT NULL REFERENCES tenants (tenant_id),
    resource_id  TEXT    NOT NULL, -- UUID
    kind         TEXT    NOT NULL, -- address, instance, arn, …
    identifier   TEXT    NOT NULL,
    valid_from   INTEGER NOT NULL,
    valid_to     INTEGER,          -- exclusive
    created_time INTEGER NOT NULL,
    updated_time INTEGER NOT NULL,
    etag         TEXT    NOT NULL,
    PRIMARY KEY (tenant_id, resource_id),
    CHECK (valid_to IS NULL OR valid_to > valid_from)
) STRICT, WITHOUT ROWID;
CREATE INDEX resources_by_identifier ON resources (kind, identifier, valid_from);

-- The provider's declared address ranges.
CREATE TABLE address_ranges (
    range_id     TEXT    NOT NULL PRIMARY KEY, -- UUID
    cidr         TEXT    NOT NULL,
    description  TEXT    NOT NULL,
    created_time INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE sources (
    source_id    TEXT    NOT NULL PRIMARY KEY,
    display_name TEXT    NOT NULL,
    source_type  TEXT    NOT NULL,
    status       TEXT    NOT NULL CHECK (status IN ('active', 'disabled')),
    created_time INTEGER NOT NULL,
    updated_time INTEGER NOT NULL,
    etag         TEXT    NOT NULL
) STRICT, WITHOUT ROWID;

-- home is tenants/{t}, sources/{s} or provider.
CREATE TABLE credentials (
    home          TEXT    NOT NULL,
    credential_id TEXT    NOT NULL,
    subject       TEXT    NOT NULL,
    role          TEXT    NOT NULL,
    thumbprint    BLOB    NOT NULL, -- SHA-256 of the certificate
    issued_time   INTEGER NOT NULL,
    expires_time  INTEGER NOT NULL,
    revoked_time  INTEGER,
    PRIMARY KEY (home, credential_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX credentials_by_id ON credentials (credential_id);

-- Rises with every change of the provider's registers: a replica that has loaded an older
-- directory loads it anew.
CREATE TABLE directory_version (
    id      INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
    version INTEGER NOT NULL
) STRICT;
INSERT INTO directory_version (id, version) VALUES (1, 1);

-- Keys. Everything here is ciphertext under the key service's wrapping keys.
CREATE TABLE tenant_keys (
    tenant_id    TEXT    NOT NULL REFERENCES tenants (tenant_id),
    purpose      TEXT    NOT NULL CHECK (purpose IN ('data', 'fixed')),
    version      INTEGER NOT NULL,
    wrapped      BLOB    NOT NULL,
    created_time INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, purpose, version)
) STRICT, WITHOUT ROWID;

CREATE TABLE system_keys (
    key_id       TEXT    NOT NULL, -- ~quarantine, ~server
    purpose      TEXT    NOT NULL CHECK (purpose IN ('data', 'fixed')),
    version      INTEGER NOT NULL,
    wrapped      BLOB    NOT NULL,
    created_time INTEGER NOT NULL,
    PRIMARY KEY (key_id, purpose, version)
) STRICT, WITHOUT ROWID;

-- The server's own secrets: keys that sign tokens and statements, the authority's key.
CREATE TABLE signing_keys (
    key_id         TEXT    NOT NULL PRIMARY KEY,
    purpose        TEXT    NOT NULL, -- token, authority
    public         BLOB    NOT NULL, -- what goes with it in the open, such as a certificate
    sealed         BLOB    NOT NULL, -- the secret, under ~server
    created_time   INTEGER NOT NULL,
    retired_time   INTEGER,          -- when it stopped signing
    accepted_until INTEGER           -- until when what it signed is accepted
) STRICT, WITHOUT ROWID;

-- The event plane.
CREATE TABLE tenant_head (
    tenant_id         TEXT    NOT NULL PRIMARY KEY REFERENCES tenants (tenant_id),
    seq               INTEGER NOT NULL, -- last sequence number given out; 0: none
    chain             BLOB    NOT NULL, -- hash of the last journal entry
    sealed_seq        INTEGER NOT NULL, -- up to here segments hold the rows
    oldest_seq        INTEGER NOT NULL, -- cursors below are past retention
    unsealed_since    INTEGER,          -- stored time of the oldest unsealed row
    last_stored_time  INTEGER,
    key_uses          INTEGER NOT NULL, -- seals under the present data key
    catalogue_version INTEGER NOT NULL  -- rises with every change of the tenant's segments
) STRICT, WITHOUT ROWID;

-- One row per tenant and batch: ingest's audit entry, which stays, and until it is sealed into a
-- segment the encrypted block. The clustered table keeps a tenant's rows together and its wide
-- column last, so that reading the others does not touch overflow pages.
CREATE TABLE journal (
    tenant_id   TEXT    NOT NULL,
    first_seq   INTEGER NOT NULL,
    row_count   INTEGER NOT NULL,
    stored_time INTEGER NOT NULL,
    min_time    INTEGER NOT NULL,
    max_time    INTEGER NOT NULL,
    source_id   TEXT    NOT NULL,
    batch_id    TEXT    NOT NULL,
    part        INTEGER NOT NULL,
    block_bytes INTEGER NOT NULL,
    block_hash  BLOB    NOT NULL, -- BLAKE3 of the payload
    prev_hash   BLOB    NOT NULL, -- chain value before this entry
    payload     BLOB,
    PRIMARY KEY (tenant_id, first_seq)
) STRICT, WITHOUT ROWID;

-- Which sources have delivered to a tenant: whose watermarks its answers quote.
CREATE TABLE tenant_sources (
    tenant_id         TEXT    NOT NULL,
    source_id         TEXT    NOT NULL,
    first_stored_time INTEGER NOT NULL,
    observed_until    INTEGER NOT NULL, -- latest event time that it delivered to the tenant
    PRIMARY KEY (tenant_id, source_id)
) STRICT, WITHOUT ROWID;

-- The ledger by which a batch is stored once. Ids are remembered for 30 days.
CREATE TABLE batches (
    source_id    TEXT    NOT NULL,
    batch_id     TEXT    NOT NULL,
    content_hash BLOB    NOT NULL,
    stored_time  INTEGER NOT NULL,
    PRIMARY KEY (source_id, batch_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX batches_by_time ON batches (stored_time);

CREATE TABLE source_watermarks (
    source_id      TEXT    NOT NULL PRIMARY KEY,
    watermark      INTEGER,          -- everything up to this event time was delivered
    heartbeat_time INTEGER NOT NULL  -- when the source was last heard of
) STRICT, WITHOUT ROWID;

CREATE TABLE segments (
    tenant_id     TEXT    NOT NULL REFERENCES tenants (tenant_id),
    segment_id    TEXT    NOT NULL, -- UUID
    first_seq     INTEGER NOT NULL,
    last_seq      INTEGER NOT NULL,
    row_count     INTEGER NOT NULL,
    min_time      INTEGER NOT NULL,
    max_time      INTEGER NOT NULL,
    stored_day    INTEGER NOT NULL, -- days since 1970
    first_stored  INTEGER NOT NULL,
    last_stored   INTEGER NOT NULL,
    kind          TEXT    NOT NULL, -- parquet, or block: the payload lies in segment_payloads
    object        TEXT,             -- path in the object store
    object_bytes  INTEGER NOT NULL,
    object_hash   BLOB    NOT NULL, -- BLAKE3 of the object's bytes
    key_version   INTEGER NOT NULL,
    format        INTEGER NOT NULL,
    meta          BLOB    NOT NULL, -- sealed by the lake: what it needs to know before it opens the object
    created_time  INTEGER NOT NULL,
    deleted_time  INTEGER,          -- replaced or expired; the object goes later
    PRIMARY KEY (tenant_id, segment_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX segments_deleted ON segments (deleted_time) WHERE deleted_time IS NOT NULL;

CREATE TABLE segment_payloads (
    tenant_id  TEXT NOT NULL,
    segment_id TEXT NOT NULL,
    payload    BLOB NOT NULL,
    PRIMARY KEY (tenant_id, segment_id),
    FOREIGN KEY (tenant_id, segment_id) REFERENCES segments (tenant_id, segment_id)
) STRICT, WITHOUT ROWID;

-- Events that concern nobody who is registered, under a key of their own, found again by a keyed
-- hash of each party when somebody is registered late.
CREATE TABLE quarantine (
    item_id     TEXT    NOT NULL PRIMARY KEY, -- UUID of version 7
    source_id   TEXT    NOT NULL,
    batch_id    TEXT    NOT NULL,
    stored_time INTEGER NOT NULL,
    sealed      BLOB    NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX quarantine_by_time ON quarantine (stored_time);

CREATE TABLE quarantine_parties (
    party_hash BLOB NOT NULL,
    item_id    TEXT NOT NULL REFERENCES quarantine (item_id) ON DELETE CASCADE,
    PRIMARY KEY (party_hash, item_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX quarantine_parties_by_item ON quarantine_parties (item_id);

-- Records that could not be read, replayable, bounded per source.
CREATE TABLE dead_letters (
    source_id   TEXT    NOT NULL,
    letter_id   TEXT    NOT NULL, -- UUID of version 7: oldest first
    batch_id    TEXT    NOT NULL,
    line        INTEGER NOT NULL,
    reason      TEXT    NOT NULL,
    stored_time INTEGER NOT NULL,
    full_bytes  INTEGER NOT NULL, -- of the record as sent; more than is kept when it was cut
    kept_bytes  INTEGER NOT NULL,
    sealed      BLOB    NOT NULL,
    PRIMARY KEY (source_id, letter_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE dead_letter_usage (
    source_id TEXT    NOT NULL PRIMARY KEY,
    bytes     INTEGER NOT NULL, -- kept now
    discarded INTEGER NOT NULL  -- letters that had to make room, ever
) STRICT, WITHOUT ROWID;

-- Audit: append-only, hash-chained, one log per tenant and one of the provider's.
CREATE TABLE audit_head (
    tenant_id TEXT    NOT NULL PRIMARY KEY REFERENCES tenants (tenant_id),
    seq       INTEGER NOT NULL,
    chain     BLOB    NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE audit_log (
    tenant_id TEXT    NOT NULL,
    seq       INTEGER NOT NULL,
    time      INTEGER NOT NULL,
    entry     BLOB    NOT NULL, -- canonical bytes (JSON)
    leaf_hash BLOB    NOT NULL, -- SHA-256(0x00 ‖ entry)
    prev_hash BLOB    NOT NULL, -- chain value before this entry
    PRIMARY KEY (tenant_id, seq),
    FOREIGN KEY (tenant_id) REFERENCES audit_head (tenant_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE provider_audit_head (
    id    INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
    seq   INTEGER NOT NULL,
    chain BLOB    NOT NULL
) STRICT;
INSERT INTO provider_audit_head (id, seq, chain) VALUES (1, 0, zeroblob(32));

CREATE TABLE provider_audit_log (
    seq       INTEGER NOT NULL PRIMARY KEY,
    time      INTEGER NOT NULL,
    entry     BLOB    NOT NULL,
    leaf_hash BLOB    NOT NULL,
    prev_hash BLOB    NOT NULL
) STRICT;

-- Due work. bucket is a hash of the tenant, so that replicas share the passes.
CREATE TABLE jobs (
    tenant_id TEXT    NOT NULL REFERENCES tenants (tenant_id),
    job       TEXT    NOT NULL,
    bucket    INTEGER NOT NULL CHECK (bucket BETWEEN 0 AND 255),
    due_time  INTEGER NOT NULL, -- while claimed: when the claim lapses
    epoch     INTEGER NOT NULL, -- fences a claimer that was too slow
    claimed   INTEGER NOT NULL CHECK (claimed IN (0, 1)),
    again     INTEGER,          -- asked for while claimed: due then
    attempts  INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, job)
) STRICT, WITHOUT ROWID;
CREATE INDEX jobs_due ON jobs (bucket, due_time);
