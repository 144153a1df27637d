package store

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/linli/linli/internal/engine"
	"github.com/linli/linli/internal/workflow"
)

// Heads implements engine.Store.
func (s *Store) Heads(ctx context.Context, community string, roots []string) (map[string]engine.Head, error) {
	heads := make(map[string]engine.Head, len(roots))
	rows := make([][]any, 0, len(roots))
	for _, root := range roots {
		rows = append(rows, []any{root})
	}
	err := s.eachOf(ctx, community, "select "+headColumns+" from ("+rowsMark+") as v cross join roots as r where r.id = v.column1 and r.community = @community",
		rows, func(found *sql.Rows) error {
			h, err := scanHead(found)
			heads[h.Root] = h
			return err
		})
	if err != nil {
		return nil, fmt.Errorf("read the heads of %s: %w", community, err)
	}
	return heads, nil
}

const headColumns = "r.community, r.id, r.seq, r.mac, r.bundle, r.code, r.recorded, r.frozen"

func scanHead(rows *sql.Rows) (engine.Head, error) {
	var h engine.Head
	var recorded, frozen instant
	err := rows.Scan(&h.Community, &h.Root, &h.Seq, &h.MAC, &h.Bundle, &h.Code, &recorded, &frozen)
	h.Recorded, h.Frozen = recorded.Time, frozen.Time
	return h, err
}

// Load implements engine.Store. It asks one query for each kind of key, and answers lists in the order of (key, id).
func (s *Store) Load(ctx context.Context, community string, keys []workflow.Key) ([]workflow.Answer, error) {
	kinds := map[workflow.KeyKind][]workflow.Key{}
	found := answers{}
	for _, k := range keys {
		k = named(k)
		if found[k] != nil {
			continue
		}
		found[k] = &workflow.Answer{}
		kind := k.Kind
		if kind == workflow.KeyDistinct && k.C == "" {
			kind = keyDistinctAll
		}
		kinds[kind] = append(kinds[kind], k)
	}
	for kind, of := range kinds {
		if err := s.loadKind(ctx, community, kind, of, found); err != nil {
			return nil, fmt.Errorf("load %d keys of kind %s: %w", len(of), kind, err)
		}
	}
	for _, a := range found {
		slices.SortFunc(a.Instances, byKey)
	}
	out := make([]workflow.Answer, len(keys))
	for n, k := range keys {
		out[n] = *found[named(k)]
	}
	return out, nil
}

// answers are what was found for each key, the keys in the form that named gives them.
type answers map[workflow.Key]*workflow.Answer

// keyDistinctAll is a distinct key without a value: all values, by another index range.
const keyDistinctAll workflow.KeyKind = "distinct all"

func byKey(a, b *workflow.Instance) int {
	return cmp.Or(cmp.Compare(a.Key, b.Key), cmp.Compare(a.ID, b.ID))
}

func (s *Store) loadKind(ctx context.Context, community string, kind workflow.KeyKind, keys []workflow.Key, into answers) error {
	switch kind {
	case workflow.KeyDistinct:
		return s.loadDistinct(ctx, community, keys, into, " and r.value = v.column3")
	case keyDistinctAll:
		return s.loadDistinct(ctx, community, keys, into, "")
	case workflow.KeyEntry:
		return s.loadEntries(ctx, community, keys, into)
	case workflow.KeyReferrers:
		return s.loadReferrers(ctx, community, keys, into)
	case workflow.KeyPrefix:
		return s.loadInstances(ctx, community, keys, into, "r.parent = v.column1 and r.workflow = v.column2 and r.key >= v.column3 and r.key < v.column4",
			func(k workflow.Key) []any { return []any{k.A, k.B, k.C, afterPrefix(k.C)} })
	case workflow.KeyInstance:
		return s.loadInstances(ctx, community, keys, into, "r.id = v.column1", func(k workflow.Key) []any { return []any{k.A} })
	case workflow.KeyByKey:
		return s.loadInstances(ctx, community, keys, into, "r.parent = v.column1 and r.workflow = v.column2 and r.key = v.column3",
			func(k workflow.Key) []any { return []any{k.A, k.B, k.C} })
	case workflow.KeyChildren:
		return s.loadInstances(ctx, community, keys, into, "r.parent = v.column1 and r.workflow = v.column2",
			func(k workflow.Key) []any { return []any{k.A, k.B} })
	case workflow.KeySlot:
		return s.loadInstances(ctx, community, keys, into, "r.parent = v.column1 and r.slot <> ''", func(k workflow.Key) []any { return []any{k.A} })
	default:
		return fmt.Errorf("unknown kind of key %q", kind)
	}
}

// loadInstances answers keys that name instances. The values of a key stand in every row of the answer, so that one
// query serves many keys.
func (s *Store) loadInstances(ctx context.Context, community string, keys []workflow.Key, into answers,
	where string, parts func(workflow.Key) []any,
) error {
	rows := make([][]any, len(keys))
	for n, k := range keys {
		rows[n] = parts(k)
	}
	found := map[string]*workflow.Instance{}
	text := "select " + instanceColumns + " from (" + rowsMark + ") as v cross join instances as r where " + where + " and r.community = @community"
	err := s.eachOf(ctx, community, text, rows, func(row *sql.Rows) error {
		i, err := scanInstance(row)
		if err != nil {
			return err
		}
		found[i.ID] = i
		return nil
	})
	if err != nil {
		return err
	}
	for _, i := range found { // one row each, although rows come twice when a batch was filled up
		for _, k := range owners(keys, i) {
			into[k].Instances = append(into[k].Instances, i)
		}
	}
	return nil
}

