package storetest

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/linli/linli/internal/engine"
	"github.com/linli/linli/internal/store"
	"github.com/linli/linli/internal/testdb"
	"github.com/linli/linli/internal/workflow"
)

func keyCases() []Case {
	return []Case{
		{"a subject key is created once", subjectOnce},
		{"a destroyed subject key is gone for good", subjectDestroyed},
		{"a subject key is wrapped anew unless it was destroyed", subjectRewrapped},
	}
}

func subjectKey(subject string) engine.SubjectKey {
	return engine.SubjectKey{Subject: subject, KeyID: "m1", Wrapped: []byte{0, 1, 2, 0xff}}
}

func withKeys(s engine.Slice, keys ...engine.SubjectKey) engine.Slice {
	s.Subjects = keys
	return s
}

func subjectOnce(t *testing.T, db *testdb.Database) {
	s := db.Open(t)
	slice := withKeys(Create("a"), subjectKey("h1"))
	commit(t, s, slice)
	conflict(t, s, withKeys(Create("b"), subjectKey("h1")))
	errs := outcomes(t, s, withKeys(Create("c"), subjectKey("h2")), withKeys(Create("d"), subjectKey("h2")))
	if errs[0] != nil || !errors.Is(errs[1], engine.ErrConflict) {
		t.Errorf("two in a batch: got %v, want the second to conflict", errs)
	}
	got := must(s.SubjectKeys(context.Background(), Community, []string{"h1", "h2", "h3"}))(t)
	same(t, "keys", got, map[string]engine.SubjectKey{"h1": subjectKey("h1"), "h2": subjectKey("h2")})
	if err := outcomes(t, s, withKeys(Create("e"), engine.SubjectKey{Subject: "h4", KeyID: "m1"}))[0]; err == nil {
		t.Error("an empty key went through: it would read as destroyed")
	}
}

func subjectDestroyed(t *testing.T, db *testdb.Database) {
	s := db.Open(t)
	ctx := context.Background()
	slice := withKeys(Create("a"), subjectKey("h1"), subjectKey("h2"))
	commit(t, s, slice)
	gone := engine.SubjectKey{Subject: "h1", KeyID: "m1", Destroyed: testdb.Now()}
	erase := withKeys(Step(head(slice), "erase"), gone)
	commit(t, s, erase)
	again := gone
	again.Destroyed = testdb.Now().Add(time.Hour)
	commit(t, s, withKeys(Step(head(erase), "erase again"), again))
	got := must(s.SubjectKeys(ctx, Community, []string{"h1", "h2"}))(t)
	same(t, "keys", got, map[string]engine.SubjectKey{"h1": gone, "h2": subjectKey("h2")})
	conflict(t, s, withKeys(Create("b"), subjectKey("h1"))) // nobody gets a new key under the old name
	never := engine.SubjectKey{Subject: "h9", KeyID: "m1", Destroyed: testdb.Now()}
	commit(t, s, withKeys(Create("c"), never))
	same(t, "one that never had a key", must(s.SubjectKeys(ctx, Community, []string{"h9"}))(t)["h9"], never)
	same(t, "master keys in use", must(s.MasterKeysInUse(ctx))(t), []string{"m1"})
}

func subjectRewrapped(t *testing.T, db *testdb.Database) {
	s := db.Open(t)
	ctx := context.Background()
	slice := withKeys(Create("a"), subjectKey("h1"), subjectKey("h2"))
	commit(t, s, slice)
	commit(t, s, withKeys(Step(head(slice), "erase"), engine.SubjectKey{Subject: "h2", KeyID: "m1", Destroyed: testdb.Now()}))
	under := must(s.SubjectKeysUnder(ctx, "m1", 10))(t)
	same(t, "living keys under m1", under, []store.CommunityKey{{Community: Community, SubjectKey: subjectKey("h1")}})
	for subject, want := range map[string]bool{"h1": true, "h2": false} {
		k := store.CommunityKey{Community: Community, SubjectKey: engine.SubjectKey{Subject: subject, KeyID: "m2", Wrapped: []byte{9}}}
		same(t, "wrapped "+subject, must(s.RewrapSubjectKey(ctx, "m1", k))(t), want)
	}
	got := must(s.SubjectKeys(ctx, Community, []string{"h1", "h2"}))(t)
	same(t, "new wrapping", got["h1"].Wrapped, []byte{9})
	same(t, "destroyed", len(got["h2"].Wrapped), 0)
	same(t, "master keys in use", must(s.MasterKeysInUse(ctx))(t), []string{"m2"})
}

