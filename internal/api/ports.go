package api

import (
	"context"
	"io"
	"iter"
	"time"

	"github.com/linli/linli/internal/engine"
	"github.com/linli/linli/internal/store"
	"github.com/linli/linli/internal/workflow"
)

// Engine is what carries commands out.
type Engine interface {
	Do(ctx context.Context, req engine.Request) (engine.Result, error)
	DoAll(ctx context.Context, reqs []engine.Request) []engine.Outcome
	Preview(ctx context.Context, reqs []engine.Request) []engine.Outcome
	Why(ctx context.Context, community, root, target, person string, only ...string) ([]workflow.Option, error)
	Reveal(ctx context.Context, i *workflow.Instance) (map[string]any, error)
	Bundle(ctx context.Context, hash string) (*workflow.Bundle, error)
	AddBundle(ctx context.Context, b *workflow.Bundle) error
	Watch(community, root string) (hints <-chan struct{}, stop func())
}

// Store is the database as reads need it.
type Store interface {
	Ping(ctx context.Context) error
	Communities(ctx context.Context) ([]string, error)
	Heads(ctx context.Context, community string, roots []string) (map[string]engine.Head, error)
	RootByCode(ctx context.Context, community, code string) (*engine.Head, error)
	Programmes(ctx context.Context, community, after string, limit int) ([]engine.Head, error)
	Instance(ctx context.Context, community, id string) (*workflow.Instance, error)
	Instances(ctx context.Context, community string, ids []string) ([]*workflow.Instance, error)
	List(ctx context.Context, community string, q store.ListQuery) ([]*workflow.Instance, error)
	Subtree(ctx context.Context, community, root string) iter.Seq2[*workflow.Instance, error]
	Waiting(ctx context.Context, community string, in []store.StateOf, after string, limit int) ([]*workflow.Instance, error)
	Load(ctx context.Context, community string, keys []workflow.Key) ([]workflow.Answer, error)
	History(ctx context.Context, community, root string, fromSeq int64, limit int) ([]engine.StoredEntry, error)
	HistoryOf(ctx context.Context, community, root, target string, fromSeq int64, limit int) ([]engine.StoredEntry, error)
	Committed(ctx context.Context, community, root, command string) (*engine.StoredEntry, error)
	Search(ctx context.Context, community, kind, text string, limit int) ([]engine.SearchTerm, error)
	Find(ctx context.Context, community, kind, text string) ([]engine.SearchTerm, error)
	Bundle(ctx context.Context, hash string) (map[string][]byte, error)
	BundleHashes(ctx context.Context) ([]string, error)
	TokensUsed(ctx context.Context, used []store.TokenUse) error
	TokenUses(ctx context.Context, community string, tokens []string) (map[string]time.Time, error)
}

// Loader plays programme data files.
type Loader interface {
	// Load plays a data file into a community, or with dry only says what would be refused. Its report is in the given language.
	Load(ctx context.Context, community, name string, file io.Reader, dry bool) (Loaded, error)
}

// Loaded is what came of a data file.
type Loaded struct {
	Programme string          // id; "" after a dry run
	Code      string          // of the programme
	Done      int             // steps carried out now
	Earlier   int             // steps that an earlier run had carried out
	Refused   int             // attempts refused as the file expects
	Mistakes  []workflow.Text // by line; nothing was written if there are any and Done is 0
}

// Auditor re-computes chains and compares rows.
type Auditor interface {
	Audit(ctx context.Context, community, root string) (Audited, error)
}

// Audited is what an audit found in one chain.
type Audited struct {
	Entries  int64
	Rows     int64
	Findings []workflow.Text
}

// Secrets derives what nobody can guess from what somebody said, under a key that is not in the database.
type Secrets interface {
	Fingerprint(community string, of []byte) string
	// LookupHash is what a mobile number is found by. The number is folded (engine.Fold).
	LookupHash(community, mobile string) string
}
