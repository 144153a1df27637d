package store

import (
	"context"
	"fmt"
	"slices"
)

// writePlans writes everything of the plans. It returns errMismatch if a row that had to change did not.
func (t *txn) writePlans(ctx context.Context, plans []*plan, now instant) error {
	for _, w := range writes(now) {
		var rows [][]any
		for _, p := range plans {
			rows = append(rows, w.rows(p)...)
		}
		if len(rows) == 0 {
			continue
		}
		changed, err := t.execRows(ctx, w.text, rows, w.after...)
		if err != nil {
			return fmt.Errorf("%s: %w", w.what, err)
		}
		if w.all && changed != int64(len(rows)) {
			return fmt.Errorf("%s: %w: %d of %d", w.what, errMismatch, changed, len(rows))
		}
	}
	return nil
}

// write is one statement and the rows it takes from each plan.
type write struct {
	what  string
	text  string
	rows  func(*plan) [][]any
	after []any
	all   bool // every row must change
}

// writes returns the statements of a commit in their order: first those that may find that somebody else was faster.
func writes(now instant) []write {
	return slices.Concat(claims(now), instanceWrites(), dependentWrites(), waitWrites())
}

// claims take what only one slice can have.
func claims(now instant) []write {
	return []write{
		{
			what: "store the idempotency keys", rows: func(p *plan) [][]any { return p.keys }, all: true, after: []any{now},
			text: `insert into idempotency (community, person, key, fingerprint, root, command, response, expires) ` + rowsMark + `
				on conflict (community, person, key) do update set fingerprint = excluded.fingerprint, root = excluded.root,
					command = excluded.command, response = excluded.response, expires = excluded.expires
				where idempotency.expires <= ?`,
		},
		{
			what: "end the timers that fired", rows: func(p *plan) [][]any { return p.timerFires }, all: true,
			text: endTimers,
		},
		{
			what: "end the timers that were superseded", rows: func(p *plan) [][]any { return p.timerEnds },
			text: endTimers,
		},
		{
			what: "create roots", rows: func(p *plan) [][]any { return p.newRoots }, all: true,
			text: `insert into roots (community, id, seq, mac, bundle, code, recorded, frozen) ` + rowsMark,
		},
		{
			// The rows exist and are locked: the insert is only the way to give both databases the bytes in their own type.
			what: "advance roots", rows: func(p *plan) [][]any { return p.oldRoots }, all: true,
			text: `insert into roots (community, id, seq, mac, bundle, code, recorded, frozen) ` + rowsMark + `
				on conflict (community, id) do update set seq = excluded.seq, mac = excluded.mac, bundle = excluded.bundle,
					code = excluded.code, recorded = excluded.recorded, frozen = excluded.frozen`,
		},
		{
			what: "create subject keys", rows: func(p *plan) [][]any { return p.newSubjects }, all: true,
			text: `insert into subject_keys (community, subject, key_id, wrapped, destroyed) ` + rowsMark,
		},
		{
			what: "destroy subject keys", rows: func(p *plan) [][]any { return p.destroyedSubjects }, all: true,
			text: `insert into subject_keys (community, subject, key_id, wrapped, destroyed) ` + rowsMark + `
				on conflict (community, subject) do update set wrapped = excluded.wrapped,
					destroyed = coalesce(subject_keys.destroyed, excluded.destroyed)`,
		},
	}
}

func instanceWrites() []write {
	return []write{
		{
			what: "delete instances", rows: func(p *plan) [][]any { return p.deletes }, all: true,
			text: `delete from instances where (community, id) in (` + rowsMark + `)`,
		},
		{
			what: "delete the search terms of deleted instances", rows: func(p *plan) [][]any { return p.deletes },
			text: `delete from search_terms where (community, instance) in (` + rowsMark + `)`,
		},
		{
			what: "delete what deleted instances point to", rows: func(p *plan) [][]any { return p.deletes },
			text: deleteRefs,
		},
		{
			what: "create instances", rows: func(p *plan) [][]any { return p.inserts }, all: true,
			text: `insert into instances (community, id, root, parent, workflow, slot, key, state, version, touched, data, agg) ` + rowsMark,
		},
		{
			what: "change instances", rows: func(p *plan) [][]any { return p.updates }, all: true,
			text: `update instances set state = v.column3, version = cast(v.column4 as bigint), touched = cast(v.column5 as bigint),
					data = v.column6, agg = v.column7
				from (` + rowsMark + `) as v where community = v.column1 and id = v.column2`,
		},
	}
}

// dependentWrites are about instances, which are in place by now.
func dependentWrites() []write {
	return []write{
		{
			what: "count distinct values", rows: func(p *plan) [][]any { return p.distinctSets }, all: true,
			text: `insert into distinct_counts (community, instance, aggregate, value, n) ` + rowsMark + `
				on conflict (community, instance, aggregate, value) do update set n = excluded.n`,
		},
		{
			what: "forget distinct values", rows: func(p *plan) [][]any { return p.distinctDeletes },
			text: `delete from distinct_counts where (community, instance, aggregate, value) in (` + rowsMark + `)`,
		},
		{
			what: "set timers", rows: func(p *plan) [][]any { return p.timerInserts }, all: true,
			text: `insert into timers (community, instance, rule, generation, root, due_at, event, status, reason, ended_at) ` + rowsMark,
		},
		{
			what: "remove search terms", rows: func(p *plan) [][]any { return p.termDeletes },
			text: `delete from search_terms where (community, instance, kind) in (` + rowsMark + `)`,
		},
		{
			what: "set search terms", rows: func(p *plan) [][]any { return p.termSets }, all: true,
			text: `insert into search_terms (community, instance, kind, term) ` + rowsMark + `
				on conflict (community, instance, kind) do update set term = excluded.term`,
		},
		{
			what: "forget what instances pointed to", rows: func(p *plan) [][]any { return p.refOwners },
			text: deleteRefs,
		},
		{
			what: "store what instances point to", rows: func(p *plan) [][]any { return p.refs }, all: true,
			text: `insert into refs (community, target, workflow, instance)
				select r.community, v.column3, r.workflow, r.id from (` + rowsMark + `) as v cross join instances as r
				where r.community = v.column1 and r.id = v.column2`,
		},
		{
			what: "append to the history", rows: func(p *plan) [][]any { return p.entries }, all: true,
			text: `insert into history (community, root, seq, command, target, recorded, body, mac) ` + rowsMark,
		},
	}
}

const deleteRefs = `delete from refs where (community, instance) in (` + rowsMark + `)`

// endTimers ends waiting timers; those that do not wait any more stay as they are. The status is compared as an
// expression so that no planner takes the index of due timers, which holds all that wait, for the way to one of them.
const endTimers = `update timers set status = v.column5, reason = v.column6, ended_at = cast(v.column7 as bigint), mark = v.column8
	from (` + rowsMark + `) as v
	where community = v.column1 and instance = v.column2 and rule = v.column3 and generation = cast(v.column4 as bigint)
		and status || '' = 'waiting'`
