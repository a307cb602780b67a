-- Files, notes and links of incidents. What is sealed is so under the tenant's keys, but for the
-- provider's own notes.

-- A file, from when it is announced.
CREATE TABLE incident_attachments (
    tenant_id     TEXT COLLATE "C" NOT NULL REFERENCES tenants (tenant_id),
    attachment_id TEXT COLLATE "C" NOT NULL, -- UUID of version 7
    incident_id   TEXT COLLATE "C" NOT NULL,
    state         TEXT COLLATE "C" NOT NULL, -- uploading, attached
    size          BIGINT NOT NULL, -- as announced
    committed     BIGINT NOT NULL, -- so many bytes have parts
    created_time  BIGINT NOT NULL,
    updated_time  BIGINT NOT NULL, -- when a part was last stored, or it was finished
    sealed        BYTEA NOT NULL, -- name, type, hash, by whom, and the key of its parts
    PRIMARY KEY (tenant_id, attachment_id),
    FOREIGN KEY (tenant_id, incident_id) REFERENCES incidents (tenant_id, incident_id)
);
CREATE INDEX incident_attachments_incident ON incident_attachments (tenant_id, incident_id, attachment_id);
CREATE INDEX incident_attachments_state ON incident_attachments (tenant_id, state, updated_time);

-- What its bytes lie in: objects, each under a name of its own.
CREATE TABLE incident_attachment_parts (
    tenant_id     TEXT COLLATE "C" NOT NULL REFERENCES tenants (tenant_id),
    attachment_id TEXT COLLATE "C" NOT NULL,
    start         BIGINT NOT NULL, -- which byte of the file is its first
    part_id       TEXT COLLATE "C" NOT NULL, -- UUID of version 7
    size          BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, attachment_id, start),
    FOREIGN KEY (tenant_id, attachment_id) REFERENCES incident_attachments (tenant_id, attachment_id)
);

-- Notes of the tenant's people, which came encrypted.
CREATE TABLE incident_notes (
    tenant_id    TEXT COLLATE "C" NOT NULL REFERENCES tenants (tenant_id),
    note_id      TEXT COLLATE "C" NOT NULL, -- UUID of version 7
    incident_id  TEXT COLLATE "C" NOT NULL,
    created_time BIGINT NOT NULL,
    sealed       BYTEA NOT NULL, -- author, ciphertext, to which keys
    PRIMARY KEY (tenant_id, note_id),
    FOREIGN KEY (tenant_id, incident_id) REFERENCES incidents (tenant_id, incident_id)
);
CREATE INDEX incident_notes_incident ON incident_notes (tenant_id, incident_id, note_id);

-- The public keys to which they are encrypted.
CREATE TABLE note_keys (
    tenant_id    TEXT COLLATE "C" NOT NULL REFERENCES tenants (tenant_id),
    key_id       TEXT COLLATE "C" NOT NULL, -- UUID of version 7
    created_time BIGINT NOT NULL,
    revoked_time BIGINT,
    sealed       BYTEA NOT NULL, -- the key, and whose it is
    PRIMARY KEY (tenant_id, key_id)
);

CREATE TABLE incident_links (
    tenant_id    TEXT COLLATE "C" NOT NULL REFERENCES tenants (tenant_id),
    link_id      TEXT COLLATE "C" NOT NULL, -- UUID of version 7
    incident_id  TEXT COLLATE "C" NOT NULL,
    resource     TEXT COLLATE "C" NOT NULL, -- a name within the tenant's
    created_time BIGINT NOT NULL,
    sealed       BYTEA NOT NULL, -- by whom, and why
    PRIMARY KEY (tenant_id, link_id),
    FOREIGN KEY (tenant_id, incident_id) REFERENCES incidents (tenant_id, incident_id)
);
CREATE UNIQUE INDEX incident_links_resource ON incident_links (tenant_id, incident_id, resource);

-- Notes of staff about a tenant's incident: the provider's, under the provider's key.
CREATE TABLE provider_notes (
    tenant_id    TEXT COLLATE "C" NOT NULL REFERENCES tenants (tenant_id),
    note_id      TEXT COLLATE "C" NOT NULL, -- UUID of version 7
    incident_id  TEXT COLLATE "C" NOT NULL,
    created_time BIGINT NOT NULL,
    sealed       BYTEA NOT NULL, -- author and text
    PRIMARY KEY (tenant_id, note_id),
    FOREIGN KEY (tenant_id, incident_id) REFERENCES incidents (tenant_id, incident_id)
);
CREATE INDEX provider_notes_incident ON provider_notes (tenant_id, incident_id, note_id);

ALTER TABLE incident_attachments ENABLE ROW LEVEL SECURITY;
ALTER TABLE incident_attachments FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON incident_attachments TO cordon_app, cordon_kernel
    USING (tenant_id = NULLIF(current_setting('cordon.tenant', true), ''))
    WITH CHECK (tenant_id = NULLIF(current_setting('cordon.tenant', true), ''));

ALTER TABLE incident_attachment_parts ENABLE ROW LEVEL SECURITY;
ALTER TABLE incident_attachment_parts FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON incident_attachment_parts TO cordon_app, cordon_kernel
    USING (tenant_id = NULLIF(current_setting('cordon.tenant', true), ''))
    WITH CHECK (tenant_id = NULLIF(current_setting('cordon.tenant', true), ''));

ALTER TABLE incident_notes ENABLE ROW LEVEL SECURITY;
ALTER TABLE incident_notes FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON incident_notes TO cordon_app, cordon_kernel
    USING (tenant_id = NULLIF(current_setting('cordon.tenant', true), ''))
    WITH CHECK (tenant_id = NULLIF(current_setting('cordon.tenant', true), ''));

ALTER TABLE note_keys ENABLE ROW LEVEL SECURITY;
ALTER TABLE note_keys FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON note_keys TO cordon_app, cordon_kernel
    USING (tenant_id = NULLIF(current_setting('cordon.tenant', true), ''))
    WITH CHECK (tenant_id = NULLIF(current_setting('cordon.tenant', true), ''));

ALTER TABLE incident_links ENABLE ROW LEVEL SECURITY;
ALTER TABLE incident_links FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON incident_links TO cordon_app, cordon_kernel
    USING (tenant_id = NULLIF(current_setting('cordon.tenant', true), ''))
    WITH CHECK (tenant_id = NULLIF(current_setting('cordon.tenant', true), ''));

ALTER TABLE provider_notes ENABLE ROW LEVEL SECURITY;
ALTER TABLE provider_notes FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON provider_notes TO cordon_app, cordon_kernel
    USING (tenant_id = NULLIF(current_setting('cordon.tenant', true), ''))
    WITH CHECK (tenant_id = NULLIF(current_setting('cordon.tenant', true), ''));

-- Of these the tenant's role may do nothing at all.
CREATE POLICY provider ON provider_notes TO cordon_provider USING (true) WITH CHECK (true);
GRANT SELECT, INSERT ON provider_notes TO cordon_provider;

GRANT SELECT, INSERT, UPDATE, DELETE ON incident_attachments TO cordon_app;
GRANT SELECT, INSERT, DELETE ON incident_attachment_parts, incident_links TO cordon_app;
GRANT SELECT, INSERT, UPDATE ON incident_notes, note_keys TO cordon_app;

-- Sealing anew, and removal.
GRANT SELECT, DELETE ON incident_attachment_parts, provider_notes TO cordon_kernel;
GRANT SELECT, UPDATE (sealed), DELETE ON incident_attachments, incident_notes, note_keys, incident_links
    TO cordon_kernel;
