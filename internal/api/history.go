package api

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/linli/linli/internal/engine"
	"github.com/linli/linli/internal/fault"
	"github.com/linli/linli/internal/workflow"
)

// HistoryEntry is one command that was carried out, as the history keeps it. Nothing sealed is in it.
type HistoryEntry struct {
	Seq      int64           `json:"seq" doc:"Its place in the history."`
	Command  string          `json:"command" doc:"Id of the command: what undo names."`
	Kind     string          `json:"kind" doc:"fire, create, edit, cancel, skip, reopen, waive, backfill, undo."`
	Event    string          `json:"event,omitempty"`
	Target   string          `json:"target" doc:"Id of the instance."`
	Workflow string          `json:"workflow,omitempty" doc:"Of the instance."`
	Actor    string          `json:"actor,omitempty" doc:"Id of the person who did it."`
	System   bool            `json:"system,omitempty" doc:"The system did it."`
	Timer    string          `json:"timer,omitempty" doc:"The timer that was due."`
	OnBehalf *HistoryDecider `json:"on_behalf,omitempty" doc:"Who decided, if somebody else recorded it (代录)."`
	Recorded time.Time       `json:"recorded"`
	Occurred string          `json:"occurred,omitempty" doc:"When it happened, as far as is known."`
	Reason   string          `json:"reason,omitempty"`
	Note     string          `json:"note,omitempty"`
	Undoes   string          `json:"undoes,omitempty" doc:"The command that it took back."`
	Waived   []string        `json:"waived,omitempty" doc:"Needs that it passed by a waiver."`
	Warnings []Reason        `json:"warnings,omitempty" doc:"What was noted without standing in the way."`
	Changes  []HistoryChange `json:"changes,omitempty" doc:"What it did, the target and everything that followed."`
}

// HistoryDecider is on whose behalf something was recorded.
type HistoryDecider struct {
	Person   string `json:"person"`
	Via      string `json:"via"`
	Evidence string `json:"evidence,omitempty"`
	Decided  string `json:"decided,omitempty"`
}

// HistoryChange is what a command did to one instance.
type HistoryChange struct {
	Instance string                 `json:"instance"`
	Workflow string                 `json:"workflow,omitempty"`
	Created  bool                   `json:"created,omitempty"`
	Deleted  bool                   `json:"deleted,omitempty" doc:"An undo took its creation back."`
	From     string                 `json:"from,omitempty" doc:"The state before, if it changed."`
	To       string                 `json:"to,omitempty" doc:"The state after, if it changed."`
	Fields   map[string]BeforeAfter `json:"fields,omitempty"`
	Sealed   []string               `json:"sealed,omitempty" doc:"Fields with personal or sensitive values that changed; the values are nowhere in this answer."`
}

// BeforeAfter is the value of a field before and after; null where it was not known.
type BeforeAfter struct {
	Before any `json:"before"`
	After  any `json:"after"`
}

// HistoryPaging are the parameters of a history.
type HistoryPaging struct {
	Cursor   string `query:"cursor" maxLength:"1000" doc:"next_cursor of the page before; left out for the first page."`
	Limit    int    `query:"limit" minimum:"1" maximum:"200" default:"50" doc:"How many at most."`
	After    int64  `query:"after" minimum:"0" doc:"Begin behind the entry with this seq, in the direction of reading."`
	Order    string `query:"order" enum:"oldest,newest" default:"oldest" doc:"Which entries come first."`
	Instance string `query:"instance" maxLength:"200" doc:"Only what was done to this instance itself."`
}

type historyInput struct {
	ProgrammePath
	HistoryPaging
}

type registryHistoryInput struct {
	CommunityPath
	HistoryPaging
}

