"""PyIceberg in the matrix: with_pyiceberg.py ROOT. Reads, and runs a function of pyiceberg_writes.py."""

import sys

import pyiceberg_writes
from pyiceberg.catalog.sql import SqlCatalog
from served import serve, table_of

root = sys.argv[1]
catalog = SqlCatalog("assay", uri=f"sqlite:///{root}/catalog.db", warehouse=f"file://{root}/warehouse")


def answer(request: dict) -> dict:
    if "write" not in request:
        return read(request)
    catalog.create_namespace_if_not_exists("matrix")
    getattr(pyiceberg_writes, request["write"])(catalog, request["table"], root)
    return {}


def read(request: dict) -> dict:
    table = catalog.load_table(request["table"])
    ref = request["ref"]
    snapshot = None if ref is None else table.snapshot_by_name(ref).snapshot_id
    scan = table.scan(row_filter=request["where"] or "true", snapshot_id=snapshot)
    rows = scan.to_arrow()
    return table_of(rows.column_names, [list(row.values()) for row in rows.to_pylist()], request["fields"])


serve(answer)
