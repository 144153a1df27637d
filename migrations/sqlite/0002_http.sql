-- What reading over HTTP needs, on SQLite. The file of the same name under postgres/ makes the same tables and indexes.
--
-- It only adds, so that programs which know nothing of it go on working: meta 'min_reader' stays. Two indexes are made
-- again under their names, with more columns or in another order; all that the old ones answered, the new ones answer.

-- +goose Up

-- List of one workflow of a root in the order of ids; List of a whole root; Subtree and DistinctRows: everything under a
-- programme.
drop index instances_by_root;
create index instances_by_root on instances (root, community, workflow, id);
-- Waiting: what stands in given states, across all programmes of a community, in the order of ids. A change of state now writes
-- to an index, and on PostgreSQL it writes to every index of the table, because a row of which an indexed column changes
-- cannot stay on its page without them (HOT); that is why List of a whole root has no index of its own. Measured
-- with commits that each change the state of one of two rows: 1.3 times the write-ahead log. What has ended stands in this index
-- too: which states wait for somebody is known to the definitions alone, and an index over some of the rows would cost
-- PostgreSQL the same for all of them.
create index instances_by_state on instances (workflow, state, community, id);

-- Programmes in the order of their codes, and RootByCode; keeps short names unique.
drop index roots_by_code;
create unique index roots_by_code on roots (community, code) where code <> '';

-- token_uses: when each token was used last. It stands apart from the token's instance because it is no part of its
-- history and is written much more often, in the background.
create table token_uses (
  community text    not null,
  token     text    not null,
  used_at   integer not null,
  primary key (community, token)
) strict, without rowid;
