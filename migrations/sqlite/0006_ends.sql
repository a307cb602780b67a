-- How a tenant ends, what keeps it from ending, and how its older data keys do.

ALTER TABLE tenants ADD COLUMN purge_time INTEGER; -- when a deletion's waiting period ends; NULL: none was asked for

-- Reasons why a tenant must be kept.
CREATE TABLE legal_holds (
    tenant_id     TEXT    NOT NULL REFERENCES tenants (tenant_id),
    hold_id       TEXT    NOT NULL, -- UUID of version 7
    reason        TEXT    NOT NULL,
    reference     TEXT    NOT NULL,
    created_time  INTEGER NOT NULL,
    released_time INTEGER,
    PRIMARY KEY (tenant_id, hold_id)
) STRICT;

-- A deletion once it has begun, up to its certificate, which stays.
CREATE TABLE deletions (
    tenant_id      TEXT    NOT NULL PRIMARY KEY REFERENCES tenants (tenant_id),
    deleted_time   INTEGER NOT NULL, -- from when on nothing was the tenant's any more
    refused_time   INTEGER, -- when the key service was first seen to refuse the wrapping key
    certified_time INTEGER,
    certificate    BLOB     -- a DSSE envelope
) STRICT;

-- How many of what were removed.
CREATE TABLE deletion_counts (
    tenant_id TEXT    NOT NULL REFERENCES tenants (tenant_id),
    what      TEXT    NOT NULL, -- objects, segments, originals, …
    count     INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, what)
) STRICT;

-- Each data key that was made to take another one's place, and how far sealing anew has come.
CREATE TABLE key_rotations (
    tenant_id     TEXT    NOT NULL REFERENCES tenants (tenant_id),
    version       INTEGER NOT NULL,
    created_time  INTEGER NOT NULL,
    segment_count INTEGER NOT NULL, -- under older keys, when sealing anew began
    done_count    INTEGER NOT NULL,
    finished_time INTEGER, -- when the older keys were dropped
    PRIMARY KEY (tenant_id, version)
) STRICT;

-- What is sealed under an older data key than this is refused: whoever was stopped before others
-- dropped that key, and goes on now, must not store what nobody could open.
ALTER TABLE tenant_head ADD COLUMN key_floor INTEGER NOT NULL DEFAULT 1;
