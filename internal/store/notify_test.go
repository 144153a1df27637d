package store_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/linli/linli/internal/engine"
	"github.com/linli/linli/internal/store/storetest"
	"github.com/linli/linli/internal/testdb"
)

func TestPostgresTellsOtherProcessesOfCommits(t *testing.T) {
	db := testdb.Postgres(t)
	one, two := db.Open(t), db.Open(t)
	own, _ := listen(t, one)
	others, _ := listen(t, two)
	hears(t, own, everything)
	hears(t, others, everything)

	first := storetest.Create("prog")
	if errs, err := one.Commit(context.Background(), []engine.Slice{first}); err != nil || errs[0] != nil {
		t.Fatal(errs, err)
	}
	hears(t, others, "zhangxi prog")

	t.Run("but not of one that came to nothing", func(t *testing.T) {
		errs, err := one.Commit(context.Background(), []engine.Slice{first})
		if err != nil || errs[0] == nil {
			t.Fatal(errs, err)
		}
	})
	t.Run("and of too many to name at once", func(t *testing.T) {
		var many []engine.Slice
		for n := range 500 {
			many = append(many, storetest.Create(fmt.Sprintf("programme-%04d", n)))
		}
		if _, err := one.Commit(context.Background(), many); err != nil {
			t.Fatal(err)
		}
		hears(t, others, everything)
	})
	select {
	case got := <-own:
		t.Errorf("a process heard of its own commit: %q", got)
	case <-time.After(50 * time.Millisecond):
	}
}

func TestPostgresTellsOfTheLastCommitsBeforeItCloses(t *testing.T) {
	db := testdb.Postgres(t)
	one := db.Open(t)
	others, _ := listen(t, db.Open(t))
	hears(t, others, everything)
	for n := range 3 {
		if _, err := one.Commit(context.Background(), []engine.Slice{storetest.Create(fmt.Sprint("p", n))}); err != nil {
			t.Fatal(err)
		}
	}
	if err := one.Close(); err != nil {
		t.Fatal(err)
	}
	heard := map[string]bool{}
	for len(heard) < 3 {
		select {
		case h := <-others:
			heard[h] = true
		case <-time.After(20 * time.Second):
			t.Fatalf("heard only %v", heard)
		}
	}
}
