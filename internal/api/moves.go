package api

import (
	"context"
	"net/http"

	"github.com/linli/linli/internal/engine"
	"github.com/linli/linli/internal/workflow"
)

// moveInput is a command of the engine's own kinds that has no form: cancel, skip, reopen.
type moveInput struct {
	InstancePath
	Preconditions
	Body *MoveBody `required:"false"`
}

// MoveBody is what a command without a form may say.
type MoveBody struct {
	Reason   string    `json:"reason,omitempty" maxLength:"10000" doc:"Why; it is kept in the history."`
	Occurred string    `json:"occurred,omitempty" maxLength:"64" doc:"When it happened; now, if left out." example:"2023-06-14"`
	OnBehalf *onBehalf `json:"on_behalf,omitempty" doc:"Somebody else decided, and the caller records it (代录)."`
}

type waiveInput struct {
	InstancePath
	Preconditions
	Body struct {
		MoveBody
		Need string `json:"need" minLength:"1" maxLength:"200" doc:"Name of the need, as the refusal's reason gives it."`
		Note string `json:"note,omitempty" maxLength:"10000" doc:"What is said about it in public; the reason stays internal."`
	}
}

type backfillInput struct {
	InstancePath
	Preconditions
	Body struct {
		CommandBody
		State string `json:"state" minLength:"1" maxLength:"100" doc:"The state to reach."`
	}
}

// moveRoutes are the engine's own kinds of command: what every workflow may allow.
func (s *server) moveRoutes() {
	for _, m := range []struct {
		kind           workflow.Kind
		summary, about string
	}{
		{workflow.KindCancel, "Cancel an activity, an item or a programme", "Ends it from outside its machine, for a reason."},
		{workflow.KindSkip, "Mark an activity as not applicable", "What needs it does not wait for it any more."},
		{workflow.KindReopen, "Reopen what was closed", "Refused, naming them, while others build on its milestones."},
	} {
		register(s, operation{
			id: string(m.kind), method: http.MethodPost, path: "/communities/{community}/instances/{id}/" + string(m.kind),
			tag: tagCommands, summary: m.summary, about: m.about,
		}, func(ctx context.Context, in *moveInput) (*answered, error) {
			return s.move(ctx, engine.Request{Command: workflow.Command{Kind: m.kind, Target: in.ID}}, in.Community, in.Preconditions, in.Body)
		})
	}
	register(s, operation{
		id: "waive", method: http.MethodPost, path: "/communities/{community}/instances/{id}/waive", tag: tagCommands,
		summary: "Let an activity pass without a need (特批)",
		about:   "The reason is kept, and a public note may be. Every event that the need stood in the way of can be fired afterwards.",
	}, func(ctx context.Context, in *waiveInput) (*answered, error) {
		req := engine.Request{Command: workflow.Command{Kind: workflow.KindWaive, Target: in.ID, Need: in.Body.Need, Note: in.Body.Note}}
		return s.move(ctx, req, in.Community, in.Preconditions, &in.Body.MoveBody)
	})
	register(s, operation{
		id: "backfill", method: http.MethodPost, path: "/communities/{community}/instances/{id}/backfill", tag: tagCommands,
		summary: "Put an activity that was kept on paper into its state (补录)",
		about:   "Checks the needs and hard guards of every event on the way, latches the milestones, and flags the activity. Dates may be unknown.",
	}, func(ctx context.Context, in *backfillInput) (*answered, error) {
		if err := inCommunity(ctx, in.Community); err != nil {
			return nil, err
		}
		req := engine.Request{Command: workflow.Command{Kind: workflow.KindBackfill, Target: in.ID, State: in.Body.State}}
		if err := s.fill(ctx, &req, in.Preconditions, &in.Body.CommandBody); err != nil {
			return nil, err
		}
		return s.do(ctx, req)
	})
}

// move carries out a command without a form.
func (s *server) move(ctx context.Context, req engine.Request, community string, p Preconditions, b *MoveBody) (*answered, error) {
	if err := inCommunity(ctx, community); err != nil {
		return nil, err
	}
	body := &CommandBody{}
	if b != nil {
		body.Reason, body.Occurred, body.OnBehalf = b.Reason, b.Occurred, b.OnBehalf
	}
	if err := s.fill(ctx, &req, p, body); err != nil {
		return nil, err
	}
	req.Values = nil
	return s.do(ctx, req)
}

type undoInput struct {
	Community string `path:"community" maxLength:"200" doc:"Id of the community."`
	Programme string `path:"programme" maxLength:"200" doc:"Id or code of the programme."`
	Command   string `path:"command" maxLength:"400" doc:"Id of the command to take back."`
	Preconditions
	Body *MoveBody `required:"false"`
}

type undoRegistryInput struct {
	Community string `path:"community" maxLength:"200" doc:"Id of the community."`
	Command   string `path:"command" maxLength:"400" doc:"Id of the command to take back."`
	Preconditions
	Body *MoveBody `required:"false"`
}

// undoRoutes take commands back.
func (s *server) undoRoutes() {
	const about = "Restores every row that the command changed. Refused, naming what stands in the way, if anything was built on it since."
	register(s, operation{
		id: "undo", method: http.MethodPost, path: "/communities/{community}/programmes/{programme}/history/{command}/undo", tag: tagHistory,
		summary: "Take a command of a programme back", about: about,
	}, func(ctx context.Context, in *undoInput) (*answered, error) {
		root, err := s.programme(ctx, in.Community, in.Programme)
		if err != nil {
			return nil, err
		}
		return s.undo(ctx, in.Community, root, in.Command, in.Preconditions, in.Body)
	})
	register(s, operation{
		id: "undo-registry", method: http.MethodPost, path: "/communities/{community}/registry/history/{command}/undo", tag: tagHistory,
		summary: "Take a command of the registry back", about: about,
	}, func(ctx context.Context, in *undoRegistryInput) (*answered, error) {
		return s.undo(ctx, in.Community, in.Community, in.Command, in.Preconditions, in.Body)
	})
}

func (s *server) undo(ctx context.Context, community, root, of string, p Preconditions, b *MoveBody) (*answered, error) {
	if err := inCommunity(ctx, community); err != nil {
		return nil, err
	}
	if err := needStaff(ctx, root); err != nil {
		return nil, err
	}
	req := engine.Request{Command: workflow.Command{Kind: workflow.KindUndo, Root: root, Of: of}}
	return s.move(ctx, req, community, p, b)
}
