package api

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/linli/linli/internal/fault"
	"github.com/linli/linli/internal/workflow"
)

// maxCopied bounds how many things one request copies.
const maxCopied = 2000

// fieldFirstDay is the first day of a programme.
const fieldFirstDay = "period_from"

type copyInput struct {
	ProgrammePath
	Key  string `header:"Idempotency-Key" maxLength:"200" doc:"A repeated request goes on where an interrupted one stopped, and makes nothing twice. For 72 hours the key is refused with another body."`
	Body struct {
		Code      string `json:"code" minLength:"1" maxLength:"200" doc:"The short name of the new programme." example:"ZX-2024-01"`
		Title     string `json:"title,omitempty" maxLength:"1000" doc:"The title of the new programme; that of the old one, if left out."`
		ShiftDays *int   `json:"shift_days,omitempty" minimum:"-3660" maximum:"3660" doc:"By how many days every date moves. Without this and start, dates are left out." example:"364"`
		Start     string `json:"start,omitempty" maxLength:"10" doc:"In place of shift_days: the new first day; the old programme must have one (period_from)." example:"2024-06-01"`
	}
}

type copyOutput struct {
	Replayed string `header:"Idempotency-Replayed"`
	Body     struct {
		Programme string        `json:"programme" doc:"Id of the new programme, a draft."`
		Code      string        `json:"code"`
		ShiftDays *int          `json:"shift_days,omitempty" doc:"By how many days dates moved."`
		Copied    []Copied      `json:"copied" doc:"What is in the new programme, by kind."`
		LeftOut   []LeftOut     `json:"left_out" doc:"What was not copied, and why."`
		Refused   []CopyRefusal `json:"refused,omitempty" doc:"What the rules did not let into the new programme. Nothing else depends on it; it can be made by hand."`
	}
}

// Copied is how many of one kind were copied.
type Copied struct {
	Workflow string        `json:"workflow"`
	Title    workflow.Text `json:"title"`
	Count    int           `json:"count"`
	State    string        `json:"state,omitempty" doc:"Where they stand in the new programme."`
}

// LeftOut is something that was not copied.
type LeftOut struct {
	Workflow string `json:"workflow"`
	Field    string `json:"field,omitempty" doc:"Which field of it; absent: all of it."`
	Count    int    `json:"count,omitempty" doc:"How often, where it was counted."`
	Reason   string `json:"reason" doc:"Why, in the language asked for."`
}

// CopyRefusal is something that could not be made in the new programme.
type CopyRefusal struct {
	Source  string   `json:"source" doc:"Id in the old programme."`
	Problem *Problem `json:"problem"`
}

// copyRoutes make a new programme after an old one.
func (s *server) copyRoutes() {
	register(s, operation{
		id: "copy-programme", method: http.MethodPost, path: "/communities/{community}/programmes/{programme}/copies", tag: tagProgrammes,
		status: http.StatusCreated, summary: "Copy a programme",
		about: "Takes over the structure: the programme's own plan, its activities as drafts, their sessions, blocks, organisations and targets, with dates moved. " +
			"Who was in the team is invited again. Never copied: consents, notes, money, evidence, results. The answer says what was left out and why.",
	}, s.copyProgramme)
}

func (s *server) copyProgramme(ctx context.Context, in *copyInput) (*copyOutput, error) {
	if err := s.wholeCommunity(ctx, in.Community); err != nil {
		return nil, err
	}
	c, err := s.newCopier(ctx, in)
	if err != nil {
		return nil, err
	}
	steps := []func(context.Context) error{
		func(ctx context.Context) error { return c.makeProgramme(ctx, in.Body.Code, in.Body.Title) },
		c.readActivities, c.makeActivities, c.makeSessions, c.invitePeople,
	}
	for _, step := range steps {
		if err := step(ctx); err != nil {
			return nil, err
		}
	}
	return c.answer(ctx, in.Body.Code), nil
}

