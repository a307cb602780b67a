-- Questions to the provider, and their answers.

CREATE TABLE analyses (
    tenant_id     TEXT    NOT NULL REFERENCES tenants (tenant_id),
    analysis_id   TEXT    NOT NULL, -- UUID of version 7
    state         TEXT    NOT NULL,
    human         INTEGER NOT NULL, -- whether people answer it
    pending_party TEXT    NOT NULL, -- whose move it is: customer, provider, nobody
    due_time      INTEGER,          -- until when it is to be answered
    created_time  INTEGER NOT NULL,
    updated_time  INTEGER NOT NULL,
    result_bytes  INTEGER NOT NULL, -- of the answer that is kept
    sealed        BLOB    NOT NULL, -- the question, and all that was said
    PRIMARY KEY (tenant_id, analysis_id)
) STRICT;
CREATE INDEX analyses_desk ON analyses (state, created_time) WHERE human = 1;

-- Answers, in pieces.
CREATE TABLE analysis_results (
    tenant_id TEXT NOT NULL REFERENCES tenants (tenant_id),
    part_id   TEXT NOT NULL, -- analysis, a slash and the number of the piece in four digits
    sealed    BLOB NOT NULL,
    PRIMARY KEY (tenant_id, part_id)
) STRICT;
