package workflow

import (
	"maps"
	"slices"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/decls"
	"cel.dev/cel-go/common/types"
)

// place is somewhere an expression can stand: the variables that it sees there.
type place struct {
	env  *cel.Env
	vars map[string]*types.Type
	def  *Definition // the workflow that `state` and `data` belong to; nil where they are not seen
}

// with is the place with more variables.
func (p *place) with(vars map[string]*types.Type) (*place, error) {
	all := maps.Clone(p.vars)
	if all == nil {
		all = map[string]*types.Type{}
	}
	list := make([]*decls.VariableDecl, 0, len(vars))
	for name, t := range vars {
		all[name] = t
		list = append(list, decls.NewVariable(name, t))
	}
	env, err := p.env.Extend(cel.VariableDecls(list...))
	if err != nil {
		return nil, err
	}
	return &place{env: env, vars: all, def: p.def}, nil
}

// compiler compiles the expressions of one definition. Several run at once over the same bundle.
type compiler struct {
	bundle   *Bundle
	set      *typeSet
	base     *place
	draft    *draft
	def      *Definition
	cache    map[cacheKey]*program
	problems Problems
	reads    map[string][]string // aggregate → aggregates that it reads, as WORKFLOW.NAME
	reading  string              // the aggregate that is being compiled, or ""
	tolerant bool                // other mistakes were found: a dynamic result may be one of theirs
	unread   bool
}

type cacheKey struct {
	place  *place
	source string
}

// compile checks every expression of every definition and makes the good ones ready to run.
func (c *checker) compile(drafts []*draft) {
	set, err := newTypeSet(c.bundle)
	if err != nil {
		c.problems.add(Pos{".", 1, 1}, codeCELType, defect(err), reportIt())
		return
	}
	base, err := newBaseEnv(set)
	if err != nil {
		c.problems.add(Pos{".", 1, 1}, codeCELType, defect(err), reportIt())
		return
	}
	compilers := make([]*compiler, len(drafts))
	tolerant := len(c.problems) > 0
	inParallel(len(drafts), func(n int) {
		k := &compiler{
			bundle: c.bundle, set: set, base: &place{env: base}, draft: drafts[n], def: drafts[n].def,
			cache: map[cacheKey]*program{}, reads: map[string][]string{}, tolerant: tolerant, unread: c.unread,
		}
		compilers[n] = k
		if err := k.definition(); err != nil {
			k.problems.add(k.def.Pos, codeCELType, defect(err), reportIt())
		}
	})
	reads := map[string][]string{}
	for _, k := range compilers {
		c.problems = append(c.problems, k.problems...)
		maps.Copy(reads, k.reads)
	}
	c.checkAggregateCycle(reads)
}

// defect is what no definition should be able to bring about.
func defect(err error) Text {
	return phrase("表达式的环境无法建立（原话：%s）", "the environment of expressions cannot be made: %s", err.Error())
}

func reportIt() Text {
	return Text{"这是程序的缺陷，请报告给开发者", "report this as a defect of the program"}
}

// checkAggregateCycle looks for figures that feed each other, which could never be computed.
func (c *checker) checkAggregateCycle(reads map[string][]string) {
	for _, path := range cycles(sortedKeys(reads), reads) {
		workflow, name, _ := strings.Cut(path[0], ".")
		c.problems.add(c.bundle.byName[workflow].Aggregate(name).Pos, codeAggregateCycle, phrase("汇总互相计算：%s", "the aggregates feed each other: %s", arrows(path)),
			Text{"请让其中一个只从字段计算", "compute one of them from fields alone"})
	}
}

