package workflow

import (
	"maps"
	"slices"
)

// share is what an instance adds to one aggregate of its parent, or of the instance that one of its reference fields names; the zero
// value if it adds nothing.
func (x *tx) share(f Feed, i *Instance) (target string, s Share, err error) {
	if i == nil {
		return "", Share{}, nil
	}
	target = i.Parent
	if f.Aggregate.Via != "" {
		target, _ = i.Body.Data[f.Aggregate.Via].(string)
	}
	if target == "" {
		return "", Share{}, nil
	}
	t, err := x.get(target)
	if err != nil {
		return "", Share{}, err
	}
	if t == nil || t.Workflow != f.Owner.Name || t.Root != i.Root {
		return "", Share{}, nil
	}
	s, ok, err := Contribution(f.Aggregate, i, x)
	if err != nil {
		return "", Share{}, x.broken(f.Owner, "aggregate "+f.Aggregate.Name, err)
	}
	if !ok {
		return "", Share{}, nil
	}
	return target, s, nil
}

// Share is what one item adds to one aggregate.
type Share struct {
	N      int64
	Values []string
}

// Contribution computes one item's share of an aggregate and whether it has one at all. The audit recounts with it.
func Contribution(a *Aggregate, item *Instance, r Resolver) (Share, bool, error) {
	if !a.countsIn(item) {
		return Share{}, false, nil
	}
	if a.Kind == AggregateCount && a.Where == nil {
		return Share{N: 1}, true, nil
	}
	s := &Scope{Resolver: r, Item: item}
	if a.Where != nil {
		ok, err := a.Where.Bool(s)
		if err != nil || !ok {
			return Share{}, false, err
		}
	}
	switch a.Kind {
	case AggregateCount:
		return Share{N: 1}, true, nil
	case AggregateSum:
		v, err := a.Value.Value(s)
		n, _ := v.(int64)
		return Share{N: n}, err == nil, err
	default:
		v, err := a.Value.Value(s)
		if err != nil {
			return Share{}, false, err
		}
		switch v := v.(type) {
		case string:
			return Share{Values: []string{v}}, v != "", nil
		case []string:
			return Share{Values: v}, len(v) > 0, nil
		default:
			return Share{}, false, nil
		}
	}
}

// countsIn reports whether an item counts in the state in which it is.
func (a *Aggregate) countsIn(item *Instance) bool {
	if len(a.In) > 0 {
		return slices.Contains(a.In, item.State)
	}
	return !item.Dead()
}

// moved reports whether an item's share may have changed. An aggregate sees nothing but the item, and only what its expressions
// read of it, so that most changes of an item can be told to leave most aggregates as they are.
func (a *Aggregate) moved(before, after *Instance) bool {
	if before == nil || after == nil {
		return true
	}
	was, is := a.countsIn(before), a.countsIn(after)
	if was != is || !was {
		return was != is
	}
	return a.Via != "" && !Equal(before.Body.Data[a.Via], after.Body.Data[a.Via]) ||
		a.Where.moved(before, after) || a.Value.moved(before, after)
}

// movement is by how much one aggregate of one instance moves.
type movement struct {
	target string
	name   string
	n      int64
	values map[string]int64 // of a distinct aggregate: by how many items more or fewer hold a value
}

// move carries what an item adds after a change (nil: it is gone), less what it added before (nil: it was not there), into the
// aggregates. What is not loaded is asked for in one round.
func (x *tx) move(feeds []Feed, before, after *Instance) error {
	var moves []movement
	for _, f := range feeds {
		if !f.Aggregate.moved(before, after) {
			continue
		}
		for _, side := range [2]struct {
			item *Instance
			sign int64
		}{{before, -1}, {after, 1}} {
			target, s, err := x.share(f, side.item)
			if err != nil {
				return err
			}
			if target != "" {
				moves = note(moves, target, f.Aggregate, s, side.sign)
			}
		}
	}
	if err := x.count(moves); err != nil {
		return err
	}
	for n := 0; n < len(moves); {
		end := n + 1
		for end < len(moves) && moves[end].target == moves[n].target {
			end++
		}
		if err := x.shift(moves[n:end]); err != nil {
			return err
		}
		n = end
	}
	return nil
}

// note adds a share to the movements.
func note(moves []movement, target string, a *Aggregate, s Share, sign int64) []movement {
	at := slices.IndexFunc(moves, func(m movement) bool { return m.target == target && m.name == a.Name })
	if at < 0 {
		at = len(moves)
		moves = append(moves, movement{target: target, name: a.Name})
	}
	m := &moves[at]
	m.n += sign * s.N
	if a.Kind == AggregateDistinct && m.values == nil {
		m.values = map[string]int64{}
	}
	for _, v := range s.Values {
		m.values[v] += sign
	}
	return moves
}

