-- Questions to the provider, and their answers.

CREATE TABLE analyses (
    tenant_id     TEXT COLLATE "C" NOT NULL REFERENCES tenants (tenant_id),
    analysis_id   TEXT COLLATE "C" NOT NULL, -- UUID of version 7
    state         TEXT COLLATE "C" NOT NULL,
    human         BIGINT NOT NULL, -- whether people answer it
    pending_party TEXT COLLATE "C" NOT NULL, -- whose move it is: customer, provider, nobody
    due_time      BIGINT,          -- until when it is to be answered
    created_time  BIGINT NOT NULL,
    updated_time  BIGINT NOT NULL,
    result_bytes  BIGINT NOT NULL, -- of the answer that is kept
    sealed        BYTEA NOT NULL, -- the question, and all that was said
    PRIMARY KEY (tenant_id, analysis_id)
);
CREATE INDEX analyses_desk ON analyses (state, created_time) WHERE human = 1;

-- Answers, in pieces.
CREATE TABLE analysis_results (
    tenant_id TEXT COLLATE "C" NOT NULL REFERENCES tenants (tenant_id),
    part_id   TEXT COLLATE "C" NOT NULL, -- analysis, a slash and the number of the piece in four digits
    sealed    BYTEA NOT NULL,
    PRIMARY KEY (tenant_id, part_id)
);

ALTER TABLE analyses ENABLE ROW LEVEL SECURITY;
ALTER TABLE analyses FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON analyses TO cordon_app, cordon_kernel
    USING (tenant_id = NULLIF(current_setting('cordon.tenant', true), ''))
    WITH CHECK (tenant_id = NULLIF(current_setting('cordon.tenant', true), ''));
CREATE POLICY provider ON analyses FOR SELECT TO cordon_provider USING (true);

ALTER TABLE analysis_results ENABLE ROW LEVEL SECURITY;
ALTER TABLE analysis_results FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON analysis_results TO cordon_app, cordon_kernel
    USING (tenant_id = NULLIF(current_setting('cordon.tenant', true), ''))
    WITH CHECK (tenant_id = NULLIF(current_setting('cordon.tenant', true), ''));

GRANT SELECT, INSERT, UPDATE ON analyses TO cordon_app;
GRANT SELECT, INSERT, DELETE ON analysis_results TO cordon_app;
-- The desk's queue: nothing of what was asked.
GRANT SELECT (tenant_id, analysis_id, state, human, pending_party, due_time, created_time)
    ON analyses TO cordon_provider;

-- Sealing anew, and removal.
GRANT SELECT, UPDATE (sealed), DELETE ON analyses, analysis_results TO cordon_kernel;
