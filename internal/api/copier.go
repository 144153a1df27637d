package api

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/linli/linli/internal/engine"
	"github.com/linli/linli/internal/fault"
	"github.com/linli/linli/internal/store"
	"github.com/linli/linli/internal/workflow"
)

// copier is one copying.
type copier struct {
	s         *server
	community string
	base      string // of the ids of its commands: the same in a repeated request
	key       string // the request's Idempotency-Key; "" if it has none
	old       *workflow.Instance
	from, to  *workflow.Bundle // definitions of the old and of the new programme
	move      shift
	programme string            // id of the new one
	activity  map[string]string // old activity → new one
	olds      []*workflow.Instance

	copied  map[string]int // by workflow
	left    map[omission]int
	refused []CopyRefusal
	sent    int

	replayed bool // the programme was made by an earlier request
}

// plan is what of an instance goes into its copy.
func (c *copier) plan(i *workflow.Instance, only []string) map[string]any {
	def, next := c.from.Definition(i.Workflow), c.to.Definition(i.Workflow)
	out, made := map[string]any{}, map[string]bool{}
	if only == nil {
		made = results(def)
	}
	for _, f := range def.Fields {
		v := i.Body.Data[f.Name]
		if list, ok := v.([]string); v == nil || ok && len(list) == 0 || workflow.Equal(v, f.Default) || only != nil && !slices.Contains(only, f.Name) {
			continue
		}
		moved, why := c.move.copyable(f, v, made[f.Name])
		if why == leftNot && next.Field(f.Name) == nil {
			why = leftUnknown
		}
		if why != leftNot {
			c.left[omission{i.Workflow, f.Name, why.text()}]++
			continue
		}
		out[f.Name] = moved
	}
	return out
}

func (c *copier) request(step string, cmd workflow.Command, values map[string]any) engine.Request {
	cmd.ID = c.base + "/" + step
	return engine.Request{Command: cmd, Values: values}
}

func (c *copier) makeProgramme(ctx context.Context, code, title string) error {
	values := c.plan(c.old, nil)
	values["code"] = code
	if title != "" {
		values["title"] = title
	}
	req := c.request("programme", workflow.Command{Kind: workflow.KindCreate, Workflow: c.old.Workflow, Key: code}, values)
	req.IdempotencyKey = c.key
	c.s.sign(ctx, &req)
	res, err := c.s.Engine.Do(ctx, req)
	switch {
	case fault.KindOf(err) == fault.Mismatch && err != nil:
		// The key is remembered with what the programme was made of, which follows the old one: a repeated request whose old programme
		// was changed in the meantime is still the same request.
		if res, err = c.made(ctx, req.ID, err); err != nil {
			return err
		}
	case err != nil:
		return err
	case res.Command != req.ID: // the same programme would come of the body that the key was first used with, but it was another body
		return fault.New(fault.Mismatch, "idempotency_key_reused",
			"同一个 Idempotency-Key 已用于另一项请求；请换一个新的", "this Idempotency-Key was already used for another request; choose a new one")
	}
	c.programme, c.replayed = res.Instance, res.Replayed
	c.copied[c.old.Workflow]++
	return nil
}

// made is what an earlier request with the same command made. If there was none, the error is the one given.
func (c *copier) made(ctx context.Context, command string, none error) (engine.Result, error) {
	root := workflow.InstanceID(c.community, "", command, 1)
	entry, err := c.s.Store.Committed(ctx, c.community, root, command)
	switch {
	case err != nil:
		return engine.Result{}, err
	case entry == nil:
		return engine.Result{}, none
	}
	return engine.Result{Command: command, Root: root, Seq: entry.Seq, Instance: entry.Target, Replayed: true}, nil
}

// readActivities reads the activities of the old programme that were neither cancelled nor skipped.
func (c *copier) readActivities(ctx context.Context) error {
	for _, of := range slotWorkflows(c.from.Definition(c.old.Workflow), "") {
		rows, err := c.children(ctx, c.old.ID, of)
		if err != nil {
			return err
		}
		c.olds = append(c.olds, rows...)
	}
	return nil
}

