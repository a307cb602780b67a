-- Who does what in an incident: tasks; incidents of the whole provider, each with children of its
-- own in the tenants that it concerns; exercises.

-- Whether it is a drill: known without a key, so that figures can leave it out.
ALTER TABLE incidents ADD COLUMN exercise BIGINT NOT NULL DEFAULT 0;
CREATE INDEX incidents_exercises ON incidents (tenant_id, updated_time, incident_id) WHERE exercise = 1;

CREATE TABLE incident_tasks (
    tenant_id    TEXT COLLATE "C" NOT NULL REFERENCES tenants (tenant_id),
    task_id      TEXT COLLATE "C" NOT NULL, -- UUID of version 7
    incident_id  TEXT COLLATE "C" NOT NULL,
    state        TEXT COLLATE "C" NOT NULL, -- open, done, cancelled
    created_time BIGINT NOT NULL,
    updated_time BIGINT NOT NULL,
    sealed       BYTEA NOT NULL, -- what it is, who hands it over to whom, and why
    PRIMARY KEY (tenant_id, task_id),
    FOREIGN KEY (tenant_id, incident_id) REFERENCES incidents (tenant_id, incident_id)
);
CREATE INDEX incident_tasks_incident ON incident_tasks (tenant_id, incident_id, task_id);

-- Which of a tenant's incidents comes from one of the provider's, and how much of what the provider
-- said about that has come here.
CREATE TABLE incident_origins (
    tenant_id            TEXT COLLATE "C" NOT NULL REFERENCES tenants (tenant_id),
    provider_incident_id TEXT COLLATE "C" NOT NULL,
    incident_id          TEXT COLLATE "C" NOT NULL,
    done_act             BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, provider_incident_id),
    FOREIGN KEY (tenant_id, incident_id) REFERENCES incidents (tenant_id, incident_id)
);

-- The provider's own incidents. What they say stands in their acts.
CREATE TABLE provider_incidents (
    provider_incident_id TEXT COLLATE "C" NOT NULL PRIMARY KEY, -- UUID of version 7
    state                TEXT COLLATE "C" NOT NULL, -- open, closed
    created_time         BIGINT NOT NULL,
    updated_time         BIGINT NOT NULL,
    acts                 BIGINT NOT NULL -- how many there are
);

-- What was done about them, in order: each is done once in each tenant that is concerned.
CREATE TABLE provider_incident_acts (
    provider_incident_id TEXT COLLATE "C" NOT NULL REFERENCES provider_incidents (provider_incident_id),
    act                  BIGINT NOT NULL, -- from 1
    created_time         BIGINT NOT NULL,
    document             TEXT NOT NULL, -- JSON
    PRIMARY KEY (provider_incident_id, act)
);

-- Calls that named themselves, and what they asked for.
CREATE TABLE provider_incident_requests (
    request_id           TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    request_hash         TEXT COLLATE "C" NOT NULL,
    provider_incident_id TEXT COLLATE "C" NOT NULL REFERENCES provider_incidents (provider_incident_id)
);

-- Whom they concern.
CREATE TABLE provider_incident_tenants (
    tenant_id            TEXT COLLATE "C" NOT NULL REFERENCES tenants (tenant_id),
    provider_incident_id TEXT COLLATE "C" NOT NULL,
    added_time           BIGINT NOT NULL,
    incident_id          TEXT COLLATE "C", -- NULL as long as it was not opened there
    done_act             BIGINT NOT NULL, -- the last act that was seen to be done there
    PRIMARY KEY (tenant_id, provider_incident_id)
);
CREATE INDEX provider_incident_tenants_incident ON provider_incident_tenants (provider_incident_id, tenant_id);

ALTER TABLE incident_tasks ENABLE ROW LEVEL SECURITY;
ALTER TABLE incident_tasks FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON incident_tasks TO cordon_app, cordon_kernel
    USING (tenant_id = NULLIF(current_setting('cordon.tenant', true), ''))
    WITH CHECK (tenant_id = NULLIF(current_setting('cordon.tenant', true), ''));

ALTER TABLE incident_origins ENABLE ROW LEVEL SECURITY;
ALTER TABLE incident_origins FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON incident_origins TO cordon_app, cordon_kernel
    USING (tenant_id = NULLIF(current_setting('cordon.tenant', true), ''))
    WITH CHECK (tenant_id = NULLIF(current_setting('cordon.tenant', true), ''));

ALTER TABLE provider_incident_tenants ENABLE ROW LEVEL SECURITY;
ALTER TABLE provider_incident_tenants FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON provider_incident_tenants TO cordon_app, cordon_kernel
    USING (tenant_id = NULLIF(current_setting('cordon.tenant', true), ''))
    WITH CHECK (tenant_id = NULLIF(current_setting('cordon.tenant', true), ''));
CREATE POLICY provider ON provider_incident_tenants TO cordon_provider USING (true) WITH CHECK (true);

GRANT SELECT, INSERT, UPDATE ON incident_tasks, incident_origins TO cordon_app;
-- The provider's own: no tenant's program reads them.
GRANT SELECT, INSERT, UPDATE ON provider_incidents TO cordon_provider;
GRANT SELECT, INSERT ON provider_incident_acts, provider_incident_requests TO cordon_provider;
GRANT SELECT, INSERT, UPDATE (incident_id, done_act) ON provider_incident_tenants TO cordon_provider;
GRANT SELECT (exercise) ON incidents TO cordon_provider;

-- Sealing anew, and removal.
GRANT SELECT, UPDATE (sealed), DELETE ON incident_tasks TO cordon_kernel;
GRANT SELECT, DELETE ON incident_origins, provider_incident_tenants TO cordon_kernel;
