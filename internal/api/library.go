package api

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/validation"

	"github.com/linli/linli/internal/fault"
)

// unreadBody is what the library says of a body that could not be read to its end.
const unreadBody = "cannot read request body"

// libraryProblem is the document for what the library itself refuses: requests that do not fit the OpenAPI document. The values that
// the library would repeat are left out, since they may be personal.
func libraryProblem(lang string, status int, msg string, errs []error) *Problem {
	if status == http.StatusInternalServerError && msg == unreadBody {
		status = http.StatusBadRequest // the client broke off, or its chunks are malformed
	}
	code, text := libraryCode(status, msg)
	if slices.ContainsFunc(errs, saysTooDeep) {
		code, text, errs = "too_deep", fault.Text{
			ZH: "请求内容的括号嵌套超过 " + strconv.Itoa(maxDepth) + " 层；请简化结构", EN: "the body is nested more than " + strconv.Itoa(maxDepth) + " deep; flatten it",
		}, nil
	}
	p := newProblem(lang, status, code, text)
	for _, err := range errs {
		var d huma.ErrorDetailer
		if !errors.As(err, &d) {
			continue
		}
		detail := d.ErrorDetail()
		p.Errors = append(p.Errors, FieldError{Field: detail.Location, Text: validationText(detail.Message).In(lang)})
	}
	return p
}

// saysTooDeep reports whether an error is that of decode; the library keeps only its words.
func saysTooDeep(err error) bool {
	var d huma.ErrorDetailer
	return errors.As(err, &d) && d.ErrorDetail().Message == errTooDeep.Error()
}

// libraryCode names the library's refusals and says what to do.
func libraryCode(status int, msg string) (string, fault.Text) {
	switch {
	case status == http.StatusRequestEntityTooLarge:
		return "body_too_large", fault.Text{ZH: "请求内容过大；请分成几次提交", EN: "the body is too large; send it in parts"}
	case status == http.StatusRequestTimeout:
		return "body_too_slow", fault.Text{ZH: "请求内容迟迟没有收完；请重试", EN: "the body did not arrive in time; try again"}
	case status == http.StatusUnsupportedMediaType:
		return "unsupported_media_type", fault.Text{ZH: "不支持这种内容类型；请加上 Content-Type: application/json（或 OpenAPI 文档列出的其他类型）", EN: "this content type is not supported; send Content-Type: application/json, or another that the OpenAPI document lists"}
	case status == http.StatusNotAcceptable:
		return "not_acceptable", fault.Text{ZH: "无法给出所要的格式；请求 application/json", EN: "this format cannot be given; ask for application/json"}
	case status == http.StatusBadRequest && strings.Contains(msg, "required"):
		return "body_missing", fault.Text{ZH: "缺少请求内容；请按 OpenAPI 文档填写", EN: "the body is missing; see the OpenAPI document"}
	case status == http.StatusBadRequest:
		return "unreadable_request", fault.Text{ZH: "请求内容不是有效的 JSON；请检查后再提交", EN: "the body is not valid JSON; correct it and send it again"}
	case status == http.StatusUnprocessableEntity:
		return "invalid_request", fault.Text{ZH: "请求里有不符合要求的内容，逐项列在 errors 里；什么都没有改变", EN: "some fields do not fit; errors lists each of them. Nothing was changed"}
	case status >= http.StatusInternalServerError:
		return "internal", fault.Text{ZH: "系统出错，请稍后重试", EN: "something went wrong here; try again"}
	default:
		return "invalid_request", fault.Text{ZH: "请求不符合要求", EN: "the request does not fit"}
	}
}

// validationText is one of the library's messages in both languages. Its messages are formats whose arguments are bounds and names
// that the OpenAPI document states; some others quote what was sent, and those say only what was expected.
func validationText(msg string) fault.Text {
	for _, m := range validationWords() {
		before, after, formatted := strings.Cut(m.format, "%")
		if !formatted && msg == m.format {
			return fault.Text{ZH: m.zh, EN: msg}
		}
		if !formatted || !strings.HasPrefix(msg, before) {
			continue
		}
		if m.quotes {
			return fault.Text{ZH: m.zh, EN: strings.TrimRight(before, ": ")}
		}
		argument := strings.TrimSuffix(strings.TrimPrefix(msg, before), strings.TrimLeft(after, "svd"))
		return fault.Text{ZH: fmt.Sprintf(m.zh, argument), EN: msg}
	}
	for _, m := range []struct{ has, zh, en string }{
		{"required", "必须填写", "is required"},
		{"unknown query parameter", "没有这个参数", "there is no such parameter"},
		{"unexpected property", "没有这个字段", "there is no such field"},
		{"invalid integer", "应为整数", "give a whole number"},
		{"invalid boolean", "应为 true 或 false", "give true or false"},
		{"invalid date/time", "应为 RFC 3339 时间", "give an RFC 3339 time"},
		{"invalid floating", "应为数字", "give a number"},
	} {
		if strings.Contains(msg, m.has) {
			return fault.Text{ZH: m.zh, EN: m.en}
		}
	}
	return fault.Text{ZH: "无法识别", EN: "it cannot be understood"}
}

// validationWord is one of the library's message formats. quotes: its argument repeats what was sent.
type validationWord struct {
	format, zh string
	quotes     bool
}

func validationWords() []validationWord {
	return []validationWord{
		{format: validation.MsgUnexpectedProperty, zh: "没有这个字段"},
		{format: validation.MsgExpectedRFC3339DateTime, zh: "应为 RFC 3339 时间，如 2023-06-14T09:00:00+08:00"},
		{format: validation.MsgExpectedRFC3339Date, zh: "应为日期，如 2023-06-14"},
		{format: validation.MsgExpectedRFC3986URI, zh: "应为网址", quotes: true},
		{format: validation.MsgExpectedBoolean, zh: "应为 true 或 false"},
		{format: validation.MsgExpectedNumber, zh: "应为数字"},
		{format: validation.MsgExpectedInteger, zh: "应为整数"},
		{format: validation.MsgExpectedString, zh: "应为文字"},
		{format: validation.MsgExpectedArray, zh: "应为列表"},
		{format: validation.MsgExpectedObject, zh: "应为对象"},
		{format: validation.MsgExpectedArrayItemsUnique, zh: "列表里有重复"},
		{format: validation.MsgExpectedOneOf, zh: "只能是：%s"},
		{format: validation.MsgExpectedMinimumNumber, zh: "不能小于 %s"},
		{format: validation.MsgExpectedMaximumNumber, zh: "不能大于 %s"},
		{format: validation.MsgExpectedMinLength, zh: "至少 %s 个字符"},
		{format: validation.MsgExpectedMaxLength, zh: "最多 %s 个字符"},
		{format: validation.MsgExpectedMatchPattern, zh: "应符合格式 %s"},
		{format: validation.MsgExpectedBePattern, zh: "应符合格式 %s"},
		{format: validation.MsgExpectedMinItems, zh: "至少 %s 项"},
		{format: validation.MsgExpectedMaxItems, zh: "最多 %s 项"},
		{format: validation.MsgExpectedMinProperties, zh: "至少 %s 个字段"},
		{format: validation.MsgExpectedMaxProperties, zh: "最多 %s 个字段"},
		{format: validation.MsgExpectedRequiredProperty, zh: "缺少 %s"},
	}
}
