-- Comments are read in the order of their times: ids come from the clocks of several servers. And
-- what happened to incidents may be that they were brought in, which older programs can't read.
DROP INDEX incident_comments_incident;
CREATE INDEX incident_comments_incident ON incident_comments (tenant_id, incident_id, created_time,
    comment_id);

-- The last of what happened to each, for those who keep a copy in step.
ALTER TABLE incidents ADD COLUMN last_seq BIGINT NOT NULL DEFAULT 0;
-- The owner has no tenant: for this one statement the policies are not its.
ALTER TABLE incidents NO FORCE ROW LEVEL SECURITY;
ALTER TABLE incident_entries NO FORCE ROW LEVEL SECURITY;
UPDATE incidents SET last_seq = COALESCE((SELECT max(seq) FROM incident_entries e
    WHERE e.tenant_id = incidents.tenant_id AND e.incident_id = incidents.incident_id), 0);
ALTER TABLE incidents FORCE ROW LEVEL SECURITY;
ALTER TABLE incident_entries FORCE ROW LEVEL SECURITY;
CREATE INDEX incidents_changed ON incidents (tenant_id, last_seq);
