package report_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/linli/linli/internal/engine"
	"github.com/linli/linli/internal/enginetest"
	"github.com/linli/linli/internal/fault"
	"github.com/linli/linli/internal/report"
	"github.com/linli/linli/internal/workflow"
	"github.com/linli/linli/workflows"
)

// rows is a database of instances made by hand: programme p, code P, in community c.
type rows struct {
	files map[string][]byte
	all   []*workflow.Instance
}

func byHand(of string) *rows {
	r := &rows{files: workflows.Files()}
	r.add("c", "", "community", "open", workflow.Values{"name": "樟溪社区"}).Root = "c"
	r.add("reg", "c", "registered_programme", "registered", workflow.Values{"programme": "p", "code": "P"}).Root = "c"
	r.add("p", "", of, "running", workflow.Values{"title": "左邻右舍", "code": "P"})
	return r
}

func (r *rows) add(id, parent, of, state string, data workflow.Values) *workflow.Instance {
	i := &workflow.Instance{ID: id, Community: "c", Root: "p", Parent: parent, Workflow: of, State: state, Version: 1, Touched: int64(len(r.all) + 1)}
	i.Body.Data = data
	r.all = append(r.all, i)
	return i
}

// registered adds an entry of the registry.
func (r *rows) registered(id, of string, data workflow.Values) {
	r.add(id, "c", of, "active", data).Root = "c"
}

// activity adds an activity in the slot of the same name, or the given one.
func (r *rows) activity(id, of, slot, state string, data workflow.Values) *workflow.Instance {
	i := r.add(id, "p", of, state, data)
	i.Slot, i.Key = slot, id
	return i
}

func (r *rows) Heads(_ context.Context, _ string, roots []string) (map[string]engine.Head, error) {
	out := map[string]engine.Head{}
	for _, id := range roots {
		if id == "p" || id == "c" {
			out[id] = engine.Head{Community: "c", Root: id, Code: "P"}
		}
	}
	return out, nil
}

func (r *rows) RootByCode(_ context.Context, _, code string) (*engine.Head, error) {
	if code != "P" {
		return nil, nil
	}
	return &engine.Head{Community: "c", Root: "p", Code: "P"}, nil
}

func (r *rows) Subtree(_ context.Context, _, root string) iter.Seq2[*workflow.Instance, error] {
	return func(yield func(*workflow.Instance, error) bool) {
		for _, i := range r.all {
			if i.Root == root && !yield(i, nil) {
				return
			}
		}
	}
}

func (r *rows) Bundle(context.Context, string) (map[string][]byte, error) { return r.files, nil }

func (r *rows) build(t *testing.T) (*report.Report, map[string]string) {
	t.Helper()
	bundle, problems := builtIn()
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	out, err := report.BuildOn(t.Context(), r, "c", engine.Head{Community: "c", Root: "p", Code: "P"}, bundle)
	if err != nil {
		t.Fatal(err)
	}
	return out, outputs(t, out)
}

func has(t *testing.T, out map[string]string, lang string, texts ...string) {
	t.Helper()
	for _, s := range texts {
		if !strings.Contains(out[lang], s) {
			t.Errorf("%s lacks %q:\n%s", lang, s, out[lang])
		}
	}
}

func hasNot(t *testing.T, out map[string]string, texts ...string) {
	t.Helper()
	for lang, o := range out {
		for _, s := range texts {
			if strings.Contains(o, s) {
				t.Errorf("%s has %q:\n%s", lang, s, o)
			}
		}
	}
}

func event(title, when string, more workflow.Values) workflow.Values {
	v := workflow.Values{"profile": "outreach", "section": "harmony", "title": title, "host": "樟溪社区党委", "when": when}
	for k, x := range more {
		v[k] = x
	}
	return v
}

func TestWaivedNeedsAreShownWithTheirPublicNote(t *testing.T) {
	r := byHand("neighbourhood")
	visit := r.activity("v", "visit", "visit", "completed", workflow.Values{"title": "探访"})
	visit.Body.Waived = map[string]workflow.Waiver{
		"team_trained":     {By: "x", Reason: "内部原因", Note: "老队员去年已培训"},
		"funds_reconciled": {By: "x", Reason: "内部原因"},
	}
	_, out := r.build(t)
	has(t, out, "zh", "- 特批免除前提：培训“已签核”。说明：老队员去年已培训", "- 特批免除前提：筹集善款“已对账”\n")
	has(t, out, "en", "- Waived by approval: Train: Signed off. Note: 老队员去年已培训")
	hasNot(t, out, "内部原因")
}

