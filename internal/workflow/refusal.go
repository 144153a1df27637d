package workflow

import "strings"

// Code is the stable code of a reason for refusing.
type Code string

// The reasons for which a command is refused. Every one that applies is given at once.
const (
	ReasonState      Code = "wrong_state"
	ReasonRole       Code = "missing_role"
	ReasonGuard      Code = "guard"
	ReasonConfirm    Code = "confirmation_required"
	ReasonNeed       Code = "unmet_need"
	ReasonField      Code = "field"
	ReasonSeparation Code = "separation_of_duties"
	ReasonReason     Code = "reason_required"
	ReasonVersion    Code = "version"
	ReasonUnknown    Code = "unknown"
	ReasonUsed       Code = "used_by_others"
	ReasonClosed     Code = "closed_ancestor"
	ReasonEvidence   Code = "evidence_required"
	ReasonEffect     Code = "effect"
	ReasonTimer      Code = "timer_superseded"
	ReasonLimit      Code = "limit"
	ReasonExpression Code = "expression"
)

// Reason is one reason, in both languages: what is wrong, why, and what to do.
type Reason struct {
	Code  Code     `json:"code"`
	Name  string   `json:"name,omitempty"` // guard, need, field, event or role
	Text  Text     `json:"text"`
	Roles []string `json:"roles,omitempty"` // who can help
	Who   []string `json:"who,omitempty"`   // person ids that hold those roles (filled in by the engine)
}

// Refusal is the error of a command that the rules refuse. It changed nothing.
type Refusal struct {
	Command string
	Target  string
	Event   string
	Reasons []Reason
}

// Error lists every reason in English.
func (r *Refusal) Error() string {
	texts := make([]string, len(r.Reasons))
	for i, x := range r.Reasons {
		texts[i] = x.Text.EN
	}
	return "refused: " + strings.Join(texts, "; ")
}

// Has reports whether one of the reasons has the code.
func (r *Refusal) Has(code Code) bool {
	for _, x := range r.Reasons {
		if x.Code == code {
			return true
		}
	}
	return false
}
