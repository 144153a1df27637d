package api

import (
	"context"
	"net/http"
	"slices"
	"time"

	"github.com/linli/linli/internal/workflow"
)

// Me is who asks, and what she may do where.
type Me struct {
	Person      string    `json:"person" doc:"Id of the person."`
	Community   string    `json:"community" doc:"Id of the community: it stands in nearly every path."`
	Token       MyToken   `json:"token"`
	Roles       []RolesIn `json:"roles" doc:"Where the person holds which roles, as far as the token lets her use them."`
	Communities []MyPlace `json:"communities" doc:"The communities that she can reach."`
}

// MyToken is the token of the request.
type MyToken struct {
	ID      string    `json:"id"`
	Label   string    `json:"label,omitempty"`
	Scope   string    `json:"scope" doc:"Id of the community, or of the one programme it is good for."`
	Roles   []string  `json:"roles,omitempty" doc:"The roles it is limited to; absent: every role that the person holds."`
	Expires time.Time `json:"expires"`
}

// RolesIn are the roles of a person in one scope.
type RolesIn struct {
	Scope string     `json:"scope" doc:"Id of the community, or of one programme."`
	Roles []RoleName `json:"roles"`
}

// RoleName is a role with its name for people.
type RoleName struct {
	Role  string        `json:"role" example:"worker"`
	Title workflow.Text `json:"title"`
}

// MyPlace is a community that the caller can reach.
type MyPlace struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

type meOutput struct{ Body Me }

// meRoutes say who asks.
func (s *server) meRoutes() {
	register(s, operation{
		id: "me", method: http.MethodGet, path: "/me", tag: tagMe, summary: "Who am I, and what may I do?",
		about: "The person and the token of this request, the roles by where they hold, and the community whose id goes into the paths of everything else. " +
			"Start here: then list the programmes, and what waits for you with GET …/tasks.",
	}, s.me)
}

func (s *server) me(ctx context.Context, _ *struct{}) (*meOutput, error) {
	c := from(ctx)
	rows, err := s.Store.Instances(ctx, c.community, []string{c.community, c.token})
	if err != nil {
		return nil, err
	}
	out := &meOutput{Body: Me{
		Person: c.person, Community: c.community, Token: MyToken{ID: c.token, Scope: c.scope, Roles: c.only}, Roles: rolesByScope(c),
		Communities: []MyPlace{},
	}}
	for _, i := range rows {
		switch i.ID {
		case c.community:
			out.Body.Communities = append(out.Body.Communities, MyPlace{ID: i.ID, Name: text(i, "name")})
		case c.token:
			out.Body.Token.Label = text(i, "label")
			if at, err := time.Parse(workflow.TimeLayout, text(i, "expires")); err == nil {
				out.Body.Token.Expires = at
			}
		}
	}
	return out, nil
}

// rolesByScope lists the caller's roles, those for the whole community first.
func rolesByScope(c *caller) []RolesIn {
	held := map[string][]string{}
	for _, g := range c.grants {
		if c.within(g.scope) || g.scope == c.community {
			held[g.scope] = append(held[g.scope], g.role)
		}
	}
	out := []RolesIn{}
	for _, scope := range sortedKeys(held) {
		in := RolesIn{Scope: scope, Roles: []RoleName{}}
		slices.Sort(held[scope])
		for _, role := range slices.Compact(held[scope]) {
			in.Roles = append(in.Roles, RoleName{Role: role, Title: workflow.RoleTitle(role)})
		}
		if scope == c.community {
			out = append([]RolesIn{in}, out...)
		} else {
			out = append(out, in)
		}
	}
	return out
}