// historyRoutes show what was done.
func (s *server) historyRoutes() {
	const about = "For staff. Every command that was carried out, who did it, and what it changed, chained so that an audit finds any tampering. Sealed values are " +
		"never in it."
	register(s, operation{
		id: "programme-history", method: http.MethodGet, path: "/communities/{community}/programmes/{programme}/history", tag: tagHistory,
		summary: "Read the history of a programme", about: about,
	}, func(ctx context.Context, in *historyInput) (*listed[HistoryEntry], error) {
		root, err := s.programme(ctx, in.Community, in.Programme)
		if err != nil {
			return nil, err
		}
		if err := needStaff(ctx, root); err != nil {
			return nil, err
		}
		return s.history(ctx, in.Community, root, in.HistoryPaging)
	})
	register(s, operation{
		id: "registry-history", method: http.MethodGet, path: "/communities/{community}/registry/history", tag: tagHistory,
		summary: "Read the history of the registry", about: about + " It takes a role for the whole community.",
	}, func(ctx context.Context, in *registryHistoryInput) (*listed[HistoryEntry], error) {
		if err := inCommunity(ctx, in.Community); err != nil {
			return nil, err
		}
		if err := needRoles(ctx, in.Community, staffRoles()...); err != nil {
			return nil, err
		}
		return s.history(ctx, in.Community, in.Community, in.HistoryPaging)
	})
}

func (s *server) history(ctx context.Context, community, root string, p HistoryPaging) (*listed[HistoryEntry], error) {
	after := p.After
	if p.Cursor != "" {
		parts, err := decodeCursor(p.Cursor, 1)
		if err != nil {
			return nil, err
		}
		if after, err = strconv.ParseInt(parts[0], 10, 64); err != nil || after < 0 {
			return nil, fault.NewInvalid("query.cursor", "invalid_cursor", "cursor 应为上一页给出的 next_cursor", "cursor takes the next_cursor of the page before")
		}
	}
	stored, more, err := s.entries(ctx, community, root, after, p)
	if err != nil {
		return nil, err
	}
	out, err := s.entryViews(ctx, community, stored)
	if err != nil {
		return nil, err
	}
	return newPage(out, more, func() string { return encodeCursor(strconv.FormatInt(stored[len(stored)-1].Seq, 10)) }), nil
}

// entries reads one page of a history in the direction asked for.
func (s *server) entries(ctx context.Context, community, root string, after int64, p HistoryPaging) ([]engine.StoredEntry, bool, error) {
	if p.Order == "newest" {
		return s.newest(ctx, community, root, after, p)
	}
	if after > maxSeq {
		return nil, false, nil
	}
	var rows []engine.StoredEntry
	var err error
	if p.Instance != "" {
		rows, err = s.Store.HistoryOf(ctx, community, root, p.Instance, after+1, p.Limit+1)
	} else {
		rows, err = s.Store.History(ctx, community, root, after+1, p.Limit+1)
	}
	if err != nil {
		return nil, false, err
	}
	return rows[:min(len(rows), p.Limit)], len(rows) > p.Limit, nil
}

const (
	// maxSeq is a seq that no history reaches.
	maxSeq = 1 << 52
	// maxOfOne is how many entries of one instance are looked through to find the newest.
	maxOfOne = 5000
)

// newest reads backwards from an entry, or from the end.
func (s *server) newest(ctx context.Context, community, root string, before int64, p HistoryPaging) ([]engine.StoredEntry, bool, error) {
	if before == 0 {
		heads, err := s.Store.Heads(ctx, community, []string{root})
		if err != nil {
			return nil, false, err
		}
		before = heads[root].Seq + 1
	}
	var rows []engine.StoredEntry
	var err error
	switch {
	case p.Instance != "":
		rows, err = s.Store.HistoryOf(ctx, community, root, p.Instance, 1, maxOfOne)
		if len(rows) == maxOfOne {
			return nil, false, fault.NewInvalid("query.order", "too_many_entries", "这一项的记录太多；请用 order=oldest 从头读", "this instance has too many entries; read them with order=oldest")
		}
	case before <= maxSeq:
		first := max(before-int64(p.Limit)-1, 1)
		rows, err = s.Store.History(ctx, community, root, first, int(before-first))
	}
	if err != nil {
		return nil, false, err
	}
	rows = slices.DeleteFunc(rows, func(e engine.StoredEntry) bool { return e.Seq >= before })
	slices.Reverse(rows)
	return rows[:min(len(rows), p.Limit)], len(rows) > p.Limit, nil
}

