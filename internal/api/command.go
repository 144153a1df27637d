package api

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/linli/linli/internal/calendar"
	"github.com/linli/linli/internal/engine"
	"github.com/linli/linli/internal/fault"
	"github.com/linli/linli/internal/workflow"
)

// Preconditions are the headers that every command may carry.
type Preconditions struct {
	Key     string `header:"Idempotency-Key" maxLength:"200" doc:"Makes a repeated request answer as the first one did; kept for 72 hours."`
	IfMatch string `header:"If-Match" maxLength:"100" doc:"The ETag of the instance as it was last read: the command fails with 412 if it is not the current one." example:"\"3\""`
}

// CommandBody is what any command may say besides what it asks for.
type CommandBody struct {
	Input    fields                 `json:"input,omitempty" doc:"The values of the form."`
	Reason   string                 `json:"reason,omitempty" maxLength:"10000" doc:"Why; some events ask for it."`
	Occurred string                 `json:"occurred,omitempty" maxLength:"64" doc:"When it happened: 2023-06-14, 2023-06-14/morning (afternoon, evening), an RFC 3339 time, or unknown. Now, if left out." example:"2023-06-14/morning"`
	OnBehalf *onBehalf              `json:"on_behalf,omitempty" doc:"Somebody else decided, and the caller records it (代录)."`
	Confirm  map[string]confirmBody `json:"confirm,omitempty" doc:"By name of the guard: why it is passed all the same, or who the second person is."`
}

type onBehalf struct {
	Person   string `json:"person" minLength:"1" maxLength:"200" doc:"Id of the person who decided."`
	Via      string `json:"via" enum:"paper,phone,wechat,in_person" doc:"How the caller knows."`
	Evidence string `json:"evidence,omitempty" maxLength:"10000" doc:"Where that is written down; an approver's decision needs it."`
	Decided  string `json:"decided,omitempty" maxLength:"64" doc:"When it was decided, in the forms of occurred." example:"2023-06-14"`
}

type confirmBody struct {
	Second string `json:"second,omitempty" maxLength:"200" doc:"Id of the second person."`
	Reason string `json:"reason,omitempty" maxLength:"10000"`
}

// commandAnswer is what a command that was carried out answers.
type commandAnswer struct {
	Command  string   `json:"command" doc:"Id of the command: what undo names; empty in a preview."`
	Root     string   `json:"root" doc:"Id of the programme, or of the community for the registry."`
	Seq      int64    `json:"seq" doc:"Its place in the history of the root."`
	Instance string   `json:"instance" doc:"Id of the instance that was changed or created; empty where a preview would create one."`
	State    string   `json:"state,omitempty" doc:"Its state now; absent if an undo removed it."`
	Version  int64    `json:"version,omitempty" doc:"Its version now."`
	Warnings []Reason `json:"warnings,omitempty" doc:"What was noted and recorded, without standing in the way."`
}

// answered is the answer of every command.
type answered struct {
	ETag     string `header:"ETag"`
	Replayed string `header:"Idempotency-Replayed"`
	Body     commandAnswer
}

// do carries a request out for the caller.
func (s *server) do(ctx context.Context, req engine.Request) (*answered, error) {
	s.sign(ctx, &req)
	res, err := s.Engine.Do(ctx, req)
	if err != nil {
		return nil, s.discreet(ctx, req, err)
	}
	if res.Root == req.Community {
		s.auth.forget() // grants and tokens are registry rows
	}
	return answer(lang(ctx), res), nil
}

// sign makes a request the caller's.
func (s *server) sign(ctx context.Context, req *engine.Request) {
	c := from(ctx)
	req.Community, req.Actor, req.Token = c.community, workflow.Actor{Person: c.person}, c.token
}

func answer(lang string, res engine.Result) *answered {
	a := &answered{ETag: etag(res.Version), Body: commandAnswer{
		Command: res.Command, Root: res.Root, Seq: res.Seq, Instance: res.Instance, State: res.State, Version: res.Version,
	}}
	if len(res.Warnings) > 0 {
		a.Body.Warnings = reasonsIn(lang, res.Warnings)
	}
	if res.Replayed {
		a.Replayed = "true"
	}
	return a
}

// discreet hides from a caller who may not see an instance why something cannot be done with it, and that it is there at all.
func (s *server) discreet(ctx context.Context, req engine.Request, err error) error {
	var refusal *workflow.Refusal
	if req.Target == "" || !errors.As(err, &refusal) && fault.KindOf(err) != fault.Forbidden {
		return err
	}
	if _, _, _, hidden := s.instance(ctx, req.Community, req.Target); hidden != nil {
		return hidden
	}
	return err
}

