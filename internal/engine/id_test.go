package engine

import (
	"regexp"
	"slices"
	"testing"
	"time"
)

func TestCommandIDsSortByTime(t *testing.T) {
	now := time.Date(2023, 6, 1, 1, 0, 0, 0, time.UTC)
	var ids []string
	for n := range 1000 {
		ids = append(ids, newCommandID(now.Add(time.Duration(n)*7919*time.Millisecond)))
	}
	if !slices.IsSorted(ids) {
		t.Error("ids drawn later do not come later")
	}
	if form := regexp.MustCompile(`^[A-Z2-7]{26}$`); !form.MatchString(ids[0]) {
		t.Errorf("the id is %q", ids[0])
	}
	if a, b := newCommandID(now), newCommandID(now); a == b {
		t.Error("the same id was drawn twice")
	}
}
