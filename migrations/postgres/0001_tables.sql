-- The kernel's tables, as in SQLite. Names and ids compare by their bytes (COLLATE "C"), whatever
-- the database's locale is: the order of rows is that of the program. Times are nanoseconds since
-- 1970, UTC; NULL in an "until" is "open".
--
-- In every tenant table the primary key, the foreign keys and the unique constraints begin
-- with tenant_id: no constraint of one tenant can be felt by another. Plain indexes may begin
-- otherwise, since nobody can feel those. No sequence, trigger or function: the same tables serve
-- on a distributed PostgreSQL, by tenant_id.

CREATE TABLE tenants (
    tenant_id    TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    display_name TEXT             NOT NULL,
    status       TEXT             NOT NULL CHECK (status IN ('active', 'suspended', 'deleted')),
    parent       TEXT COLLATE "C", -- a tenant_id; checked by the kernel, not by a constraint
    home_region  TEXT             NOT NULL, -- fixes bucket and key service; never changes
    created_time BIGINT           NOT NULL,
    updated_time BIGINT           NOT NULL,
    etag         TEXT             NOT NULL
);

-- Which tenant an account belongs to, and when. That no two tenants hold one at one time is
-- checked by the provider's transaction: a unique constraint across tenants would tell.
CREATE TABLE accounts (
    tenant_id    TEXT COLLATE "C" NOT NULL REFERENCES tenants (tenant_id),
    account      TEXT COLLATE "C" NOT NULL, -- aws:123456789012
    valid_from   BIGINT           NOT NULL,
    valid_to     BIGINT, -- exclusive
    created_time BIGINT           NOT NULL,
    PRIMARY KEY (tenant_id, account, valid_from),
    CHECK (valid_to IS NULL OR valid_to > valid_from)
);
CREATE INDEX accounts_by_account ON accounts (account, valid_from);

CREATE TABLE resources (
    tenant_id    TEXT COLLATE "C" NOT NULL REFERENCES tenants (tenant_id),
    resource_id  TEXT COLLATE "C" NOT NULL, -- UUID
    kind         TEXT             NOT NULL, -- address, instance, arn, …
    identifier   TEXT             NOT NULL,
    valid_from   BIGINT           NOT NULL,
    valid_to     BIGINT, -- exclusive
    created_time BIGINT           NOT NULL,
    updated_time BIGINT           NOT NULL,
    etag         TEXT             NOT NULL,
    PRIMARY KEY (tenant_id, resource_id),
    CHECK (valid_to IS NULL OR valid_to > valid_from)
);
CREATE INDEX resources_by_identifier ON resources (kind, identifier, valid_from);

-- The provider's declared address ranges.
CREATE TABLE address_ranges (
    range_id     TEXT COLLATE "C" NOT NULL PRIMARY KEY, -- UUID
    cidr         TEXT             NOT NULL,
    description  TEXT             NOT NULL,
    created_time BIGINT           NOT NULL
);

CREATE TABLE sources (
    source_id    TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    display_name TEXT             NOT NULL,
    source_type  TEXT             NOT NULL,
    status       TEXT             NOT NULL CHECK (status IN ('active', 'disabled')),
    created_time BIGINT           NOT NULL,
    updated_time BIGINT           NOT NULL,
    etag         TEXT             NOT NULL
);

-- home is tenants/{t}, sources/{s} or provider.
CREATE TABLE credentials (
    home          TEXT COLLATE "C" NOT NULL,
    credential_id TEXT COLLATE "C" NOT NULL,
    subject       TEXT             NOT NULL,
    role          TEXT             NOT NULL,
    thumbprint    BYTEA            NOT NULL, -- SHA-256 of the certificate
    issued_time   BIGINT           NOT NULL,
    expires_time  BIGINT           NOT NULL,
    revoked_time  BIGINT,
    PRIMARY KEY (home, credential_id)
);
CREATE INDEX credentials_by_id ON credentials (credential_id);

