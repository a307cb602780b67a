-- When clocks of open incidents are due, what was attained in a month, and what the service measures
-- of itself.

-- Of the incident's clocks that run: when the next is due, and what is due then. How many were
-- breached; NULL until the clocks were looked at for the first time.
ALTER TABLE incidents ADD COLUMN due_time INTEGER;
ALTER TABLE incidents ADD COLUMN due_objective TEXT;
ALTER TABLE incidents ADD COLUMN breaches INTEGER;

-- A tenant's figures of a month. A final one is of a month that is over, and never changes.
CREATE TABLE sla_reports (
    tenant_id TEXT    NOT NULL REFERENCES tenants (tenant_id),
    period    TEXT    NOT NULL, -- as in 2026-10
    as_of     INTEGER NOT NULL,
    final     INTEGER NOT NULL, -- 0 or 1
    document  TEXT    NOT NULL, -- JSON
    PRIMARY KEY (tenant_id, period)
) STRICT;
CREATE INDEX sla_reports_period ON sla_reports (period, tenant_id);

-- How long events waited from their receipt until they could be seen, by UTC day.
CREATE TABLE sla_freshness (
    tenant_id TEXT    NOT NULL REFERENCES tenants (tenant_id),
    day       INTEGER NOT NULL, -- since 1970-01-01
    bucket    INTEGER NOT NULL, -- milliseconds, at most
    count     INTEGER NOT NULL, -- of events
    PRIMARY KEY (tenant_id, day, bucket)
) STRICT;

-- Minutes since 1970-01-01 UTC in which a server was ready to answer.
CREATE TABLE service_minutes (
    minute INTEGER NOT NULL PRIMARY KEY
) STRICT;
