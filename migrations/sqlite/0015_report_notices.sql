-- A notice may tell of a report of a month instead of an entry.
CREATE TABLE deliveries_with_reports (
    tenant_id       TEXT    NOT NULL REFERENCES tenants (tenant_id),
    subscription_id TEXT    NOT NULL,
    seq             INTEGER NOT NULL, -- the subscription's, from 1
    entry_seq       INTEGER, -- NULL: it tells of a report
    incident_id     TEXT    NOT NULL, -- empty: it tells of a report
    report          TEXT    NOT NULL DEFAULT '', -- the month, as in 2026-10
    state           TEXT    NOT NULL, -- pending, delivered, redacted, withheld, dead
    created_time    INTEGER NOT NULL, -- when it happened
    queued_time     INTEGER NOT NULL, -- since when it is tried, by the last retry
    attempts        INTEGER NOT NULL,
    attempted_time  INTEGER,
    reason          TEXT    NOT NULL, -- why the last attempt failed; a word
    code            INTEGER NOT NULL, -- what the other side said to it; 0 for nothing
    refusals        INTEGER NOT NULL DEFAULT 0, -- since it is tried
    PRIMARY KEY (tenant_id, subscription_id, seq),
    FOREIGN KEY (tenant_id, subscription_id) REFERENCES incident_subscriptions (tenant_id, subscription_id),
    FOREIGN KEY (tenant_id, entry_seq) REFERENCES incident_entries (tenant_id, seq),
    CHECK ((entry_seq IS NULL) = (report <> ''))
) STRICT;
INSERT INTO deliveries_with_reports (tenant_id, subscription_id, seq, entry_seq, incident_id, state,
        created_time, queued_time, attempts, attempted_time, reason, code, refusals)
    SELECT tenant_id, subscription_id, seq, entry_seq, incident_id, state, created_time,
           queued_time, attempts, attempted_time, reason, code, refusals FROM incident_deliveries;
DROP TABLE incident_deliveries;
ALTER TABLE deliveries_with_reports RENAME TO incident_deliveries;
CREATE INDEX incident_deliveries_open ON incident_deliveries (tenant_id, subscription_id, state, seq);
CREATE INDEX incident_deliveries_backlog ON incident_deliveries (tenant_id, state, queued_time)
    WHERE state IN ('pending', 'dead');
