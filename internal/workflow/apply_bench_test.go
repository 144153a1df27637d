package workflow

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"
)

const benchProgramme = `
language: 1
workflow: plan
level: programme
title: {zh: 计划, en: Plan}
fields:
  code: {type: text, required: true, title: {zh: 编号, en: Code}}
aggregates:
  given: {sum: item.data.amount, of: errand, title: {zh: 金额, en: Amount}}
slots:
  one:   {workflow: errand, min: 1, max: 1, title: {zh: 一, en: One}}
  two:   {workflow: errand, min: 1, max: 1, title: {zh: 二, en: Two}}
  three: {workflow: errand, min: 1, max: 1, title: {zh: 三, en: Three}}
  four:  {workflow: errand, min: 1, max: 1, title: {zh: 四, en: Four}}
  five:  {workflow: errand, min: 1, max: 1, title: {zh: 五, en: Five}}
needs:
  after_one: {event: three.finish, on: one, milestone: done, which: all}
  after_two: {event: three.finish, on: two, milestone: done, which: all}
initial: running
states:
  running: {title: {zh: 进行中, en: Running}}
  closed:  {title: {zh: 已结束, en: Closed}, final: true}
events:
  close: {title: {zh: 结束, en: Close}, from: [running], to: closed, by: [lead]}
`

const benchErrand = `
language: 1
workflow: errand
level: activity
title: {zh: 事项, en: Errand}
fields:
  purpose: {type: text, title: {zh: 用途, en: Purpose}}
  due:     {type: date, title: {zh: 期限, en: Due}}
  amount:  {type: money, default: 0, title: {zh: 金额, en: Amount}}
initial: draft
states:
  draft: {title: {zh: 起草, en: Draft}, waits_for: worker}
  open:  {title: {zh: 进行中, en: Open}, waits_for: lead}
  done:  {title: {zh: 已完成, en: Done}, milestone: true}
  filed: {title: {zh: 已归档, en: Filed}, final: true}
events:
  start: {title: {zh: 开始, en: Start}, from: [draft], to: open, by: [worker, lead]}
  finish:
    title: {zh: 完成, en: Finish}
    from: [open]
    to: done
    by: [worker, lead]
    reason: true
    input: {amount: {required: true}}
    require:
      running: {that: "root.state == 'running'", hard: true, else: {zh: 计划尚未启动, en: The plan is not running}}
      purpose: {that: "data.purpose.hasValue() && input.amount >= 0", else: {zh: 请写明用途, en: State the purpose}}
  file: {title: {zh: 归档, en: File}, from: [done], to: filed, by: [lead]}
`

// BenchmarkStaffEvent decides the commonest command: a programme of five activities, an event with needs on two others, a role, two
// guards, an input that is kept, and a reason.
func BenchmarkStaffEvent(b *testing.B) {
	env, cmd := staffEvent(b)
	b.Run("decide", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if out, err := Apply(env, cmd); err != nil || len(out.Entries) != 1 {
				b.Fatal(err)
			}
		}
	})
	out, err := Apply(env, cmd)
	if err != nil {
		b.Fatal(err)
	}
	var room []byte
	b.Run("encode the entry", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if room, err = out.Entries[0].AppendJSON(room[:0]); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("encode the row", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if room, err = out.Rows[0].Instance.Body.AppendJSON(room[:0]); err != nil {
				b.Fatal(err)
			}
		}
	})
	body, err := json.Marshal(&out.Rows[0].Instance.Body)
	if err != nil {
		b.Fatal(err)
	}
	b.Run("decode the row", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			var back Body
			if err := json.Unmarshal(body, &back); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// staffEvent is a command with all that it needs already loaded.
func staffEvent(t testing.TB) (Env, Command) {
	t.Helper()
	bundle, problems := Load(map[string][]byte{"plan.yaml": []byte(benchProgramme), "errand.yaml": []byte(benchErrand)})
	if problems != nil {
		t.Fatal(problems)
	}
	now := time.Date(2023, 6, 14, 1, 0, 0, 0, time.UTC)
	snap := NewSnapshot()
	row := func(i Instance) *Instance {
		i.Community, i.Root, i.Version, i.Touched = "town", "p", 3, 3
		i.Body.Entered = now.Add(-time.Hour)
		return &i
	}
	plan := row(Instance{ID: "p", Workflow: "plan", Key: "P1", State: "running", Body: Body{Data: Values{"code": "P1"}}})
	snap.Put(Key{Kind: KeyInstance, A: "p"}, Answer{Instances: []*Instance{plan}})
	var slots []*Instance
	for n, slot := range []string{"one", "two", "three", "four", "five"} {
		body := Body{Data: Values{"purpose": "物资", "due": "2023-06-30"}, By: map[string]string{"create": "wu", "start": "wu"}}
		state := "open"
		if n < 2 {
			state = "done"
			body.Milestones = map[string]Milestone{"done": {Occurred: OccurredAt(now.Add(-time.Hour)), Seq: 3}}
		}
		slots = append(slots, row(Instance{ID: fmt.Sprint("a", n), Parent: "p", Workflow: "errand", Slot: slot, Key: slot, State: state, Body: body}))
	}
	snap.Put(Key{Kind: KeySlot, A: "p"}, Answer{Instances: slots})
	snap.Put(Key{Kind: KeyInstance, A: "town"}, Answer{})
	grants(snap, "wu", "worker", "finance")
	cmd := Command{
		ID: "018b2f6e-0000-7000-8000-000000000000", Community: "town", Root: "p", Target: "a2", Kind: KindFire, Event: "finish",
		Input: Values{"amount": int64(12000)}, Actor: Actor{Person: "wu"}, Occurred: OccurredAt(now), Reason: "按期完成",
	}
	return Env{Bundle: bundle, Snap: snap, Now: now, Zone: shanghai(t), Seq: map[string]int64{"p": 3}}, cmd
}
