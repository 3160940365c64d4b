"""Appends the rows of a file to a new table by day: with_pyiceberg.py ROOT SOURCE. Prints the seconds that it took, reading
the file included, and the rows of the table."""

import json
import sys
import time

import pyarrow.parquet as pq
from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.transforms import DayTransform

root, source = sys.argv[1:]
catalog = SqlCatalog("bench", uri=f"sqlite:///{root}/catalog.db", warehouse=f"file://{root}/warehouse")
catalog.create_namespace("bench")
table = catalog.create_table("bench.events", pq.read_schema(source), properties={"write.parquet.compression-codec": "zstd"})
with table.update_spec() as update:
    update.add_field("ts", DayTransform(), "ts_day")
began = time.perf_counter()
table.append(pq.read_table(source))
seconds = time.perf_counter() - began
print(json.dumps({"seconds": seconds, "rows": int(table.current_snapshot().summary["total-records"])}))