-- Rises with every change of the provider's registers: a replica that has loaded an older
-- directory loads it anew.
CREATE TABLE directory_version (
    id      BIGINT NOT NULL PRIMARY KEY CHECK (id = 1),
    version BIGINT NOT NULL
);
INSERT INTO directory_version (id, version) VALUES (1, 1);

-- Keys. Everything here is ciphertext under the key service's wrapping keys.
CREATE TABLE tenant_keys (
    tenant_id    TEXT COLLATE "C" NOT NULL REFERENCES tenants (tenant_id),
    purpose      TEXT             NOT NULL CHECK (purpose IN ('data', 'fixed')),
    version      BIGINT           NOT NULL,
    wrapped      BYTEA            NOT NULL,
    created_time BIGINT           NOT NULL,
    PRIMARY KEY (tenant_id, purpose, version)
);

CREATE TABLE system_keys (
    key_id       TEXT COLLATE "C" NOT NULL, -- ~quarantine, ~server
    purpose      TEXT             NOT NULL CHECK (purpose IN ('data', 'fixed')),
    version      BIGINT           NOT NULL,
    wrapped      BYTEA            NOT NULL,
    created_time BIGINT           NOT NULL,
    PRIMARY KEY (key_id, purpose, version)
);

-- The server's own secrets: keys that sign tokens and statements, the authority's key.
CREATE TABLE signing_keys (
    key_id         TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    purpose        TEXT             NOT NULL, -- token, authority
    public         BYTEA            NOT NULL, -- what goes with it in the open, such as a certificate
    sealed         BYTEA            NOT NULL, -- the secret, under ~server
    created_time   BIGINT           NOT NULL,
    retired_time   BIGINT, -- when it stopped signing
    accepted_until BIGINT           -- until when what it signed is accepted
);

-- The event plane.
CREATE TABLE tenant_head (
    tenant_id         TEXT COLLATE "C" NOT NULL PRIMARY KEY REFERENCES tenants (tenant_id),
    seq               BIGINT           NOT NULL, -- last sequence number given out; 0: none
    chain             BYTEA            NOT NULL, -- hash of the last journal entry
    sealed_seq        BIGINT           NOT NULL, -- up to here segments hold the rows
    oldest_seq        BIGINT           NOT NULL, -- cursors below are past retention
    unsealed_since    BIGINT, -- stored time of the oldest unsealed row
    last_stored_time  BIGINT,
    key_uses          BIGINT           NOT NULL, -- seals under the present data key
    unsealed_blocks   BIGINT           NOT NULL DEFAULT 0,
    catalogue_version BIGINT           NOT NULL  -- rises with every change of the tenant's segments
);

-- One row per tenant and batch: ingest's audit entry, which stays, and until it is sealed into a
-- segment the encrypted block beside it in journal_payloads. Its rows never change and never go.
CREATE TABLE journal (
    tenant_id   TEXT COLLATE "C" NOT NULL,
    first_seq   BIGINT           NOT NULL,
    row_count   BIGINT           NOT NULL,
    stored_time BIGINT           NOT NULL,
    min_time    BIGINT           NOT NULL,
    max_time    BIGINT           NOT NULL,
    source_id   TEXT COLLATE "C" NOT NULL,
    batch_id    TEXT COLLATE "C" NOT NULL,
    part        BIGINT           NOT NULL,
    block_bytes BIGINT           NOT NULL,
    block_hash  BYTEA            NOT NULL, -- BLAKE3 of the payload
    prev_hash   BYTEA            NOT NULL, -- chain value before this entry
    PRIMARY KEY (tenant_id, first_seq)
);

CREATE TABLE journal_payloads (
    tenant_id TEXT COLLATE "C" NOT NULL,
    first_seq BIGINT           NOT NULL,
    payload   BYTEA            NOT NULL,
    PRIMARY KEY (tenant_id, first_seq)
);
-- Ciphertext does not shrink: don't try on each row.
ALTER TABLE journal_payloads ALTER COLUMN payload SET STORAGE EXTERNAL;

