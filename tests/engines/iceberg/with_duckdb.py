"""DuckDB's own reader of Iceberg in the matrix. It has no SQL catalog and is given metadata files."""

import duckdb
import duckdb_ext
from served import serve, table_of

folder = list(duckdb_ext.__path__)[0] + "/extensions"
connection = duckdb.connect(config={"extension_directory": folder, "autoinstall_known_extensions": "false"})
for extension in ("avro", "iceberg"):
    connection.execute(f"LOAD {extension}")
connection.execute("SET TimeZone = 'UTC'")


def read(request: dict) -> dict:
    snapshot = "" if request["snapshot"] is None else f", snapshot_from_id = {request['snapshot']}"
    where = "" if request["where"] is None else f" WHERE {request['where']}"
    found = connection.execute(f"SELECT * FROM iceberg_scan('{request['metadata']}'{snapshot}){where}")
    return table_of([column[0] for column in found.description], found.fetchall(), request["fields"])


serve(read)
