-- Names of the provider's calls are forgotten after a day, as those of tenants are.
ALTER TABLE provider_incident_requests ADD COLUMN created_time BIGINT; -- NULL: by a program that did not note it

GRANT DELETE ON provider_incident_requests TO cordon_provider;
GRANT SELECT (created_time), UPDATE (created_time), DELETE ON provider_incident_requests TO cordon_kernel;
