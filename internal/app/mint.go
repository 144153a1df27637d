package app

import (
	"context"
	"time"

	"github.com/linli/linli/internal/engine"
	"github.com/linli/linli/internal/token"
	"github.com/linli/linli/internal/workflow"
)

// mint is a token that the operator makes.
type mint struct {
	command   string // id, unique in the registry; "" draws one
	community string
	person    string
	scope     string // id of a programme; "" for the community
	roles     []string
	label     string
	expires   time.Time
}

// do carries a command out.
type do func(ctx context.Context, req engine.Request) (engine.Result, error)

// make makes the token and returns its text, which nobody can read again. It is "" if an earlier run made it.
func (m mint) make(ctx context.Context, carryOut do) (text, id string, err error) {
	secret := token.NewSecret()
	scope := m.scope
	if scope == "" {
		scope = m.community
	}
	res, err := carryOut(ctx, operator(m.command, m.community, "token", map[string]any{
		"person": m.person, "label": m.label, "scope": scope, "roles": m.roles, "hash": token.Hash(secret),
		"expires": m.expires.UTC().Format(workflow.TimeLayout),
	}))
	if err != nil {
		return "", "", err
	}
	if res.Replayed {
		return "", res.Instance, nil
	}
	return token.Format(m.community, res.Instance, secret), res.Instance, nil
}

// operator is a command that creates a registry entry in the name of whoever runs the program.
func operator(command, community, of string, values map[string]any) engine.Request {
	return engine.Request{
		Command: workflow.Command{
			ID: command, Community: community, Root: community, Target: community, Kind: workflow.KindCreate, Workflow: of,
			Actor: workflow.Actor{System: true},
		},
		Values: values,
	}
}
