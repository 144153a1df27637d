package api

import (
	"encoding/json"
	"errors"
	"io"

	"github.com/danielgtaylor/huma/v2"
	strict "github.com/go-json-experiment/json"
)

// document is the frame of the OpenAPI document, and how bodies are read and written.
func (s *server) document() huma.Config {
	format := huma.Format{Marshal: encode, Unmarshal: decode}
	schemas := huma.NewMapRegistry("#/components/schemas/", huma.DefaultSchemaNamer)
	c := huma.Config{
		OpenAPI: &huma.OpenAPI{
			OpenAPI: "3.1.0",
			Info: &huma.Info{
				Title: "Linli 邻里", Version: s.Version, Description: about,
				License: &huma.License{Name: "Apache-2.0", Identifier: "Apache-2.0"},
			},
			Tags: tags(),
			Components: &huma.Components{
				Schemas: schemas,
				SecuritySchemes: map[string]*huma.SecurityScheme{
					security: {Type: "http", Scheme: "bearer", Description: "A token that an administrator made: linli_COMMUNITY_ID_SECRET."},
				},
			},
		},
		Formats: map[string]huma.Format{"application/json": format, "json": format}, DefaultFormat: "application/json",
	}
	if s.PublicURL != "" {
		c.Servers = []*huma.Server{{URL: s.PublicURL}}
	}
	return c
}

// tags are the groups of operations, in the order in which people need them.
func tags() []*huma.Tag {
	var out []*huma.Tag
	for _, t := range []struct{ name, about string }{
		{tagMe, "您是谁，什么在等您 / Who you are, and what waits for you"},
		{tagCommunity, "社区及其设置 / Communities and their settings"},
		{tagProgrammes, "项目与活动 / Programmes and their activities"},
		{tagInstances, "活动里的每一项；能做什么，为什么不能 / Everything that has a state; what can be done, and why not"},
		{tagCommands, "执行操作 / Carrying out events"},
		{tagHistory, "操作历史、更新流、撤销 / History, streams, undo"},
		{tagRegistry, "人员、组织、街区、住户、同意书、身份 / People, organisations, blocks, households, consents, grants"},
		{tagTokens, "凭证 / Tokens"},
		{tagReports, "报告与核查 / Reports and audits"},
		{tagBundles, "流程定义 / Definitions"},
		{tagPublic, "无需凭证的公开内容 / What anybody may read"},
	} {
		out = append(out, &huma.Tag{Name: t.name, Description: t.about})
	}
	return out
}

// about is the introduction of the OpenAPI document.
const about = "A workflow engine for community programmes. Every activity is a state machine; an event asks for a transition, and what the " +
	"rules refuse comes back as a problem document (RFC 9457) with every reason at once, in the language of Accept-Language (zh or en).\n\n" +
	"Every POST may carry an Idempotency-Key: a repeated request is answered as the first one was, for 72 hours, with the header " +
	"Idempotency-Replayed. Every instance has a version, which is its ETag; If-Match makes a command fail with 412 if it is no longer " +
	"the current one. Lists are read in pages: pass next_cursor as cursor until there is none.\n\n" +
	"Personal and sensitive values are never in these answers, unless they are revealed by a request that is recorded."

// encode writes an answer.
func encode(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	return e.Encode(v)
}

// maxDepth is how deeply the objects and lists of a body may be nested.
const maxDepth = 32

var errTooDeep = errors.New("the body is nested too deeply")

// decode reads a body strictly (RFC 7493): one JSON value and nothing behind it, names as they are written, none of them twice, and
// valid UTF-8. How much of a value does not fit is the schema's to say.
func decode(data []byte, v any) error {
	if tooDeep(data) {
		return errTooDeep
	}
	return strict.Unmarshal(data, v) //nolint:wrapcheck // its words are not shown
}

// tooDeep reports whether brackets outside of strings are nested more than maxDepth deep.
func tooDeep(data []byte) bool {
	depth, inString := 0, false
	for n := 0; n < len(data); n++ {
		switch c := data[n]; {
		case inString && c == '\\':
			n++
		case c == '"':
			inString = !inString
		case inString:
		case c == '{' || c == '[':
			if depth++; depth > maxDepth {
				return true
			}
		case c == '}' || c == ']':
			depth--
		}
	}
	return false
}
