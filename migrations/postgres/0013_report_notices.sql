-- A notice may tell of a report of a month instead of an entry.
ALTER TABLE incident_deliveries ALTER COLUMN entry_seq DROP NOT NULL; -- NULL: it tells of a report
ALTER TABLE incident_deliveries ADD COLUMN report TEXT COLLATE "C" NOT NULL DEFAULT ''; -- the month, as in 2026-10
ALTER TABLE incident_deliveries ADD CHECK ((entry_seq IS NULL) = (report <> ''));
