package app

import (
	"fmt"
	"slices"
	"strings"

	"github.com/linli/linli/internal/engine"
	"github.com/linli/linli/internal/workflow"
)

type showCmd struct {
	dataFlags

	Path   string `arg:"" optional:"" help:"项目[/活动[/事项]]，不写则列出全部项目 / PROGRAMME[/ACTIVITY[/ITEM]]; without it, all programmes."`
	Limit  int    `default:"10" help:"每类最多列出几项，0 为全部 / How many of each kind to list; 0 for all."`
	Reveal bool   `help:"显示已加密的个人信息 / Show sealed personal values."`
}

// Run shows what there is, from the outside in.
func (c *showCmd) Run(s *session) error {
	return s.reading(c.dataFlags, func(d *desk) error {
		if c.Path == "" {
			return d.overview()
		}
		p, err := d.goTo(c.Path)
		if err != nil {
			return err
		}
		v := &viewer{desk: d, place: p, limit: c.Limit, reveal: c.Reveal}
		return v.show()
	})
}

// overview lists the communities and their programmes.
func (d *desk) overview() error {
	communities, err := d.communities(d.ctx, d.community)
	if err != nil {
		return err
	}
	for _, c := range communities {
		heads, err := d.store.Roots(d.ctx, c)
		if err != nil {
			return err
		}
		registry, err := d.store.Instance(d.ctx, c, c)
		if err != nil {
			return err
		}
		name := c
		if registry != nil {
			name = plainLabel(registry)
		}
		d.say("社区 %s（%s）", "Community %s (%s)", name, c)
		for _, h := range heads {
			if !h.Live() {
				continue
			}
			if err := d.programmeLine(h); err != nil {
				return err
			}
		}
	}
	return nil
}

func (d *desk) programmeLine(h engine.Head) error {
	s, err := d.open(d.ctx, h)
	if err != nil {
		return err
	}
	clock := ""
	if !h.Frozen.IsZero() {
		clock = d.words("（重演）", " (replayed)")
	}
	d.line("  %s  %s  %s%s", h.Code, plainLabel(s.at()), d.state(s.definition(), s.at()), clock)
	return d.turns(s)
}

// maxTurns is how many activities are named for each role that somebody waits for.
const maxTurns = 3

// turns says in one line whose turn it is in a programme's activities. In one that is closed it is nobody's.
func (d *desk) turns(s *spot) error {
	if st := s.definition().State(s.at().State); st == nil || st.Final {
		return nil
	}
	var roles []string
	waiting := map[string][]string{}
	for _, slot := range s.definition().Slots {
		all, err := d.store.Children(d.ctx, s.head.Community, s.at().ID, slot.Workflow)
		if err != nil {
			return err
		}
		for _, a := range all {
			st := s.bundle.Definition(a.Workflow).State(a.State)
			if a.Slot != slot.Name || st == nil || st.WaitsFor == "" {
				continue
			}
			if waiting[st.WaitsFor] == nil {
				roles = append(roles, st.WaitsFor)
			}
			waiting[st.WaitsFor] = append(waiting[st.WaitsFor], a.Label())
		}
	}
	if len(roles) == 0 {
		return nil
	}
	parts := make([]string, len(roles))
	for n, role := range roles {
		names := waiting[role]
		rest := ""
		if more := len(names) - maxTurns; more > 0 {
			names, rest = names[:maxTurns], fmt.Sprintf(d.words("，另有 %d 项", " and %d more"), more)
		}
		parts[n] = d.colon(d.text(workflow.RoleTitle(role)), d.list(names)+rest)
	}
	d.say("    等待 %s", "    waits for %s", strings.Join(parts, d.words("；", "; ")))
	return nil
}

// state is an instance's state in words, with who acts next.
func (c console) state(def *workflow.Definition, i *workflow.Instance) string {
	st := def.State(i.State)
	if st == nil {
		return i.State
	}
	out := c.words("「"+c.text(st.Title)+"」", `"`+c.text(st.Title)+`"`)
	if st.WaitsFor != "" {
		out += c.words(" 等待", " waits for ") + c.text(workflow.RoleTitle(st.WaitsFor))
	}
	return out
}

// viewer writes one instance and what stands under it.
type viewer struct {
	*desk
	*place
	limit  int
	reveal bool
}

func (v *viewer) show() error {
	i, def := v.at(), v.definition()
	v.line("%s  %s", v.heading(), v.state(def, i))
	v.say("  %s，第 %d 版，id %s", "  %s, version %d, id %s", v.titled(def.Title, def.Name), i.Version, i.ID)
	v.flags(i)
	if err := v.fields(i, def); err != nil {
		return err
	}
	v.aggregates(i, def)
	v.milestones(i, def)
	if err := v.activities(i, def); err != nil {
		return err
	}
	return v.items(i, def)
}

// heading is the path that leads here, and the name.
func (v *viewer) heading() string {
	keys := []string{v.head.Code}
	for _, i := range v.trail[1:] {
		keys = append(keys, i.Label())
	}
	if keys[0] == "" {
		keys[0] = v.head.Root
	}
	path := strings.Join(keys, "/")
	if name := v.names.of(v.ctx, v.at()); name != keys[len(keys)-1] {
		path += "  " + name
	}
	return path
}

