package api

import (
	"context"
	"maps"
	"net/http"
	"slices"

	"github.com/linli/linli/internal/engine"
	"github.com/linli/linli/internal/workflow"
)

// Community is a community: its settings, its figures, and the definitions that it runs on.
type Community struct {
	Instance

	Bundle string `json:"bundle" doc:"Hash of the definitions that the registry runs on and new programmes start with."`
}

type communityOutput struct {
	ETag string `header:"ETag"`
	Body Community
}

type editCommunityInput struct {
	CommunityPath
	Preconditions
	Body CommandBody
}

// communityRoutes are about the caller's community.
func (s *server) communityRoutes() {
	register(s, operation{
		id: "list-communities", method: http.MethodGet, path: "/communities", tag: tagCommunity,
		summary: "List my communities", about: "A token is good for one community, so there is one.",
	}, s.listCommunities)
	register(s, operation{
		id: "get-community", method: http.MethodGet, path: "/communities/{community}", tag: tagCommunity,
		summary: "Read a community", about: "Settings, figures over the registry, and the hash of the current definitions.",
	}, func(ctx context.Context, in *CommunityPath) (*communityOutput, error) {
		return s.getCommunity(ctx, in.Community)
	})
	register(s, operation{
		id: "edit-community", method: http.MethodPatch, path: "/communities/{community}", tag: tagCommunity,
		summary: "Change the settings of a community",
		about: "For administrators: name, zone, strictness, small_office and what else the definition of the community has as fields. Values that are left " +
			"out stay as they are.",
	}, s.editCommunity)
}

func (s *server) listCommunities(ctx context.Context, _ *struct{}) (*listed[Community], error) {
	c, err := s.getCommunity(ctx, from(ctx).community)
	if err != nil {
		return nil, err
	}
	return newPage([]Community{c.Body}, false, nil), nil
}

func (s *server) getCommunity(ctx context.Context, community string) (*communityOutput, error) {
	i, def, see, err := s.instance(ctx, community, community)
	if err != nil {
		return nil, err
	}
	b, err := s.bundleOf(ctx, community, community)
	if err != nil {
		return nil, err
	}
	return &communityOutput{ETag: etag(i.Version), Body: Community{Instance: *show(i, def, see, nil), Bundle: b.Hash}}, nil
}

func (s *server) editCommunity(ctx context.Context, in *editCommunityInput) (*answered, error) {
	if err := inCommunity(ctx, in.Community); err != nil {
		return nil, err
	}
	req := engine.Request{Command: workflow.Command{Kind: workflow.KindEdit, Root: in.Community, Target: in.Community}}
	if err := s.fill(ctx, &req, in.Preconditions, &in.Body); err != nil {
		return nil, err
	}
	return s.do(ctx, req)
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
