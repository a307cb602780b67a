-- Who does what in an incident: tasks; incidents of the whole provider, each with children of its
-- own in the tenants that it concerns; exercises.

-- Whether it is a drill: known without a key, so that figures can leave it out.
ALTER TABLE incidents ADD COLUMN exercise INTEGER NOT NULL DEFAULT 0;
CREATE INDEX incidents_exercises ON incidents (tenant_id, updated_time, incident_id) WHERE exercise = 1;

CREATE TABLE incident_tasks (
    tenant_id    TEXT    NOT NULL REFERENCES tenants (tenant_id),
    task_id      TEXT    NOT NULL, -- UUID of version 7
    incident_id  TEXT    NOT NULL,
    state        TEXT    NOT NULL, -- open, done, cancelled
    created_time INTEGER NOT NULL,
    updated_time INTEGER NOT NULL,
    sealed       BLOB    NOT NULL, -- what it is, who hands it over to whom, and why
    PRIMARY KEY (tenant_id, task_id),
    FOREIGN KEY (tenant_id, incident_id) REFERENCES incidents (tenant_id, incident_id)
) STRICT;
CREATE INDEX incident_tasks_incident ON incident_tasks (tenant_id, incident_id, task_id);

-- Which of a tenant's incidents comes from one of the provider's, and how much of what the provider
-- said about that has come here.
CREATE TABLE incident_origins (
    tenant_id            TEXT    NOT NULL REFERENCES tenants (tenant_id),
    provider_incident_id TEXT    NOT NULL,
    incident_id          TEXT    NOT NULL,
    done_act             INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, provider_incident_id),
    FOREIGN KEY (tenant_id, incident_id) REFERENCES incidents (tenant_id, incident_id)
) STRICT;

-- The provider's own incidents. What they say stands in their acts.
CREATE TABLE provider_incidents (
    provider_incident_id TEXT    NOT NULL PRIMARY KEY, -- UUID of version 7
    state                TEXT    NOT NULL, -- open, closed
    created_time         INTEGER NOT NULL,
    updated_time         INTEGER NOT NULL,
    acts                 INTEGER NOT NULL -- how many there are
) STRICT;

-- What was done about them, in order: each is done once in each tenant that is concerned.
CREATE TABLE provider_incident_acts (
    provider_incident_id TEXT    NOT NULL REFERENCES provider_incidents (provider_incident_id),
    act                  INTEGER NOT NULL, -- from 1
    created_time         INTEGER NOT NULL,
    document             TEXT    NOT NULL, -- JSON
    PRIMARY KEY (provider_incident_id, act)
) STRICT;

-- Calls that named themselves, and what they asked for.
CREATE TABLE provider_incident_requests (
    request_id           TEXT NOT NULL PRIMARY KEY,
    request_hash         TEXT NOT NULL,
    provider_incident_id TEXT NOT NULL REFERENCES provider_incidents (provider_incident_id)
) STRICT;

-- Whom they concern.
CREATE TABLE provider_incident_tenants (
    tenant_id            TEXT    NOT NULL REFERENCES tenants (tenant_id),
    provider_incident_id TEXT    NOT NULL,
    added_time           INTEGER NOT NULL,
    incident_id          TEXT, -- NULL as long as it was not opened there
    done_act             INTEGER NOT NULL, -- the last act that was seen to be done there
    PRIMARY KEY (tenant_id, provider_incident_id)
) STRICT;
CREATE INDEX provider_incident_tenants_incident ON provider_incident_tenants (provider_incident_id, tenant_id);
