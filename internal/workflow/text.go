package workflow

// Text is one sentence in the two languages that every person-facing string has.
type Text struct {
	ZH string `json:"zh"`
	EN string `json:"en"`
}

// In returns the text in lang ("zh" or "en"; anything else reads as English).
func (t Text) In(lang string) string {
	if lang == "zh" {
		return t.ZH
	}
	return t.EN
}

// IsZero reports whether no language has any text.
func (t Text) IsZero() bool { return t.ZH == "" && t.EN == "" }
