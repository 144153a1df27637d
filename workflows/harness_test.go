package workflows_test

import (
	"crypto/rand"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/linli/linli/internal/engine"
	"github.com/linli/linli/internal/enginetest"
	"github.com/linli/linli/internal/seal"
	"github.com/linli/linli/internal/store"
	"github.com/linli/linli/internal/workflow"
)

// office is a community that runs the built-in definitions, with a programme that is under way.
type office struct {
	enginetest.World
	t     *testing.T
	clock *enginetest.Clock
	store *store.Store
	root  string
}

// unrecorded is 未记录 with a reason.
var unrecorded = map[string]any{"unrecorded": "原文未写明"}

func newOffice(t *testing.T) *office {
	t.Helper()
	dir := t.TempDir()
	clock := enginetest.NewClock()
	s, err := store.Open(t.Context(), store.Config{Dir: dir, Now: clock.Now})
	if err != nil {
		t.Fatal(err)
	}
	keys, err := seal.Open(t.Context(), seal.Config{Path: filepath.Join(dir, seal.KeyFile), MayCreate: true, Random: rand.Reader}, s)
	if err != nil {
		t.Fatal(err)
	}
	e := engine.New(engine.Config{Store: s, Keys: keys, Now: clock.Now})
	t.Cleanup(func() {
		e.Close()
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	b := bundle(t)
	if err := e.AddBundle(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	o := &office{World: enginetest.World{Engine: e, Community: "c1", People: map[string]string{}}, t: t, clock: clock, store: s}
	o.Must(t, engine.Request{
		Command: workflow.Command{ID: "c1", Root: "c1", Kind: workflow.KindCreate, Workflow: "community", Actor: workflow.Actor{System: true}},
		Values:  map[string]any{"name": "樟溪社区", "bundle": b.Hash},
	})
	for _, role := range []string{"lead", "worker", "finance", "approver", "admin", "block"} {
		o.People[role] = o.person(role, map[string]any{"staff": true, "checked": true, "paid": true})
		o.Grant(t, o.People[role], role)
	}
	o.root = o.Must(t, o.Create("lead", "", "", "neighbourhood", "", "", map[string]any{
		"title": "左邻右舍创家园", "code": "ZX-2023-01", "sponsor": "街道", "implementer": "社区党委",
	})).Root
	o.fire("approver", o.root, "approve", map[string]any{"budget": unrecorded})
	o.fire("lead", o.root, "start", nil)
	return o
}

// with is the same office in a subtest.
func (o *office) with(t *testing.T) *office {
	sub := *o
	sub.t = t
	return &sub
}

// person registers somebody.
func (o *office) person(name string, values map[string]any) string {
	o.t.Helper()
	v := map[string]any{"name": name}
	for k, x := range values {
		v[k] = x
	}
	return o.register("person", v)
}

// register creates an entry of the registry.
func (o *office) register(of string, values map[string]any) string {
	o.t.Helper()
	return o.Must(o.t, engine.Request{
		Command: workflow.Command{Root: o.Community, Target: o.Community, Kind: workflow.KindCreate, Workflow: of, Actor: workflow.Actor{System: true}},
		Values:  values,
	}).Instance
}

// inRegistry fires an event of a registry entry.
func (o *office) inRegistry(target, event string, values map[string]any) {
	o.t.Helper()
	r := o.Fire("lead", o.Community, target, event, values)
	r.Reason = "登记"
	o.Must(o.t, r)
}

// fire fires an event that must be accepted; a reason goes with every one.
func (o *office) fire(role, target, event string, values map[string]any) engine.Result {
	o.t.Helper()
	return o.Must(o.t, o.request(role, target, event, values))
}

func (o *office) request(role, target, event string, values map[string]any) engine.Request {
	r := o.Fire(role, o.root, target, event, values)
	r.Reason = "测试"
	return r
}

// refused fires an event that must be refused for the named guard or need, and returns that reason.
func (o *office) refused(role, target, event, name string, values map[string]any) workflow.Text {
	o.t.Helper()
	return o.reason(o.Refused(o.t, o.request(role, target, event, values)), name)
}

func (o *office) reason(ref *workflow.Refusal, name string) workflow.Text {
	o.t.Helper()
	for _, r := range ref.Reasons {
		if r.Name == name {
			return r.Text
		}
	}
	o.t.Fatalf("no reason %s among %v", name, ref)
	return workflow.Text{}
}

// item creates something under a parent of the programme.
func (o *office) item(role, parent, of, key string, values map[string]any) string {
	o.t.Helper()
	return o.Must(o.t, o.Create(role, o.root, parent, of, "", key, values)).Instance
}

// activity creates an activity in a slot.
func (o *office) activity(slot, of, key string, values map[string]any) string {
	o.t.Helper()
	return o.Must(o.t, o.Create("lead", o.root, o.root, of, slot, key, values)).Instance
}

// slot returns the one activity that a slot was created with.
func (o *office) slot(name string) string {
	o.t.Helper()
	answers, err := o.store.Load(o.t.Context(), o.Community, []workflow.Key{{Kind: workflow.KeySlot, A: o.root}})
	if err != nil {
		o.t.Fatal(err)
	}
	for _, i := range answers[0].Instances {
		if i.Slot == name {
			return i.ID
		}
	}
	o.t.Fatalf("no activity in slot %s", name)
	return ""
}

// children returns the instances of a workflow under a parent.
func (o *office) children(parent, of string) []*workflow.Instance {
	o.t.Helper()
	answers, err := o.store.Load(o.t.Context(), o.Community, []workflow.Key{{Kind: workflow.KeyChildren, A: parent, B: of}})
	if err != nil {
		o.t.Fatal(err)
	}
	return answers[0].Instances
}

// get reads one instance.
func (o *office) get(id string) *workflow.Instance {
	o.t.Helper()
	answers, err := o.store.Load(o.t.Context(), o.Community, []workflow.Key{{Kind: workflow.KeyInstance, A: id}})
	if err != nil {
		o.t.Fatal(err)
	}
	return answers[0].Instances[0]
}

// in checks the state of an instance.
func (o *office) in(id, state string) {
	o.t.Helper()
	if got := o.get(id).State; got != state {
		o.t.Errorf("%s is %s, want %s", o.get(id).Workflow, got, state)
	}
}

// backfill takes an activity along the path to a state.
func (o *office) backfill(target, state string, values map[string]any) engine.Request {
	return engine.Request{
		Command: workflow.Command{
			Root: o.root, Target: target, Kind: workflow.KindBackfill, State: state, Reason: "补录",
			Actor: workflow.Actor{Person: o.People["lead"]},
		},
		Values: values,
	}
}

// engineOp is one of the engine's own operations.
func (o *office) engineOp(role string, kind workflow.Kind, target string) engine.Request {
	return engine.Request{Command: workflow.Command{
		Root: o.root, Target: target, Kind: kind, Reason: "测试", Actor: workflow.Actor{Person: o.People[role]},
	}}
}

// team registers people and confirms them, members of all five societies.
func (o *office) team(n int) []string {
	o.t.Helper()
	recruit := o.slot("recruit")
	societies := []string{"community", "social_organisation", "social_worker", "volunteer", "charity_resource"}
	people := make([]string, n)
	for i := range people {
		people[i] = o.person(fmt.Sprintf("队员%d", i+1), nil)
		m := o.item("worker", recruit, "membership", people[i], map[string]any{"person": people[i], "societies": []string{societies[i%5]}})
		o.fire("worker", m, "confirm", map[string]any{"risk_ack": "签名表"})
	}
	staff := o.item("worker", recruit, "membership", o.People["worker"], map[string]any{"person": o.People["worker"], "societies": []string{"social_worker"}})
	o.fire("worker", staff, "confirm", map[string]any{"risk_ack": "签名表"})
	return people
}

// formed takes the recruiting to its end.
func (o *office) formed(people []string) {
	o.t.Helper()
	recruit := o.slot("recruit")
	o.fire("worker", recruit, "publish", map[string]any{"target": len(people), "deadline": "2023-06-05", "risk_text": "注意安全"})
	o.fire("worker", recruit, "close_intake", nil)
	o.fire("lead", recruit, "form", map[string]any{"leader": people[0]})
}

// trained holds the training with these people and signs it off.
func (o *office) trained(people []string) {
	o.t.Helper()
	train := o.slot("train")
	o.schedule(train)
	s := o.item("worker", train, "session", "", map[string]any{"when": "2023-06-01/morning", "kind": "training"})
	o.fire("worker", s, "invite_team", map[string]any{"people": people})
	o.fire("worker", train, "start", nil)
	o.fire("worker", s, "all_present", nil)
	o.fire("worker", train, "finish", map[string]any{"minutes": 90})
	o.fire("lead", train, "sign_off", nil)
}

func (o *office) schedule(train string) {
	o.t.Helper()
	o.fire("worker", train, "schedule", map[string]any{
		"when": "2023-06-01/morning", "place": "党群服务中心", "trainer": "社工主任",
		"topics": []string{"self_introduction", "purpose", "interview", "photography", "recording"},
	})
}

// at moves the clock to a time in the community's zone.
func (o *office) at(local string) {
	o.t.Helper()
	zone, err := time.LoadLocation("Asia/Shanghai")
	if err != nil {
		o.t.Fatal(err)
	}
	to, err := time.ParseInLocation("2006-01-02 15:04", local, zone)
	if err != nil {
		o.t.Fatal(err)
	}
	o.clock.Add(to.Sub(o.clock.Now()))
}

// says checks that a reason holds all of these in Chinese and exists in English.
func says(t *testing.T, got workflow.Text, want ...string) {
	t.Helper()
	for _, w := range want {
		if !strings.Contains(got.ZH, w) {
			t.Errorf("%q does not say %q", got.ZH, w)
		}
	}
	if got.EN == "" {
		t.Errorf("%q has no English", got.ZH)
	}
}
