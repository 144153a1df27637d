package engine

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/linli/linli/internal/workflow"
)

func TestABrokenCoreTellsNoValues(t *testing.T) {
	var log bytes.Buffer
	b := &build{e: &Engine{log: slog.New(slog.NewTextHandler(&log, nil))}}
	_, err := b.apply(t.Context(), workflow.Env{}, workflow.Command{
		ID: "k1", Community: "c1", Root: "c1", Target: "c1", Kind: workflow.KindFire, Event: "e", Actor: workflow.Actor{System: true},
		Input: workflow.Values{"name": "secret"},
	})
	if err == nil || !strings.Contains(err.Error(), "k1 broke the core: runtime error: ") {
		t.Fatalf("got %v", err)
	}
	if !strings.Contains(log.String(), "k1") || !strings.Contains(log.String(), "workflow.Apply") {
		t.Errorf("the log does not tell where it broke: %s", log.String())
	}
	if strings.Contains(log.String()+err.Error(), "secret") {
		t.Errorf("a value is told: %v\n%s", err, log.String())
	}
	for name, broken := range map[string]any{
		"string": "secret", "*errors.errorString": errors.New("secret"), "*fmt.wrapError": fmt.Errorf("%w: secret", errUnderneath(t)), "map[string]string": map[string]string{"a": "secret"},
	} {
		t.Run("a panic with a "+name+" is known by its type", func(t *testing.T) {
			if got := panicText(broken); strings.Contains(got, "secret") || !strings.HasPrefix(got, name+",") {
				t.Errorf("got %q", got)
			}
		})
	}
}

// errUnderneath is what the runtime says of an index that is out of range.
func errUnderneath(t *testing.T) (err error) {
	t.Helper()
	defer func() { err, _ = recover().(error) }()
	var none []int
	return fmt.Errorf("%d", none[len(t.Name())]) //nolint:err113 // it panics before
}
