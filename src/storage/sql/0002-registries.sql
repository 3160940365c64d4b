-- Values of dynamic partitions. Rows are never deleted, so that an id is never given twice; a removed value is not live.

create table partition_values (
  registry text not null,
  id integer not null,
  value text not null,
  live integer not null check (live in (0, 1)),
  primary key (registry, id),
  unique (registry, value)
) strict, without rowid;