-- Which sources have delivered to a tenant: whose watermarks its answers quote.
CREATE TABLE tenant_sources (
    tenant_id         TEXT COLLATE "C" NOT NULL,
    source_id         TEXT COLLATE "C" NOT NULL,
    first_stored_time BIGINT           NOT NULL,
    observed_until    BIGINT           NOT NULL, -- latest event time that it delivered to the tenant
    PRIMARY KEY (tenant_id, source_id)
);

-- The ledger by which a batch is stored once. Ids are remembered for 30 days.
CREATE TABLE batches (
    source_id    TEXT COLLATE "C" NOT NULL,
    batch_id     TEXT COLLATE "C" NOT NULL,
    content_hash BYTEA            NOT NULL,
    stored_time  BIGINT           NOT NULL,
    PRIMARY KEY (source_id, batch_id)
);
CREATE INDEX batches_by_time ON batches (stored_time);

CREATE TABLE source_watermarks (
    source_id      TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    watermark      BIGINT, -- everything up to this event time was delivered
    heartbeat_time BIGINT           NOT NULL  -- when the source was last heard of
);

CREATE TABLE segments (
    tenant_id    TEXT COLLATE "C" NOT NULL REFERENCES tenants (tenant_id),
    segment_id   TEXT COLLATE "C" NOT NULL, -- UUID
    first_seq    BIGINT           NOT NULL,
    last_seq     BIGINT           NOT NULL,
    row_count    BIGINT           NOT NULL,
    min_time     BIGINT           NOT NULL,
    max_time     BIGINT           NOT NULL,
    stored_day   BIGINT           NOT NULL, -- days since 1970
    first_stored BIGINT           NOT NULL,
    last_stored  BIGINT           NOT NULL,
    kind         TEXT             NOT NULL, -- parquet, or block: the payload lies in segment_payloads
    object       TEXT, -- path in the object store
    object_bytes BIGINT           NOT NULL,
    object_hash  BYTEA            NOT NULL, -- BLAKE3 of the object's bytes
    key_version  BIGINT           NOT NULL,
    format       BIGINT           NOT NULL,
    meta         BYTEA            NOT NULL, -- sealed by the lake: what it needs to know before it opens the object
    created_time BIGINT           NOT NULL,
    deleted_time BIGINT, -- replaced or expired; the object goes later
    PRIMARY KEY (tenant_id, segment_id)
);
CREATE INDEX segments_deleted ON segments (deleted_time) WHERE deleted_time IS NOT NULL;

CREATE TABLE segment_payloads (
    tenant_id  TEXT COLLATE "C" NOT NULL,
    segment_id TEXT COLLATE "C" NOT NULL,
    payload    BYTEA            NOT NULL,
    PRIMARY KEY (tenant_id, segment_id),
    FOREIGN KEY (tenant_id, segment_id) REFERENCES segments (tenant_id, segment_id)
);

-- Events that concern nobody who is registered, under a key of their own, found again by a keyed
-- hash of each party when somebody is registered late.
CREATE TABLE quarantine (
    item_id     TEXT COLLATE "C" NOT NULL PRIMARY KEY, -- UUID of version 7
    source_id   TEXT COLLATE "C" NOT NULL,
    batch_id    TEXT COLLATE "C" NOT NULL,
    stored_time BIGINT           NOT NULL,
    sealed      BYTEA            NOT NULL
);
CREATE INDEX quarantine_by_time ON quarantine (stored_time);

CREATE TABLE quarantine_parties (
    party_hash BYTEA            NOT NULL,
    item_id    TEXT COLLATE "C" NOT NULL REFERENCES quarantine (item_id) ON DELETE CASCADE,
    network    BIGINT           NOT NULL DEFAULT 0 CHECK (network IN (0, 1)), -- 1: the network around an address
    PRIMARY KEY (party_hash, item_id)
);
CREATE INDEX quarantine_parties_by_item ON quarantine_parties (item_id);

