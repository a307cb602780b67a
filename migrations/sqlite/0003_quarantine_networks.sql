-- An address in quarantine is also found by the network around it (/16, or /32 in IPv6): who
-- registers a block later can't name each address in it, and the hashes don't tell.
ALTER TABLE quarantine_parties ADD COLUMN network INTEGER NOT NULL DEFAULT 0 CHECK (network IN (0, 1)); -- 1: no party itself
