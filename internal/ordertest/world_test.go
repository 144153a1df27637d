package ordertest

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/linli/linli/internal/workflow"
)

// cast are the people of a test. Some hold one role, some several, some none.
type cast struct {
	people map[string]string   // name → id
	roles  map[string][]string // id → roles
	names  []string
}

// castRoles says who there is. The chief holds everything, as in an office of three.
func castRoles() map[string][]string {
	return map[string][]string{
		"lead": {"lead"}, "worker": {"worker"}, "second": {"worker", "finance"}, "finance": {"finance"}, "approver": {"approver"},
		"chief": {"lead", "worker", "finance", "approver", "admin", "block"}, "deputy": {"lead", "approver"}, "block": {"block"},
		"auditor": {"auditor"}, "v1": {"volunteer"}, "v2": {"volunteer"}, "v3": {}, "v4": {}, "staff": {"worker"},
	}
}

// as returns somebody who holds a role.
func (c *cast) as(d dice, role string) string {
	var who []string
	for _, n := range c.names {
		if slices.Contains(c.roles[c.people[n]], role) {
			who = append(who, c.people[n])
		}
	}
	if len(who) == 0 {
		return c.people["v3"]
	}
	return pick(d, who)
}

func (c *cast) anybody(d dice) string { return c.people[pick(d, c.names)] }

// team are those who go visiting.
func (c *cast) team() []string {
	return []string{c.people["v1"], c.people["v2"], c.people["v3"], c.people["staff"]}
}

// setUp makes the community, its people and their roles, four households, and a programme in its first state.
func (r *run) setUp(ctx context.Context, hash string) error {
	r.cast = &cast{people: map[string]string{}, roles: map[string][]string{}}
	system := workflow.Actor{System: true}
	registry := func(of, key string, in workflow.Values) workflow.Command {
		return workflow.Command{Root: community, Target: community, Kind: workflow.KindCreate, Workflow: of, Key: key, Actor: system, Input: in}
	}
	err := r.must(ctx, workflow.Command{
		Root: community, Kind: workflow.KindCreate, Workflow: "community", Actor: system,
		Input: workflow.Values{"name": "樟溪社区", "bundle": hash},
	})
	if err != nil {
		return err
	}
	for name := range castRoles() {
		r.cast.names = append(r.cast.names, name)
	}
	slices.Sort(r.cast.names)
	for _, name := range r.cast.names {
		staff := name == "staff" || name == "lead"
		if err := r.must(ctx, registry("person", "", workflow.Values{"name": name, "staff": staff, "checked": staff})); err != nil {
			return err
		}
		id := r.made("person")
		r.cast.people[name], r.cast.roles[id] = id, castRoles()[name]
		for _, role := range castRoles()[name] {
			key := strings.Join([]string{id, role, community}, "/")
			if err := r.must(ctx, registry("grant", key, workflow.Values{"person": id, "role": role, "scope": community})); err != nil {
				return err
			}
		}
	}
	r.oracle.roles = r.cast.roles
	for n := range 4 {
		kind := []string{"elder", "child"}[n%2]
		if err := r.must(ctx, registry("household", "", workflow.Values{"kind": kind, "label": fmt.Sprint("户", n)})); err != nil {
			return err
		}
		house := r.made("household")
		r.houses = append(r.houses, house)
		approve := workflow.Command{Root: community, Target: house, Kind: workflow.KindFire, Event: "approve", Actor: system}
		if err := r.must(ctx, approve); err != nil {
			return err
		}
	}
	err = r.must(ctx, workflow.Command{
		Kind: workflow.KindCreate, Workflow: "neighbourhood", Actor: workflow.Actor{Person: r.cast.people["worker"]},
		Input: workflow.Values{"title": "左邻右舍创家园", "code": "P1", "sponsor": "街道", "implementer": "社区"},
	})
	if err != nil {
		return err
	}
	r.root = r.made("neighbourhood")
	return r.look(ctx)
}

// made is the id of the youngest instance of a workflow.
func (r *run) made(of string) string {
	ids := r.oracle.all("", of)
	return ids[len(ids)-1]
}

// must carries out a command that has to be accepted.
func (r *run) must(ctx context.Context, cmd workflow.Command) error {
	ok, err := r.try(ctx, cmd)
	if err == nil && !ok {
		err = fmt.Errorf("%s %s%s was refused: %w", cmd.Kind, cmd.Event, cmd.Workflow, r.refusal)
	}
	return err
}

// today is the date in the community.
func (r *run) today() string { return r.sys.clock().In(r.zone).Format(time.DateOnly) }

// day is a date some days away.
func (r *run) day(away int) string {
	return r.sys.clock().In(r.zone).AddDate(0, 0, away).Format(time.DateOnly)
}