func textCases() []Case {
	return []Case{
		{"a text that no row can hold names its column", badTexts},
		{"a question with such a text is an error, not a crash", badQuestions},
	}
}

// badTexts puts a text into every text column in turn.
func badTexts(t *testing.T, db *testdb.Database) {
	s := db.Open(t)
	places := map[string]func(*engine.Slice, string){
		"roots.id": func(s *engine.Slice, v string) {
			s.Chains[0].Head.Root, s.Chains[0].Entries[0].Root, s.Rows = v, v, nil
		},
		"roots.code":                func(s *engine.Slice, v string) { s.Chains[0].Head.Code = v },
		"roots.bundle":              func(s *engine.Slice, v string) { s.Chains[0].Head.Bundle = v },
		"history.command":           func(s *engine.Slice, v string) { s.Chains[0].Entries[0].Command = v },
		"history.target":            func(s *engine.Slice, v string) { s.Chains[0].Entries[0].Target = v },
		"instances.id":              func(s *engine.Slice, v string) { s.Rows[0].Instance.ID = v },
		"instances.parent":          func(s *engine.Slice, v string) { s.Rows[0].Instance.Parent = v },
		"instances.workflow":        func(s *engine.Slice, v string) { s.Rows[0].Instance.Workflow = v },
		"instances.slot":            func(s *engine.Slice, v string) { s.Rows[0].Instance.Slot = v },
		"instances.key":             func(s *engine.Slice, v string) { s.Rows[0].Instance.Key = v },
		"instances.state":           func(s *engine.Slice, v string) { s.Rows[0].Instance.State = v },
		"instances.data field note": func(s *engine.Slice, v string) { s.Rows[0].Instance.Body.Data = workflow.Values{"note": v} },
		"instances.data field list": func(s *engine.Slice, v string) {
			s.Rows[0].Instance.Body.Data = workflow.Values{"list": []string{"ok", v}}
		},
		"instances.data field proof": func(s *engine.Slice, v string) {
			s.Rows[0].Instance.Body.Data = workflow.Values{"proof": workflow.Evidence{Unrecorded: v}}
		},
		"distinct_counts.value": func(s *engine.Slice, v string) {
			s.Distinct = []engine.DistinctWrite{{Instance: "a", Aggregate: "b", Value: v, N: 1}}
		},
		"timers.reason": func(s *engine.Slice, v string) { s.Timers = []engine.TimerWrite{{Row: engine.TimerRow{Reason: v}}} },
		"idempotency.key": func(s *engine.Slice, v string) {
			s.Keys = []engine.Idempotency{{Key: v, Expires: testdb.Now()}}
		},
		"subject_keys.subject": func(s *engine.Slice, v string) { s.Subjects = []engine.SubjectKey{subjectKey(v)} },
		"search_terms.term":    func(s *engine.Slice, v string) { s.Terms = []engine.SearchTerm{{Instance: "a", Kind: "name", Term: v}} },
		"refs.target":          func(s *engine.Slice, v string) { s.Refs = []engine.RefWrite{{Instance: "prog", Targets: []string{v}}} },
	}
	for column, put := range places {
		for _, bad := range []string{"a\x00b", "a\xffb"} {
			slice := Create("prog")
			put(&slice, bad)
			err := outcomes(t, s, slice)[0]
			if !errors.Is(err, store.ErrText) || !mentions(err, column) {
				t.Errorf("%s with %q: got %v", column, bad, err)
			}
		}
	}
	same(t, "roots", len(must(s.Roots(context.Background(), Community))(t)), 0)
	commit(t, s, Create("prog")) // and the store works on
}

func badQuestions(t *testing.T, db *testdb.Database) {
	s := db.Open(t)
	ctx := context.Background()
	for name, ask := range map[string]func(string) error{
		"instance": func(v string) error { _, err := s.Instance(ctx, Community, v); return err },
		"load": func(v string) error {
			_, err := s.Load(ctx, Community, []workflow.Key{{Kind: workflow.KeyInstance, A: v}})
			return err
		},
		"heads":  func(v string) error { _, err := s.Heads(ctx, Community, []string{v}); return err },
		"replay": func(v string) error { _, err := s.Replay(ctx, Community, "p", v, testdb.Now()); return err },
		"meta":   func(v string) error { return s.SetMeta(ctx, "name", v) },
		"bundle": func(v string) error { return s.PutBundle(ctx, v, 1, nil) },
	} {
		for _, bad := range []string{"a\x00b", "a\xffb"} {
			if err := ask(bad); !errors.Is(err, store.ErrText) {
				t.Errorf("%s %q: got %v", name, bad, err)
			}
		}
	}
}
