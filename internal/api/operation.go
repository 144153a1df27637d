package api

import (
	"context"
	"net/http"
	"slices"

	"github.com/danielgtaylor/huma/v2"
)

// security names the scheme of the OpenAPI document.
const security = "token"

// metaPublic marks an operation that needs no token.
const metaPublic = "public"

// operation describes one route: what it is called, what people read about it, and which statuses it may answer besides those that
// every route of its kind has.
type operation struct {
	id, method, path string
	summary          string // English, one line
	about            string // English; more, if there is more to say
	tag              string
	status           int                       // of success; default 200
	errors           []int                     // of failure, besides those of every route
	public           bool                      // readable without a token
	maxBody          int64                     // bytes; default Limits.Body
	responses        map[string]*huma.Response // of success, where the answer is not JSON
}

// register adds a route. What a handler returns as an error becomes a problem document.
func register[I, O any](s *server, o operation, handler func(context.Context, *I) (*O, error)) {
	op := huma.Operation{
		OperationID: o.id, Method: o.method, Path: Prefix + o.path, Summary: o.summary, Description: o.about, Tags: []string{o.tag},
		DefaultStatus: o.status, MaxBodyBytes: s.Limits.Body, BodyReadTimeout: s.Limits.BodyTime, Metadata: map[string]any{},
		RejectUnknownQueryParameters: true, Errors: o.statuses(), Responses: o.responses,
	}
	if o.maxBody > 0 {
		op.MaxBodyBytes = o.maxBody
	}
	if o.public {
		op.Metadata[metaPublic] = true
	} else {
		op.Security = []map[string][]string{{security: {}}}
	}
	huma.Register(s.api, op, func(ctx context.Context, in *I) (*O, error) {
		out, err := handler(ctx, in)
		if err != nil {
			return nil, s.problemOf(ctx, err)
		}
		return out, nil
	})
}

// statuses are all that an operation may answer when it does not succeed.
func (o operation) statuses() []int {
	out := slices.Clone(o.errors)
	out = append(out, http.StatusBadRequest, http.StatusNotFound, http.StatusRequestURITooLong, http.StatusUnprocessableEntity,
		http.StatusTooManyRequests, http.StatusInternalServerError, http.StatusServiceUnavailable)
	if !o.public {
		out = append(out, http.StatusUnauthorized, http.StatusForbidden)
	}
	if o.method != http.MethodGet {
		out = append(out, http.StatusRequestTimeout, http.StatusConflict, http.StatusPreconditionFailed, http.StatusRequestEntityTooLarge,
			http.StatusUnsupportedMediaType)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// The groups in which the OpenAPI document lists the operations.
const (
	tagMe         = "me"
	tagCommunity  = "communities"
	tagProgrammes = "programmes"
	tagInstances  = "instances"
	tagCommands   = "commands"
	tagRegistry   = "registry"
	tagTokens     = "tokens"
	tagHistory    = "history"
	tagBundles    = "bundles"
	tagReports    = "reports"
	tagPublic     = "public"
)
