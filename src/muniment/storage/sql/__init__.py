"""Both metadata ports over SQL databases, in SQLAlchemy Core: one store, an engine per database.

store.py           SqlMetadataStore: the port
reads.py           the statements that it runs outside of transactions
transaction.py     the inside of `transact`
writes.py          the statements that it runs
blobs.py           blobs and manifests, and who needs them
file_store.py      its part about files outside of versions
files.py           what that runs (file_tables.py: the schema)
newest.py          the highest version in each stage
search.py          a query becomes a page, from:
  conditions.py      filter -> WHERE (normal.py: however deep; exact.py: numbers)
  patterns.py        LIKE
  candidates.py    what an index can say of a filter
  order.py           ORDER BY and cursors
rows.py            row <-> entity
properties.py      tags, params, metrics <-> searchable rows
accounts.py        SqlAccountStore: the other port, over the same engine
  account_*.py       its statements, rows and tables
  audit.py           the audit log's chain
  in_lists.py        IN lists, prepared
  holders.py         who may name a blob: claims, and the models that hold it
webhooks.py        SqlWebhookStore, over the same engine (webhook_*.py: statements, rows, tables)
leases.py          SqlLeaseStore, over the same engine
tables.py          the schema
migrations/        its history
engine.py          what a database must offer; prepared statements
sqlite.py          SQLite: connections, pragmas, errors
writer.py          SQLite: its one writing thread
postgres.py        PostgreSQL: transactions, locks, what is tried again
  postgres_*.py      its connections, errors and texts
"""
