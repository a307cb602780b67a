-- Files, notes and links of incidents. What is sealed is so under the tenant's keys, but for the
-- provider's own notes.

-- A file, from when it is announced.
CREATE TABLE incident_attachments (
    tenant_id     TEXT    NOT NULL REFERENCES tenants (tenant_id),
    attachment_id TEXT    NOT NULL, -- UUID of version 7
    incident_id   TEXT    NOT NULL,
    state         TEXT    NOT NULL, -- uploading, attached
    size          INTEGER NOT NULL, -- as announced
    committed     INTEGER NOT NULL, -- so many bytes have parts
    created_time  INTEGER NOT NULL,
    updated_time  INTEGER NOT NULL, -- when a part was last stored, or it was finished
    sealed        BLOB    NOT NULL, -- name, type, hash, by whom, and the key of its parts
    PRIMARY KEY (tenant_id, attachment_id),
    FOREIGN KEY (tenant_id, incident_id) REFERENCES incidents (tenant_id, incident_id)
) STRICT;
CREATE INDEX incident_attachments_incident ON incident_attachments (tenant_id, incident_id, attachment_id);
CREATE INDEX incident_attachments_state ON incident_attachments (tenant_id, state, updated_time);

-- What its bytes lie in: objects, each under a name of its own.
CREATE TABLE incident_attachment_parts (
    tenant_id     TEXT    NOT NULL REFERENCES tenants (tenant_id),
    attachment_id TEXT    NOT NULL,
    start         INTEGER NOT NULL, -- which byte of the file is its first
    part_id       TEXT    NOT NULL, -- UUID of version 7
    size          INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, attachment_id, start),
    FOREIGN KEY (tenant_id, attachment_id) REFERENCES incident_attachments (tenant_id, attachment_id)
) STRICT;

-- Notes of the tenant's people, which came encrypted.
CREATE TABLE incident_notes (
    tenant_id    TEXT    NOT NULL REFERENCES tenants (tenant_id),
    note_id      TEXT    NOT NULL, -- UUID of version 7
    incident_id  TEXT    NOT NULL,
    created_time INTEGER NOT NULL,
    sealed       BLOB    NOT NULL, -- author, ciphertext, to which keys
    PRIMARY KEY (tenant_id, note_id),
    FOREIGN KEY (tenant_id, incident_id) REFERENCES incidents (tenant_id, incident_id)
) STRICT;
CREATE INDEX incident_notes_incident ON incident_notes (tenant_id, incident_id, note_id);

-- The public keys to which they are encrypted.
CREATE TABLE note_keys (
    tenant_id    TEXT    NOT NULL REFERENCES tenants (tenant_id),
    key_id       TEXT    NOT NULL, -- UUID of version 7
    created_time INTEGER NOT NULL,
    revoked_time INTEGER,
    sealed       BLOB    NOT NULL, -- the key, and whose it is
    PRIMARY KEY (tenant_id, key_id)
) STRICT;

CREATE TABLE incident_links (
    tenant_id    TEXT    NOT NULL REFERENCES tenants (tenant_id),
    link_id      TEXT    NOT NULL, -- UUID of version 7
    incident_id  TEXT    NOT NULL,
    resource     TEXT    NOT NULL, -- a name within the tenant's
    created_time INTEGER NOT NULL,
    sealed       BLOB    NOT NULL, -- by whom, and why
    PRIMARY KEY (tenant_id, link_id),
    FOREIGN KEY (tenant_id, incident_id) REFERENCES incidents (tenant_id, incident_id)
) STRICT;
CREATE UNIQUE INDEX incident_links_resource ON incident_links (tenant_id, incident_id, resource);

-- Notes of staff about a tenant's incident: the provider's, under the provider's key.
CREATE TABLE provider_notes (
    tenant_id    TEXT    NOT NULL REFERENCES tenants (tenant_id),
    note_id      TEXT    NOT NULL, -- UUID of version 7
    incident_id  TEXT    NOT NULL,
    created_time INTEGER NOT NULL,
    sealed       BLOB    NOT NULL, -- author and text
    PRIMARY KEY (tenant_id, note_id),
    FOREIGN KEY (tenant_id, incident_id) REFERENCES incidents (tenant_id, incident_id)
) STRICT;
CREATE INDEX provider_notes_incident ON provider_notes (tenant_id, incident_id, note_id);
