"""Tables that PyIceberg writes: a function each, named in cases/pyiceberg.ts."""

import datetime
import decimal
import os
import uuid

import pyarrow as pa
import pyarrow.parquet as pq
from pyiceberg.exceptions import CommitFailedException
from pyiceberg.partitioning import PartitionField, PartitionSpec
from pyiceberg.schema import Schema
from pyiceberg.transforms import BucketTransform, DayTransform, IdentityTransform, TruncateTransform
from pyiceberg.types import (
    BinaryType,
    BooleanType,
    DateType,
    DecimalType,
    DoubleType,
    FixedType,
    FloatType,
    IntegerType,
    ListType,
    LongType,
    MapType,
    NestedField,
    StringType,
    StructType,
    TimestampType,
    TimestamptzType,
    TimeType,
    UUIDType,
)

UTC = datetime.timezone.utc


def fields(*kinds) -> Schema:
    return Schema(*(NestedField(i + 1, name, kind) for i, (name, kind) in enumerate(kinds)))


def rows(table, *values) -> pa.Table:
    schema = table.schema().as_arrow()
    return pa.Table.from_pylist([dict(zip(schema.names, row, strict=True)) for row in values], schema=schema)


def every_type(catalog, name, _root):
    kinds = (BooleanType(), IntegerType(), LongType(), FloatType(), DoubleType(), DecimalType(38, 10), DateType(), TimeType())
    more = (TimestampType(), TimestamptzType(), StringType(), UUIDType(), FixedType(4), BinaryType())
    table = catalog.create_table(name, fields(*((f"c{i}", kind) for i, kind in enumerate(kinds + more))))
    full = (
        (True, -7, 2**63 - 1, 1.5, 0.1, decimal.Decimal("-0.0000000001"), datetime.date(1969, 12, 31), datetime.time(23, 59, 59, 999999))
        + (datetime.datetime(1969, 12, 31, 23, 59, 59, 999999), datetime.datetime(2024, 2, 29, 12, tzinfo=UTC), "é😀")
        + (uuid.UUID("f79c3e09-677c-4bbd-a479-3f349cb785e7").bytes, b"\x00\xff\x80a", b"")
    )
    table.append(rows(table, full, (None,) * 14))


def nested(catalog, name, _root):
    point = StructType(NestedField(10, "x", IntegerType()), NestedField(11, "d", DateType()))
    kinds = (("l", ListType(20, point, element_required=False)), ("m", MapType(21, StringType(), 22, LongType(), value_required=False)), ("s", point))
    table = catalog.create_table(name, fields(*kinds))
    at = {"x": 1, "d": datetime.date(2024, 2, 29)}
    table.append(rows(table, ([at, None], [("k", 1), ("n", None)], at), (None, None, None), ([], [], {"x": None, "d": None})))


def partitions(catalog, name, _root):
    kinds = (("id", LongType()), ("city", StringType()), ("ts", TimestamptzType()))
    spec = PartitionSpec(
        PartitionField(1, 1000, BucketTransform(4), "id_bucket"),
        PartitionField(2, 1001, TruncateTransform(2), "city_trunc"),
        PartitionField(3, 1002, DayTransform(), "ts_day"),
    )
    table = catalog.create_table(name, fields(*kinds), partition_spec=spec)
    early = datetime.datetime(1969, 12, 31, 23, 59, 59, tzinfo=UTC)
    table.append(rows(table, (1, "Oslo", early), (2, "a/b=%", datetime.datetime(2024, 2, 29, 12, tzinfo=UTC)), (3, None, None)))


def divided(catalog, name):
    kinds = (("id", LongType()), ("part", IntegerType()), ("v", StringType()))
    spec = PartitionSpec(PartitionField(2, 1000, IdentityTransform(), "part"))
    table = catalog.create_table(name, fields(*kinds), partition_spec=spec)
    table.append(rows(table, *((i, i % 3, "old") for i in range(9))))
    return table


def deletes(catalog, name, _root):
    divided(catalog, name).delete("id < 2")


def overwrites(catalog, name, _root):
    table = divided(catalog, name)
    table.dynamic_partition_overwrite(rows(table, (100, 1, "new")))
    table.overwrite(rows(table, (200, 2, "new")), overwrite_filter="id >= 6")


def upsert(catalog, name, _root):
    table = divided(catalog, name)
    table.upsert(rows(table, (3, 0, "new"), (50, 1, "new")), join_cols=["id"])


def evolution(catalog, name, _root):
    table = divided(catalog, name)
    with table.update_schema() as update:
        update.rename_column("v", "w")
        update.add_column("more", DoubleType())
        update.move_first("more")
    with table.update_schema(allow_incompatible_changes=True) as update:
        update.delete_column("w")
    with table.update_schema() as update:
        update.add_column("w", IntegerType())
    table.append(rows(table, (0.5, 100, 1, 7)))


def refs(catalog, name, _root):
    table = divided(catalog, name)
    head = table.current_snapshot().snapshot_id
    table.manage_snapshots().create_tag(head, "first").create_branch(head, "audit").commit()
    table.append(rows(table, (100, 1, "staged")), branch="audit")
    table.append(rows(table, (200, 2, "main")))


def added_files(catalog, name, root):
    """Files without field ids, which a name mapping reads."""
    table = catalog.create_table(name, fields(("id", LongType()), ("v", StringType())))
    path = os.path.join(root, "added.parquet")
    pq.write_table(pa.table({"v": ["x", None], "id": pa.array([1, 2], pa.int64())}), path)
    table.add_files([path])
    with table.update_schema() as update:
        update.rename_column("v", "w")


def append_beside_others(catalog, name, _root):
    """One commit; where another writer came first, on the new head again, which PyIceberg leaves to its caller."""
    table = catalog.load_table(name)
    while True:
        try:
            table.append(rows(table, ("pyiceberg",)))
            return
        except CommitFailedException:
            table.refresh()