// entryViews decodes entries and leaves out what is sealed.
func (s *server) entryViews(ctx context.Context, community string, stored []engine.StoredEntry) ([]HistoryEntry, error) {
	entries := make([]workflow.Entry, len(stored))
	workflows, asked := map[string]string{}, map[string]bool{}
	for n, row := range stored {
		if err := json.Unmarshal(row.Body, &entries[n]); err != nil {
			return nil, fmt.Errorf("decode entry %d of %s: %w", row.Seq, row.Root, err)
		}
		e := &entries[n]
		workflows[e.Target] = e.Workflow
		for _, c := range e.Changes {
			asked[c.ID] = true
			if id := c.Created; id != nil {
				workflows[c.ID] = id.Workflow
			}
			if id := c.Deleted; id != nil {
				workflows[c.ID] = id.Workflow
			}
		}
	}
	maps.DeleteFunc(asked, func(id string, _ bool) bool { return workflows[id] != "" })
	rows, err := s.Store.Instances(ctx, community, sortedKeys(asked))
	if err != nil {
		return nil, err
	}
	for _, i := range rows {
		workflows[i.ID] = i.Workflow
	}
	out := make([]HistoryEntry, len(entries))
	for n := range entries {
		b, err := s.Engine.Bundle(ctx, entries[n].Bundle)
		if err != nil {
			return nil, err
		}
		out[n] = entryView(lang(ctx), &entries[n], workflows, b)
	}
	return out, nil
}

func entryView(lang string, e *workflow.Entry, workflows map[string]string, b *workflow.Bundle) HistoryEntry {
	v := HistoryEntry{
		Seq: e.Seq, Command: e.Command, Kind: string(e.Kind), Event: e.Event, Target: e.Target, Workflow: e.Workflow, Actor: e.Actor.Person,
		System: e.Actor.System, Recorded: e.Recorded, Occurred: e.Occurred.String(), Reason: e.Reason, Note: e.Note, Undoes: e.Undoes, Waived: e.Waived,
	}
	if e.Timer != nil {
		v.Timer = e.Timer.Rule
	}
	if o := e.OnBehalf; o != nil {
		v.OnBehalf = &HistoryDecider{Person: o.Person, Via: o.Via, Evidence: o.Evidence, Decided: o.Decided.String()}
	}
	if len(e.Warnings) > 0 {
		v.Warnings = reasonsIn(lang, e.Warnings)
	}
	for _, c := range e.Changes {
		v.Changes = append(v.Changes, changeView(c, b.Definition(workflows[c.ID]), workflows[c.ID]))
	}
	return v
}

// changeView shows the fields that the definition says are neither sealed nor hidden. Of an instance whose workflow nobody knows any more
// it shows the state alone.
func changeView(c workflow.Change, def *workflow.Definition, of string) HistoryChange {
	v := HistoryChange{Instance: c.ID, Workflow: of, Created: c.Created != nil, Deleted: c.Deleted != nil}
	if c.State != nil {
		v.From, v.To = c.State[0], c.State[1]
	}
	hidden := hiddenFields(of)
	for _, name := range sortedKeys(c.Data) {
		if def == nil || def.Field(name) == nil || slices.Contains(hidden, name) {
			continue
		}
		pair := c.Data[name]
		if def.Field(name).Privacy.Sealed() || sealed(pair[0]) || sealed(pair[1]) {
			v.Sealed = append(v.Sealed, name)
			continue
		}
		if v.Fields == nil {
			v.Fields = map[string]BeforeAfter{}
		}
		v.Fields[name] = BeforeAfter{Before: pair[0], After: pair[1]}
	}
	return v
}

func sealed(v workflow.Value) bool {
	_, box := v.(workflow.Sealed)
	return box
}