func TestAnActivityWithoutASectionStandsInTheDefaultOne(t *testing.T) {
	var outs []map[string]string
	for _, data := range []workflow.Values{{"title": "第一轮"}, {"title": "第一轮", "section": "visit"}} {
		r := byHand("neighbourhood")
		r.activity("v", "visit", "visit", "completed", data)
		_, out := r.build(t)
		outs = append(outs, out)
	}
	if diff := cmp.Diff(outs[1], outs[0]); diff != "" {
		t.Errorf("the default is not honoured (-named +left out):\n%s", diff)
	}
}

func TestFlagsOfTheRecordAreShown(t *testing.T) {
	r := byHand("neighbourhood")
	visit := r.activity("v", "visit", "visit", "completed", workflow.Values{"title": "探访"})
	visit.Body.Flags = []string{workflow.FlagBackfilled, workflow.FlagBasisChanged}
	r.activity("e", "event", "event", "closed", event("宣传", "2023-07-01/morning", workflow.Values{"ended_as": "aborted"}))
	_, out := r.build(t)
	has(t, out, "zh", "状态：已完成，补录，依据已变更", "补录：探访。", "状态：已结项，中止")
	has(t, out, "en", "State: Completed, back-filled, what it was built on has changed", "State: Closed, broken off")
}

func TestWhatDidNotTakePlaceIsCountedNowhere(t *testing.T) {
	r := byHand("neighbourhood")
	r.activity("done", "event", "event", "closed", event("宣传", "2023-07-01/morning", nil))
	r.activity("soon", "event", "event", "published", event("集市", "2023-08-01/morning", workflow.Values{"place": "篮球场"}))
	r.activity("off", "event", "event", "cancelled", event("义诊", "2023-07-02/morning", nil))
	r.activity("never", "event", "event", "skipped", event("讲座", "2023-07-03/morning", nil))
	rep, out := r.build(t)
	if rep.Totals.Activities != 1 || rep.Totals.Sessions != 1 || len(rep.Timeline) != 1 || len(rep.Totals.Venues) != 0 {
		t.Errorf("%+v", rep.Totals)
	}
	has(t, out, "zh", "### 集市\n\n尚未举行（已发布）。")
	has(t, out, "en", "Not held yet (Published).")
	hasNot(t, out, "义诊", "讲座")
}

func TestResolutionsAndSuggestionsOfACouncil(t *testing.T) {
	r := byHand("neighbourhood")
	r.activity("e", "event", "event", "closed", event("议事会", "2023-07-07/afternoon", workflow.Values{
		"profile": "womens_council", "section": "council", "suggestions": []string{"增设晾衣架"},
	}))
	r.add("r1", "e", "resolution", "done", workflow.Values{"text": "修路灯", "result": "已修好3盏", "owner": "x", "handed_to": "内部"})
	r.add("r2", "e", "resolution", "open", workflow.Values{"text": "清楼道"})
	_, out := r.build(t)
	has(t, out, "zh", "意见建议：增设晾衣架。", "- 修路灯（已落实）：已修好3盏", "- 清楼道（待落实）")
	has(t, out, "en", "- 修路灯 (Done): 已修好3盏")
	hasNot(t, out, "内部")
}

func TestInventedRowsFeedNoFigure(t *testing.T) {
	r := byHand("neighbourhood")
	r.registered("real", "person", workflow.Values{"found_in": "reg"})
	r.registered("group", "person", workflow.Values{"group_of": int64(15), "invented": false})
	r.registered("fake", "person", workflow.Values{"invented": true, "found_in": "reg"})
	r.registered("team", "organisation", workflow.Values{"name": "街区义工队", "cultivated_in": "reg"})
	r.registered("fiction", "organisation", workflow.Values{"name": "虚构组织", "cultivated_in": "reg", "invented": true})
	r.activity("recruit", "recruit", "recruit", "formed", workflow.Values{"title": "组队"})
	for _, p := range []string{"real", "group", "fake"} {
		r.add("m-"+p, "recruit", "membership", "confirmed", workflow.Values{"person": p})
	}
	r.add("m-gone", "recruit", "membership", "withdrawn", workflow.Values{"person": "real"})
	r.activity("fund", "fundraise", "fundraise", "closed", workflow.Values{"purpose": "米油"})
	r.add("d1", "fund", "donation", "received", workflow.Values{"amount": int64(12345), "donor": "real"})
	r.add("d2", "fund", "donation", "received", workflow.Values{"amount": int64(99900), "donor": "fake"})
	r.add("d3", "fund", "donation", "refunded", workflow.Values{"amount": int64(5000), "donor": "real"})
	r.activity("rec", "recognise", "recognise", "awarded", nil)
	r.add("a1", "rec", "award", "awarded", workflow.Values{"name": "优秀义工", "person": "real"})
	r.add("a2", "rec", "award", "awarded", workflow.Values{"name": "示例奖", "person": "fake"})
	rep, out := r.build(t)
	has(t, out, "zh", "召集16人", "共筹集善款123.45元", "挖掘慈善资源：1人", "1个自治组织（其中有名称的：街区义工队）", "1个奖项", "1个捐赠方捐献爱心")
	hasNot(t, out, "虚构组织", "示例奖", "999")
	if *rep.Totals.Raised != 12345 {
		t.Errorf("raised %d", *rep.Totals.Raised)
	}
}

