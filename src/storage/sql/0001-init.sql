-- Events are what happened; every other table is their projection and changes in the same transaction.
-- Partitions are whole numbers, ranges half-open: "from" is in, "to" is not. Times are milliseconds since the epoch.

create table events (
  seq integer primary key autoincrement,
  at integer not null,
  run_id text,
  type text not null,
  body text not null
) strict;
create index events_of_run on events (run_id, seq) where run_id is not null;

create table runs (
  seq integer primary key references events (seq),
  id text not null unique,
  plan_id text not null,
  manifest_id text not null,
  request text not null,
  state text not null check (state in ('running', 'succeeded', 'failed', 'interrupted')),
  created_at integer not null,
  ended_at integer,
  check ((state = 'running') = (ended_at is null))
) strict;
create index open_runs on runs (seq) where state = 'running';

create table steps (
  run_id text not null references runs (id),
  id text not null,
  position integer not null,
  asset text not null,
  partitions text not null,
  state text not null,
  attempts integer not null,
  started_at integer,
  ended_at integer,
  problem text,
  reason text,
  rows integer,
  staging_folders text not null,
  primary key (run_id, id),
  check (state in ('waiting', 'running', 'publishing', 'succeeded', 'failed', 'blocked', 'lost', 'skipped', 'interrupted')),
  -- A step without a start would never be found to hang.
  check (state not in ('running', 'publishing') or (started_at is not null and attempts > 0)),
  check ((state in ('waiting', 'running', 'publishing')) = (ended_at is null))
) strict, without rowid;

create table intents (
  run_id text not null,
  step_id text not null,
  attempt integer not null,
  body text not null,
  primary key (run_id, step_id, attempt),
  foreign key (run_id, step_id) references steps (run_id, id)
) strict, without rowid;

create table materializations (
  seq integer primary key references events (seq),
  id text not null unique,
  asset text not null,
  body text not null
) strict;
create index materializations_of_asset on materializations (asset, seq);

create table versions (
  asset text not null,
  "from" integer not null,
  "to" integer not null,
  data_version text not null,
  primary key (asset, "from"),
  check ("from" < "to")
) strict, without rowid;

create table made (
  asset text not null,
  "from" integer not null,
  "to" integer not null,
  materialization_id text not null references materializations (id),
  primary key (asset, "from"),
  check ("from" < "to")
) strict, without rowid;

-- The last attempt on a range, where it did not succeed.
create table attempts (
  asset text not null,
  "from" integer not null,
  "to" integer not null,
  attempt text not null,
  primary key (asset, "from"),
  check ("from" < "to")
) strict, without rowid;

-- The newest known snapshot of the table of an asset.
create table tables (
  asset text primary key not null,
  snapshot_id text not null
) strict, without rowid;

create table check_results (
  asset text not null,
  "check" text not null,
  run_id text not null references runs (id),
  at integer not null,
  body text not null,
  primary key (asset, "check")
) strict, without rowid;
