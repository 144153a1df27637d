package api

import (
	"context"
	"net/http"
	"strconv"

	"github.com/linli/linli/internal/engine"
	"github.com/linli/linli/internal/workflow"
)

type bulkInput struct {
	Community string `path:"community" maxLength:"200" doc:"Id of the community."`
	Key       string `header:"Idempotency-Key" maxLength:"190" doc:"As for single commands; each row has a key of its own derived from it."`
	Body      struct {
		Preview bool      `json:"preview,omitempty" doc:"Only say what would come of each row; write nothing."`
		Rows    []bulkRow `json:"rows" minItems:"1" maxItems:"500" doc:"Carried out in order for each programme. A row that is refused does not stop the others."`
	}
}

// bulkRow is one command of a list.
type bulkRow struct {
	CommandBody
	Kind     string `json:"kind,omitempty" enum:"fire,create,edit,cancel,skip,reopen" default:"fire" doc:"What to do."`
	Target   string `json:"target" minLength:"1" maxLength:"200" doc:"Id of the instance; to create, of the instance to stand under."`
	Event    string `json:"event,omitempty" maxLength:"100" doc:"To fire."`
	Workflow string `json:"workflow,omitempty" maxLength:"100" doc:"To create: of which workflow."`
	Slot     string `json:"slot,omitempty" maxLength:"100" doc:"To create an activity: in which slot."`
	Key      string `json:"key,omitempty" maxLength:"200" doc:"To create: a name unique among its siblings."`
	Version  int64  `json:"version,omitempty" minimum:"1" doc:"The row is refused if this is not the instance's version."`
}

type bulkAnswer struct {
	Body struct {
		Preview bool         `json:"preview" doc:"Nothing was written."`
		Done    int          `json:"done" doc:"Rows carried out, or that would be."`
		Refused int          `json:"refused" doc:"Rows that were not, or would not be."`
		Rows    []bulkResult `json:"rows" doc:"One for each row, in their order."`
	}
}

// bulkResult is what came of one row.
type bulkResult struct {
	Row     int            `json:"row" doc:"Counted from 0."`
	Done    bool           `json:"done"`
	Answer  *commandAnswer `json:"answer,omitempty" doc:"Of a row that was carried out."`
	Replay  bool           `json:"replayed,omitempty" doc:"An earlier request with the same key carried it out."`
	Problem *Problem       `json:"problem,omitempty" doc:"Of a row that was not: the document that the single command would have been answered with."`
}

// bulkRoutes carry out lists of commands.
func (s *server) bulkRoutes() {
	register(s, operation{
		id: "bulk", method: http.MethodPost, path: "/communities/{community}/bulk", tag: tagCommands, maxBody: s.Limits.File,
		summary: "Carry out a list of commands, or preview it",
		about: "For lists of 20 to 200: attendance, receipts, hours, household visits. Every row has a result of its own, and is as good as the single " +
			"command. With preview, each row is decided as if the ones before had been carried out, and nothing is written.",
	}, s.bulk)
}

func (s *server) bulk(ctx context.Context, in *bulkInput) (*bulkAnswer, error) {
	if err := inCommunity(ctx, in.Community); err != nil {
		return nil, err
	}
	out := &bulkAnswer{}
	out.Body.Preview = in.Body.Preview
	out.Body.Rows = make([]bulkResult, len(in.Body.Rows))
	var reqs []engine.Request
	var rows []int // of the requests
	for n := range in.Body.Rows {
		out.Body.Rows[n].Row = n
		req, err := s.rowRequest(ctx, &in.Body.Rows[n], rowKey(in.Key, n))
		if err != nil {
			out.Body.Rows[n].Problem = s.problemOf(ctx, err)
			continue
		}
		reqs, rows = append(reqs, req), append(rows, n)
	}
	carry := s.Engine.DoAll
	if in.Body.Preview {
		carry = s.Engine.Preview
	}
	registry := false
	for n, o := range carry(ctx, reqs) {
		r := &out.Body.Rows[rows[n]]
		if o.Err != nil {
			r.Problem = s.problemOf(ctx, s.discreet(ctx, reqs[n], o.Err))
			continue
		}
		r.Done, r.Replay, r.Answer = true, o.Result.Replayed, &answer(lang(ctx), o.Result).Body
		if in.Body.Preview { // what does not come about has no name
			r.Answer.Command, r.Answer.Seq = "", 0
			if reqs[n].Kind == workflow.KindCreate {
				r.Answer.Instance = ""
			}
		}
		registry = registry || o.Result.Root == in.Community
	}
	if registry && !in.Body.Preview {
		s.auth.forget()
	}
	for _, r := range out.Body.Rows {
		if r.Done {
			out.Body.Done++
		} else {
			out.Body.Refused++
		}
	}
	return out, nil
}

// rowSeparator stands in the keys of rows, and in no header: a single command's key is never that of a row.
const rowSeparator = "\x1f"

// rowKey is the idempotency key of one row.
func rowKey(key string, row int) string {
	if key == "" {
		return ""
	}
	return key + rowSeparator + strconv.Itoa(row)
}

func (s *server) rowRequest(ctx context.Context, r *bulkRow, key string) (engine.Request, error) {
	kind := workflow.Kind(r.Kind)
	if kind == "" {
		kind = workflow.KindFire
	}
	if kind == workflow.KindCreate {
		if err := hasOwnRoute("body.rows.workflow", r.Workflow); err != nil {
			return engine.Request{}, err
		}
	}
	req := engine.Request{Command: workflow.Command{
		Kind: kind, Target: r.Target, Event: r.Event, Workflow: r.Workflow, Slot: r.Slot, Key: r.Key,
	}}
	if err := s.fill(ctx, &req, Preconditions{Key: key}, &r.CommandBody); err != nil {
		return req, err
	}
	req.IfVersion = r.Version
	s.sign(ctx, &req)
	return req, nil
}
