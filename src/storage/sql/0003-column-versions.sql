-- Versions of an asset as seen through some of its columns ("columns": a JSON list, sorted), where these are not the data
-- versions: the last snapshot that changed what a reader of these columns sees.

create table column_versions (
  asset text not null,
  columns text not null,
  "from" integer not null,
  "to" integer not null,
  data_version text not null,
  primary key (asset, columns, "from"),
  check ("from" < "to")
) strict, without rowid;

-- How long steps of an asset took, the last to end first.
create index steps_that_succeeded on steps (asset, ended_at) where state = 'succeeded';
