-- What reading over HTTP needs, on PostgreSQL. The file of the same name under sqlite/ makes the same tables and indexes.
--
-- Programs that know nothing of it would not keep the table of what waits: meta 'min_reader' becomes 2, and they must have been
-- stopped. Two indexes are made again under their names, with more columns or in another order; all that the old ones
-- answered, the new ones answer.

-- +goose Up

update meta set value = '2' where name = 'min_reader';

-- List of one workflow of a root in the order of ids; List of a whole root; Subtree and DistinctRows: everything under a
-- programme.
drop index instances_by_root;
create index instances_by_root on instances (root, community, workflow, id);
-- waiting: the instances that stand in a state in which somebody is to act, across all programmes of a community, by state. It
-- stands apart from the instances because an index over their states would be written with every change of one; and on
-- PostgreSQL all other indexes with it, because a row of which an indexed column changes cannot stay on its page
-- without them (HOT). Which states wait for somebody is known to the definitions alone: what there is already goes in
-- whatever its state is, and a state that nobody asks for is never read.
create table waiting (
  community text collate "C" not null,
  workflow  text collate "C" not null,
  state     text collate "C" not null,
  instance  text collate "C" not null,
  primary key (community, workflow, state, instance)
);
insert into waiting (community, workflow, state, instance)
select community, workflow, state, id from instances order by community, workflow, state, id;

-- IdempotencyExpire: rows stand in the order in which they came, which is nearly that in which they expire, so that it
-- is enough to know of some pages at a time what they hold. A commit hardly ever writes to it.
drop index idempotency_by_expiry;
create index idempotency_by_expiry on idempotency using brin (expires) with (pages_per_range = 32, autosummarize = on);

-- Programmes in the order of their codes, and RootByCode; keeps short names unique.
drop index roots_by_code;
create unique index roots_by_code on roots (community, code) where code <> '';

-- token_uses: when each token was used last. It stands apart from the token's instance because it is no part of its
-- history and is written much more often, in the background.
create table token_uses (
  community text collate "C" not null,
  token     text collate "C" not null,
  used_at   bigint not null,
  primary key (community, token)
);
