package app

import (
	"fmt"
	"math"
	"net/http"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
)

// The operations on a lamp.
const (
	opRead  = "read"
	opEdit  = "edit" // sets the reading, if the version is the one that the caller knows
	opLight = "light"
	opDim   = "dim"
)

// lampAsk is what a client asks for.
type lampAsk struct {
	lamp    string
	kind    string
	reading int64 // what a command sets
	ifMatch int64 // of an edit
}

// lampReply is what it learns.
type lampReply struct {
	status int // of HTTP; 0: it never learned what came of it
	is     lampState
}

// lampState is what there is to know about a lamp. Answers to commands do not tell the reading.
type lampState struct {
	state   string
	version int64
	reading int64
}

// after is the lamp once a command was carried out on it, and whether it can be.
func (s lampState) after(a lampAsk) (lampState, bool) {
	next := lampState{s.state, s.version + 1, a.reading}
	switch a.kind {
	case opLight:
		next.state = "lit"
		return next, s.state == "dark"
	case opDim:
		next.state = "dark"
		return next, s.state == "lit"
	default:
		return next, s.version == a.ifMatch
	}
}

// step says whether an answer is right for a lamp, and what the lamp is then. A command of which nobody knows what came may have been
// carried out or not; since it never returned, it may also stand behind everything that was seen.
func (s lampState) step(a lampAsk, r lampReply) (bool, lampState) {
	next, can := s.after(a)
	switch {
	case r.status == 0 && can:
		return true, next
	case r.status == 0:
		return true, s
	case a.kind == opRead:
		return r.status == http.StatusOK && r.is == s, s
	case r.status == http.StatusOK:
		return can && r.is.state == next.state && r.is.version == next.version, next
	case a.kind == opEdit:
		return !can && r.status == http.StatusPreconditionFailed, s
	default:
		return !can && r.status == http.StatusConflict, s
	}
}

// lampModel is the model for the checker: every lamp for itself, dark and at version 1 at first.
func lampModel() porcupine.Model {
	return porcupine.Model{
		Partition: func(history []porcupine.Operation) [][]porcupine.Operation {
			by := map[string][]porcupine.Operation{}
			for _, op := range history {
				lamp := op.Input.(lampAsk).lamp
				by[lamp] = append(by[lamp], op)
			}
			var out [][]porcupine.Operation
			for _, ops := range by {
				out = append(out, ops)
			}
			return out
		},
		Init: func() any { return lampState{state: "dark", version: 1} },
		Step: func(state, input, output any) (bool, any) {
			return state.(lampState).step(input.(lampAsk), output.(lampReply))
		},
		DescribeOperation: func(input, output any) string {
			return fmt.Sprintf("%+v → %+v", input, output)
		},
	}
}

// checkLinear reports a history that no order of the operations, each between its call and its return, explains.
func checkLinear(t *testing.T, history []porcupine.Operation) {
	t.Helper()
	result, info := porcupine.CheckOperationsVerbose(lampModel(), history, time.Minute)
	if result == porcupine.Ok {
		return
	}
	t.Errorf("%s: the answers of %d operations do not fit together", result, len(history))
	for _, partials := range info.PartialLinearizationsOperations() {
		longest := 0
		for _, ops := range partials {
			longest = max(longest, len(ops))
		}
		for _, ops := range partials {
			if len(ops) == longest && longest > 0 {
				t.Logf("lamp %s: %d operations fit, up to %+v", ops[0].Input.(lampAsk).lamp, longest, ops[longest-1])
				break
			}
		}
	}
}