-- Originals of events that concern several tenants. The original lies under a random key of its
-- own, which every party's key wraps in turn: what opens it is all of them, what destroys it is any
-- one. Who the parties are, and which original an event's view comes from, lies under a key of the
-- server's: rows of two tenants don't tell by themselves that they have an event in common.
CREATE TABLE originals (
    original_id TEXT COLLATE "C" NOT NULL PRIMARY KEY, -- UUID of version 7
    parties     BYTEA            NOT NULL, -- sealed: each party and the event's name there
    wrapped_key BYTEA            NOT NULL, -- innermost the first party's, in the order of tenants
    sealed      BYTEA            NOT NULL,
    commitment  BYTEA            -- salted hashes of the fields (RFC 9901); NULL: none was made
);

CREATE TABLE event_originals (
    tenant_id  TEXT COLLATE "C" NOT NULL,
    event_name BYTEA            NOT NULL,
    original   BYTEA            NOT NULL, -- sealed: its id
    PRIMARY KEY (tenant_id, event_name)
);

-- Records that could not be read, replayable, bounded per source.
CREATE TABLE dead_letters (
    source_id   TEXT COLLATE "C" NOT NULL,
    letter_id   TEXT COLLATE "C" NOT NULL, -- UUID of version 7: oldest first
    batch_id    TEXT COLLATE "C" NOT NULL,
    line        BIGINT           NOT NULL,
    reason      TEXT             NOT NULL,
    stored_time BIGINT           NOT NULL,
    full_bytes  BIGINT           NOT NULL, -- of the record as sent; more than is kept when it was cut
    kept_bytes  BIGINT           NOT NULL,
    sealed      BYTEA            NOT NULL,
    PRIMARY KEY (source_id, letter_id)
);

CREATE TABLE dead_letter_usage (
    source_id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    bytes     BIGINT           NOT NULL, -- kept now
    discarded BIGINT           NOT NULL  -- letters that had to make room, ever
);

-- Audit: append-only, hash-chained, one log per tenant and one of the provider's.
CREATE TABLE audit_head (
    tenant_id TEXT COLLATE "C" NOT NULL PRIMARY KEY REFERENCES tenants (tenant_id),
    seq       BIGINT           NOT NULL,
    chain     BYTEA            NOT NULL
);

CREATE TABLE audit_log (
    tenant_id TEXT COLLATE "C" NOT NULL,
    seq       BIGINT           NOT NULL,
    time      BIGINT           NOT NULL,
    entry     BYTEA            NOT NULL, -- canonical bytes (JSON)
    leaf_hash BYTEA            NOT NULL, -- SHA-256(0x00 ‖ entry)
    prev_hash BYTEA            NOT NULL, -- chain value before this entry
    PRIMARY KEY (tenant_id, seq),
    FOREIGN KEY (tenant_id) REFERENCES audit_head (tenant_id)
);

CREATE TABLE provider_audit_head (
    id    BIGINT NOT NULL PRIMARY KEY CHECK (id = 1),
    seq   BIGINT NOT NULL,
    chain BYTEA  NOT NULL
);
INSERT INTO provider_audit_head (id, seq, chain) VALUES (1, 0, decode(repeat('00', 32), 'hex'));

CREATE TABLE provider_audit_log (
    seq       BIGINT NOT NULL PRIMARY KEY,
    time      BIGINT NOT NULL,
    entry     BYTEA  NOT NULL,
    leaf_hash BYTEA  NOT NULL,
    prev_hash BYTEA  NOT NULL
);

-- Due work. bucket is a hash of the tenant, so that replicas share the passes.
CREATE TABLE jobs (
    tenant_id TEXT COLLATE "C" NOT NULL REFERENCES tenants (tenant_id),
    job       TEXT COLLATE "C" NOT NULL,
    bucket    BIGINT           NOT NULL CHECK (bucket BETWEEN 0 AND 255),
    due_time  BIGINT           NOT NULL, -- while claimed: when the claim lapses
    epoch     BIGINT           NOT NULL, -- fences a claimer that was too slow
    claimed   BIGINT           NOT NULL CHECK (claimed IN (0, 1)),
    again     BIGINT, -- asked for while claimed: due then
    attempts  BIGINT           NOT NULL,
    PRIMARY KEY (tenant_id, job)
);
CREATE INDEX jobs_due ON jobs (bucket, due_time);
