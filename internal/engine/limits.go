package engine

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/linli/linli/internal/fault"
	"github.com/linli/linli/internal/workflow"
)

// maxIndexed bounds, in characters, every text that an index of the database holds: PostgreSQL takes rows of up to 2,704 bytes into
// one, and the same text must be good or bad on both databases.
const maxIndexed = 200

// checkIDs refuses ids and names that no index takes.
func (r *Request) checkIDs() error {
	if !anyLong(r.ID, r.Community, r.Root, r.Target, r.Event, r.Of, r.Workflow, r.Slot, r.Key, r.Need, r.State, r.Actor.Person, r.Token, onBehalf(r)) {
		return nil
	}
	texts := map[string]string{
		"id": r.ID, "community": r.Community, "root": r.Root, "target": r.Target, "event": r.Event, "of": r.Of, "workflow": r.Workflow,
		"slot": r.Slot, "key": r.Key, "need": r.Need, "state": r.State, "actor": r.Actor.Person, "token": r.Token,
	}
	if r.OnBehalf != nil {
		texts["on_behalf.person"] = r.OnBehalf.Person
	}
	return refuseLong(&r.Command, texts)
}

// anyLong reports whether one of the texts may have too many characters; it counts bytes, of which there are never fewer.
func anyLong(texts ...string) bool {
	return slices.ContainsFunc(texts, func(s string) bool { return len(s) > maxIndexed })
}

// checkIndexed refuses what a command would put into an index: keys that come from fields, and values of distinct aggregates.
func checkIndexed(cmd *workflow.Command, out *workflow.Outcome) error {
	texts := map[string]string{}
	for _, row := range out.Rows {
		i := row.Instance
		if row.Op != workflow.RowInsert || !anyLong(i.Key) {
			continue
		}
		field := "key"
		if code, _ := i.Body.Data["code"].(string); code == i.Key {
			field = "code"
		}
		if utf8.RuneCountInString(i.Key) > utf8.RuneCountInString(texts[field]) {
			texts[field] = i.Key
		}
	}
	for k, n := range out.Distinct {
		if n > 0 && anyLong(k.C) && utf8.RuneCountInString(k.C) > utf8.RuneCountInString(texts[k.B]) {
			texts[k.B] = k.C
		}
	}
	return refuseLong(cmd, texts)
}

// refuseLong names every text that is too long, by the field it stands in.
func refuseLong(cmd *workflow.Command, texts map[string]string) error {
	if len(texts) == 0 {
		return nil
	}
	var reasons []workflow.Reason
	for name, text := range texts {
		if utf8.RuneCountInString(text) > maxIndexed {
			reasons = append(reasons, workflow.Reason{Code: workflow.ReasonField, Name: name, Text: workflow.Text{
				ZH: fmt.Sprintf("%s：太长，最多 %d 字", name, maxIndexed), EN: fmt.Sprintf("%s is too long: at most %d characters", name, maxIndexed),
			}})
		}
	}
	if len(reasons) == 0 {
		return nil
	}
	slices.SortFunc(reasons, func(a, b workflow.Reason) int { return strings.Compare(a.Name, b.Name) })
	return &workflow.Refusal{Command: cmd.ID, Target: cmd.Target, Event: cmd.Event, Reasons: reasons}
}

// checkPlace refuses a root in the wrong place: a programme's id is derived, and a community is its own root.
func (r *Request) checkPlace(bundle *workflow.Bundle) error {
	d := bundle.Definition(r.Workflow)
	if r.Kind != workflow.KindCreate || d == nil || r.Target != "" {
		return nil
	}
	switch {
	case d.Level == workflow.LevelProgramme && r.Root != "":
		return fault.NewInvalid("root", "root_given", "新建项目时不要指定项目编号；系统会自动生成", "leave the root out when you create a programme; its id is made for you")
	case d.Level == workflow.LevelCommunity && r.Root != r.Community:
		return fault.NewInvalid("root", "root_given", "新建社区时，根就是社区本身", "a community is its own root; give its id as the root")
	default:
		return nil
	}
}
