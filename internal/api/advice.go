package api

import (
	"fmt"

	"github.com/linli/linli/internal/fault"
	"github.com/linli/linli/internal/workflow"
)

// advice says, behind a reason's own words, what to send or where to ask over HTTP; zero if there is nothing to add. The rules know
// neither requests nor routes.
func advice(r workflow.Reason) fault.Text {
	switch {
	case r.Code == workflow.ReasonConfirm && r.Name != "":
		return fault.Text{
			ZH: fmt.Sprintf(`请加上 "confirm": {"%s": {"second": 第二人的 id, "reason": "原因"}}`, r.Name),
			EN: fmt.Sprintf(`send "confirm": {"%s": {"second": ID of the second person, "reason": "…"}}`, r.Name),
		}
	case r.Code == workflow.ReasonRole && len(r.Who) == 0 && grantable(r.Roles):
		return fault.Text{
			ZH: "现在还没有人有此身份；管理员可用 POST …/grants 授予",
			EN: "nobody holds it yet; an administrator gives it with POST …/grants",
		}
	case r.Code == workflow.ReasonReason:
		return fault.Text{ZH: `请在请求里加上 "reason": "原因"`, EN: `send "reason": "…" with the request`}
	default:
		return fault.Text{}
	}
}

// grantable reports whether one of the roles can be given to somebody.
func grantable(roles []string) bool {
	for _, r := range roles {
		if r != "self" && r != "system" {
			return true
		}
	}
	return false
}

// withAdvice is a reason's text with what to do over HTTP.
func withAdvice(lang string, r workflow.Reason) string {
	text, h := r.Text.In(lang), advice(r).In(lang)
	if h == "" {
		return text
	}
	return text + sep(lang) + h
}
