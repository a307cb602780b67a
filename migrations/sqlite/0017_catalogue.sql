-- What the provider states about its infrastructure, and which services each tenant uses.

-- A row for each statement of a fact; none is ever changed. The audience of a fact stays as it is, so
-- that its versions tell nobody of statements that were for others.
CREATE TABLE facts (
    fact_id         TEXT    NOT NULL, -- UUID of version 7
    version         INTEGER NOT NULL, -- from 1
    kind            TEXT    NOT NULL,
    audience        TEXT    NOT NULL, -- everyone, service, tenant
    audience_id     TEXT    NOT NULL, -- the service or the tenant; empty for everyone
    service_id      TEXT    NOT NULL, -- that it is about; empty for none
    region          TEXT    NOT NULL, -- empty for all
    title           TEXT    NOT NULL,
    text            TEXT    NOT NULL,
    valid_from      INTEGER,
    valid_to        INTEGER,
    withdrawn       INTEGER NOT NULL, -- 1: this version withdraws it
    withdraw_reason TEXT    NOT NULL,
    published_time  INTEGER NOT NULL,
    published_by    TEXT    NOT NULL, -- for staff alone
    etag            TEXT    NOT NULL,
    PRIMARY KEY (fact_id, version)
) STRICT;
CREATE INDEX facts_audience ON facts (audience, audience_id);

-- The services that a tenant uses.
CREATE TABLE tenant_services (
    tenant_id     TEXT    NOT NULL REFERENCES tenants (tenant_id),
    service_id    TEXT    NOT NULL,
    service_model TEXT    NOT NULL, -- iaas, paas, saas
    created_time  INTEGER NOT NULL,
    sources       TEXT    NOT NULL, -- JSON: kinds of records, and the access to each
    PRIMARY KEY (tenant_id, service_id)
) STRICT;