// definition compiles every expression of one definition.
func (k *compiler) definition() error {
	if err := k.aggregates(); err != nil {
		return err
	}
	if err := k.needs(); err != nil {
		return err
	}
	self, err := k.base.with(k.instanceVars())
	if err != nil {
		return err
	}
	self.def = k.def
	k.expr(self, k.def.Key, wantString())
	acting, err := self.with(map[string]*types.Type{
		"actor": types.StringType, "decider": types.StringType, "occurred": types.StringType,
	})
	if err != nil {
		return err
	}
	for _, e := range k.def.Events {
		at, err := acting.with(map[string]*types.Type{"input": cel.ObjectType(inputName(k.def.Name, e.Name))})
		if err != nil {
			return err
		}
		if err := k.event(at, e); err != nil {
			return err
		}
	}
	for _, g := range k.def.Always {
		k.expr(self, g.That, wantBool())
		k.message(self, g.Else)
	}
	for _, r := range k.def.Reminders {
		k.message(self, r.Text)
	}
	return nil
}

// instanceVars is what everything that belongs to an instance sees.
func (k *compiler) instanceVars() map[string]*types.Type {
	name := k.def.Name
	vars := map[string]*types.Type{
		"data": cel.ObjectType(dataName(name)), "agg": cel.ObjectType(aggName(name)),
		"values": cel.ObjectType(valuesName(name)), "ref": cel.ObjectType(refName(name)),
		"state": types.StringType, "key": types.StringType, "id": types.StringType,
		"now": types.TimestampType, "today": types.StringType,
		"consent": types.NewMapType(types.StringType, types.StringType),
	}
	if parents := k.bundle.parents[name]; len(parents) == 1 && k.bundle.byName[parents[0]] != nil {
		vars["parent"] = cel.ObjectType(instanceName(parents[0]))
	}
	if roots := k.bundle.rootsOf(name); len(roots) == 1 {
		vars["root"] = cel.ObjectType(instanceName(roots[0]))
	}
	if k.bundle.byName[workflowParticipation] != nil {
		vars["part"] = types.NewMapType(types.StringType, cel.ObjectType(dataName(workflowParticipation)))
	}
	return vars
}

func (k *compiler) aggregates() error {
	for _, a := range k.def.Aggregates {
		item := k.bundle.byName[a.Of]
		if item == nil {
			continue // noted by the checks
		}
		at, err := k.base.with(map[string]*types.Type{"item": cel.ObjectType(instanceName(item.Name))})
		if err != nil {
			return err
		}
		k.reading = k.def.Name + "." + a.Name
		switch a.Kind {
		case AggregateSum:
			k.expr(at, a.Value, wantSum())
		case AggregateDistinct:
			k.expr(at, a.Value, wantDistinct())
		case AggregateCount:
		}
		k.expr(at, a.Where, wantBool())
	}
	k.reading = ""
	return nil
}

func (k *compiler) needs() error {
	for _, n := range k.def.Needs {
		on, of := k.slotWorkflow(n.On), k.def
		if n.Slot != "" {
			of = k.slotWorkflow(n.Slot)
		}
		if n.Where == nil || on == nil || of == nil || of.Event(n.Event) == nil {
			continue
		}
		at, err := k.base.with(map[string]*types.Type{
			"sibling": cel.ObjectType(instanceName(on.Name)), "input": cel.ObjectType(inputName(of.Name, n.Event)),
		})
		if err != nil {
			return err
		}
		k.expr(at, n.Where, wantBool())
	}
	return nil
}

func (k *compiler) slotWorkflow(slot string) *Definition {
	if s := k.def.Slot(slot); s != nil {
		return k.bundle.byName[s.Workflow]
	}
	return nil
}

func (k *compiler) event(at *place, e *Event) error {
	for _, to := range e.To {
		k.expr(at, to.When, wantBool())
	}
	for _, g := range e.Require {
		k.expr(at, g.That, wantBool())
		k.message(at, g.Else)
	}
	for _, eff := range e.Effects {
		if err := k.effect(at, eff); err != nil {
			return err
		}
	}
	return nil
}

