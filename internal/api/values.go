package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/danielgtaylor/huma/v2"
)

// fields are the values of a form or of an instance, by name: text, whole numbers (money in fen), true or false, lists of texts,
// evidence ({"value": …}, {"none": true} or {"unrecorded": REASON}), or null for what is not known.
type fields map[string]any

// maxFields bounds how many values one form may carry.
const maxFields = 200

// UnmarshalJSON keeps whole numbers whole and refuses a name that is given twice.
func (f *fields) UnmarshalJSON(b []byte) error {
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	t, err := d.Token()
	if err != nil {
		return err
	}
	if t == nil {
		*f = nil
		return nil
	}
	if t != json.Delim('{') {
		return errors.New("expected object")
	}
	out := fields{}
	for d.More() {
		t, err := d.Token()
		if err != nil {
			return err
		}
		name, _ := t.(string)
		if _, twice := out[name]; twice {
			return fmt.Errorf("a field is given twice")
		}
		var v any
		if err := d.Decode(&v); err != nil {
			return err
		}
		out[name] = v
	}
	*f = out
	return nil
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
