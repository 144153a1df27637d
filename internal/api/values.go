package api

import (
	"encoding/json"
	"errors"

	"github.com/danielgtaylor/huma/v2"
	"github.com/go-json-experiment/json/jsontext"
)

// fields are the values of a form or of an instance, by name: text, whole numbers (money in fen), true or false, lists of texts,
// evidence ({"value": …}, {"none": true} or {"unrecorded": REASON}), or null for what is not known.
type fields map[string]any

// maxFields bounds how many values one form may carry.
const maxFields = 200

// UnmarshalJSONFrom keeps whole numbers whole.
func (f *fields) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	v, err := value(d)
	if err != nil {
		return err
	}
	switch v := v.(type) {
	case nil:
		*f = nil
	case map[string]any:
		*f = v
	default:
		return errors.New("expected object")
	}
	return nil
}

// value reads the next value. Numbers stay as they are written: what is to become of them is the form's to say.
func value(d *jsontext.Decoder) (any, error) {
	t, err := d.ReadToken()
	if err != nil {
		return nil, err //nolint:wrapcheck // its words are not shown
	}
	switch t.Kind() {
	case 'n':
		return nil, nil //nolint:nilnil // null is the unknown value
	case 't', 'f':
		return t.Bool(), nil
	case '"':
		return t.String(), nil
	case '0':
		return json.Number(t.String()), nil
	case '[':
		list := []any{}
		for d.PeekKind() != ']' {
			v, err := value(d)
			if err != nil {
				return nil, err
			}
			list = append(list, v)
		}
		_, err = d.ReadToken()
		return list, err //nolint:wrapcheck // as above
	default: // '{': the decoder lets nothing else through
		object := map[string]any{}
		for d.PeekKind() != '}' {
			name, err := d.ReadToken()
			if err != nil {
				return nil, err //nolint:wrapcheck // as above
			}
			key := name.String()
			if object[key], err = value(d); err != nil {
				return nil, err
			}
		}
		_, err = d.ReadToken()
		return object, err //nolint:wrapcheck // as above
	}
}

// Schema describes the values in the OpenAPI document.
func (fields) Schema(huma.Registry) *huma.Schema {
	limit := maxFields
	return &huma.Schema{
		Type: huma.TypeObject, AdditionalProperties: true, MaxProperties: &limit,
		Description: "Values by name, as GET …/options lists them: text, whole numbers (money in fen), true or false, lists of texts, " +
			`evidence ({"value": "…"}, {"none": true} or {"unrecorded": "why"}), null for what is not known.`,
		Examples: []any{map[string]any{"title": "探访", "target_households": 40}},
	}
}