func TestTheModelOfALamp(t *testing.T) {
	op := func(call, ret int64, a lampAsk, r lampReply) porcupine.Operation {
		return porcupine.Operation{Input: a, Output: r, Call: call, Return: ret}
	}
	read := func(state string, version, reading int64) (lampAsk, lampReply) {
		return lampAsk{kind: opRead}, lampReply{http.StatusOK, lampState{state, version, reading}}
	}
	edit := func(ifMatch, reading int64, status int) (lampAsk, lampReply) {
		return lampAsk{kind: opEdit, reading: reading, ifMatch: ifMatch}, lampReply{status, lampState{state: "dark", version: ifMatch + 1}}
	}
	fire := func(kind string, reading int64, status int, state string, version int64) (lampAsk, lampReply) {
		return lampAsk{kind: kind, reading: reading}, lampReply{status, lampState{state: state, version: version}}
	}
	at := func(call, ret int64) func(lampAsk, lampReply) porcupine.Operation {
		return func(a lampAsk, r lampReply) porcupine.Operation { return op(call, ret, a, r) }
	}
	const never = math.MaxInt64
	for name, c := range map[string]struct {
		want    bool
		history []porcupine.Operation
	}{
		"reads follow writes":                              {true, []porcupine.Operation{at(1, 2)(edit(1, 7, 200)), at(3, 4)(read("dark", 2, 7))}},
		"a read during a write sees either":                {true, []porcupine.Operation{at(1, 9)(edit(1, 7, 200)), at(2, 3)(read("dark", 1, 0)), at(4, 5)(read("dark", 2, 7))}},
		"a read during a write sees no way back":           {false, []porcupine.Operation{at(1, 9)(edit(1, 7, 200)), at(2, 3)(read("dark", 2, 7)), at(4, 5)(read("dark", 1, 0))}},
		"a stale read":                                     {false, []porcupine.Operation{at(1, 2)(edit(1, 7, 200)), at(3, 4)(read("dark", 1, 0))}},
		"another value than was written":                   {false, []porcupine.Operation{at(1, 2)(edit(1, 7, 200)), at(3, 4)(read("dark", 2, 8))}},
		"two writers of one version":                       {false, []porcupine.Operation{at(1, 9)(edit(1, 7, 200)), at(1, 9)(edit(1, 8, 200))}},
		"the second writer is told":                        {true, []porcupine.Operation{at(1, 9)(edit(1, 7, 200)), at(1, 9)(edit(1, 8, 412))}},
		"refused for a version that is current":            {false, []porcupine.Operation{at(1, 2)(edit(1, 7, 200)), at(3, 4)(edit(2, 8, 412))}},
		"an event in the wrong state":                      {false, []porcupine.Operation{at(1, 2)(fire(opLight, 7, 200, "lit", 2)), at(3, 4)(fire(opLight, 8, 200, "lit", 3))}},
		"an event that is refused rightly":                 {true, []porcupine.Operation{at(1, 2)(fire(opLight, 7, 200, "lit", 2)), at(3, 4)(fire(opLight, 8, 409, "", 0))}},
		"an event that is refused wrongly":                 {false, []porcupine.Operation{at(1, 2)(fire(opLight, 7, 200, "lit", 2)), at(3, 4)(fire(opDim, 8, 409, "", 0))}},
		"carried out twice":                                {false, []porcupine.Operation{at(1, 2)(fire(opLight, 7, 200, "lit", 2)), at(3, 4)(read("lit", 3, 7))}},
		"unknown, and carried out later":                   {true, []porcupine.Operation{at(1, never)(edit(1, 7, 0)), at(3, 4)(read("dark", 1, 0)), at(5, 6)(read("dark", 2, 7))}},
		"unknown, and never carried out":                   {true, []porcupine.Operation{at(1, never)(edit(1, 7, 0)), at(3, 4)(edit(1, 8, 200)), at(5, 6)(read("dark", 2, 8))}},
		"unknown, and taken back":                          {false, []porcupine.Operation{at(1, never)(edit(1, 7, 0)), at(3, 4)(read("dark", 2, 7)), at(5, 6)(read("dark", 1, 0))}},
		"unknown, and carried out before it was asked for": {false, []porcupine.Operation{at(3, 4)(read("dark", 2, 7)), at(5, never)(edit(1, 7, 0))}},
	} {
		t.Run(name, func(t *testing.T) {
			if got := porcupine.CheckOperations(lampModel(), c.history); got != c.want {
				t.Errorf("linearizable: %v, want %v", got, c.want)
			}
		})
	}
}
