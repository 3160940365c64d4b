"""Types, transforms, metrics and evolution as PyIceberg sees them.

    every_type.py CATALOG_FILE WAREHOUSE verify TABLE      every file of a table against what PyIceberg itself computes
    every_type.py CATALOG_FILE WAREHOUSE ids TABLE         the schema once more as PyIceberg would number it
    every_type.py CATALOG_FILE WAREHOUSE evolve TABLE      changes the nested columns of a table

Prints one JSON document.
"""

import datetime
import decimal
import json
import sys
import uuid

import pyarrow.parquet as pq
from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.conversions import from_bytes
from pyiceberg.schema import assign_fresh_schema_ids
from pyiceberg.table import Table
from pyiceberg.types import BinaryType, LongType, PrimitiveType, StringType, StructType
from pyiceberg.utils.datetime import date_to_days, datetime_to_micros, time_to_micros


def internal(value):
    """Dates and times as the numbers that Iceberg has for them."""
    if isinstance(value, datetime.datetime):
        return datetime_to_micros(value.replace(tzinfo=None))
    if isinstance(value, datetime.date):
        return date_to_days(value)
    if isinstance(value, datetime.time):
        return time_to_micros(value)
    return value.bytes if isinstance(value, uuid.UUID) else value


def shown(value):
    """A cell for JSON: exact, and unlike any other."""
    if isinstance(value, dict):
        return {k: shown(v) for k, v in value.items()}
    if isinstance(value, list):
        return [shown(v) for v in value]
    if isinstance(value, tuple):
        return [shown(v) for v in value]
    if isinstance(value, bytes):
        return "0x" + value.hex()
    if isinstance(value, (datetime.date, datetime.time)):
        return value.isoformat()
    beyond = isinstance(value, int) and abs(value) > 2**53
    return str(value) if beyond or isinstance(value, (decimal.Decimal, uuid.UUID)) else value


def verify(table: Table) -> dict:
    problems = []
    for task in table.scan().plan_files():
        file = task.file
        spec = table.specs()[file.spec_id]
        rows = pq.ParquetFile(file.file_path.removeprefix("file://")).read()
        for at, field in enumerate(spec.fields):
            source = table.schema().find_field(field.source_id)
            transform = field.transform.transform(source.field_type)
            wanted = {internal(transform(internal(v))) for v in rows.column(source.name).to_pylist()}
            if wanted != {internal(file.partition[at])}:
                problems.append(f"{field.name}: {file.partition[at]!r}, by PyIceberg {wanted}")
        problems += metrics(table, file, rows)
    return {"rows": [shown(row) for row in table.scan().to_arrow().to_pylist()], "problems": problems}


def leaves(struct: StructType, path=()):
    for field in struct.fields:
        if isinstance(field.field_type, StructType):
            yield from leaves(field.field_type, (*path, field.name))
        elif isinstance(field.field_type, PrimitiveType):
            yield field.field_id, field.field_type, (*path, field.name)


def metrics(table: Table, file, rows) -> list:
    problems = []
    for field_id, kind, path in leaves(table.schema().as_struct()):
        cells = rows.column(path[0]).to_pylist()
        for name in path[1:]:
            cells = [None if cell is None else cell[name] for cell in cells]
        values = [internal(v) for v in cells if v is not None]
        if file.null_value_counts.get(field_id) != len(cells) - len(values):
            problems.append(f"{path}: {file.null_value_counts.get(field_id)} nulls, found {len(cells) - len(values)}")
        if file.value_counts.get(field_id) != len(cells):
            problems.append(f"{path}: {file.value_counts.get(field_id)} values, found {len(cells)}")
        for bounds, find, cut in ((file.lower_bounds, min, "lower"), (file.upper_bounds, max, "upper")):
            if field_id not in bounds or not values:
                continue
            bound, found = internal(from_bytes(kind, bounds[field_id])), find(values)
            loose = isinstance(kind, (StringType, BinaryType)) and len(found) > 16
            fits = (bound <= found if cut == "lower" else bound >= found) and len(bound) <= 16 if loose else bound == found
            if not fits:
                problems.append(f"{path}: {cut} bound {bound!r}, found {found!r}")
    return problems


def evolve(table: Table) -> dict:
    with table.update_schema() as update:
        update.rename_column(("s", "a"), "renamed")
        update.add_column(("s", "added"), LongType())
        update.update_column(("s", "n"), field_type=LongType())
        update.delete_column(("s", "gone"))
        update.rename_column(("l", "element", "x"), "y")
        update.rename_column(("m", "value", "x"), "y")
    return {"schema": str(table.schema())}


def main() -> None:
    catalog_file, warehouse, command, name = sys.argv[1:]
    table = SqlCatalog("assay", uri=f"sqlite:///{catalog_file}", warehouse=warehouse).load_table(name)
    if command == "verify":
        print(json.dumps(verify(table)))
    elif command == "evolve":
        print(json.dumps(evolve(table)))
    else:
        same = assign_fresh_schema_ids(table.schema()).as_struct() == table.schema().as_struct()
        print(json.dumps({"same": same, "schema": str(table.schema())}))


if __name__ == "__main__":
    main()
