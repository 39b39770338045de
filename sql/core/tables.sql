-- The schema is created plainly, never IF NOT EXISTS: if somebody planted one, the installation fails instead of owning it.
CREATE SCHEMA aipipe;
COMMENT ON SCHEMA aipipe IS 'aipipe: intelligent ETL inside the database';
GRANT USAGE ON SCHEMA aipipe TO PUBLIC;

