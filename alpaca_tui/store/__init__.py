"""The store: one SQLite file that holds everything a workspace knows. `store.store.Store` is its door."""
