"""ClickHouse in the matrix: with_chdb.py ROOT. It has no SQL catalog and is given metadata files, below its working directory."""

import os
import sys

import chdb
from served import serve, table_of

os.chdir(sys.argv[1])
SETTINGS = {
    # Text and bytes are one type here; Arrow gives them as bytes.
    "output_format_arrow_string_as_string": 0,
    "session_timezone": "'UTC'",
}


def read(request: dict) -> dict:
    settings = dict(SETTINGS)
    if request["snapshot"] is not None:
        settings["iceberg_snapshot_id"] = request["snapshot"]
    where = "" if request["where"] is None else f" WHERE {request['where']}"
    location, file = request["metadata"].split("/metadata/")
    source = f"icebergLocal('{location}', SETTINGS iceberg_metadata_file_path = 'metadata/{file}')"
    said = ", ".join(f"{name} = {value}" for name, value in settings.items())
    rows = chdb.query(f"SELECT * FROM {source}{where} SETTINGS {said}", "ArrowTable")
    return table_of(rows.column_names, [list(row.values()) for row in rows.to_pylist()], request["fields"])


serve(read)