// children are the living instances of one workflow under one of the old programme.
func (c *copier) children(ctx context.Context, parent, of string) ([]*workflow.Instance, error) {
	rows, err := c.s.Store.List(ctx, c.community, store.ListQuery{Root: c.old.ID, Parent: parent, Workflow: of, Limit: maxCopied + 1})
	if err != nil {
		return nil, err
	}
	if len(rows) > maxCopied {
		return nil, tooMuchToCopy()
	}
	return slices.DeleteFunc(rows, (*workflow.Instance).Dead), nil
}

func tooMuchToCopy() error {
	return fault.New(fault.Refused, "too_large", fmt.Sprintf("原项目太大：一次最多复制 %d 项", maxCopied), fmt.Sprintf("the programme is too large: at most %d things are copied at once", maxCopied))
}

// omission is something that is not copied.
type omission struct {
	workflow, field string
	why             workflow.Text
}

// item is one thing to be made in the new programme.
type item struct {
	old *workflow.Instance
	req engine.Request
}

// send carries commands out together, and notes for each what came of it. What is no answer of the rules ends the copying.
func (c *copier) send(ctx context.Context, items []item, done func(*workflow.Instance, engine.Result)) error {
	if c.sent += len(items); c.sent > maxCopied {
		return tooMuchToCopy()
	}
	reqs := make([]engine.Request, len(items))
	for n := range items {
		c.s.sign(ctx, &items[n].req)
		reqs[n] = items[n].req
	}
	for n, o := range c.s.Engine.DoAll(ctx, reqs) {
		old := items[n].old
		var refusal *workflow.Refusal
		kind := fault.KindOf(o.Err)
		switch {
		case o.Err == nil:
			c.copied[old.Workflow]++
			done(old, o.Result)
		case errors.As(o.Err, &refusal), kind == fault.Refused, kind == fault.Invalid, kind == fault.NotFound:
			c.refused = append(c.refused, CopyRefusal{Source: old.ID, Problem: c.s.problemOf(ctx, o.Err)})
		default:
			return o.Err
		}
	}
	return nil
}

// makeActivities fills in the activities that the new programme began with, and makes the others.
func (c *copier) makeActivities(ctx context.Context) error {
	def := c.to.Definition(c.old.Workflow)
	begun, err := c.begun(ctx, def)
	if err != nil {
		return err
	}
	var items []item
	for _, a := range c.olds {
		slot := def.Slot(a.Slot)
		if slot == nil || slot.Workflow != a.Workflow {
			c.left[omission{a.Workflow, "", leftUnknown.text()}]++
			continue
		}
		values := c.plan(a, nil)
		if id := begun[a.Slot+"\x00"+a.Key]; id != "" {
			c.activity[a.ID] = id
			if len(values) == 0 {
				c.copied[a.Workflow]++
				continue
			}
			items = append(items, item{a, c.request(a.ID, workflow.Command{Kind: workflow.KindEdit, Root: c.programme, Target: id}, values)})
			continue
		}
		items = append(items, item{a, c.request(a.ID, workflow.Command{
			Kind: workflow.KindCreate, Root: c.programme, Target: c.programme, Workflow: a.Workflow, Slot: a.Slot, Key: a.Key,
		}, values)})
	}
	return c.send(ctx, items, func(a *workflow.Instance, res engine.Result) { c.activity[a.ID] = res.Instance })
}

// begun are the activities that a programme is made with, by slot and key. Which those are is told by their keys: a copying that goes
// on where another stopped must not take for one of them what that one made.
func (c *copier) begun(ctx context.Context, def *workflow.Definition) (map[string]string, error) {
	var keys []workflow.Key
	var slots []string
	for _, slot := range def.Slots {
		for n := range slot.Min {
			key := slot.Name
			if n > 0 {
				key = fmt.Sprintf("%s-%d", slot.Name, n+1)
			}
			keys = append(keys, workflow.Key{Kind: workflow.KeyByKey, A: c.programme, B: slot.Workflow, C: key})
			slots = append(slots, slot.Name)
		}
	}
	answers, err := c.s.Store.Load(ctx, c.community, keys)
	if err != nil {
		return nil, err
	}
	out := map[string]string{}
	for n, a := range answers {
		for _, i := range a.Instances {
			out[slots[n]+"\x00"+keys[n].C] = i.ID
		}
	}
	return out, nil
}

