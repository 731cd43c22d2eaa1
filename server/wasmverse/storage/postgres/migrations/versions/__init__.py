"""The steps. A landed one is never changed: universes exist that it has made. Imports only the schema."""
