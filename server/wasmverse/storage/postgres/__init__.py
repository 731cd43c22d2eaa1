"""Universes in PostgreSQL and on Citus. ``backend/`` is what runs inside the database server, everything else talks to it."""