// named strips a key of the parts that its kind does not use. A prefix key without a prefix names all children.
func named(k workflow.Key) workflow.Key {
	switch {
	case k.Kind == workflow.KeyInstance:
		return workflow.Key{Kind: k.Kind, A: k.A}
	case k.Kind == workflow.KeySlot:
		return workflow.Key{Kind: k.Kind, A: k.A}
	case k.Kind == workflow.KeyReferrers, k.Kind == workflow.KeyEntry:
		return workflow.Key{Kind: k.Kind, A: k.A, B: k.B}
	case k.Kind == workflow.KeyChildren, k.Kind == workflow.KeyPrefix && k.C == "":
		return workflow.Key{Kind: workflow.KeyChildren, A: k.A, B: k.B}
	default:
		return k
	}
}

// owners returns the keys of one query that an instance answers.
func owners(keys []workflow.Key, i *workflow.Instance) []workflow.Key {
	switch kind := keys[0].Kind; kind {
	case workflow.KeyInstance:
		return []workflow.Key{{Kind: kind, A: i.ID}}
	case workflow.KeyByKey:
		return []workflow.Key{{Kind: kind, A: i.Parent, B: i.Workflow, C: i.Key}}
	case workflow.KeyChildren:
		return []workflow.Key{{Kind: kind, A: i.Parent, B: i.Workflow}}
	case workflow.KeySlot:
		return []workflow.Key{{Kind: kind, A: i.Parent}}
	default: // prefixes, of which one query has few
		var out []workflow.Key
		for _, k := range keys {
			if i.Parent == k.A && i.Workflow == k.B && strings.HasPrefix(i.Key, k.C) {
				out = append(out, k)
			}
		}
		return out
	}
}

// afterPrefix is the least text that is greater than every text beginning with prefix, which is not empty.
func afterPrefix(prefix string) string {
	runes := []rune(prefix)
	for n := len(runes) - 1; n >= 0; n-- {
		if runes[n] < utf8.MaxRune {
			next := runes[n] + 1
			if next == 0xD800 { // no characters there
				next = 0xE000
			}
			return string(append(runes[:n], next))
		}
	}
	return prefix + string(rune(utf8.MaxRune)) // nothing but the last character there is: all that can follow are more of them
}

// loadReferrers answers which instances point to another one. What is pointed to does not stand in their rows.
func (s *Store) loadReferrers(ctx context.Context, community string, keys []workflow.Key, into answers) error {
	rows := make([][]any, len(keys))
	for n, k := range keys {
		rows[n] = []any{k.A, k.B}
	}
	seen := map[workflow.Key]bool{} // with the id of the instance in C: a filled-up batch answers twice
	text := "select " + instanceColumns + ", f.target, f.workflow from (" + rowsMark + ") as v cross join refs as f cross join instances as r " +
		"where f.target = v.column1 and f.workflow = v.column2 and r.community = f.community and r.id = f.instance and f.community = @community"
	return s.eachOf(ctx, community, text, rows, func(row *sql.Rows) error {
		k := workflow.Key{Kind: workflow.KeyReferrers}
		i, err := scanInstance(row, &k.A, &k.B)
		if err != nil {
			return err
		}
		if once := (workflow.Key{Kind: k.Kind, A: k.A, B: k.B, C: i.ID}); !seen[once] {
			seen[once] = true
			into[k].Instances = append(into[k].Instances, i)
		}
		return nil
	})
}

func (s *Store) loadDistinct(ctx context.Context, community string, keys []workflow.Key, into answers, and string) error {
	rows := make([][]any, len(keys))
	for n, k := range keys {
		rows[n] = []any{k.A, k.B}
		if and != "" {
			rows[n] = append(rows[n], k.C)
		}
		into[k].Distinct = map[string]int64{}
	}
	text := "select r.instance, r.aggregate, r.value, r.n from (" + rowsMark + ") as v cross join distinct_counts as r " +
		"where r.instance = v.column1 and r.aggregate = v.column2" + and + " and r.community = @community"
	return s.eachOf(ctx, community, text, rows, func(row *sql.Rows) error {
		k := workflow.Key{Kind: workflow.KeyDistinct}
		var n int64
		if err := row.Scan(&k.A, &k.B, &k.C, &n); err != nil {
			return err
		}
		value := k.C
		if and == "" {
			k.C = ""
		}
		into[k].Distinct[value] = n
		return nil
	})
}

func (s *Store) loadEntries(ctx context.Context, community string, keys []workflow.Key, into answers) error {
	rows := make([][]any, len(keys))
	for n, k := range keys {
		rows[n] = []any{k.A, k.B}
	}
	text := "select r.root, r.command, r.body from (" + rowsMark + ") as v cross join history as r " +
		"where r.root = v.column1 and r.command = v.column2 and r.community = @community"
	return s.eachOf(ctx, community, text, rows, func(row *sql.Rows) error {
		k := workflow.Key{Kind: workflow.KeyEntry}
		var body []byte
		if err := row.Scan(&k.A, &k.B, &body); err != nil {
			return err
		}
		var e workflow.Entry
		if err := json.Unmarshal(body, &e); err != nil {
			return fmt.Errorf("decode entry %s of %s: %w", k.B, k.A, err)
		}
		into[k].Entry = &e
		return nil
	})
}
