package app

import (
	"bytes"
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/linli/linli/internal/engine"
	"github.com/linli/linli/internal/token"
	"github.com/linli/linli/internal/workflow"
)

// errCut says that the test has cut the way to the engine.
var errCut = errors.New("cut off")

// cutting carries out so many commands and then no more.
type cutting struct {
	commander
	left int
}

func (c *cutting) Do(ctx context.Context, req engine.Request) (engine.Result, error) {
	if c.left--; c.left < 0 {
		return engine.Result{}, errCut
	}
	return c.commander.Do(ctx, req) //nolint:wrapcheck // as the engine itself
}

// operatorDesk is a desk on data of its own, and what it prints.
func operatorDesk(t *testing.T) (*desk, *bytes.Buffer) {
	t.Helper()
	out := &bytes.Buffer{}
	sys := System{Out: out, Err: io.Discard, Getenv: func(string) string { return "" }, Now: time.Now, Program: "linli"}
	s := &session{console: console{out: out, err: io.Discard, lang: langEN}, ctx: t.Context(), sys: sys}
	flags := dataFlags{Data: t.TempDir()}
	a, err := s.openApp(flags, false)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := a.Close(); err != nil {
			t.Error(err)
		}
	})
	return s.desk(flags, a, a.Engine), out
}

// secretIn is the token that was printed.
func secretIn(t *testing.T, printed string) token.Parts {
	t.Helper()
	for line := range strings.Lines(printed) {
		if parts, err := token.Parse(strings.TrimSpace(line)); err == nil {
			return parts
		}
	}
	t.Fatalf("no token was printed:\n%s", printed)
	return token.Parts{}
}

func (d *desk) count(t *testing.T, community, of string) int {
	t.Helper()
	all, err := d.store.Children(d.ctx, community, community, of)
	if err != nil {
		t.Fatal(err)
	}
	return len(all)
}

// Wherever init is cut off, running it again makes what is missing, and nothing twice.
func TestAnInitThatWasCutOffCarriesOn(t *testing.T) {
	b, err := loadDefinitions(nil)
	if err != nil {
		t.Fatal(err)
	}
	c := &initCmd{dataFlags: dataFlags{Community: "l_g"}, Name: "樟溪社区", Admin: "李明", Role: []string{"lead"}}
	roles, err := c.roles(b)
	if err != nil {
		t.Fatal(err)
	}
	const commands = 5 // community, person, two grants, token
	for n := range commands {
		d, out := operatorDesk(t)
		whole := d.commands
		d.commands = &cutting{commander: whole, left: n}
		if err := c.found(d, b, roles); !errors.Is(err, errCut) || out.Len() > 0 {
			t.Fatalf("after %d commands: %v, printed %q", n, err, out)
		}
		d.commands = whole
		if err := c.found(d, b, roles); err != nil {
			t.Fatalf("after %d commands and again: %v", n, err)
		}
		parts := secretIn(t, out.String())
		made, err := d.store.Instance(t.Context(), "l_g", parts.Instance)
		if err != nil || made == nil || parts.Community != "l_g" {
			t.Fatalf("the token %+v names nothing: %v", parts, err)
		}
		if hash, _ := made.Body.Data["hash"].(string); !token.Matches(hash, parts.Secret) {
			t.Error("the stored hash is another secret's")
		}
		out.Reset()
		if err := c.found(d, b, roles); !errors.Is(err, errFound) || out.Len() > 0 {
			t.Errorf("a third run: %v, printed %q", err, out)
		}
		if p, g, k := d.count(t, "l_g", "person"), d.count(t, "l_g", "grant"), d.count(t, "l_g", "token"); p != 1 || g != 2 || k != 1 {
			t.Errorf("after %d commands: %d people, %d grants, %d tokens", n, p, g, k)
		}
	}
}

// The database of a community that was made, what was printed apart, holds no secret.
func TestASecretIsNotStored(t *testing.T) {
	d, _ := operatorDesk(t)
	b, err := loadDefinitions(nil)
	if err != nil {
		t.Fatal(err)
	}
	c := &initCmd{dataFlags: dataFlags{Community: "lg"}, Name: "樟溪社区", Admin: "李明"}
	out := d.out.(*bytes.Buffer) //nolint:forcetypeassert // operatorDesk made it
	if err := c.found(d, b, []string{"admin"}); err != nil {
		t.Fatal(err)
	}
	secret := secretIn(t, out.String()).Secret
	page, err := d.app.Store.History(t.Context(), "lg", "lg", 1, 100)
	if err != nil || len(page) == 0 {
		t.Fatalf("%d entries, %v", len(page), err)
	}
	for _, e := range page {
		if bytes.Contains(e.Body, []byte(secret)) {
			t.Errorf("entry %d holds the secret", e.Seq)
		}
	}
}

func TestASmallOfficeConfirmsWhatIsNotHard(t *testing.T) {
	b, err := loadDefinitions(nil)
	if err != nil {
		t.Fatal(err)
	}
	choices := confirmed(b)
	for _, want := range []string{"purchase.approve.separation=confirm", "purchase.pay.separation=confirm", "neighbourhood.accept.separation=confirm"} {
		if !slices.Contains(choices, want) {
			t.Errorf("%v lacks %s", choices, want)
		}
	}
	for _, c := range choices {
		name := strings.Split(c, ".")
		ev := b.Definition(name[0]).Event(name[1])
		if ev.HardSeparation || ev.Separation != workflow.Block {
			t.Errorf("%s: what is hard stays, and what only warns is not made stricter", c)
		}
	}
}
