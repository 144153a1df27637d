package api

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/linli/linli/internal/fault"
	"github.com/linli/linli/internal/store"
	"github.com/linli/linli/internal/workflow"
)

// problemType begins the type URI of every problem; its code follows. The codes are stable.
const problemType = "urn:linli:problem:"

// Problem is an RFC 9457 problem document.
type Problem struct {
	Type    string       `json:"type" format:"uri" doc:"urn:linli:problem: and the code." example:"urn:linli:problem:refused"`
	Title   string       `json:"title" doc:"What kind of problem it is, in the language asked for."`
	Status  int          `json:"status" doc:"The HTTP status."`
	Detail  string       `json:"detail" doc:"What happened and what to do, in the language asked for."`
	Code    string       `json:"code" doc:"A stable name for programs." example:"refused"`
	Reasons []Reason     `json:"reasons,omitempty" doc:"Every reason for which the rules refuse, at once."`
	Errors  []FieldError `json:"errors,omitempty" doc:"Every field of the request that is wrong."`

	retry bool          // the same request may succeed later
	after time.Duration // then, in whole seconds; 0: soon
}

// Reason is one reason for a refusal, or one warning.
type Reason struct {
	Code  string   `json:"code" doc:"A stable name for programs." example:"unmet_need"`
	Name  string   `json:"name,omitempty" doc:"The guard, need, field, event or role concerned."`
	Text  string   `json:"text" doc:"What is wrong, why, and what to do, in the language asked for."`
	Roles []string `json:"roles,omitempty" doc:"The roles that can help."`
	Who   []string `json:"who,omitempty" doc:"The ids of the people who hold these roles."`
}

// FieldError is one field of a request that is wrong. It never repeats the value.
type FieldError struct {
	Field string `json:"field" doc:"Where the field is: body.input.name, query.limit, path.id, header.If-Match." example:"query.limit"`
	Text  string `json:"text" doc:"What is wrong with it, in the language asked for."`
}

// Error is the detail.
func (p *Problem) Error() string { return p.Detail }

// GetStatus is the HTTP status.
func (p *Problem) GetStatus() int { return p.Status }

// ContentType is that of problem documents, whatever the client asked for.
func (p *Problem) ContentType(string) string { return "application/problem+json" }

// GetHeaders are the headers that go with the problem.
func (p *Problem) GetHeaders() http.Header {
	h := http.Header{}
	if p.retry {
		h.Set("Retry-After", strconv.Itoa(max(1, int(p.after/time.Second))))
	}
	if p.Status == http.StatusUnauthorized {
		h.Set("WWW-Authenticate", `Bearer realm="linli"`)
	}
	return h
}

// newProblem makes a document of a code with its words.
func newProblem(lang string, status int, code string, detail fault.Text) *Problem {
	return &Problem{Type: problemType + code, Title: statusTitle(status).In(lang), Status: status, Detail: detail.In(lang), Code: code}
}

// statusTitle is the name of a status.
func statusTitle(status int) fault.Text {
	titles := map[int]fault.Text{
		http.StatusBadRequest:            {ZH: "请求无法识别", EN: "The request cannot be understood"},
		http.StatusUnauthorized:          {ZH: "需要登录凭证", EN: "A token is needed"},
		http.StatusForbidden:             {ZH: "没有权限", EN: "Not permitted"},
		http.StatusNotFound:              {ZH: "找不到", EN: "Not found"},
		http.StatusMethodNotAllowed:      {ZH: "不支持这种请求方法", EN: "Method not allowed"},
		http.StatusNotAcceptable:         {ZH: "无法给出所要的格式", EN: "Not acceptable"},
		http.StatusRequestTimeout:        {ZH: "请求超时", EN: "Request timeout"},
		http.StatusConflict:              {ZH: "现在不能这样做", EN: "Not possible as things stand"},
		http.StatusPreconditionFailed:    {ZH: "内容已被修改", EN: "It was changed meanwhile"},
		http.StatusRequestEntityTooLarge: {ZH: "请求内容过大", EN: "The request is too large"},
		http.StatusRequestURITooLong:     {ZH: "网址过长", EN: "The URL is too long"},
		http.StatusUnsupportedMediaType:  {ZH: "不支持的内容类型", EN: "Unsupported media type"},
		http.StatusUnprocessableEntity:   {ZH: "内容有误", EN: "Something in the request is wrong"},
		http.StatusTooManyRequests:       {ZH: "请求过于频繁", EN: "Too many requests"},
		http.StatusServiceUnavailable:    {ZH: "暂时不可用", EN: "Unavailable for the moment"},
	}
	if t, ok := titles[status]; ok {
		return t
	}
	return fault.Text{ZH: "系统出错", EN: "Something went wrong here"}
}