// fill puts what a body says into a request.
func (s *server) fill(ctx context.Context, req *engine.Request, p Preconditions, b *CommandBody) error {
	req.IdempotencyKey = p.Key
	var err error
	if req.IfVersion, err = ifMatch(p.IfMatch); err != nil {
		return err
	}
	if b == nil {
		return nil
	}
	req.Values, req.Reason = b.Input, b.Reason
	if c := from(ctx); b.Input["bundle"] != nil && req.Target == c.community {
		if err := needRoles(ctx, c.community, "admin"); err != nil { // before anybody learns whether there is such a bundle
			return err
		}
	}
	if req.Occurred, err = s.occurred(ctx, "body.occurred", b.Occurred); err != nil {
		return err
	}
	if b.OnBehalf != nil {
		req.OnBehalf = &workflow.OnBehalf{Person: b.OnBehalf.Person, Via: b.OnBehalf.Via, Evidence: b.OnBehalf.Evidence}
		if req.OnBehalf.Decided, err = s.occurred(ctx, "body.on_behalf.decided", b.OnBehalf.Decided); err != nil {
			return err
		}
	}
	for guard, c := range b.Confirm {
		if req.Confirm == nil {
			req.Confirm = map[string]workflow.Confirmation{}
		}
		req.Confirm[guard] = workflow.Confirmation(c)
	}
	return nil
}

// ifMatch reads an If-Match header (RFC 9110 §13.1.1): one strong entity tag, or * for any version. 0 means any.
func ifMatch(header string) (int64, error) {
	header = strings.TrimSpace(header)
	if header == "" || header == "*" {
		return 0, nil
	}
	text, _ := strings.CutPrefix(header, `"`)
	if text, ok := strings.CutSuffix(text, `"`); ok {
		if n, err := strconv.ParseInt(text, 10, 64); err == nil && n > 0 {
			return n, nil
		}
	}
	if strings.HasPrefix(header, `"`) || strings.HasPrefix(header, "W/") {
		return -1, nil // a tag that was never given out: no version is it
	}
	return 0, fault.NewInvalid("header.If-Match", "invalid_if_match", `If-Match 应为读取时得到的 ETag，如 "3"`, `If-Match takes the ETag that reading gave, such as "3"`)
}

// occurred reads a time in the community's zone. "" leaves it to the engine: now.
func (s *server) occurred(ctx context.Context, field, text string) (workflow.Occurred, error) {
	if text == "" {
		return workflow.Occurred{}, nil
	}
	zone, err := s.zone(ctx, from(ctx).community)
	if err != nil {
		return workflow.Occurred{}, err
	}
	o, err := workflow.ParseOccurred(text, zone)
	if err != nil {
		return workflow.Occurred{}, fault.NewInvalid(field, "invalid_time",
			"应为 2023-06-14、2023-06-14/morning（afternoon、evening）、2023-06-14T09:00:00+08:00 或 unknown",
			"give 2023-06-14, 2023-06-14/morning (afternoon, evening), 2023-06-14T09:00:00+08:00 or unknown")
	}
	return o, nil
}

// zone is a community's time zone.
func (s *server) zone(ctx context.Context, community string) (*time.Location, error) {
	row, err := s.Store.Instance(ctx, community, community)
	if err != nil {
		return nil, err
	}
	if row != nil {
		if name, _ := row.Body.Data["zone"].(string); name != "" {
			if z, err := calendar.Zone(name); err == nil {
				return z, nil
			}
		}
	}
	return calendar.Zone("Asia/Shanghai")
}

// InstancePath names an instance in a path.
type InstancePath struct {
	Community string `path:"community" maxLength:"200" doc:"Id of the community."`
	ID        string `path:"id" maxLength:"200" doc:"Id of the instance."`
}

type fireInput struct {
	InstancePath
	Preconditions
	Event string       `path:"event" maxLength:"100" doc:"Name of the event, as GET …/options lists them."`
	Body  *CommandBody `required:"false"`
}

// commandRoutes are what can be done with one instance.
func (s *server) commandRoutes() {
	register(s, operation{
		id: "fire", method: http.MethodPost, path: "/communities/{community}/instances/{id}/events/{event}", tag: tagCommands,
		summary: "Fire an event", about: "Asks for a transition. What the rules refuse changes nothing, and the problem document says every reason.",
	}, s.fire)
}

func (s *server) fire(ctx context.Context, in *fireInput) (*answered, error) {
	if err := inCommunity(ctx, in.Community); err != nil {
		return nil, err
	}
	req := engine.Request{Command: workflow.Command{Kind: workflow.KindFire, Target: in.ID, Event: in.Event}}
	if err := s.fill(ctx, &req, in.Preconditions, in.Body); err != nil {
		return nil, err
	}
	return s.do(ctx, req)
}
