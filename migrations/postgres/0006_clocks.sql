-- When clocks of open incidents are due, what was attained in a month, and what the service measures
-- of itself.

-- Of the incident's clocks that run: when the next is due, and what is due then. How many were
-- breached; NULL until the clocks were looked at for the first time.
ALTER TABLE incidents ADD COLUMN due_time BIGINT;
ALTER TABLE incidents ADD COLUMN due_objective TEXT COLLATE "C";
ALTER TABLE incidents ADD COLUMN breaches BIGINT;
GRANT SELECT (due_time, due_objective, breaches) ON incidents TO cordon_provider;

-- A tenant's figures of a month. A final one is of a month that is over, and never changes.
CREATE TABLE sla_reports (
    tenant_id TEXT COLLATE "C" NOT NULL REFERENCES tenants (tenant_id),
    period    TEXT COLLATE "C" NOT NULL, -- as in 2026-10
    as_of     BIGINT NOT NULL,
    final     BIGINT NOT NULL, -- 0 or 1
    document  TEXT NOT NULL, -- JSON
    PRIMARY KEY (tenant_id, period)
);
CREATE INDEX sla_reports_period ON sla_reports (period, tenant_id);

-- How long events waited from their receipt until they could be seen, by UTC day.
CREATE TABLE sla_freshness (
    tenant_id TEXT COLLATE "C" NOT NULL REFERENCES tenants (tenant_id),
    day       BIGINT NOT NULL, -- since 1970-01-01
    bucket    BIGINT NOT NULL, -- milliseconds, at most
    count     BIGINT NOT NULL, -- of events
    PRIMARY KEY (tenant_id, day, bucket)
);

-- Minutes since 1970-01-01 UTC in which a server was ready to answer.
CREATE TABLE service_minutes (
    minute BIGINT NOT NULL PRIMARY KEY
);

ALTER TABLE sla_reports ENABLE ROW LEVEL SECURITY;
ALTER TABLE sla_reports FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON sla_reports TO cordon_app, cordon_kernel
    USING (tenant_id = NULLIF(current_setting('cordon.tenant', true), ''))
    WITH CHECK (tenant_id = NULLIF(current_setting('cordon.tenant', true), ''));
CREATE POLICY provider ON sla_reports FOR SELECT TO cordon_provider USING (true);

ALTER TABLE sla_freshness ENABLE ROW LEVEL SECURITY;
ALTER TABLE sla_freshness FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON sla_freshness TO cordon_app, cordon_kernel
    USING (tenant_id = NULLIF(current_setting('cordon.tenant', true), ''))
    WITH CHECK (tenant_id = NULLIF(current_setting('cordon.tenant', true), ''));

-- Measured for all tenants at once.
CREATE POLICY kernel ON sla_freshness TO cordon_kernel USING (true) WITH CHECK (true);

GRANT SELECT, INSERT, UPDATE ON sla_reports TO cordon_app;
GRANT SELECT ON sla_freshness TO cordon_app;
GRANT SELECT ON sla_reports TO cordon_provider;
GRANT SELECT, DELETE ON sla_reports TO cordon_kernel;
GRANT SELECT, INSERT, UPDATE, DELETE ON sla_freshness TO cordon_kernel;
GRANT SELECT, INSERT, DELETE ON service_minutes TO cordon_kernel;
