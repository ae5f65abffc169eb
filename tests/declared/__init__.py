"""An application with models as people have them, for declarations to be tried on. Its tables are made in tests only."""
