-- What the provider states about its infrastructure, and which services each tenant uses.

-- A row for each statement of a fact; none is ever changed. The audience of a fact stays as it is, so
-- that its versions tell nobody of statements that were for others.
CREATE TABLE facts (
    fact_id         TEXT COLLATE "C" NOT NULL, -- UUID of version 7
    version         BIGINT NOT NULL, -- from 1
    kind            TEXT COLLATE "C" NOT NULL,
    audience        TEXT COLLATE "C" NOT NULL, -- everyone, service, tenant
    audience_id     TEXT COLLATE "C" NOT NULL, -- the service or the tenant; empty for everyone
    service_id      TEXT COLLATE "C" NOT NULL, -- that it is about; empty for none
    region          TEXT COLLATE "C" NOT NULL, -- empty for all
    title           TEXT COLLATE "C" NOT NULL,
    text            TEXT COLLATE "C" NOT NULL,
    valid_from      BIGINT,
    valid_to        BIGINT,
    withdrawn       BIGINT NOT NULL, -- 1: this version withdraws it
    withdraw_reason TEXT COLLATE "C" NOT NULL,
    published_time  BIGINT NOT NULL,
    published_by    TEXT COLLATE "C" NOT NULL, -- for staff alone
    etag            TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (fact_id, version)
);
CREATE INDEX facts_audience ON facts (audience, audience_id);

-- The services that a tenant uses.
CREATE TABLE tenant_services (
    tenant_id     TEXT COLLATE "C" NOT NULL REFERENCES tenants (tenant_id),
    service_id    TEXT COLLATE "C" NOT NULL,
    service_model TEXT COLLATE "C" NOT NULL, -- iaas, paas, saas
    created_time  BIGINT NOT NULL,
    sources       TEXT COLLATE "C" NOT NULL, -- JSON: kinds of records, and the access to each
    PRIMARY KEY (tenant_id, service_id)
);

ALTER TABLE tenant_services ENABLE ROW LEVEL SECURITY;
ALTER TABLE tenant_services FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON tenant_services TO cordon_app, cordon_kernel
    USING (tenant_id = NULLIF(current_setting('cordon.tenant', true), ''))
    WITH CHECK (tenant_id = NULLIF(current_setting('cordon.tenant', true), ''));
CREATE POLICY provider ON tenant_services TO cordon_provider USING (true) WITH CHECK (true);

-- A tenant sees what is for it. Without one there is nothing to see, what is for everyone included.
ALTER TABLE facts ENABLE ROW LEVEL SECURITY;
ALTER TABLE facts FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON facts FOR SELECT TO cordon_app
    USING (NULLIF(current_setting('cordon.tenant', true), '') IS NOT NULL
       AND (audience = 'everyone'
         OR (audience = 'tenant'
             AND audience_id = NULLIF(current_setting('cordon.tenant', true), ''))
         OR (audience = 'service'
             AND EXISTS (SELECT 1 FROM tenant_services s
                          WHERE s.tenant_id = NULLIF(current_setting('cordon.tenant', true), '')
                            AND s.service_id = facts.audience_id))));
CREATE POLICY provider ON facts TO cordon_provider USING (true) WITH CHECK (true);
-- What was for a tenant alone goes with it.
CREATE POLICY kernel ON facts TO cordon_kernel
    USING (audience = 'tenant'
       AND audience_id = NULLIF(current_setting('cordon.tenant', true), ''));

GRANT SELECT ON tenant_services TO cordon_app;
GRANT SELECT, INSERT, DELETE ON tenant_services TO cordon_provider;
GRANT SELECT, DELETE ON tenant_services TO cordon_kernel;

-- Who of the staff it was is not for tenants; and what was stated stays, whoever stated it.
GRANT SELECT (fact_id, version, kind, audience, audience_id, service_id, region, title, text,
    valid_from, valid_to, withdrawn, withdraw_reason, published_time, etag) ON facts TO cordon_app;
GRANT SELECT, INSERT ON facts TO cordon_provider;
GRANT SELECT (audience, audience_id), DELETE ON facts TO cordon_kernel;