func (v *viewer) flags(i *workflow.Instance) {
	for _, f := range i.Body.Flags {
		switch f {
		case workflow.FlagBackfilled:
			v.say("  补录", "  back-filled")
		case workflow.FlagBasisChanged:
			v.say("  依据已变更，请复核", "  what this was built on has changed; review it")
		default:
			v.line("  %s", f)
		}
	}
	for _, need := range sortedNames(i.Body.Waived) {
		w := i.Body.Waived[need]
		v.say("  特批 %s：%s（%s）", "  waived %s: %s (%s)", need, w.Reason, v.names.label(v.ctx, w.By))
	}
}

func (v *viewer) fields(i *workflow.Instance, def *workflow.Definition) error {
	open := map[string]any{}
	if v.reveal {
		var err error
		if open, err = v.engine.Reveal(v.ctx, i); err != nil {
			return err
		}
	}
	for _, f := range def.Fields {
		value, given := i.Body.Data[f.Name]
		if !given || value == nil {
			continue
		}
		if l, isList := value.([]string); isList && len(l) == 0 {
			continue
		}
		if plain, ok := open[f.Name]; ok {
			value = plain
		}
		v.line("  %s", v.colon(v.titled(f.Title, f.Name), v.value(v.ctx, f, value, v.names, v.zone)))
	}
	return nil
}

func (v *viewer) aggregates(i *workflow.Instance, def *workflow.Definition) {
	for _, a := range def.Aggregates {
		n := i.Body.Aggregates[a.Name]
		text := fmt.Sprint(n)
		if v.money(a, 0) {
			text = v.yuan(n)
		}
		v.line("  %s", v.colon(v.titled(a.Title, a.Name), text))
	}
}

// money reports whether an aggregate sums amounts of money. A sum of sums is followed a few steps down.
func (v *viewer) money(a *workflow.Aggregate, depth int) bool {
	item := v.bundle.Definition(a.Of)
	if a.Kind != workflow.AggregateSum || a.Value == nil || item == nil || depth > 3 {
		return false
	}
	if name, ok := strings.CutPrefix(a.Value.Source, "item.data."); ok {
		name, _, _ = strings.Cut(name, ".")
		f := item.Field(name)
		return f != nil && f.Type == workflow.TypeMoney
	}
	if name, ok := strings.CutPrefix(a.Value.Source, "item.agg."); ok {
		if sub := item.Aggregate(name); sub != nil {
			return v.money(sub, depth+1)
		}
	}
	return false
}

func (v *viewer) milestones(i *workflow.Instance, def *workflow.Definition) {
	for _, name := range sortedNames(i.Body.Milestones) {
		title := workflow.Text{ZH: name, EN: name}
		if st := def.State(name); st != nil {
			title = st.Title
		}
		when := v.occurred(i.Body.Milestones[name].Occurred, v.zone)
		if when == "" {
			when = v.words("时间未记录", "time not recorded")
		}
		v.say("  里程碑 %s：%s", "  milestone %s: %s", v.titled(title, name), when)
	}
}

// activities lists what stands in the slots of a programme, in the order of its definition.
func (v *viewer) activities(i *workflow.Instance, def *workflow.Definition) error {
	for _, slot := range def.Slots {
		all, err := v.store.Children(v.ctx, i.Community, i.ID, slot.Workflow)
		if err != nil {
			return err
		}
		all = slices.DeleteFunc(all, func(a *workflow.Instance) bool { return a.Slot != slot.Name })
		if len(all) == 0 {
			continue
		}
		v.line("%s", v.titled(slot.Title, slot.Name))
		for _, a := range all {
			v.child(a)
		}
	}
	return nil
}

func (v *viewer) child(i *workflow.Instance) {
	name := v.names.of(v.ctx, i)
	if name == i.Label() {
		name = ""
	} else {
		name = "  " + name
	}
	v.line("  %s%s  %s", i.Label(), name, v.state(v.bundle.Definition(i.Workflow), i))
}

// items counts what stands under an instance by kind and state, and lists the first of each kind.
func (v *viewer) items(i *workflow.Instance, def *workflow.Definition) error {
	for _, of := range def.Items {
		all, err := v.store.Children(v.ctx, i.Community, i.ID, of)
		if err != nil {
			return err
		}
		item := v.bundle.Definition(of)
		if len(all) == 0 || item == nil {
			continue
		}
		v.say("%s %d 项：%s", "%s, %d: %s", v.titled(item.Title, of), len(all), v.states(item, all))
		for n, child := range all {
			if v.limit > 0 && n == v.limit {
				v.say("  ……另有 %d 项（--limit 0 列出全部）", "  … and %d more (--limit 0 lists all)", len(all)-n)
				break
			}
			v.child(child)
		}
	}
	return nil
}

// states says how many items are in which state.
func (v *viewer) states(def *workflow.Definition, all []*workflow.Instance) string {
	counts := map[string]int{}
	for _, i := range all {
		counts[i.State]++
	}
	var parts []string
	for _, st := range def.States {
		if n := counts[st.Name]; n > 0 {
			parts = append(parts, fmt.Sprintf("%s %d", v.text(st.Title), n))
		}
	}
	return v.list(parts)
}
