-- Originals of events that concern several tenants. The original lies under a random key of its
-- own, which every party's key wraps in turn: what opens it is all of them, what destroys it is any
-- one. Who the parties are, and which original an event's view comes from, lies under a key of the
-- server's: rows of two tenants don't tell by themselves that they have an event in common.
CREATE TABLE originals (
    original_id TEXT NOT NULL PRIMARY KEY, -- UUID of version 7
    parties     BLOB NOT NULL,             -- sealed: each party and the event's name there
    wrapped_key BLOB NOT NULL,             -- innermost the first party's, in the order of tenants
    sealed      BLOB NOT NULL,
    commitment  BLOB                       -- salted hashes of the fields (RFC 9901); NULL: none was made
) STRICT, WITHOUT ROWID;

CREATE TABLE event_originals (
    tenant_id  TEXT NOT NULL,
    event_name BLOB NOT NULL,
    original   BLOB NOT NULL, -- sealed: its id
    PRIMARY KEY (tenant_id, event_name)
) STRICT, WITHOUT ROWID;
