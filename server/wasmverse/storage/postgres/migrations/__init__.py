"""The versions of the schema in PostgreSQL, each a step up from the one before. Alembic runs them; imports only the schema."""
