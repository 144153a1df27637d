package app

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/linli/linli/internal/engine"
	"github.com/linli/linli/internal/fault"
)

// systemPerson is how the command line names the system as the one who acts.
const systemPerson = "system"

// errNobody says that a person was not given.
var errNobody = errors.New("nobody was named")

// person finds a registered person by id, key or name.
func (f *finder) person(ctx context.Context, community, name string) (string, error) {
	if name == "" {
		return "", errNobody
	}
	i, err := f.store.Instance(ctx, community, name)
	if err == nil && i == nil {
		i, err = f.store.FindByKey(ctx, community, community, "person", name)
	}
	if err != nil {
		return "", err
	}
	if i != nil && i.Workflow == "person" {
		return i.ID, nil
	}
	terms, err := f.store.Find(ctx, community, "name", engine.Fold(name))
	if err != nil {
		return "", err
	}
	switch len(terms) {
	case 1:
		return terms[0].Instance, nil
	case 0:
		return "", fault.New(fault.NotFound, "unknown_person", fmt.Sprintf("登记册里没有“%s”；请写姓名、编号或 id", name),
			fmt.Sprintf("nobody called %q is registered; give a name, a key or an id", name))
	default:
		ids := make([]string, len(terms))
		for n, t := range terms {
			ids[n] = t.Instance
		}
		return "", fault.New(fault.Invalid, "ambiguous_person", fmt.Sprintf("有 %d 位“%s”，请改用 id：%s", len(ids), name, strings.Join(ids, "、")),
			fmt.Sprintf("%d people are called %q; use the id: %s", len(ids), name, strings.Join(ids, ", ")))
	}
}
