-- A notice that its receiver refuses is given up after a few times, whatever else delayed it.
ALTER TABLE incident_deliveries ADD COLUMN refusals INTEGER NOT NULL DEFAULT 0; -- since it is tried
