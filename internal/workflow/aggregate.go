package workflow

import "slices"

// contribution is what one item adds to one aggregate of one instance.
type contribution struct {
	target    string
	aggregate string
	n         int64    // count and sum
	values    []string // distinct
	distinct  bool
}

// contributions computes what an instance adds to the aggregates of its parent and of those its reference fields name.
func (x *tx) contributions(i *Instance) ([]contribution, error) {
	var out []contribution
	for _, f := range x.Bundle.Feeds(i.Workflow) {
		target := i.Parent
		if f.Aggregate.Via != "" {
			target, _ = i.Body.Data[f.Aggregate.Via].(string)
		}
		if target == "" {
			continue
		}
		t, err := x.get(target)
		if err != nil {
			return nil, err
		}
		if t == nil || t.Workflow != f.Owner.Name || t.Root != i.Root {
			continue
		}
		c, ok, err := Contribution(f.Aggregate, i, x)
		if err != nil {
			return nil, x.broken(f.Owner, "aggregate "+f.Aggregate.Name, err)
		}
		if ok {
			out = append(out, contribution{target, f.Aggregate.Name, c.N, c.Values, f.Aggregate.Kind == AggregateDistinct})
		}
	}
	return out, nil
}

// Share is what one item adds to one aggregate.
type Share struct {
	N      int64
	Values []string
}

// Contribution computes one item's share of an aggregate and whether it has one at all. The audit recounts with it.
func Contribution(a *Aggregate, item *Instance, r Resolver) (Share, bool, error) {
	if len(a.In) > 0 {
		if !slices.Contains(a.In, item.State) {
			return Share{}, false, nil
		}
	} else if item.Dead() {
		return Share{}, false, nil
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

// move carries the difference of two sets of contributions into the aggregates.
func (x *tx) move(before, after []contribution) error {
	type sum struct{ target, aggregate string }
	deltas := map[sum]int64{}
	values := map[sum]map[string]int64{}
	var order []sum
	note := func(c contribution, sign int64) {
		k := sum{c.target, c.aggregate}
		if !slices.Contains(order, k) {
			order = append(order, k)
		}
		if !c.distinct {
			deltas[k] += sign * c.n
			return
		}
		if values[k] == nil {
			values[k] = map[string]int64{}
		}
		for _, v := range c.values {
			values[k][v] += sign
		}
	}
	for _, c := range before {
		note(c, -1)
	}
	for _, c := range after {
		note(c, 1)
	}
	for _, k := range order { // what is not loaded is asked for in one round
		for _, v := range sortedKeys(values[k]) {
			if key := (Key{KeyDistinct, k.target, k.aggregate, v}); values[k][v] != 0 && !x.counted(key) {
				_ = x.want(key)
			}
		}
	}
	if len(x.missing) > 0 {
		return errMissing
	}
	for _, k := range order {
		delta := deltas[k]
		for _, v := range sortedKeys(values[k]) {
			d, err := x.countValue(Key{KeyDistinct, k.target, k.aggregate, v}, values[k][v])
			if err != nil {
				return err
			}
			delta += d
		}
		if delta == 0 && len(values[k]) == 0 {
			continue
		}
		if err := x.checkSum(k.target, k.aggregate, delta); err != nil {
			return err
		}
		// Even where only the items per value moved, the row is noted, so that the history tells of it.
		err := x.modify(k.target, false, func(i *Instance) { i.Body.Aggregates[k.aggregate] += delta })
		if err != nil {
			return err
		}
	}
	return nil
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
