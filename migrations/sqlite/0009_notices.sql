-- Notices: where a tenant has what happens to its incidents sent, and what became of each sending.

-- Where to, and what. Place, secrets and names are sealed; what entries are matched by is not.
CREATE TABLE incident_subscriptions (
    tenant_id       TEXT    NOT NULL REFERENCES tenants (tenant_id),
    subscription_id TEXT    NOT NULL, -- UUID of version 7
    state           TEXT    NOT NULL, -- active, paused
    audience        TEXT    NOT NULL, -- who reads what is sent there: named, organization, clients, community
    kinds           TEXT    NOT NULL, -- of entries, separated by spaces; empty for all
    severities      TEXT    NOT NULL, -- of incidents, in the same way
    incident_id     TEXT    NOT NULL, -- the only one; empty for all
    mentions        INTEGER NOT NULL, -- 1: only comments that mention a name, which is sealed
    created_time    INTEGER NOT NULL,
    updated_time    INTEGER NOT NULL,
    last_seq        INTEGER NOT NULL, -- counts its deliveries
    failures        INTEGER NOT NULL, -- attempts since one last succeeded
    next_time       INTEGER NOT NULL, -- no attempt before
    etag            TEXT    NOT NULL,
    sealed          BLOB    NOT NULL, -- name, place, secrets, who is mentioned
    PRIMARY KEY (tenant_id, subscription_id)
) STRICT;

-- The outbox: written in the transaction of the entry, kept for a while after it was sent.
CREATE TABLE incident_deliveries (
    tenant_id       TEXT    NOT NULL REFERENCES tenants (tenant_id),
    subscription_id TEXT    NOT NULL,
    seq             INTEGER NOT NULL, -- the subscription's, from 1
    entry_seq       INTEGER NOT NULL,
    incident_id     TEXT    NOT NULL,
    state           TEXT    NOT NULL, -- pending, delivered, redacted, withheld, dead
    created_time    INTEGER NOT NULL, -- when it happened
    queued_time     INTEGER NOT NULL, -- since when it is tried, by the last retry
    attempts        INTEGER NOT NULL,
    attempted_time  INTEGER,
    reason          TEXT    NOT NULL, -- why the last attempt failed; a word
    code            INTEGER NOT NULL, -- what the other side said to it; 0 for nothing
    PRIMARY KEY (tenant_id, subscription_id, seq),
    FOREIGN KEY (tenant_id, subscription_id) REFERENCES incident_subscriptions (tenant_id, subscription_id),
    FOREIGN KEY (tenant_id, entry_seq) REFERENCES incident_entries (tenant_id, seq)
) STRICT;
-- What waits, and what was given up.
CREATE INDEX incident_deliveries_open ON incident_deliveries (tenant_id, subscription_id, state, seq);
CREATE INDEX incident_deliveries_backlog ON incident_deliveries (tenant_id, state, queued_time)
    WHERE state IN ('pending', 'dead');
