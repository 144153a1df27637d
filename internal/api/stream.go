package api

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/linli/linli/internal/engine"
	"github.com/linli/linli/internal/fault"
	"github.com/linli/linli/internal/workflow"
)

// The bounds of streams. A hint of another process may be lost, so that a stream also looks by itself.
const (
	streamPoll  = 2 * time.Second
	streamBeat  = 15 * time.Second // a comment that keeps the connection open
	streamWrite = 10 * time.Second // for one write
	streamBatch = 200              // entries read at once
	maxStreams  = 2000
	maxFollowed = 20 // streams of one person
)

// streams counts the open streams and ends them all when the server stops. It is safe for concurrent use.
type streams struct {
	mu    sync.Mutex
	open  int
	whose map[string]int // open, by person
	ended chan struct{}
	once  sync.Once
}

func newStreams() *streams { return &streams{ended: make(chan struct{}), whose: map[string]int{}} }

// enter reports whether there is room for one more stream, of this person too.
func (s *streams) enter(person string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open >= maxStreams || s.whose[person] >= maxFollowed {
		return false
	}
	s.open++
	s.whose[person]++
	return true
}

func (s *streams) leave(person string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.open--
	if s.whose[person]--; s.whose[person] == 0 {
		delete(s.whose, person)
	}
}

func (s *streams) end() { s.once.Do(func() { close(s.ended) }) }

// StreamSnapshot is the first message of a stream: where the history stands. Read the programme, then apply what follows.
type StreamSnapshot struct {
	Root string `json:"root"`
	Seq  int64  `json:"seq"`
}

// StreamEntry is one entry of the history: what was done, and which states it changed. Values are read from the instances.
type StreamEntry struct {
	Seq      int64         `json:"seq"`
	Command  string        `json:"command"`
	Kind     string        `json:"kind"`
	Event    string        `json:"event,omitempty"`
	Target   string        `json:"target"`
	Recorded time.Time     `json:"recorded"`
	Changes  []StateChange `json:"changes,omitempty"`
}

// StateChange is what an entry did to one instance that the reader may see.
type StateChange struct {
	Instance string `json:"instance"`
	Version  int64  `json:"version"`
	Created  string `json:"created,omitempty" doc:"The workflow of an instance that came into being."`
	Deleted  bool   `json:"deleted,omitempty" doc:"An undo took its creation back."`
	From     string `json:"from,omitempty"`
	To       string `json:"to,omitempty"`
}

type streamInput struct {
	Community string `path:"community" maxLength:"200" doc:"Id of the community."`
	Programme string `path:"programme" maxLength:"200" doc:"Id or code of the programme."`
	Last      string `header:"Last-Event-ID" maxLength:"20" doc:"The id of the last message that arrived: the stream goes on behind it."`
}

// streamRoutes tell what happens as it happens.
func (s *server) streamRoutes() {
	register(s, operation{
		id: "stream", method: http.MethodGet, path: "/communities/{community}/programmes/{programme}/stream", tag: tagHistory,
		summary: "Follow a programme as it moves",
		about: "Server-Sent Events. The first message, `snapshot`, says where the history stands; each `entry` after it is one entry, its id the seq. " +
			"Reconnect with Last-Event-ID, to any server of the same database. Entries are filtered by what the reader may see.",
		responses: map[string]*huma.Response{"200": {
			Description: "A stream of messages.",
			Content:     map[string]*huma.MediaType{"text/event-stream": {Schema: &huma.Schema{Type: huma.TypeString}}},
		}},
	}, s.stream)
}

func (s *server) stream(ctx context.Context, in *streamInput) (*huma.StreamResponse, error) {
	root, err := s.programme(ctx, in.Community, in.Programme)
	if err != nil {
		return nil, err
	}
	after := int64(-1)
	if in.Last != "" {
		if after, err = strconv.ParseInt(in.Last, 10, 64); err != nil || after < 0 {
			return nil, fault.NewInvalid("header.Last-Event-ID", "invalid_event_id", "Last-Event-ID 应为收到的最后一条消息的编号",
				"Last-Event-ID takes the id of the last message that arrived")
		}
	}
	whose := in.Community + "/" + from(ctx).person
	if !s.streams.enter(whose) {
		return nil, fault.New(fault.Unavailable, "too_many_streams", "同时打开的更新流过多；请稍后再试", "too many streams are open; try again shortly")
	}
	return &huma.StreamResponse{Body: func(hctx huma.Context) {
		defer s.streams.leave(whose)
		r, w := humago.Unwrap(hctx)
		f := &follower{server: s, ctx: ctx, root: root, community: in.Community, auth: r.Header.Get("Authorization"), w: w, rc: http.NewResponseController(w)}
		f.run(after)
	}}, nil
}

// follower is one reader of one programme's stream.
type follower struct {
	*server
	ctx             context.Context //nolint:containedctx // one request's life
	community, root string
	auth            string
	w               http.ResponseWriter
	rc              *http.ResponseController
	seq             int64 // of the last entry that was looked at
}

