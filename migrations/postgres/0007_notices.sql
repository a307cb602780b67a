-- Notices: where a tenant has what happens to its incidents sent, and what became of each sending.

-- Where to, and what. Place, secrets and names are sealed; what entries are matched by is not.
CREATE TABLE incident_subscriptions (
    tenant_id       TEXT COLLATE "C" NOT NULL REFERENCES tenants (tenant_id),
    subscription_id TEXT COLLATE "C" NOT NULL, -- UUID of version 7
    state           TEXT COLLATE "C" NOT NULL, -- active, paused
    audience        TEXT COLLATE "C" NOT NULL, -- who reads what is sent there: named, organization, clients, community
    kinds           TEXT COLLATE "C" NOT NULL, -- of entries, separated by spaces; empty for all
    severities      TEXT COLLATE "C" NOT NULL, -- of incidents, in the same way
    incident_id     TEXT COLLATE "C" NOT NULL, -- the only one; empty for all
    mentions        BIGINT NOT NULL, -- 1: only comments that mention a name, which is sealed
    created_time    BIGINT NOT NULL,
    updated_time    BIGINT NOT NULL,
    last_seq        BIGINT NOT NULL, -- counts its deliveries
    failures        BIGINT NOT NULL, -- attempts since one last succeeded
    next_time       BIGINT NOT NULL, -- no attempt before
    etag            TEXT COLLATE "C" NOT NULL,
    sealed          BYTEA   NOT NULL, -- name, place, secrets, who is mentioned
    PRIMARY KEY (tenant_id, subscription_id)
);

-- The outbox: written in the transaction of the entry, kept for a while after it was sent.
CREATE TABLE incident_deliveries (
    tenant_id       TEXT COLLATE "C" NOT NULL REFERENCES tenants (tenant_id),
    subscription_id TEXT COLLATE "C" NOT NULL,
    seq             BIGINT NOT NULL, -- the subscription's, from 1
    entry_seq       BIGINT NOT NULL,
    incident_id     TEXT COLLATE "C" NOT NULL,
    state           TEXT COLLATE "C" NOT NULL, -- pending, delivered, redacted, withheld, dead
    created_time    BIGINT NOT NULL, -- when it happened
    queued_time     BIGINT NOT NULL, -- since when it is tried, by the last retry
    attempts        BIGINT NOT NULL,
    attempted_time  BIGINT,
    reason          TEXT COLLATE "C" NOT NULL, -- why the last attempt failed; a word
    code            BIGINT NOT NULL, -- what the other side said to it; 0 for nothing
    PRIMARY KEY (tenant_id, subscription_id, seq),
    FOREIGN KEY (tenant_id, subscription_id) REFERENCES incident_subscriptions (tenant_id, subscription_id),
    FOREIGN KEY (tenant_id, entry_seq) REFERENCES incident_entries (tenant_id, seq)
);
-- What waits, and what was given up.
CREATE INDEX incident_deliveries_open ON incident_deliveries (tenant_id, subscription_id, state, seq);
CREATE INDEX incident_deliveries_backlog ON incident_deliveries (tenant_id, state, queued_time)
    WHERE state IN ('pending', 'dead');

ALTER TABLE incident_subscriptions ENABLE ROW LEVEL SECURITY;
ALTER TABLE incident_subscriptions FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON incident_subscriptions TO cordon_app, cordon_kernel
    USING (tenant_id = NULLIF(current_setting('cordon.tenant', true), ''))
    WITH CHECK (tenant_id = NULLIF(current_setting('cordon.tenant', true), ''));

ALTER TABLE incident_deliveries ENABLE ROW LEVEL SECURITY;
ALTER TABLE incident_deliveries FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON incident_deliveries TO cordon_app, cordon_kernel
    USING (tenant_id = NULLIF(current_setting('cordon.tenant', true), ''))
    WITH CHECK (tenant_id = NULLIF(current_setting('cordon.tenant', true), ''));

-- Staff count what waits and what was given up, by named columns.
CREATE POLICY provider ON incident_deliveries FOR SELECT TO cordon_provider USING (true);
GRANT SELECT (tenant_id, state, queued_time) ON incident_deliveries TO cordon_provider;

GRANT SELECT, INSERT, UPDATE, DELETE ON incident_subscriptions, incident_deliveries TO cordon_app;

-- Sealing anew, and removal.
GRANT SELECT, UPDATE (sealed), DELETE ON incident_subscriptions TO cordon_kernel;
GRANT SELECT, DELETE ON incident_deliveries TO cordon_kernel;
