-- The servers that stand on this database, each with the last sign of life it gave; and with each
-- migration from here on, the oldest schema whose program may serve beside it.

CREATE TABLE servers (
    server_id BYTEA NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    program TEXT NOT NULL,
    schema_version BIGINT NOT NULL,
    started_time BIGINT NOT NULL,
    seen_time BIGINT NOT NULL
);

ALTER TABLE schema_migrations ADD COLUMN serves_from BIGINT;

GRANT SELECT, INSERT, UPDATE, DELETE ON servers TO cordon_kernel;
