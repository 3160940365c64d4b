"""What PyIceberg sees in the catalog of Assay, and what it writes there.

    probe.py CATALOG_FILE WAREHOUSE describe
    probe.py CATALOG_FILE WAREHOUSE append TABLE JSON_ROWS
    probe.py CATALOG_FILE WAREHOUSE append-copy TABLE N

Prints one JSON document. Snapshot ids are text, since they have 64 bits; so are sums: exact for integers and decimals,
the shortest text that reads back for doubles.
"""

import datetime
import decimal
import json
import sys
import uuid

import pyarrow as pa
from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.exceptions import CommitFailedException
from pyiceberg.table import Table
from pyiceberg.types import DecimalType, DoubleType, FloatType, IntegerType, LongType, NestedField

NUMERIC = (IntegerType, LongType, FloatType, DoubleType, DecimalType)
ATTEMPTS = 10


def describe(table: Table) -> dict:
    rows = table.scan().to_arrow()
    fields = table.schema().fields
    return {
        "rows": rows.num_rows,
        "schema": [{"id": f.field_id, "name": f.name, "type": str(f.field_type), "required": f.required} for f in fields],
        "snapshots": [str(s.snapshot_id) for s in sorted(table.metadata.snapshots, key=lambda s: s.sequence_number or 0)],
        "current": None if table.current_snapshot() is None else str(table.current_snapshot().snapshot_id),
        "sums": {f.name: exact_sum(rows.column(f.name), f) for f in fields if isinstance(f.field_type, NUMERIC)},
    }


def exact_sum(column: pa.ChunkedArray, field: NestedField) -> str:
    """In Python, since Arrow's own sum of integers wraps around and that of doubles depends on the order of rows."""
    values = [v for v in column.to_pylist() if v is not None]
    if isinstance(field.field_type, (FloatType, DoubleType)):
        return repr(sum_in_order(values))
    if isinstance(field.field_type, DecimalType):
        with decimal.localcontext() as context:
            context.prec = 76
            return str(sum(values, decimal.Decimal(0).scaleb(-field.field_type.scale)))
    return str(sum(values))


def sum_in_order(values: list) -> float:
    """From the smallest up, one addition after the other: what anyone can repeat to the last bit."""
    total = 0.0
    for value in sorted(values):
        total += value
    return total


def append(table: Table, rows: list) -> None:
    """Appends; where another writer came first, on the new head again, which PyIceberg leaves to its caller."""
    for attempt in range(ATTEMPTS):
        try:
            schema = table.schema().as_arrow()
            table.append(pa.Table.from_pylist([typed(row, schema) for row in rows], schema=schema))
            return
        except CommitFailedException:
            if attempt == ATTEMPTS - 1:
                raise
            table.refresh()


def typed(row: dict, schema: pa.Schema) -> dict:
    return {field.name: value_of(row.get(field.name), field.type) for field in schema}


def value_of(value, kind: pa.DataType):
    """JSON has no dates, times, decimals or bytes: they come as text."""
    if not isinstance(value, str):
        return value
    if pa.types.is_date(kind):
        return datetime.date.fromisoformat(value)
    if pa.types.is_timestamp(kind):
        return datetime.datetime.fromisoformat(value)
    if pa.types.is_decimal(kind):
        return decimal.Decimal(value)
    if pa.types.is_integer(kind):
        return int(value)
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_fixed_size_binary(kind):
        return bytes.fromhex(value)
    return value


def copies(table: Table, count: int) -> list:
    """The first `count` rows with a new first column: text and UUIDs at random, numbers above the highest one."""
    key = table.schema().fields[0].name
    rows = table.scan().to_arrow().sort_by(key)
    kind = rows.schema.field(key).type
    if rows.num_rows < count:
        raise SystemExit(f"{table.name()} has {rows.num_rows} rows, {count} were asked for")
    highest = max(rows.column(key).to_pylist()) if pa.types.is_integer(kind) else None
    return [{**row, key: new_key(kind, highest, at)} for at, row in enumerate(rows.slice(0, count).to_pylist())]


def new_key(kind: pa.DataType, highest, at: int):
    if pa.types.is_integer(kind):
        return highest + 1 + at
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return f"copy-{uuid.uuid4()}"
    raise SystemExit(f"no new key can be made for {kind}")


def main() -> None:
    catalog_file, warehouse, command, *rest = sys.argv[1:]
    catalog = SqlCatalog("assay", uri=f"sqlite:///{catalog_file}", warehouse=warehouse)
    if command == "describe":
        names = [".".join(t) for space in namespaces(catalog) for t in catalog.list_tables(space)]
        print(json.dumps({name: describe(catalog.load_table(name)) for name in sorted(names)}))
        return
    table = catalog.load_table(rest[0])
    if command == "append":
        append(table, json.loads(rest[1]))
    elif command == "append-copy":
        append(table, copies(table, int(rest[1])))
    else:
        raise SystemExit(__doc__)
    print(json.dumps(describe(catalog.load_table(rest[0]))))


def namespaces(catalog: SqlCatalog, parent: tuple = ()) -> list:
    found = [n for n in catalog.list_namespaces(parent) if n != parent]
    return found + [inner for n in found for inner in namespaces(catalog, n)]


if __name__ == "__main__":
    main()