// makeSessions copies when and where the activities meet.
func (c *copier) makeSessions(ctx context.Context) error {
	var items []item
	for _, a := range c.olds {
		under := c.activity[a.ID]
		if under == "" || !c.takes(a, workflowSession) {
			continue
		}
		rows, err := c.children(ctx, a.ID, workflowSession)
		if err != nil {
			return err
		}
		for _, i := range rows {
			items = append(items, item{i, c.request(i.ID, workflow.Command{
				Kind: workflow.KindCreate, Root: c.programme, Target: under, Workflow: workflowSession, Key: i.Key,
			}, c.plan(i, nil))})
		}
	}
	return c.send(ctx, items, func(*workflow.Instance, engine.Result) {})
}

// takes reports whether an activity may have items of a workflow, both in the old and in the new programme.
func (c *copier) takes(a *workflow.Instance, of string) bool {
	for _, b := range []*workflow.Bundle{c.from, c.to} {
		d := b.Definition(a.Workflow)
		if d == nil || b.Definition(of) == nil || !slices.Contains(d.Items, of) {
			return false
		}
	}
	return true
}

// The workflows of items that are copied.
const (
	workflowSession    = "session"
	workflowMembership = "membership"
)

// inviteAgain are the states of a membership whose person is asked again: whoever declined, left or was ended is left in peace.
func inviteAgain() []string {
	return []string{"invited", "applied", "waitlisted", "accepted", "confirmed", "no_response"}
}

// membershipPlan are the fields of a membership that go into an invitation. That somebody knows the risks or has a guardian's consent
// is asked anew.
func membershipPlan() []string {
	return []string{"group", "role", "organisation", "societies", "labels"}
}

// invitePeople invites those again who were in the team, if they still can be.
func (c *copier) invitePeople(ctx context.Context) error {
	var items []item
	for _, a := range c.olds {
		under := c.activity[a.ID]
		if under == "" || !c.takes(a, workflowMembership) {
			continue
		}
		rows, err := c.children(ctx, a.ID, workflowMembership)
		if err != nil {
			return err
		}
		reachable, err := c.reachable(ctx, rows)
		if err != nil {
			return err
		}
		for _, i := range rows {
			person := text(i, "person")
			switch {
			case !slices.Contains(inviteAgain(), i.State):
				c.leave(workflowMembership, "婉拒、退出或已终止的人不再邀请", "who declined, left or was ended is not invited again")
			case !reachable[person]:
				c.leave(workflowMembership, "此人已不在册，或已撤回、拒绝资料登记的同意", "the person is not active any more, or withdrew or refused consent to be recorded")
			default:
				values := c.plan(i, membershipPlan())
				values["person"] = person
				items = append(items, item{i, c.request(i.ID, workflow.Command{
					Kind: workflow.KindCreate, Root: c.programme, Target: under, Workflow: workflowMembership, Key: person,
				}, values)})
			}
		}
	}
	return c.send(ctx, items, func(*workflow.Instance, engine.Result) {})
}

func (c *copier) leave(of, zh, en string) { c.left[omission{of, "", workflow.Text{ZH: zh, EN: en}}]++ }

// reachable are the people of memberships who are active and have not withdrawn or refused consent to be recorded.
func (c *copier) reachable(ctx context.Context, rows []*workflow.Instance) (map[string]bool, error) {
	var keys []workflow.Key
	for _, i := range rows {
		person := text(i, "person")
		keys = append(keys, workflow.Key{Kind: workflow.KeyInstance, A: person}, workflow.Key{Kind: workflow.KeyByKey, A: person, B: workflowConsent, C: "record"})
	}
	answers, err := c.s.Store.Load(ctx, c.community, keys)
	if err != nil {
		return nil, err
	}
	out := map[string]bool{}
	for n := 0; n+1 < len(answers); n += 2 {
		ok := false
		for _, p := range answers[n].Instances {
			ok = p.State == "active"
		}
		for _, consent := range answers[n+1].Instances {
			ok = ok && consent.State != "withdrawn" && consent.State != "refused"
		}
		out[keys[n].A] = ok
	}
	return out, nil
}
