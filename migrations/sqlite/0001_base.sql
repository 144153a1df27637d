-- The tables of Linli, on SQLite. The file of the same name under postgres/ has the same tables, columns and indexes.
--
-- Times are integers: microseconds since 1970-01-01 UTC; null means that there is none. Every primary key begins with
-- the community where rows belong to one; no other index does, or a planner without statistics might take it for any
-- question about one row of a community. Text compares byte by byte.
--
-- A migration that cannot run inside a transaction first sets meta 'half_done' to its own number and removes it as its
-- last statement; a database that carries that mark is refused.

-- +goose Up

-- meta: facts about the database itself. min_reader is the oldest schema version whose programs may use this database.
create table meta (
  name  text not null primary key,
  value text not null
) strict, without rowid;
insert into meta (name, value) values ('min_reader', '1');

-- roots: one row per chain of history: each programme, and the registry of each community (id = community).
create table roots (
  community text    not null,
  id        text    not null,
  seq       integer not null,
  mac       blob    not null,
  bundle    text    not null,
  code      text    not null,
  recorded  integer,
  frozen    integer,
  primary key (community, id)
) strict, without rowid;
-- Keeps short names unique, and finds a programme by the name that people type (RootByCode).
create unique index roots_by_code on roots (code, community) where code <> '';

-- instances: programmes, activities, items and registry entries, as they are now.
create table instances (
  community text    not null,
  id        text    not null,
  root      text    not null,
  parent    text    not null,
  workflow  text    not null,
  slot      text    not null,
  key       text    not null,
  state     text    not null,
  version   integer not null,
  touched   integer not null,
  data      text    not null,
  agg       text    not null,
  primary key (community, id)
) strict;
-- Children, FindByKey and the by_key, prefix and children keys of Load. A key is unique under (parent, workflow); rows
-- without a key are told apart by their id.
create unique index instances_by_key on instances (parent, community, workflow, key, (case when key = '' then id else '' end));
-- The slot key of Load: the activities of a programme, without its items.
create index instances_by_slot on instances (parent, community, slot) where slot <> '';
-- Subtree and DistinctRows: everything under a programme.
create index instances_by_root on instances (root, community);

-- refs: which instances point to which with their reference fields, across all programmes of the community.
create table refs (
  community text not null,
  instance  text not null,
  target    text not null,
  workflow  text not null,
  primary key (community, instance, target)
) strict, without rowid;
-- The referrers key of Load: who points to an instance.
create index refs_by_target on refs (target, community, workflow);

-- distinct_counts: how many items hold a value of a distinct aggregate.
create table distinct_counts (
  community text    not null,
  instance  text    not null,
  aggregate text    not null,
  value     text    not null,
  n         integer not null,
  primary key (community, instance, aggregate, value)
) strict, without rowid;

-- history: the exact bytes of every entry and their MAC over the entry before.
create table history (
  community text    not null,
  root      text    not null,
  seq       integer not null,
  command   text    not null,
  target    text    not null,
  recorded  integer,
  body      blob    not null,
  mac       blob    not null,
  primary key (community, root, seq)
) strict;
-- Committed and the entry key of Load; also makes it impossible to record a command twice in one chain.
create unique index history_by_command on history (command, root, community);
-- HistoryOf: the entries that one instance was the target of.
create index history_by_target on history (target, root, community, seq);

-- idempotency: the answers to requests that carried an Idempotency-Key.
create table idempotency (
  community   text    not null,
  person      text    not null,
  key         text    not null,
  fingerprint text    not null,
  root        text    not null,
  command     text    not null,
  response    blob    not null,
  expires     integer,
  primary key (community, person, key)
) strict;
-- IdempotencyExpire: what may be forgotten.
create index idempotency_by_expiry on idempotency (expires);

-- timers: every occurrence of every timer rule, waiting or ended. An end that no history entry tells of has a mark.
create table timers (
  community  text    not null,
  instance   text    not null,
  rule       text    not null,
  generation integer not null,
  root       text    not null,
  due_at     integer,
  event      text    not null,
  status     text    not null,
  reason     text    not null,
  ended_at   integer,
  mark       text    not null default '',
  primary key (community, instance, rule, generation)
) strict, without rowid;
-- DueTimers over every programme: the scheduler's scan for due work.
create index timers_due on timers (due_at, community, root) where status = 'waiting';
-- DueTimers of one programme, asked before each command on it; AllTimers.
create index timers_by_root on timers (root, community, status, due_at);

-- subject_keys: the wrapped data key of each person or household; an empty wrapped key is a destroyed one.
create table subject_keys (
  community text    not null,
  subject   text    not null,
  key_id    text    not null,
  wrapped   blob    not null,
  destroyed integer,
  primary key (community, subject)
) strict, without rowid;
-- SubjectKeysUnder: the keys that are still wrapped by a master key which is being replaced.
create index subject_keys_by_master on subject_keys (key_id) where destroyed is null;

-- search_terms: folded names, labels and keyed hashes of mobile numbers, by which staff find an instance.
create table search_terms (
  community text not null,
  instance  text not null,
  kind      text not null,
  term      text not null,
  primary key (community, instance, kind)
) strict, without rowid;
-- Search: a whole or a beginning term; a term's middle is searched by scanning one community and kind.
create index search_terms_by_term on search_terms (kind, community, term);

-- bundles: the files of every set of definitions in use, by the hash of their content.
create table bundles (
  hash     text    not null primary key,
  language integer not null,
  files    blob    not null
) strict;
