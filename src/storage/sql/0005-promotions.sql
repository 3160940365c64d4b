-- Environments whose tables are being made those of main, from before the catalog is touched until their records are taken over.
create table promotions (
  environment text primary key not null
) strict, without rowid;
