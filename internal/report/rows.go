package report

import (
	"cmp"
	"iter"
	"slices"

	"github.com/linli/linli/internal/workflow"
)

// The workflows whose rows the report knows how to tell. Programmes may have others; their activities are told with the
// fields that every activity has.
const (
	ofRecruit      = "recruit"
	ofTrain        = "train"
	ofFundraise    = "fundraise"
	ofVisit        = "visit"
	ofEvent        = "event"
	ofRecognise    = "recognise"
	ofClaim        = "claim"
	ofSession      = "session"
	ofGuest        = "guest"
	ofQuote        = "quote"
	ofResolution   = "resolution"
	ofDonation     = "donation"
	ofPurchase     = "purchase"
	ofAllocation   = "allocation"
	ofAward        = "award"
	ofShift        = "shift"
	ofPerson       = "person"
	ofOrganisation = "organisation"
	ofBlock        = "block"
	ofRegistered   = "registered_programme"
)

// subject is what figures ask of an entry of the registry.
type subject struct {
	id         string
	touched    int64
	workflow   string
	state      string
	invented   bool
	groupOf    int64
	name       string // only if the definition says that it is public
	foundIn    string
	cultivated string
}

// rows holds a programme's instances and finds them by parent and workflow.
type rows struct {
	bundle     *workflow.Bundle
	root       string
	byID       map[string]*workflow.Instance
	children   map[string][]*workflow.Instance // parent → instances, in the order of (workflow, key, id)
	of         map[string][]*workflow.Instance // workflow → instances
	subjects   map[string]subject
	community  string          // its public name
	registered map[string]bool // registry entries of this programme
}

func newRows(b *workflow.Bundle, root string) *rows {
	return &rows{
		bundle: b, root: root, byID: map[string]*workflow.Instance{}, children: map[string][]*workflow.Instance{},
		of: map[string][]*workflow.Instance{}, subjects: map[string]subject{}, registered: map[string]bool{},
	}
}

func (r *rows) read(all iter.Seq2[*workflow.Instance, error], take func(*workflow.Instance)) error {
	for i, err := range all {
		if err != nil {
			return err
		}
		take(i)
	}
	for _, l := range r.children {
		sortRows(l)
	}
	for _, l := range r.of {
		sortRows(l)
	}
	return nil
}

func sortRows(l []*workflow.Instance) {
	slices.SortFunc(l, func(a, b *workflow.Instance) int {
		return cmp.Or(cmp.Compare(a.Workflow, b.Workflow), cmp.Compare(a.Key, b.Key), cmp.Compare(born(a), born(b)), cmp.Compare(a.ID, b.ID))
	})
}

// born orders rows without keys as they were written: by the entry that touched them last.
func born(i *workflow.Instance) int64 { return i.Touched }

func (r *rows) add(i *workflow.Instance) {
	r.byID[i.ID] = i
	if i.Dead() {
		return
	}
	r.children[i.Parent] = append(r.children[i.Parent], i)
	r.of[i.Workflow] = append(r.of[i.Workflow], i)
}

// register takes from an entry of the registry what figures need, and lets the rest go.
func (r *rows) register(i *workflow.Instance) {
	d := i.Body.Data
	switch i.Workflow {
	case ofRegistered:
		if d["programme"] == r.root {
			r.registered[i.ID] = true
		}
		return
	case ofPerson, ofOrganisation, ofBlock, "household":
	default:
		if i.Parent == "" {
			r.community = r.text(i, "name")
		}
		return
	}
	s := subject{id: i.ID, touched: i.Touched, workflow: i.Workflow, state: i.State, name: r.text(i, "name")}
	s.invented, _ = d["invented"].(bool)
	s.groupOf, _ = d["group_of"].(int64)
	s.foundIn, _ = d["found_in"].(string)
	s.cultivated, _ = d["cultivated_in"].(string)
	r.subjects[i.ID] = s
}

// items returns the living instances of a workflow under a parent.
func (r *rows) items(parent, of string) []*workflow.Instance {
	var out []*workflow.Instance
	for _, i := range r.children[parent] {
		if i.Workflow == of {
			out = append(out, i)
		}
	}
	return out
}

// field returns a field's definition if its value may be published, or nil.
func (r *rows) field(i *workflow.Instance, name string) *workflow.Field {
	d := r.bundle.Definition(i.Workflow)
	if d == nil {
		return nil
	}
	f := d.Field(name)
	if f == nil || f.Privacy != workflow.Public {
		return nil
	}
	return f
}

// public returns what a public field holds, or its default; nil if there is no such field, or nothing in it.
func (r *rows) public(i *workflow.Instance, name string) workflow.Value {
	f := r.field(i, name)
	if f == nil {
		return nil
	}
	return f.Value(i)
}

// text returns a public text, or "".
func (r *rows) text(i *workflow.Instance, name string) string {
	s, _ := r.public(i, name).(string)
	return s
}

// texts returns a public list, or nil.
func (r *rows) texts(i *workflow.Instance, name string) []string {
	l, _ := r.public(i, name).([]string)
	return l
}

// number returns a public number, or nil if it is unknown.
func (r *rows) number(i *workflow.Instance, name string) *int64 {
	if n, ok := r.public(i, name).(int64); ok {
		return &n
	}
	return nil
}

func (r *rows) yes(i *workflow.Instance, name string) bool {
	b, _ := r.public(i, name).(bool)
	return b
}

// titles returns what the chosen values of a public enum field are called.
func (r *rows) titles(i *workflow.Instance, name string) []workflow.Text {
	f := r.field(i, name)
	if f == nil {
		return nil
	}
	var chosen []string
	switch v := f.Value(i).(type) {
	case string:
		chosen = []string{v}
	case []string:
		chosen = v
	}
	var out []workflow.Text
	for _, c := range chosen {
		for _, v := range f.Values {
			if v.Name == c {
				out = append(out, v.Title)
			}
		}
	}
	return out
}

// stateTitle is what an instance's state is called.
func (r *rows) stateTitle(i *workflow.Instance) workflow.Text {
	if d := r.bundle.Definition(i.Workflow); d != nil {
		if s := d.State(i.State); s != nil {
			return s.Title
		}
	}
	return workflow.Text{ZH: i.State, EN: i.State}
}

// real reports whether a row may feed a public figure: neither it nor whom it is about was invented. Who merely handled it
// does not matter.
func (r *rows) real(i *workflow.Instance) bool {
	if b, _ := i.Body.Data["invented"].(bool); b {
		return false
	}
	about := []string{"person", "household", "organisation", "donor"}
	if d := r.bundle.Definition(i.Workflow); d != nil && d.Subject != "" {
		about = append(about, d.Subject)
	}
	for _, f := range about {
		if id, _ := i.Body.Data[f].(string); r.subjects[id].invented {
			return false
		}
	}
	return true
}

// people is for how many people a row about a person stands: a group without names is one row.
func (r *rows) people(i *workflow.Instance) int64 {
	id, _ := i.Body.Data["person"].(string)
	return max(1, r.subjects[id].groupOf)
}
