package soak_test

import (
	"testing"

	"github.com/linli/linli/internal/soak"
)

func TestCount(t *testing.T) {
	for value, want := range map[string]int{"": 3, "0": 3, "1": 5_000} {
		t.Setenv("LINLI_SOAK", value)
		if got := soak.Count(3, 5_000); got != want {
			t.Errorf("LINLI_SOAK=%q: got %d, want %d", value, got, want)
		}
	}
}
