package workflow

import (
	"errors"
	"testing"
	"time"
)

const onlyProgramme = `
language: 1
workflow: fair
level: programme
title: {zh: 集市, en: Fair}
subject: host
fields:
  host: {type: person, title: {zh: 主办, en: Host}}
items: [person]
initial: planned
states:
  planned: {title: {zh: 已计划, en: Planned}}
  held: {title: {zh: 已举办, en: Held}, final: true}
events:
  hold: {title: {zh: 举办, en: Hold}, from: [planned], to: held, by: [lead, worker]}
  sign: {title: {zh: 签批, en: Sign}, from: [planned], to: held, by: [approver]}
  withdraw: {title: {zh: 退出, en: Withdraw}, from: [planned], to: held, by: [self]}
`

const onlyPerson = `
language: 1
workflow: person
level: item
title: {zh: 人, en: Person}
initial: known
states: {known: {title: {zh: 已登记, en: Known}, final: true}}
`

// A token that is limited to some of a person's roles must not decide with the others, whichever way the command is put.
func TestATokenNarrowsTheRolesOfItsHolder(t *testing.T) {
	const typist, approver = "wu", "lin"
	behalf := &OnBehalf{Person: approver, Via: "paper", Evidence: "批复 1 号"}
	for _, tt := range []struct {
		name    string
		event   string
		only    []string
		behalf  *OnBehalf
		refused bool
	}{
		{"every role of the person without a limit", "hold", nil, nil, false},
		{"a role within the limit", "hold", []string{"auditor", "worker"}, nil, false},
		{"a role outside the limit", "hold", []string{"auditor"}, nil, true},
		{"a limit to nothing", "hold", []string{}, nil, true},
		{"a limit gives no role that is not granted", "sign", []string{"approver"}, nil, true},
		{"the roles of somebody else stay", "sign", []string{"worker"}, behalf, false},
		{"the typist's own roles are narrowed when recording for somebody else", "sign", []string{"auditor"}, behalf, true},
		{"somebody who records for himself stays narrowed", "hold", []string{"auditor"}, &OnBehalf{Person: typist, Via: "paper"}, true},
		{"the person concerned needs no role", "withdraw", []string{}, nil, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			env := onlyEnv(t)
			grants(env.Snap, typist, "worker", "auditor")
			grants(env.Snap, approver, "approver")
			out, err := Apply(env, Command{
				ID: "c", Community: "town", Root: "p", Target: "p", Kind: KindFire, Event: tt.event,
				Actor: Actor{Person: typist}, OnBehalf: tt.behalf, Only: tt.only,
			})
			var refusal *Refusal
			if tt.refused {
				if !errors.As(err, &refusal) || !refusal.Has(ReasonRole) {
					t.Fatalf("got %v, want a refusal for want of a role", err)
				}
				return
			}
			if err != nil || len(out.Missing) > 0 {
				t.Fatalf("got %v, missing %v; want it carried out", err, out)
			}
		})
	}
}

func onlyEnv(t testing.TB) Env {
	t.Helper()
	b, problems := Load(map[string][]byte{"fair.yaml": []byte(onlyProgramme), "person.yaml": []byte(onlyPerson)})
	if problems != nil {
		t.Fatal(problems)
	}
	snap := NewSnapshot()
	fair := &Instance{ID: "p", Community: "town", Root: "p", Workflow: "fair", State: "planned", Version: 1, Touched: 1, Body: Body{Data: Values{"host": "wu"}}}
	snap.Put(Key{Kind: KeyInstance, A: "p"}, Answer{Instances: []*Instance{fair}})
	snap.Put(Key{Kind: KeyInstance, A: "town"}, Answer{})
	snap.Put(Key{Kind: KeySlot, A: "p"}, Answer{})
	return Env{Bundle: b, Snap: snap, Now: time.Date(2023, 6, 14, 1, 0, 0, 0, time.UTC), Zone: shanghai(t), Seq: map[string]int64{"p": 1}}
}

// grants loads what roles a person was given in the whole community.
func grants(snap *Snapshot, person string, roles ...string) {
	var rows []*Instance
	for _, role := range roles {
		key := person + "/" + role + "/town"
		rows = append(rows, &Instance{ID: key, Community: "town", Root: "town", Parent: "town", Workflow: workflowGrant, Key: key, State: "active"})
	}
	snap.Put(Key{KeyPrefix, "town", workflowGrant, person + "/"}, Answer{Instances: rows})
}
