package api

import "net/http"

// example shows in the OpenAPI document what a body may look like. A path is one behind Prefix.
func (s *server) example(method, path string, body any) {
	item := s.api.OpenAPI().Paths[Prefix+path]
	if item == nil {
		return
	}
	op := item.Post
	if method == http.MethodPatch {
		op = item.Patch
	}
	if op == nil || op.RequestBody == nil {
		return
	}
	if media := op.RequestBody.Content["application/json"]; media != nil {
		media.Example = body
	}
}

// examples are the bodies that a newcomer needs first.
func (s *server) examples() {
	type m = map[string]any
	const community = "/communities/{community}"
	const programme = community + "/programmes/{programme}"
	for path, body := range map[string]any{
		community + "/programmes": m{"code": "ZX-2024-01", "input": m{
			"title": "左邻右舍创家园", "sponsor": "街道办事处", "implementer": "社区党委", "targets": []string{"探访 40 户"}, "period_from": "2024-06-01", "period_to": "2024-08-31",
		}},
		programme + "/activities": m{"slot": "event", "key": "clean-up-1", "input": m{
			"profile": "clean_up_outdoor", "title": "外部环境整治", "place": "下围新邨花园", "when": "2024-06-30/morning",
		}},
		programme + "/claims": m{"on": "ID of an activity", "input": m{
			"metric": "headcount", "label": "居民", "qualifier": "more_than", "n": 30, "source": "活动签到表",
		}},
		programme + "/copies":                        m{"code": "ZX-2025-01", "title": "左邻右舍创家园（第二年）", "shift_days": 364},
		community + "/instances/{id}/items":          m{"workflow": "membership", "input": m{"person": "ID of a person", "group": "骨干义工"}},
		community + "/instances/{id}/events/{event}": m{"input": m{"budget": m{"unrecorded": "预算表另存"}}, "occurred": "2024-06-03"},
		community + "/people":                        m{"input": m{"name": "陈阿婆", "mobile": "13800138000", "labels": []string{"骨干义工"}}},
		community + "/people/search":                 m{"name": "陈"},
		community + "/organisations":                 m{"input": m{"name": "爱心商家", "kind": "merchant"}},
		community + "/blocks":                        m{"input": m{"name": "下围街区", "aliases": []string{"下围村街区"}}},
		community + "/households":                    m{"input": m{"kind": "elder", "label": "E-07", "address": "下围新邨 3 栋", "members": "独居"}},
		community + "/grants":                        m{"person": "ID of a person", "role": "worker", "scope": "ZX-2024-01"},
		community + "/people/{id}/consents":          m{"input": m{"kind": "record", "way": "written", "evidence": m{"value": "同意书 12 号"}}},
		community + "/households/{id}/consents":      m{"input": m{"kind": "guardian", "way": "written", "given_by": "母亲", "evidence": m{"value": "同意书 13 号"}}},
	} {
		s.example(http.MethodPost, path, body)
	}
	s.example(http.MethodPatch, community, m{"input": m{"name": "樟溪社区", "small_office": true}})
	s.example(http.MethodPatch, community+"/instances/{id}", m{"input": m{"title": "外部环境整治（改期）", "when": "2024-07-01/morning"}})
}