func (s *server) newCopier(ctx context.Context, in *copyInput) (*copier, error) {
	person := from(ctx).person
	root, _, old, err := s.programmeDefinition(ctx, in.Community, in.Programme)
	if err != nil {
		return nil, err
	}
	if err := needStaff(ctx, root); err != nil {
		return nil, err
	}
	c := &copier{s: s, community: in.Community, from: old, activity: map[string]string{}, copied: map[string]int{}, left: map[omission]int{}}
	if c.old, err = s.Store.Instance(ctx, in.Community, root); err != nil {
		return nil, err
	}
	if c.to, err = s.bundleOf(ctx, in.Community, in.Community); err != nil {
		return nil, err
	}
	if c.to.Definition(c.old.Workflow) == nil {
		return nil, fault.New(fault.Refused, "template_gone", "现在的流程定义里没有这种项目了，不能复制", "the present definitions do not have this kind of programme any more; it cannot be copied")
	}
	if c.move, err = s.shiftOf(ctx, in, c.old); err != nil {
		return nil, err
	}
	c.key = in.Key
	c.base, err = copyBase(person, root, in)
	return c, err
}

// copyBase begins the ids of a copying's commands. A repeated request has the same: what it did before is found in the history. One
// with anything else in it has others, and so makes another programme or is refused.
func copyBase(person, root string, in *copyInput) (string, error) {
	body, err := json.Marshal([]any{person, root, in.Key, in.Body})
	if err != nil {
		return "", fmt.Errorf("encode a request to copy programme %s: %w", root, err)
	}
	sum := sha256.Sum256(body)
	return "copy/" + hex.EncodeToString(sum[:16]), nil
}

// shiftOf says by how much dates move.
func (s *server) shiftOf(ctx context.Context, in *copyInput, old *workflow.Instance) (shift, error) {
	zone, err := s.zone(ctx, in.Community)
	if err != nil {
		return shift{}, err
	}
	m := shift{zone: zone}
	switch {
	case in.Body.Start != "" && in.Body.ShiftDays != nil:
		return m, fault.NewInvalid("body.start", "one_of", "shift_days 和 start 只能写一个", "give either shift_days or start")
	case in.Body.ShiftDays != nil:
		m.days, m.given = *in.Body.ShiftDays, true
	case in.Body.Start != "":
		start, err := time.Parse(time.DateOnly, in.Body.Start)
		if err != nil {
			return m, fault.NewInvalid("body.start", "invalid_date", "请填日期，如 2024-06-01", "give a date such as 2024-06-01")
		}
		first, err := time.Parse(time.DateOnly, text(old, fieldFirstDay))
		if err != nil {
			return m, fault.NewInvalid("body.start", "no_first_day", "原项目没有填写起始日期（period_from）；请改用 shift_days", "the old programme has no first day (period_from); give shift_days")
		}
		m.days, m.given = int(start.Sub(first).Hours()/24), true
	}
	return m, nil
}

func (c *copier) answer(ctx context.Context, code string) *copyOutput {
	out := &copyOutput{}
	if c.replayed {
		out.Replayed = "true"
	}
	out.Body.Programme, out.Body.Code, out.Body.Refused = c.programme, code, c.refused
	if c.move.given {
		out.Body.ShiftDays = &c.move.days
	}
	out.Body.Copied, out.Body.LeftOut = []Copied{}, []LeftOut{}
	for _, of := range sortedKeys(c.copied) {
		d := c.to.Definition(of)
		out.Body.Copied = append(out.Body.Copied, Copied{Workflow: of, Title: d.Title, Count: c.copied[of], State: d.Initial})
	}
	for l, n := range c.left {
		out.Body.LeftOut = append(out.Body.LeftOut, LeftOut{Workflow: l.workflow, Field: l.field, Count: n, Reason: l.why.In(lang(ctx))})
	}
	for _, of := range c.kept() {
		reason := workflow.Text{ZH: "记录的是原项目里发生的事", EN: "it is about what happened in the old programme"}
		out.Body.LeftOut = append(out.Body.LeftOut, LeftOut{Workflow: of, Reason: reason.In(lang(ctx))})
	}
	slices.SortFunc(out.Body.LeftOut, func(a, b LeftOut) int {
		return strings.Compare(a.Workflow+"\x00"+a.Field+"\x00"+a.Reason, b.Workflow+"\x00"+b.Field+"\x00"+b.Reason)
	})
	return out
}

// kept are the workflows of items that stay with the old programme.
func (c *copier) kept() []string {
	return slices.DeleteFunc(itemWorkflows(c.from), func(of string) bool { return of == workflowSession || of == workflowMembership })
}
