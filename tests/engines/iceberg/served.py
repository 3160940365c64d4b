"""What every engine of the matrix shares: requests come as lines of JSON on stdin and are answered by lines on stdout, and a
cell becomes text that is the same whichever engine read it."""

import datetime
import decimal
import json
import math
import os
import sys
import uuid

UTC = datetime.timezone.utc


def serve(answer) -> None:
    """Answers requests until stdin ends. What libraries print goes to stderr."""
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    for line in sys.stdin:
        try:
            said = answer(json.loads(line))
        except Exception as error:  # Whatever an engine says is a finding.
            said = {"error": f"{type(error).__name__}: {error}"}
        out.write(json.dumps(said) + "\n")
        out.flush()


def table_of(names, rows, fields) -> dict:
    """Rows as text. `names` is the order in which the engine has the columns, whose types are those of the fields of that name,
    or of that place where the engine knows other names."""
    by_name = {field["name"]: field["type"] for field in fields}
    by_place = [field["type"] for field in fields] if len(fields) == len(names) else ["unknown"] * len(names)
    kinds = [by_name.get(name, at_place) for name, at_place in zip(names, by_place)]
    return {"columns": list(names), "rows": [[cell(v, k) for v, k in zip(row, kinds)] for row in rows]}


def cell(value, kind):
    if value is None:
        return None
    if isinstance(kind, dict):
        return NESTED[kind["type"]](value, kind)
    if kind.startswith("decimal"):
        scale = int(kind.split(",")[1].rstrip(") "))
        with decimal.localcontext() as context:
            context.prec = 60
            return format(decimal.Decimal(str(value)).quantize(decimal.Decimal(1).scaleb(-scale)), "f")
    if kind.startswith("fixed"):
        return "0x" + bytes(value).hex()
    return PLAIN.get(kind, repr)(value)


def struct(value, kind):
    # By place where the engine gives a tuple, else by name.
    if isinstance(value, tuple) and not hasattr(value, "asDict"):
        return {f["name"]: cell(v, f["type"]) for f, v in zip(kind["fields"], value, strict=True)}
    named = value.asDict() if hasattr(value, "asDict") else value
    if set(named) != {f["name"] for f in kind["fields"]}:
        raise ValueError(f"a struct of {sorted(named)}")
    return {f["name"]: cell(named[f["name"]], f["type"]) for f in kind["fields"]}


def pairs(value, kind):
    items = value.items() if isinstance(value, dict) else value
    return sorted(([cell(k, kind["key"]), cell(v, kind["value"])] for k, v in items), key=json.dumps)


NESTED = {"struct": struct, "map": pairs, "list": lambda value, kind: [cell(v, kind["element"]) for v in value]}


def real(value) -> str:
    value = float(value)
    if math.isnan(value):
        return "NaN"
    return ("-" if value < 0 else "") + "Infinity" if math.isinf(value) else repr(value)


def moment(value) -> str:
    if value.tzinfo is not None:
        value = value.astimezone(UTC).replace(tzinfo=None)
    return value.isoformat(timespec="microseconds")


def time_of_day(value) -> str:
    # ClickHouse gives a number of seconds, which is another cell.
    return str(value) if isinstance(value, int) else value.isoformat(timespec="microseconds")


def identity(value) -> str:
    return str(value if isinstance(value, uuid.UUID) else uuid.UUID(bytes=bytes(value)) if not isinstance(value, str) else uuid.UUID(value))


PLAIN = {
    "boolean": lambda value: "true" if value else "false",
    "int": lambda value: str(int(value)),
    "long": lambda value: str(int(value)),
    "float": real,
    "double": real,
    "date": lambda value: value.isoformat(),
    "time": time_of_day,
    "timestamp": moment,
    "timestamptz": lambda value: moment(value) + "Z",
    "string": lambda value: value.decode() if isinstance(value, bytes) else value,
    "uuid": identity,
    "binary": lambda value: "0x" + bytes(value).hex(),
}
