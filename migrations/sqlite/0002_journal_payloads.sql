-- Blocks leave the clustered table of their rows. A block of a few events is a few kilobytes: too
-- wide for a clustered page, so that each took an overflow page of its own, and SQLite reads a
-- row's overflow to compare its key. Here they lie one behind another in the order they came.
--
-- A payload is ciphertext that only its tenant's journal row names. Numbers are never used again
-- (AUTOINCREMENT), so that no row that outlives its payload can come to name another's.
CREATE TABLE journal_payloads (
    payload_id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    payload    BLOB    NOT NULL
) STRICT;

ALTER TABLE journal ADD COLUMN payload_id INTEGER; -- NULL once the block is in a segment

UPDATE journal SET payload_id = numbered.payload_id
  FROM (SELECT tenant_id, first_seq, row_number() OVER (ORDER BY tenant_id, first_seq) AS payload_id
          FROM journal WHERE payload IS NOT NULL) AS numbered
 WHERE journal.tenant_id = numbered.tenant_id AND journal.first_seq = numbered.first_seq;

INSERT INTO journal_payloads (payload_id, payload)
SELECT payload_id, payload FROM journal WHERE payload_id IS NOT NULL;

ALTER TABLE journal DROP COLUMN payload;

-- A tenant is also due to be sealed when it has many small blocks, however few rows they hold.
ALTER TABLE tenant_head ADD COLUMN unsealed_blocks INTEGER NOT NULL DEFAULT 0;

UPDATE tenant_head SET unsealed_blocks =
    (SELECT count(*) FROM journal
      WHERE journal.tenant_id = tenant_head.tenant_id AND journal.first_seq > tenant_head.sealed_seq);
