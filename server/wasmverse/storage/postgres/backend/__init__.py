"""What plays a turn beside its rows: imported by PL/Python in a backend of PostgreSQL, or, where that is not to be had, by the
process that talks to it. Imports only universe/, wasm/ and strategies/, and no driver of a database."""