// run sends what happens until the reader or the server goes, or the reader's token ends.
func (f *follower) run(after int64) {
	hints, stop := f.Engine.Watch(f.community, f.root)
	defer stop()
	h := f.w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no")
	f.w.WriteHeader(http.StatusOK)
	if !f.begin(after) {
		return
	}
	poll, beat := time.NewTicker(streamPoll), time.NewTicker(streamBeat)
	defer poll.Stop()
	defer beat.Stop()
	for {
		if !f.catchUp() {
			return
		}
		select {
		case <-f.ctx.Done():
			return
		case <-f.streams.ended:
			return
		case <-hints:
		case <-poll.C:
		case <-beat.C:
			if !f.send(": \n\n") {
				return
			}
		}
	}
}

// begin sends the snapshot, or takes up behind the last message that arrived.
func (f *follower) begin(after int64) bool {
	heads, err := f.Store.Heads(f.ctx, f.community, []string{f.root})
	if err != nil {
		return false
	}
	head := heads[f.root]
	if after >= 0 && after <= head.Seq {
		f.seq = after
		return f.send(": resumed\n\n")
	}
	f.seq = head.Seq
	return f.message("snapshot", head.Seq, StreamSnapshot{Root: f.root, Seq: head.Seq})
}

// catchUp sends what has been written since. It reports false when the stream is over.
func (f *follower) catchUp() bool {
	if f.ctx.Err() != nil {
		return false
	}
	c, err := f.server.auth.caller(f.ctx, f.auth) // a token that ended ends its streams
	if err != nil || !c.within(f.root) {
		return false
	}
	ctx := context.WithValue(f.ctx, callerKey{}, c)
	for {
		entries, err := f.Store.History(ctx, f.community, f.root, f.seq+1, streamBatch)
		if err != nil {
			return f.ctx.Err() == nil // the database may come back; the reader keeps its place
		}
		for n := range entries {
			if !f.entry(ctx, c, &entries[n]) {
				return false
			}
		}
		if len(entries) < streamBatch {
			return true
		}
	}
}

// entry sends one entry, as far as the reader may see what it changed. One of which she may see nothing only moves her place.
func (f *follower) entry(ctx context.Context, c *caller, stored *engine.StoredEntry) bool {
	var e workflow.Entry
	if err := json.Unmarshal(stored.Body, &e); err != nil {
		f.Log.Error("an entry of the history cannot be read", "root", f.root, "seq", stored.Seq, "err", err)
		return false
	}
	seen := func(string) bool { return true }
	if !c.staff(f.root) {
		visible, err := f.visible(ctx, &e)
		if err != nil {
			return false
		}
		seen = func(id string) bool { return visible[id] }
	}
	f.seq = stored.Seq
	out := StreamEntry{Seq: e.Seq, Command: e.Command, Kind: string(e.Kind), Event: e.Event, Target: e.Target, Recorded: e.Recorded}
	for _, ch := range e.Changes {
		if ch.State == nil && ch.Created == nil && ch.Deleted == nil && len(ch.Data) == 0 || !seen(ch.ID) {
			continue
		}
		sc := StateChange{Instance: ch.ID, Version: ch.Version[1], Deleted: ch.Deleted != nil}
		if ch.Created != nil {
			sc.Created = ch.Created.Workflow
		}
		if ch.State != nil {
			sc.From, sc.To = ch.State[0], ch.State[1]
		}
		out.Changes = append(out.Changes, sc)
	}
	if !seen(e.Target) {
		if len(out.Changes) == 0 {
			return true
		}
		out.Target, out.Command, out.Event = "", "", ""
	}
	return f.message("entry", e.Seq, out)
}

// visible says which of the instances that an entry changed a reader who is not staff may see.
func (f *follower) visible(ctx context.Context, e *workflow.Entry) (map[string]bool, error) {
	ids := []string{e.Target}
	for _, ch := range e.Changes {
		ids = append(ids, ch.ID)
	}
	rows, err := f.Store.Instances(ctx, f.community, ids)
	if err != nil {
		return nil, err
	}
	out := map[string]bool{}
	for _, i := range rows {
		def, err := f.definitionOf(ctx, i)
		if err != nil {
			return nil, err
		}
		out[i.ID] = f.sees(ctx, i, def) != sightNone
	}
	return out, nil
}

func (f *follower) message(event string, id int64, v any) bool {
	data, err := json.Marshal(v)
	if err != nil {
		return false
	}
	return f.send(fmt.Sprintf("event: %s\nid: %d\ndata: %s\n\n", event, id, strings.ReplaceAll(string(data), "\n", "")))
}

// send writes and flushes. A reader who does not take it in time is cut off, and resumes later.
func (f *follower) send(s string) bool {
	if err := f.rc.SetWriteDeadline(time.Time{}); err != nil {
		return false
	}
	late := time.AfterFunc(streamWrite, func() { _ = f.rc.SetWriteDeadline(time.Unix(1, 0)) }) // the write ends at once
	defer late.Stop()
	if _, err := f.w.Write([]byte(s)); err != nil {
		return false
	}
	return f.rc.Flush() == nil
}
