package workflow

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
)

// costLimit bounds the work of one evaluation, in CEL's units (about half a microsecond each): asking for the participation of ten
// thousand people stays below it, and an expression that runs away ends within a fraction of a second.
const costLimit = 500_000

// program is a checked expression whose plan is made when it is first evaluated. It is safe for concurrent use.
type program struct {
	env     *cel.Env
	ast     *cel.Ast
	place   *place
	reads   reads
	bounded bool // it cannot run away, so that nobody has to count its steps

	once sync.Once
	prg  cel.Program
	err  error
}

func (p *program) plan() (cel.Program, error) {
	p.once.Do(func() {
		opts := []cel.ProgramOption{cel.EvalOptions(cel.OptOptimize)}
		if !p.bounded { // counting costs as much again as evaluating
			opts = append(opts, cel.CostLimit(costLimit))
		}
		p.prg, p.err = p.env.Program(p.ast, opts...)
	})
	return p.prg, p.err
}

// evaluation is what one expression sees. It is the activation that CEL resolves variables in.
type evaluation struct {
	scope  *Scope
	place  *place
	failed error     // the first error of the Resolver
	room   [3]object // for the first objects, which most expressions need no more of: one allocation instead of several
	used   int
}

// errNoResolver says that a caller forgot the Resolver of a Scope.
var errNoResolver = errors.New("the scope has no resolver")

type noResolver struct{}

func (noResolver) Instance(string) (*Instance, error)        { return nil, errNoResolver }
func (noResolver) Participation(string) (Values, error)      { return nil, errNoResolver }
func (noResolver) Consent(string, string) (string, error)    { return "", errNoResolver }
func (noResolver) Distinct(string, string) ([]string, error) { return nil, errNoResolver }
func (ev *evaluation) fail(err error) error {
	if ev.failed == nil {
		ev.failed = err
	}
	return err
}

func (ev *evaluation) resolver() Resolver {
	if ev.scope.Resolver == nil {
		return noResolver{}
	}
	return ev.scope.Resolver
}

func (ev *evaluation) instance(id string) (*Instance, error) {
	if id == "" {
		return nil, nil //nolint:nilnil // an empty reference points to nothing
	}
	i, err := ev.resolver().Instance(id)
	if err != nil {
		return nil, ev.fail(err)
	}
	return i, nil
}

func (ev *evaluation) object(typ *types.Type, i *Instance) *object {
	if ev.used == len(ev.room) {
		return &object{typ: typ, ev: ev, inst: i, values: i.Body.Data}
	}
	o := &ev.room[ev.used]
	ev.used++
	o.typ, o.ev, o.inst, o.values = typ, ev, i, i.Body.Data
	return o
}

// eval runs the expression.
func (e *Expr) eval(s *Scope) (ref.Val, error) {
	if e.program == nil {
		return nil, fmt.Errorf("%s: %q was not compiled", e.Pos, e.Source)
	}
	prg, err := e.program.plan()
	if err != nil {
		return nil, fmt.Errorf("%s: %q: %w", e.Pos, e.Source, err)
	}
	ev := &evaluation{scope: s, place: e.program.place}
	out, _, err := prg.Eval(ev)
	if err != nil {
		if ev.failed != nil {
			err = ev.failed // it may hide behind another error
		}
		return nil, fmt.Errorf("%s: %q: %w", e.Pos, e.Source, err)
	}
	return out, nil
}

// Parent implements cel.Activation.
func (ev *evaluation) Parent() cel.Activation { return nil }

// ResolveName implements cel.Activation.
func (ev *evaluation) ResolveName(name string) (any, bool) {
	v, ok := ev.resolve(name)
	if !ok {
		return nil, false
	}
	return v, true
}

