package api

import (
	"context"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

// The languages of the interface.
const (
	langZH = "zh"
	langEN = "en"
)

type languageKey struct{}

// language fixes the language of one request, by its Accept-Language, and says in the answer which one it is.
func (s *server) language(ctx huma.Context, next func(huma.Context)) {
	lang := pickLanguage(ctx.Header("Accept-Language"))
	ctx.SetHeader("Content-Language", lang)
	if lang == langEN {
		ctx = huma.WithValue(ctx, languageKey{}, lang)
	}
	next(ctx)
}

// lang is the language of the request that a context belongs to: Chinese unless English was asked for.
func lang(ctx context.Context) string {
	if l, ok := ctx.Value(languageKey{}).(string); ok {
		return l
	}
	return langZH
}

// langOf is lang, where the context may not know it yet.
func langOf(ctx context.Context, accept string) string {
	if l, ok := ctx.Value(languageKey{}).(string); ok {
		return l
	}
	return pickLanguage(accept)
}

// pickLanguage reads an Accept-Language header (RFC 9110 §12.5.4): of Chinese and English, the one with the greater weight, the first
// of equals; Chinese if it names neither.
func pickLanguage(header string) string {
	best, weight := langZH, 0.0
	for part := range strings.SplitSeq(header, ",") {
		tag, params, _ := strings.Cut(strings.TrimSpace(part), ";")
		primary, _, _ := strings.Cut(strings.ToLower(strings.TrimSpace(tag)), "-")
		if primary != langZH && primary != langEN {
			continue
		}
		q := 1.0
		if v, ok := strings.CutPrefix(strings.ReplaceAll(params, " ", ""), "q="); ok {
			parsed, err := strconv.ParseFloat(v, 64)
			if err != nil || parsed < 0 || parsed > 1 {
				continue
			}
			q = parsed
		}
		if q > weight {
			best, weight = primary, q
		}
	}
	return best
}
