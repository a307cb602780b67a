-- Names of the provider's calls are forgotten after a day, as those of tenants are.
ALTER TABLE provider_incident_requests ADD COLUMN created_time INTEGER; -- NULL: by a program that did not note it
