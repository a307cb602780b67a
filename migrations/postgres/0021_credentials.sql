-- Journal blocks and segments have a column more, the credential that something was done with: programs
-- from before can't read what is written from now on. The tables stay as they are.

SELECT 1;