// problemOf turns any error into a document. What nobody outside can act on is logged and said to be our fault.
func (s *server) problemOf(ctx context.Context, err error) *Problem {
	l := lang(ctx)
	var p *Problem
	var refusal *workflow.Refusal
	var f *fault.Error
	switch {
	case errors.As(err, &p):
		return p
	case errors.As(err, &refusal):
		return refusalProblem(l, refusal)
	case errors.As(err, &f) && f.Kind != fault.Internal:
		return faultProblem(l, f)
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		p = newProblem(l, http.StatusServiceUnavailable, "timeout", fault.Text{
			ZH: "处理超时，尚不知是否已保存；请用同一个 Idempotency-Key 重试",
			EN: "it took too long and it is not known whether this was saved; repeat it with the same Idempotency-Key",
		})
		p.retry = true
		return p
	case store.Unreachable(err):
		s.Log.WarnContext(ctx, "the database does not answer", "request", requestID(ctx), "err", err)
		p = newProblem(l, http.StatusServiceUnavailable, "database_unreachable", fault.Text{
			ZH: "数据库暂时没有应答；如果是要保存什么，尚不知是否已保存，请稍后用同一个 Idempotency-Key 重试",
			EN: "the database does not answer just now; whether anything was saved is not known: repeat it shortly with the same Idempotency-Key",
		})
		p.retry = true
		return p
	default:
		s.Log.ErrorContext(ctx, "request failed", "request", requestID(ctx), "err", err)
		return internalProblem(l, requestID(ctx))
	}
}

// statusOf is the one table from kinds of failure to statuses.
func statusOf(k fault.Kind) int {
	switch k {
	case fault.Invalid, fault.Mismatch:
		return http.StatusUnprocessableEntity
	case fault.NotFound:
		return http.StatusNotFound
	case fault.Forbidden:
		return http.StatusForbidden
	case fault.Refused, fault.Conflict:
		return http.StatusConflict
	case fault.Precondition:
		return http.StatusPreconditionFailed
	case fault.Unavailable, fault.Locked, fault.Key:
		return http.StatusServiceUnavailable
	case fault.Internal:
		return http.StatusInternalServerError
	}
	return http.StatusInternalServerError
}

func faultProblem(lang string, f *fault.Error) *Problem {
	p := newProblem(lang, statusOf(f.Kind), f.Code, f.Text)
	p.retry = f.Kind.Retryable()
	if f.Field != "" {
		p.Errors = []FieldError{{Field: placeOfField(f.Field), Text: f.Text.In(lang)}}
	}
	return p
}

// placeOfField says where in a request a field stands that the engine names: it knows the values of the form, and no request.
func placeOfField(name string) string {
	for _, at := range []string{"body", "query.", "path.", "header."} {
		if strings.HasPrefix(name, at) {
			return name
		}
	}
	if name == "idempotency_key" {
		return "header.Idempotency-Key"
	}
	return "body.input." + name
}

// refusalStatus says how a refusal looks from outside: fields that are wrong, a version that is not the current one, a role that is
// missing, something that is not there, and otherwise a conflict with how things stand.
func refusalStatus(r *workflow.Refusal) (status int, code string) {
	only := func(code workflow.Code) bool {
		return len(r.Reasons) > 0 && !slices.ContainsFunc(r.Reasons, func(x workflow.Reason) bool { return x.Code != code })
	}
	switch {
	case only(workflow.ReasonVersion):
		return http.StatusPreconditionFailed, "version_changed"
	case r.Has(workflow.ReasonRole): // whatever else is missing, it is not this caller's to do
		return http.StatusForbidden, "missing_role"
	case r.Has(workflow.ReasonField): // whatever else stands in the way, what was sent is wrong
		return http.StatusUnprocessableEntity, "invalid_input"
	case only(workflow.ReasonUnknown) && len(r.Reasons) == 1 && r.Reasons[0].Name == r.Target:
		return http.StatusNotFound, "unknown_instance"
	default:
		return http.StatusConflict, "refused"
	}
}

func refusalProblem(lang string, r *workflow.Refusal) *Problem {
	status, code := refusalStatus(r)
	p := newProblem(lang, status, code, refusalDetail(r, status))
	p.Reasons = reasonsIn(lang, r.Reasons)
	for _, x := range r.Reasons {
		if x.Code == workflow.ReasonField {
			p.Errors = append(p.Errors, FieldError{Field: "body.input." + x.Name, Text: x.Text.In(lang)})
		}
	}
	return p
}

// refusalDetail is the first reason, or how many there are.
func refusalDetail(r *workflow.Refusal, status int) fault.Text {
	if status == http.StatusPreconditionFailed {
		return fault.Text{ZH: "有人先修改了内容；请重新读取后再试", EN: "somebody changed it first; read it again and repeat"}
	}
	var zh, en []string
	for _, x := range r.Reasons {
		zh, en = append(zh, withAdvice(langZH, x)), append(en, withAdvice(langEN, x))
	}
	return fault.Text{
		ZH: "什么都没有改变。" + strings.Join(zh, "；"),
		EN: "nothing was changed: " + strings.Join(en, "; "),
	}
}

func reasonsIn(lang string, rs []workflow.Reason) []Reason {
	out := make([]Reason, 0, len(rs))
	for _, x := range rs {
		name := x.Name
		if x.Code == workflow.ReasonUnknown {
			name = "" // what was sent, which is not repeated
		}
		out = append(out, Reason{Code: string(x.Code), Name: name, Text: withAdvice(lang, x), Roles: x.Roles, Who: x.Who})
	}
	return out
}

var _ huma.StatusError = (*Problem)(nil)