func (ev *evaluation) resolve(name string) (ref.Val, bool) {
	s := ev.scope
	switch name {
	case "now":
		return types.Timestamp{Time: s.Now.UTC().Truncate(time.Microsecond)}, true // as instants are stored
	case "today":
		return types.String(s.Now.In(ev.zone()).Format(time.DateOnly)), true
	case "occurred":
		return types.String(s.Occurred.Date(ev.zone())), true
	case "actor":
		return types.String(s.Actor), true
	case "decider":
		return types.String(s.Decider), true
	case "each":
		return types.String(s.Each), true
	case clockVariable:
		return clock{scope: s}, true
	case "input":
		return &object{typ: ev.place.vars["input"], ev: ev, values: s.Input}, true
	case "part":
		return lookup{find: ev.participation}, true
	case "consent":
		return lookup{find: ev.consent}, true
	case "item":
		return ev.named(name, s.Item, nil), true
	case "sibling":
		return ev.named(name, s.Sibling, nil), true
	default:
		return ev.self(name)
	}
}

func (ev *evaluation) zone() *time.Location {
	if ev.scope.Zone == nil {
		return time.UTC
	}
	return ev.scope.Zone
}

// self resolves what depends on the instance in hand.
func (ev *evaluation) self(name string) (ref.Val, bool) {
	i := ev.scope.Self
	if i == nil {
		return types.NewErr("%s is not known here", name), true
	}
	switch name {
	case "id":
		return types.String(i.ID), true
	case "key":
		return types.String(i.Key), true
	case "state":
		return types.String(i.State), true
	case "data", "agg", "values", "ref":
		return ev.named(name, i, nil), true
	case "parent":
		p, err := ev.instance(i.Parent)
		return ev.named(name, p, err), true
	case "root":
		if i.ID == i.Root {
			return ev.named(name, i, nil), true
		}
		r, err := ev.instance(i.Root)
		return ev.named(name, r, err), true
	default:
		return nil, false
	}
}

// named is an object of the type that the variable was declared with.
func (ev *evaluation) named(name string, i *Instance, err error) ref.Val {
	switch {
	case err != nil:
		return types.WrapErr(err)
	case i == nil:
		return types.NewErr("there is no %s", name)
	}
	return ev.object(ev.place.vars[name], i)
}

func (ev *evaluation) participation(person string) (ref.Val, error) {
	var vs Values
	if person != "" {
		var err error
		if vs, err = ev.resolver().Participation(person); err != nil {
			return nil, ev.fail(err)
		}
	}
	if vs == nil {
		vs = Values{"person": person}
	}
	return &object{typ: ev.place.vars["part"].Parameters()[1], ev: ev, values: vs}, nil
}

func (ev *evaluation) consent(key string) (ref.Val, error) {
	subject, kind, err := consentKey(key)
	if err != nil {
		return nil, err
	}
	if subject == "" {
		return types.String("none"), nil
	}
	state, err := ev.resolver().Consent(subject, kind)
	if err != nil {
		return nil, ev.fail(err)
	}
	return types.String(state), nil
}

// Render evaluates the expressions of a message in both languages. The error of a Resolver comes back so that errors.Is
// finds it.
func (m *Message) Render(s *Scope) (Text, error) {
	zh, err := render(m.zh, s, "zh")
	if err != nil {
		return Text{}, err
	}
	en, err := render(m.en, s, "en")
	if err != nil {
		return Text{}, err
	}
	return Text{ZH: zh, EN: en}, nil
}

func render(parts []part, s *Scope, lang string) (string, error) {
	var b strings.Builder
	for _, p := range parts {
		if p.expr == nil {
			b.WriteString(p.text)
			continue
		}
		v, err := p.expr.eval(s)
		if err != nil {
			return "", err
		}
		b.WriteString(printed(v, s, lang))
	}
	return b.String(), nil
}

// printed writes a value for people.
func printed(v ref.Val, s *Scope, lang string) string {
	switch v := v.(type) {
	case types.String:
		return string(v)
	case types.Int:
		return strconv.FormatInt(int64(v), 10)
	case types.Double:
		return strconv.FormatFloat(float64(v), 'f', -1, 64)
	case types.Bool:
		yes, no := "是", "否"
		if lang != "zh" {
			yes, no = "yes", "no"
		}
		if v {
			return yes
		}
		return no
	case types.Timestamp:
		zone := s.Zone
		if zone == nil {
			zone = time.UTC
		}
		return v.In(zone).Format("2006-01-02 15:04")
	default:
		return fmt.Sprint(v.Value())
	}
}
