package store_test

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/lib/pq"
	"go.uber.org/goleak"

	"github.com/linli/linli/internal/store"
	"github.com/linli/linli/internal/store/storetest"
	"github.com/linli/linli/internal/testdb"
)

const everything = " " // how hears tells a hint that anything may have grown

// listen starts to listen and returns the hints, as "community root". It ends with the test, or when stop is called,
// which returns once nothing of it is left.
func listen(t *testing.T, s *store.Store) (hints <-chan string, stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	heard, done := make(chan string, 100), make(chan error, 1)
	go func() { done <- s.Listen(ctx, func(community, root string) { heard <- community + " " + root }) }()
	ended := false
	stop = func() {
		if ended {
			return
		}
		ended = true
		cancel()
		select {
		case err := <-done:
			if err != nil {
				t.Errorf("Listen: %v", err)
			}
		case <-time.After(10 * time.Second):
			t.Error("Listen did not end with its context")
		}
	}
	t.Cleanup(stop)
	return heard, stop
}

// hears waits for one hint after the other.
func hears(t *testing.T, hints <-chan string, want ...string) {
	t.Helper()
	for _, w := range want {
		select {
		case got := <-hints:
			if diff := cmp.Diff(w, got); diff != "" {
				t.Fatalf("hint (-want +got):\n%s", diff)
			}
		case <-time.After(20 * time.Second):
			t.Fatalf("nothing was heard; want %q", w)
		}
	}
}

func notify(t *testing.T, db *testdb.Database, payload string) {
	t.Helper()
	storetest.Raw(t, db, "select pg_notify('linli', "+pq.QuoteLiteral(payload)+")")
}

func TestPostgresListens(t *testing.T) {
	db := testdb.Postgres(t)
	s := db.Open(t)
	one, _ := listen(t, s)
	two, _ := listen(t, db.Open(t)) // another replica
	for _, hints := range []<-chan string{one, two} {
		hears(t, hints, everything)
	}
	storetest.Raw(t, db, "notify another_channel, 'zhangxi no'")
	for payload, want := range map[string][]string{
		"zhangxi prog":                  {"zhangxi prog"},
		"zhangxi prog\nzhangxi zhangxi": {"zhangxi prog", "zhangxi zhangxi"},
		"*":                             {everything},
		"of-a-newer-program":            {everything},
	} {
		notify(t, db, payload)
		for _, hints := range []<-chan string{one, two} {
			hears(t, hints, want...)
		}
	}
}

func TestPostgresListensAgain(t *testing.T) {
	t.Run("after its connection was ended", func(t *testing.T) {
		t.Parallel()
		db := testdb.Postgres(t)
		hints, _ := listen(t, db.Open(t))
		hears(t, hints, everything)
		for range 2 {
			storetest.Raw(t, db, `select pg_terminate_backend(pid) from pg_stat_activity
				where datname = current_database() and query ilike 'listen%'`)
			hears(t, hints, everything)
		}
		notify(t, db, "zhangxi prog")
		hears(t, hints, "zhangxi prog")
	})
	t.Run("after its connection went dead without a word", func(t *testing.T) {
		t.Parallel()
		db := testdb.Postgres(t)
		p, dsn := newProxy(t, db.DSN, "Q\x00\x00\x00\x05\x00") // a ping
		hints, _ := listen(t, db.Open(t, func(c *store.Config) { c.DSN, c.Timeout = dsn, time.Second }))
		hears(t, hints, everything)
		p.set(cutSilently)
		hears(t, hints, everything)
		notify(t, db, "zhangxi prog")
		hears(t, hints, "zhangxi prog")
	})
	t.Run("when the line is lost as it begins", func(t *testing.T) {
		t.Parallel()
		db := testdb.Postgres(t)
		p, dsn := newProxy(t, db.DSN, "LISTEN")
		s := db.Open(t, func(c *store.Config) { c.DSN = dsn })
		p.set(cutBefore)
		hints, _ := listen(t, s)
		hears(t, hints, everything)
		notify(t, db, "zhangxi prog")
		for {
			select {
			case got := <-hints:
				if got == everything { // it may be told twice
					continue
				}
				if diff := cmp.Diff("zhangxi prog", got); diff != "" {
					t.Errorf("hint (-want +got):\n%s", diff)
				}
			case <-time.After(20 * time.Second):
				t.Error("nothing was heard")
			}
			return
		}
	})
}

func TestPostgresListensOnOneOfSeveralHosts(t *testing.T) {
	db := testdb.Postgres(t)
	u, err := url.Parse(db.DSN)
	if err != nil {
		t.Fatal(err)
	}
	config, err := pq.NewConfig(db.DSN)
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	q.Set("host", t.TempDir()+","+config.Host) // nobody serves the first
	q.Set("port", fmt.Sprintf("%d,%d", config.Port, config.Port))
	q.Del("sslmode") // all of them are on this machine
	u.Host, u.RawQuery = "", q.Encode()
	hints, _ := listen(t, db.Open(t, func(c *store.Config) { c.DSN = u.String() }))
	hears(t, hints, everything)
	notify(t, db, "zhangxi prog")
	hears(t, hints, "zhangxi prog")
}

func TestPostgresListeningLeavesNothingBehind(t *testing.T) {
	db := testdb.Postgres(t)
	s := db.Open(t)
	p, dsn := newProxy(t, db.DSN, "LISTEN")
	far := db.Open(t, func(c *store.Config) { c.DSN = dsn })
	before := goleak.IgnoreCurrent()

	hints, stop := listen(t, s)
	hears(t, hints, everything)
	stop()
	goleak.VerifyNone(t, before)

	p.set(cutSilently) // it never learns whether it listens
	_, stop = listen(t, far)
	time.Sleep(200 * time.Millisecond)
	start := time.Now()
	stop()
	if took := time.Since(start); took > 5*time.Second {
		t.Errorf("it took %v to end", took)
	}
	waitForLines(t, before)
}

// waitForLines allows the proxy to notice that the other side has gone.
func waitForLines(t *testing.T, before goleak.Option) {
	t.Helper()
	if err := goleak.Find(before); err != nil && !strings.Contains(err.Error(), "proxy") {
		t.Error(err)
	}
}