func (k *compiler) effect(at *place, e *Effect) error {
	k.expr(at, e.If, wantBool())
	if e.Each != nil {
		k.expr(at, e.Each, wantStrings())
		var err error
		if at, err = at.with(map[string]*types.Type{"each": types.StringType}); err != nil {
			return err
		}
	}
	k.expr(at, e.Key, wantString())
	k.expr(at, e.Person, wantPerson())
	k.message(at, e.Message)
	targets, _ := effectTargets(k.bundle, k.def, e)
	for _, name := range sortedKeys(e.Set) {
		k.write(at, e.Set[name], targets, name, wantField)
	}
	for _, name := range sortedKeys(e.Add) {
		k.write(at, e.Add[name], targets, name, wantEntry)
	}
	for _, name := range sortedKeys(e.Remove) {
		k.write(at, e.Remove[name], targets, name, wantEntry)
	}
	return nil
}

// write compiles the value that an effect writes into a field of each possible target.
func (k *compiler) write(at *place, e *Expr, targets []*Definition, name string, fits func(*Field) want) {
	var wants []want
	for _, t := range targets {
		if f := t.Field(name); f != nil && f.Type != "" {
			wants = append(wants, fits(f))
			e.wrap = f.Type == TypeEvidence
		}
	}
	k.expr(at, e, wants...)
}

func (k *compiler) message(at *place, m *Message) {
	if m == nil {
		return
	}
	for _, p := range slices.Concat(m.zh, m.en) {
		k.expr(at, p.expr, wantPrinted())
	}
}

// expr compiles one expression and checks that its result is wanted.
func (k *compiler) expr(at *place, e *Expr, wants ...want) {
	if e == nil {
		return
	}
	key := cacheKey{at, e.Source}
	p := k.cache[key]
	if p == nil {
		ast, issues := at.env.Compile(e.Source)
		if issues.Err() != nil {
			k.issues(at, e, issues)
			return
		}
		p = &program{env: at.env, ast: ast, place: at, bounded: bounded(ast), reads: readsOf(ast, at.vars)}
		k.cache[key] = p
	}
	e.program = p
	before := len(k.problems)
	k.inspect(at, e, p.ast)
	if len(k.problems) > before {
		return
	}
	result := p.ast.OutputType()
	for _, w := range wants {
		if k.tolerant && result.IsExactType(types.DynType) || w.accepts(result) {
			k.literals(e, p.ast, w)
			continue
		}
		k.wrongResult(e, result, w)
	}
}

func (k *compiler) wrongResult(e *Expr, result *types.Type, w want) {
	pos := e.origin.at(1, leadingSpace(e.Source))
	if w.field != nil && w.field.Privacy.Sealed() {
		k.problems.add(pos, codeSealed, phrase("字段“%s”的隐私为 %s，效果不能写入", "the field %s is %s and an effect cannot write it", w.field.Name, w.field.Privacy),
			Text{
				"请改由人在输入项中填写、用 null 清除，或把字段改为 internal",
				"let a person give it as an input, clear it with null, or make the field internal",
			})
		return
	}
	if result.TypeName() == sealedName {
		k.problems.add(pos, codeSealed, Text{"表达式给出的是个人信息或敏感信息", "the expression gives a personal or sensitive value"}, onlyGiven())
		return
	}
	do := phrase("请让表达式给出%s", "make the expression give %s", w.name)
	if isOptional(result) && !w.optional {
		k.problems.add(pos, codeCELOptional, phrase("表达式可能没有值，而这里需要%s", "the expression may have no value, where %s is needed", w.name),
			Text{
				"请写 .orValue(…) 给出未知时的值，或用 .hasValue() 来问",
				"write .orValue(…) with what holds when it is unknown, or .hasValue() to ask",
			})
		return
	}
	k.problems.add(pos, codeCELResult, phrase("表达式给出的是%s，而这里需要%s", "the expression gives %s, where %s is needed", typeName(result), w.name), do)
}