func TestMoneyThatOnlyTheDemonstrationInventedIsUnknown(t *testing.T) {
	r := byHand("neighbourhood")
	r.activity("fund", "fundraise", "fundraise", "closed", workflow.Values{"purpose": "米油"})
	r.add("d", "fund", "donation", "received", workflow.Values{"amount": int64(12345), "invented": true})
	rep, out := r.build(t)
	if rep.Totals.Raised != nil || rep.Funds[0].Received != nil || rep.Funds[0].Balance != nil {
		t.Errorf("%+v", rep.Funds[0])
	}
	has(t, out, "zh", "收入未记录", "| — | — | — |")
	hasNot(t, out, "123.45")
}

func TestPresentPeopleAreCountedOnce(t *testing.T) {
	r := byHand("neighbourhood")
	r.registered("a", "person", nil)
	r.registered("b", "person", nil)
	r.activity("e", "event", "event", "closed", event("清洁", "", nil))
	for n, when := range []string{"2023-07-01/afternoon", "2023-07-01/morning"} {
		s := fmt.Sprintf("s%d", n)
		r.add(s, "e", "session", "signed", workflow.Values{"when": when, "kind": "event", "place": "篮球场"})
		r.add(s+"a", s, "shift", "present", workflow.Values{"person": "a"})
		r.add(s+"b", s, "shift", []string{"made_up", "no_show"}[n], workflow.Values{"person": "b"})
	}
	rep, out := r.build(t)
	has(t, out, "zh", "2023年7月1日上午、2023年7月1日下午", "2人参加", "1处（篮球场）")
	if rep.Totals.Dated != 1 || rep.Totals.Sessions != 2 || rep.Totals.Days != 1 {
		t.Errorf("%+v", rep.Totals)
	}
}

func TestFundWithABalance(t *testing.T) {
	r := byHand("neighbourhood")
	r.activity("fund", "fundraise", "fundraise", "reconciled", workflow.Values{"title": "图书善款", "purpose": "图书"})
	r.add("d", "fund", "donation", "receipted", workflow.Values{"amount": int64(10000), "group": "居民"})
	r.add("p1", "p", "purchase", "received", workflow.Values{"title": "绘本", "amount": int64(4001)})
	r.add("al", "p1", "allocation", "received", workflow.Values{"source": "fund", "fund": "fund", "amount": int64(4001)})
	r.add("p2", "p", "purchase", "draft", workflow.Values{"title": "书架", "amount": int64(100)})
	r.add("al2", "p2", "allocation", "planned", workflow.Values{"source": "fund", "fund": "fund", "amount": int64(100)})
	_, out := r.build(t)
	has(t, out, "zh", "居民捐献爱心，共筹集善款100元，用于图书。已支出40.01元（绘本），余额59.99元。", "| 100.00 | 40.01 | 59.99 |")
	has(t, out, "en", "CNY 100 raised from 居民 for: 图书. CNY 40.01 spent (绘本), balance CNY 59.99.")
	hasNot(t, out, "书架")
}

// Money that went back came from nobody, and who gave twice is named once.
func TestAFundNamesThoseWhoseMoneyItKept(t *testing.T) {
	r := byHand("neighbourhood")
	r.activity("fund", "fundraise", "fundraise", "published", workflow.Values{"title": "图书善款", "purpose": "图书"})
	r.add("d1", "fund", "donation", "receipted", workflow.Values{"amount": int64(10000), "group": "居民"})
	r.add("d2", "fund", "donation", "receipted", workflow.Values{"amount": int64(5000), "group": "居民"})
	r.add("d3", "fund", "donation", "refunded", workflow.Values{"amount": int64(70000), "group": "商家", "donor": "a"})
	r.add("d4", "d3", "claim", "stated", workflow.Values{"metric": "donors", "n": int64(10), "qualifier": "more_than", "label": "商家"})
	rep, out := r.build(t)
	if f := rep.Funds[0]; !cmp.Equal(f.Groups, []string{"居民"}) || *f.Received != 15000 || f.Donors != nil {
		t.Errorf("%+v", f)
	}
	has(t, out, "zh", "居民捐献爱心，共筹集善款150元")
	hasNot(t, out, "商家")
}

