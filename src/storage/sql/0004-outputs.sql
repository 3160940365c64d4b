-- A step makes one asset or several: `assets` is a JSON list, and an event has a materialization of each.

alter table steps rename column asset to assets;
update steps set assets = json_array(assets);

create temp table old_materializations as select * from materializations;
create temp table old_made as select * from made;
delete from made;
drop table materializations;
create table materializations (
  seq integer not null references events (seq),
  -- Among those of its event.
  position integer not null,
  id text not null unique,
  asset text not null,
  body text not null,
  primary key (seq, position)
) strict, without rowid;
create index materializations_of_asset on materializations (asset, seq, position);
insert into materializations select seq, 0, id, asset, body from old_materializations;
insert into made select * from old_made;
drop table old_materializations;
drop table old_made;

update events set body = json_remove(json_set(body, '$.materializations', json_array(json_extract(body, '$.materialization'))), '$.materialization')
  where type = 'step.succeeded';
update events set body = json_remove(
    json_set(body, '$.intent.materializations', json_array(json_extract(body, '$.intent.materialization'))), '$.intent.materialization')
  where type = 'step.publishing';
update events set body = json_set(body, '$.steps', (
    select json_group_array(json_remove(json_set(value, '$.assets', json_array(json_extract(value, '$.asset'))), '$.asset'))
    from json_each(body, '$.steps')))
  where type = 'run.created';
update intents set body = json_remove(json_set(body, '$.materializations', json_array(json_extract(body, '$.materialization'))), '$.materialization');

-- When the version function of an external asset was last asked.
create table observations (
  asset text primary key not null,
  at integer not null
) strict, without rowid;
