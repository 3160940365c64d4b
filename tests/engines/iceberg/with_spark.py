"""Spark in the matrix: with_spark.py ROOT JARS CORES MEMORY JVM_OPTIONS. Reads, and runs statements for their effect."""

import os
import sys
import time

os.environ["TZ"] = "UTC"
time.tzset()

from pyspark.sql import SparkSession  # noqa: E402
from served import serve, table_of  # noqa: E402

root, jars, cores, memory, jvm = sys.argv[1:]
CATALOG = "spark.sql.catalog.assay"
SETTINGS = {
    "spark.jars": jars,
    "spark.driver.memory": memory,
    "spark.driver.extraJavaOptions": f"{jvm} -Dderby.system.home={root}/derby",
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.ui.enabled": "false",
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.shuffle.partitions": cores,
    "spark.sql.catalogImplementation": "in-memory",
    "spark.sql.warehouse.dir": f"{root}/spark-warehouse",
    "spark.sql.extensions": "org.apache.iceberg.spark.extensions.IcebergSparkSessionExtensions",
    CATALOG: "org.apache.iceberg.spark.SparkCatalog",
    f"{CATALOG}.type": "jdbc",
    f"{CATALOG}.uri": f"jdbc:sqlite:{root}/catalog.db",
    f"{CATALOG}.jdbc.schema-version": "V1",
    f"{CATALOG}.jdbc.busy_timeout": "30000",
    f"{CATALOG}.warehouse": f"file://{root}/warehouse",
    # What others commit is seen at once.
    f"{CATALOG}.cache-enabled": "false",
}
builder = SparkSession.builder.master(f"local[{cores}]").appName("assay")
for key, value in SETTINGS.items():
    builder = builder.config(key, value)
spark = builder.getOrCreate()
spark.sparkContext.setLogLevel("OFF")


def answer(request: dict) -> dict:
    for statement in request.get("statements", []):
        spark.sql(statement)
    return {} if "statements" in request else read(request)


def read(request: dict) -> dict:
    version = "" if request["ref"] is None else f" VERSION AS OF '{request['ref']}'"
    where = "" if request["where"] is None else f" WHERE {request['where']}"
    found = spark.sql(f"SELECT * FROM assay.{request['table']}{version}{where}")
    return table_of(found.columns, [tuple(row) for row in found.collect()], request["fields"])


serve(answer)
