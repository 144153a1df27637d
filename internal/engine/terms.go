package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/linli/linli/internal/fault"
	"github.com/linli/linli/internal/seal"
	"github.com/linli/linli/internal/workflow"
)

// maxTerm is how many characters of a value are searched by: an index holds no long texts.
const maxTerm = 200

// terms says what instances can be found by after a command, from their rows: whether a form, an effect or an undo filled a field
// in, changed it or emptied it. Nothing finds an instance that is gone or was erased.
func (b *build) terms(ctx context.Context, out *workflow.Outcome) ([]SearchTerm, error) {
	var terms []SearchTerm
	for _, r := range out.Rows {
		i := r.Instance
		d := b.bundle.Definition(i.Workflow)
		if d == nil {
			continue
		}
		var before workflow.Values
		if was := b.snap.Instance(i.ID); was != nil {
			before = was.Body.Data
		}
		for _, f := range d.Fields {
			if !searchable(f) {
				continue
			}
			t := SearchTerm{Instance: i.ID, Kind: f.Name}
			if r.Op != workflow.RowDelete && i.State != stateErased {
				if workflow.Equal(before[f.Name], i.Body.Data[f.Name]) {
					continue
				}
				var err error
				if t.Term, err = b.term(ctx, i, f); err != nil {
					return nil, err
				}
			}
			terms = append(terms, t)
		}
	}
	return terms, nil
}

// searchable reports whether staff may find an instance by a field. Mobile numbers are found by their keyed hash, always whole.
func searchable(f *workflow.Field) bool {
	return f.Privacy.Sealed() && (f.Search || f.Name == fieldMobile)
}

const fieldMobile = "mobile"

// term is what a private value can be found by: a folded name, or the keyed hash of a mobile number. It is "" for no value, and for one
// whose key was destroyed or whose box somebody damaged: an undo must not fail over it.
func (b *build) term(ctx context.Context, i *workflow.Instance, f *workflow.Field) (string, error) {
	box, ok := i.Body.Data[f.Name].(workflow.Sealed)
	if !ok {
		return "", nil
	}
	key, known, err := b.subj.existing(ctx, box.Subject)
	switch {
	case err != nil && fault.KindOf(err) == fault.Refused:
		return "", nil
	case err != nil:
		return "", err
	}
	plain, err := b.e.keys.Open(key, place(i.Community, i.ID, f.Name), box.Box)
	if !known || errors.Is(err, seal.ErrBox) {
		b.e.log.Warn("a sealed value cannot be opened and will not be found", "instance", i.ID, "field", f.Name)
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("open %s of %s: %w", f.Name, i.ID, err)
	}
	var s string
	if err := json.Unmarshal(plain, &s); err != nil {
		return "", fmt.Errorf("decode %s of %s: %w", f.Name, i.ID, err)
	}
	if s = Fold(s); s != "" && f.Name == fieldMobile {
		return b.e.keys.LookupHash(b.key.community, s), nil
	}
	return s, nil
}

// Fold brings a name or number into the form in which it is compared: lower case, without spaces and hyphens, and no longer
// than is kept to search by.
func Fold(s string) string {
	s = strings.ToLower(strings.NewReplacer(" ", "", "-", "", "　", "").Replace(s))
	if utf8.RuneCountInString(s) > maxTerm {
		s = string([]rune(s)[:maxTerm])
	}
	return s
}
