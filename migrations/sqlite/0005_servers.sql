-- The servers that stand on this database, each with the last sign of life it gave; and with each
-- migration from here on, the oldest schema whose program may serve beside it.

CREATE TABLE servers (
    server_id BLOB NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    program TEXT NOT NULL,
    schema_version INTEGER NOT NULL,
    started_time INTEGER NOT NULL,
    seen_time INTEGER NOT NULL
) STRICT;

ALTER TABLE schema_migrations ADD COLUMN serves_from INTEGER;