// count turns movements of distinct aggregates into by how much the number of different values moves.
func (x *tx) count(moves []movement) error {
	for _, m := range moves {
		for _, v := range sortedKeys(m.values) {
			if key := (Key{KeyDistinct, m.target, m.name, v}); m.values[v] != 0 && !x.counted(key) {
				_ = x.want(key)
			}
		}
	}
	if len(x.missing) > 0 {
		return errMissing
	}
	for n := range moves {
		m := &moves[n]
		for _, v := range sortedKeys(m.values) {
			d, err := x.countValue(Key{KeyDistinct, m.target, m.name, v}, m.values[v])
			if err != nil {
				return err
			}
			m.n += d
		}
	}
	return nil
}

// shift moves the aggregates of one instance.
func (x *tx) shift(moves []movement) error {
	// Even where only the items per value moved, the row is noted, so that the history tells of it.
	moves = slices.DeleteFunc(moves, func(m movement) bool { return m.n == 0 && !m.anyValue() })
	if len(moves) == 0 {
		return nil
	}
	for _, m := range moves {
		if err := x.checkSum(m.target, m.name, m.n); err != nil {
			return err
		}
	}
	return x.modify(moves[0].target, false, func(i *Instance) {
		aggregates := make(map[string]int64, len(i.Body.Aggregates)+len(moves))
		maps.Copy(aggregates, i.Body.Aggregates)
		for _, m := range moves {
			aggregates[m.name] += m.n
		}
		i.Body.Aggregates = aggregates
	})
}

func (m movement) anyValue() bool {
	for _, d := range m.values {
		if d != 0 {
			return true
		}
	}
	return false
}

// maxSum bounds every aggregate, so that no figure ever wraps.
const maxSum = 1_000 * maxNumber

func (x *tx) checkSum(target, aggregate string, delta int64) error {
	i, err := x.get(target)
	if err != nil || i == nil {
		return err
	}
	if n := i.Body.Aggregates[aggregate]; delta > maxSum-n || delta < -maxSum-n {
		x.refuse(limitReason(aggregate, maxSum))
		return errRefused
	}
	return nil
}

// counted reports whether it is known how many items hold a value.
func (x *tx) counted(k Key) bool {
	_, ok := x.distinct[k]
	return ok || x.Snap.Has(k)
}

// countValue moves how many items hold a value by d and returns by how much the number of different values moved.
func (x *tx) countValue(k Key, d int64) (int64, error) {
	if d == 0 {
		return 0, nil
	}
	n, ok := x.distinct[k]
	if !ok {
		if !x.Snap.Has(k) {
			return 0, x.want(k)
		}
		have := x.Snap.distinct[k]
		n = [2]int64{have, have}
	}
	was := n[1]
	n[1] += d
	if x.distinct == nil {
		x.distinct = map[Key][2]int64{}
	}
	x.distinct[k] = n
	switch {
	case was == 0 && n[1] > 0:
		return 1, nil
	case was > 0 && n[1] == 0:
		return -1, nil
	default:
		return 0, nil
	}
}

// The Resolver of guards and effects.

// Instance returns an instance by id, or nil.
func (x *tx) Instance(id string) (*Instance, error) { return x.get(id) }

// Participation returns the data of a person's row in this programme, or nil.
func (x *tx) Participation(person string) (Values, error) {
	i, err := x.byKey(x.cmd.Root, workflowParticipation, person)
	if err != nil || i == nil {
		return nil, err
	}
	return i.Body.Data, nil
}

// Consent returns the state of a subject's consent of that kind, or "none".
func (x *tx) Consent(subject, kind string) (string, error) {
	i, err := x.byKey(subject, workflowConsent, kind)
	if err != nil {
		return "", err
	}
	if i == nil {
		x.absent = x.absent || x.cmd.Root != x.cmd.Community
		return "none", nil
	}
	return i.State, nil
}

// Distinct returns the values of a distinct aggregate, sorted.
func (x *tx) Distinct(instance, aggregate string) ([]string, error) {
	all := Key{KeyDistinct, instance, aggregate, ""}
	if !x.Snap.Has(all) {
		return nil, x.want(all)
	}
	n := map[string]int64{}
	for k, v := range x.Snap.distinct {
		if k.A == instance && k.B == aggregate {
			n[k.C] = v
		}
	}
	for k, v := range x.distinct {
		if k.A == instance && k.B == aggregate {
			n[k.C] = v[1]
		}
	}
	out := make([]string, 0, len(n))
	for v, c := range n {
		if c > 0 {
			out = append(out, v)
		}
	}
	slices.Sort(out)
	return out, nil
}

// The workflows that the engine itself relies on.
const (
	workflowParticipation = "participation"
	workflowConsent       = "consent"
	workflowGrant         = "grant"
	workflowRegistered    = "registered_programme"
)

func sortedKeys[V any](m map[string]V) []string {
	out := make([]string, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}
