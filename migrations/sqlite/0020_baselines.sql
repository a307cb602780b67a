-- What is usual of a tenant's principals, addresses and resources.

CREATE TABLE detection_baselines (
    tenant_id     TEXT    NOT NULL PRIMARY KEY REFERENCES tenants (tenant_id),
    enabled       INTEGER NOT NULL,
    edition       INTEGER NOT NULL, -- counts how often it was begun anew
    learned_seq   INTEGER NOT NULL, -- events up to here were learned from
    learned_time  INTEGER,
    crowded_count INTEGER NOT NULL, -- how often the model was too full
    etag          TEXT    NOT NULL
) STRICT;

-- The model's parts.
CREATE TABLE detection_baseline_parts (
    tenant_id TEXT NOT NULL REFERENCES tenants (tenant_id),
    part_id   TEXT NOT NULL, -- its number in two digits
    sealed    BLOB NOT NULL,
    PRIMARY KEY (tenant_id, part_id)
) STRICT;
