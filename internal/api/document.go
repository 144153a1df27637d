package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"

	"github.com/danielgtaylor/huma/v2"
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
				License: &huma.License{Name: "see the project"},
			},
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

// decode reads a body: one JSON value and nothing behind it. Whole numbers keep all their digits where the target is untyped.
func decode(data []byte, v any) error {
	if tooDeep(data) {
		return errTooDeep
	}
	d := json.NewDecoder(bytes.NewReader(data))
	if err := d.Decode(v); err != nil {
		return err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("something stands behind the JSON value")
	}
	return nil
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
