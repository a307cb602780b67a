-- What a tenant tells of its own: assets, planned work, networks that it trusts.

CREATE TABLE context_entries (
    tenant_id    TEXT    NOT NULL REFERENCES tenants (tenant_id),
    entry_id     TEXT    NOT NULL,
    kind         TEXT    NOT NULL, -- asset, planned_work or trusted_network
    name_key     TEXT    NOT NULL, -- hash of kind and display name
    crown_jewel  INTEGER NOT NULL,
    etag         TEXT    NOT NULL,
    updated_time INTEGER NOT NULL,
    sealed       BLOB    NOT NULL,
    PRIMARY KEY (tenant_id, entry_id),
    UNIQUE (tenant_id, name_key)
) STRICT;

CREATE INDEX context_entries_kind ON context_entries (tenant_id, kind, entry_id);

CREATE TABLE context_heads (
    tenant_id TEXT    NOT NULL PRIMARY KEY REFERENCES tenants (tenant_id),
    edition   INTEGER NOT NULL -- counts the changes
) STRICT;