func TestEmptyProgrammeHasAReport(t *testing.T) {
	for _, files := range []map[string][]byte{workflows.Files(), enginetest.Files(t)} {
		r := byHand("neighbourhood")
		if r.files = files; files["programme/programme.yaml"] != nil {
			r.all[2].Workflow = "programme"
		}
		rep, err := report.Build(t.Context(), r, "c", "P")
		if err != nil {
			t.Fatal(err)
		}
		if rep.Totals.Activities != 0 || rep.Totals.Raised != nil || len(rep.Timeline) != 0 {
			t.Errorf("%+v", rep.Totals)
		}
		out := outputs(t, rep)
		has(t, out, "zh", "没有登记日期。", "没有筹集善款。", "培育自治组织：未统计")
		has(t, out, "json", `"raised_fen": null`, `"timeline": []`, `"funds": []`)
	}
}

func TestUnknownProgrammeIsSaidSo(t *testing.T) {
	r := byHand("neighbourhood")
	for _, name := range []string{"Q", "c", ""} {
		_, err := report.Build(t.Context(), r, "c", name)
		var f *fault.Error
		if !errors.As(err, &f) || f.Kind != fault.NotFound {
			t.Errorf("%q: %v", name, err)
		}
	}
}

// TestFormOfTheDataIsStable holds the JSON of a report that uses every part of it.
func TestFormOfTheDataIsStable(t *testing.T) {
	r := byHand("neighbourhood")
	r.registered("b1", "block", workflow.Values{"name": "中森街区"})
	r.registered("org", "organisation", workflow.Values{"name": "街区义工队", "cultivated_in": "reg"})
	p := r.all[2]
	p.Body.Data["blocks"], p.Body.Data["period_from"], p.Body.Data["targets"] = []string{"b1"}, "2023-06-01", []string{"40户"}
	r.add("c1", "p", "claim", "stated", workflow.Values{"metric": "resources", "n": int64(30), "qualifier": "more_than", "label": "慈善资源"})
	recruit := r.activity("recruit", "recruit", "recruit", "formed", workflow.Values{"section": "visit", "title": "组队", "convener": "社工", "groups": []string{"党员"}})
	recruit.Body.Flags = []string{workflow.FlagBackfilled}
	r.registered("person", "person", nil)
	for n := range 3 {
		r.add(fmt.Sprintf("m%d", n), "recruit", "membership", "confirmed", workflow.Values{"person": "person"})
	}
	r.add("c2", "recruit", "claim", "stated", workflow.Values{"metric": "team", "n": int64(2), "qualifier": "exact"})
	r.activity("fund", "fundraise", "fundraise", "closed", workflow.Values{"title": "微心愿善款", "purpose": "微心愿", "section": "harmony"})
	r.add("gift", "fund", "donation", "received", workflow.Values{"amount": int64(77890), "group": "摊主"})
	visit := r.activity("visit", "visit", "visit", "completed", workflow.Values{"section": "visit", "title": "探访", "asked": []string{"需求"}, "gifts": "物资"})
	visit.Body.Waived = map[string]workflow.Waiver{"team_trained": {Note: "已培训"}}
	r.add("s1", "visit", "session", "held", workflow.Values{"when": "2023-06-14/morning", "serves": "elder", "kind": "visit"})
	r.add("q", "visit", "quote", "released", workflow.Values{"pseudonym": "王爷爷", "about": "老党员", "public_text": "感到幸福！"})
	r.activity("sale", "event", "event", "closed", event("义卖", "2023-06-30/afternoon", workflow.Values{
		"profile": "charity_sale", "fund": "fund", "place": "幼儿园", "duration_minutes": int64(120), "ended_as": "aborted", "cohosts": []string{"妇联"},
	}))
	r.add("c3", "sale", "claim", "stated", workflow.Values{"metric": "stallholders", "n": int64(49), "qualifier": "exact"})
	r.add("res", "sale", "resolution", "done", workflow.Values{"text": "修灯", "result": "已修"})
	r.add("g", "sale", "guest", "released", workflow.Values{"name": "沈思敏", "title": "代表"})
	r.activity("evening", "event", "recognition_evening", "closed", event("表彰", "2023-07-11/evening", workflow.Values{"profile": "recognition_evening", "section": "recognition"}))
	r.activity("recognise", "recognise", "recognise", "awarded", workflow.Values{"criteria": "服务时长"})
	r.activity("soon", "event", "event", "draft", event("讲座", "", nil))
	_, out := r.build(t)
	golden(t, "form.json", []byte(out["json"]))
}
