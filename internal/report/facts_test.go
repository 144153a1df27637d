package report_test

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/linli/linli/internal/report"
	"github.com/linli/linli/internal/workflow"
)

// outputs are all public outputs of a report.
func outputs(f tb, r *report.Report) map[string]string {
	f.Helper()
	data, err := report.JSON(r)
	if err != nil {
		f.Fatal(err)
	}
	return map[string]string{"zh": report.Markdown(r, "zh"), "en": report.Markdown(r, "en"), "json": string(data)}
}

// alone reports how often a text stands in another without a digit or a dot before it: 40户 is not in 140户.
func alone(text, in string) int {
	return len(regexp.MustCompile(`(?:^|[^0-9.])`+regexp.QuoteMeta(text)).FindAllStringIndex(in, -1))
}

func TestSeedFiguresArePrinted(t *testing.T) { // FACTS T1
	zh := report.Markdown(demo(t), "zh")
	for text, least := range map[string]int{
		"40户": 1, "7个街区": 2, "1600元": 2, "778.9元": 1, "25人": 2, "49位摊主": 1, "2小时": 1, "5个自治组织": 1, "20余人": 2, "15余人": 1,
		"200余人": 1, "30余人": 1, "10余个爱心商家及企业": 1, "2378.9元": 1, "28天": 1, "共12项": 1, "9项、10场": 1, "6处": 1,
	} {
		if n := alone(text, zh); n < least {
			t.Errorf("%s stands there %d times, want %d", text, n, least)
		}
	}
	if strings.Contains(zh, "高度近视") {
		t.Error("a child's health is public")
	}
}

// figures are the seed's figures, drawn anew.
type figures struct {
	households, blocks, womens, five, stallholders, groups, indoor, outdoor, market, resources, team, donors, hours int64
	raised, sale                                                                                                    int64 // fen
}

func drawFigures(t *rapid.T) figures {
	n := func(name string, lo, hi int64) int64 { return rapid.Int64Range(lo, hi).Draw(t, name) }
	return figures{
		households: n("households", 41, 900), blocks: n("blocks", 8, 90), womens: n("womens", 1, 900), five: n("five", 1, 900),
		stallholders: n("stallholders", 1, 900), groups: n("groups", 3, 90), indoor: n("indoor", 1, 90), outdoor: n("outdoor", 1, 90),
		market: n("market", 1, 9000), resources: n("resources", 1, 90), team: n("team", 20, 23), donors: n("donors", 1, 90), hours: n("hours", 1, 9),
		raised: n("raised", 2, 200000), sale: n("sale", 1, 9999999), // a lead approves purchases up to 2000元
	}
}

func (x figures) apply(f tb, d *dataFile) {
	d.claim(f, "households_served", x.households, "exact")
	d.claim(f, "blocks_reached", x.blocks, "exact")
	d.claim(f, "headcount_womens_council", x.womens, "exact")
	d.claim(f, "headcount_five_council", x.five, "exact")
	d.claim(f, "stallholders", x.stallholders, "exact")
	d.claim(f, "groups_grown", x.groups, "exact")
	d.claim(f, "headcount_indoor", x.indoor, "more_than")
	d.claim(f, "headcount_outdoor", x.outdoor, "more_than")
	d.claim(f, "headcount_market", x.market, "more_than")
	d.claim(f, "resources", x.resources, "more_than")
	d.claim(f, "team_size", x.team, "more_than")
	d.claim(f, "donors_visit", x.donors, "more_than")
	for _, s := range d.steps("on", "indoor") {
		if in := at(s, "input"); at(in, "duration_minutes") != nil {
			put(in, "duration_minutes", x.hours*60)
		}
	}
	d.raise(f, x.raised)
	put(d.input(f, "gift_wishes"), "amount", yuan(x.sale))
}

// plain writes fen as Chinese text has it, by another way than the report's.
func plain(fen int64) string {
	return strings.TrimRight(strings.TrimRight(fmt.Sprintf("%d.%02d", fen/100, fen%100), "0"), ".") + "元"
}

func (x figures) chinese() []string {
	return []string{
		fmt.Sprintf("服务%d户家庭", x.households), fmt.Sprintf("辐射%d个街区", x.blocks), fmt.Sprintf("社工等%d人参加", x.womens),
		fmt.Sprintf("居民代表等%d人参加", x.five), fmt.Sprintf("%d位摊主参加", x.stallholders), fmt.Sprintf("：%d个自治组织", x.groups),
		fmt.Sprintf("社工等%d余人参加", x.indoor), fmt.Sprintf("物业等%d余人参加", x.outdoor), fmt.Sprintf("居民%d余人参加", x.market),
		fmt.Sprintf("慈善资源%d余人", x.resources), fmt.Sprintf("银龄护溪队代表等%d余人", x.team), fmt.Sprintf("%d余个爱心商家及企业", x.donors),
		fmt.Sprintf("历时%d小时", x.hours), "共筹集善款" + plain(x.raised) + "，", "已支出" + plain(x.raised) + "（", "共筹集善款" + plain(x.sale) + "，",
		"善款：共筹集" + plain(x.raised+x.sale) + "，已报告支出" + plain(x.raised) + "，余额" + plain(x.sale),
		fmt.Sprintf("| %d.%02d | %d.%02d | 0.00 |", x.raised/100, x.raised%100, x.raised/100, x.raised%100),
	}
}

func (x figures) english() []string {
	people := func(n int64) string {
		if n == 1 {
			return ": 1 person."
		}
		return fmt.Sprintf(": %d people.", n)
	}
	return []string{
		fmt.Sprintf("%d households visited, %d blocks reached", x.households, x.blocks), people(x.womens), people(x.five),
		fmt.Sprintf(" %d stall-holder", x.stallholders), fmt.Sprintf(": %d self-governance groups", x.groups),
		fmt.Sprintf(": more than %d people. Tasks", x.indoor), fmt.Sprintf(": more than %d people. Content", x.outdoor),
		fmt.Sprintf("more than %d people (街区居民)", x.market), fmt.Sprintf("more than %d people and partners", x.resources),
		fmt.Sprintf(": more than %d people. The team", x.team), fmt.Sprintf("more than %d donors", x.donors),
		fmt.Sprintf("CNY %s", strings.TrimSuffix(fmt.Sprintf("%d.%02d", (x.raised+x.sale)/100, (x.raised+x.sale)%100), ".00")),
	}
}

func TestReportFollowsTheFigures(t *testing.T) { // FACTS T1 by mutation
	plays(t, 3, 150)
	rapid.Check(t, func(rt *rapid.T) {
		x := drawFigures(rt)
		d := demoFile(rt)
		x.apply(rt, d)
		out := outputs(rt, play(t, rt, d.source(rt)))
		for lang, want := range map[string][]string{"zh": x.chinese(), "en": x.english()} {
			for _, text := range want {
				if !strings.Contains(out[lang], text) {
					rt.Errorf("%s lacks %q:\n%s", lang, text, out[lang])
				}
			}
		}
		for _, stale := range []string{"40户", "1600元", "778.9元", "2378.9元"} {
			if alone(stale, out["zh"]) > 0 && !slices.ContainsFunc(x.chinese(), func(s string) bool { return strings.Contains(s, stale) }) {
				rt.Errorf("%s is still there", stale)
			}
		}
	})
}

// team is a programme whose team has a roster of so many people, real ones or invented for a demonstration.
func team(people int, invented bool, claims ...workflow.Values) *rows {
	r := byHand("neighbourhood")
	r.activity("recruit", "recruit", "recruit", "formed", workflow.Values{"section": "visit", "team": "街区队伍"})
	for n := range people {
		id := fmt.Sprintf("person%02d", n)
		r.registered(id, "person", workflow.Values{"invented": invented})
		r.add("member-"+id, "recruit", "membership", "confirmed", workflow.Values{"person": id})
	}
	for n, c := range claims {
		r.add(fmt.Sprintf("claim%d", n), "recruit", "claim", "stated", c)
	}
	return r
}

func stated(n int64, qualifier string) workflow.Values {
	return workflow.Values{"metric": "team", "n": n, "qualifier": qualifier, "public": true}
}

func TestClaimIsPrintedAsStatedAndCheckedAgainstTheRoster(t *testing.T) { // FACTS T2
	withdrawn, internal := team(24, true, stated(20, "more_than")), stated(20, "more_than")
	withdrawn.all[len(withdrawn.all)-1].State = "withdrawn"
	internal["public"] = false
	for name, c := range map[string]struct {
		rows       *rows
		zh, en     string
		contradict string
	}{
		"20余 prints 20余人, and 24 names agree":                        {team(24, true, stated(20, "more_than")), "召集20余人，", "more than 20 people.", ""},
		"21 names agree with 20余":                                    {team(21, true, stated(20, "more_than")), "召集20余人，", "more than 20 people.", ""},
		"29 names agree with 20余":                                    {team(29, true, stated(20, "more_than")), "召集20余人，", "more than 20 people.", ""},
		"20 names contradict 20余":                                    {team(20, true, stated(20, "more_than")), "召集20余人，", "more than 20 people.", "表述为“20余人”，而名单上有 20"},
		"30 names contradict 20余":                                    {team(30, false, stated(20, "more_than")), "召集20余人，", "more than 20 people.", "表述为“20余人”，而名单上有 30"},
		"no names contradict nothing":                                {team(0, true, stated(20, "more_than")), "召集20余人，", "more than 20 people.", ""},
		"an exact 20 prints 20人, and 24 names contradict it":         {team(24, true, stated(20, "exact")), "召集20人，", "20 people.", "表述为“20人”，而名单上有 24"},
		"an exact 25 prints 25人":                                     {team(24, true, stated(25, "exact")), "召集25人，", "25 people.", ""},
		"without a claim invented people count for nothing":          {team(24, true), "召集人数未统计，", "size not counted.", ""},
		"without a claim 20 real people print 20人":                   {team(20, false), "召集20人，", "20 people.", ""},
		"without a claim 25 real people print 25人":                   {team(25, false), "召集25人，", "25 people.", ""},
		"a claim that it was not counted goes before real people":    {team(24, false, stated(0, "not_counted")), "召集人数未统计，", "size not counted.", ""},
		"a claim that was withdrawn says nothing":                    {withdrawn, "召集人数未统计，", "size not counted.", ""},
		"a claim that is not for the public says nothing":            {team(24, true, internal), "召集人数未统计，", "size not counted.", ""},
		"a claim of a headcount is the size of the team that it met": {team(0, true, workflow.Values{"metric": "headcount", "n": int64(7), "qualifier": "exact"}), "召集7人，", "7 people.", ""},
	} {
		t.Run(name, func(t *testing.T) {
			r, out := c.rows.build(t)
			has(t, out, "zh", c.zh)
			has(t, out, "en", c.en)
			if c.contradict == "" && len(r.Contradictions) > 0 || c.contradict != "" && len(r.Contradictions) != 1 {
				t.Errorf("contradictions: %+v", r.Contradictions)
			}
			has(t, out, "zh", c.contradict)
		})
	}
}

func TestSilenceIsNotZero(t *testing.T) { // FACTS T5, N, D2
	r := demo(t)
	out := outputs(t, r)
	if n := strings.Count(out["zh"], "人数未统计"); n != 4 { // training, visitors, outreach, closing event
		t.Errorf("人数未统计 stands there %d times", n)
	}
	for _, heading := range []string{"### 防范高空抛物宣传\n", "### 总结表彰和团建活动\n"} {
		_, part, _ := strings.Cut(out["zh"], heading)
		part, _, _ = strings.Cut(part, "\n#")
		if !strings.Contains(part, "人数未统计") || strings.Contains(part, "0人") {
			t.Errorf("%s%s", heading, part)
		}
	}
	if !strings.Contains(out["zh"], "奖项未统计") || !strings.Contains(out["en"], "awards not counted") {
		t.Error("the awards are not stated, and the report does not say so")
	}
	wishes := r.Funds[slices.IndexFunc(r.Funds, func(f *report.Fund) bool { return f.Title == "微心愿善款" })]
	if wishes.Spent != nil || wishes.Balance == nil || *wishes.Balance != 77890 {
		t.Errorf("the fund for the wishes: %+v", wishes)
	}
	var data map[string]any
	if err := json.Unmarshal([]byte(out["json"]), &data); err != nil {
		t.Fatal(err)
	}
	unknown := 0
	walk(data, func(m map[string]any) {
		if m["qualifier"] == "not_counted" {
			unknown++
			if n, there := m["n"]; !there || n != nil {
				t.Errorf("an unknown figure is %v", n)
			}
		}
	})
	if unknown != 5 {
		t.Errorf("%d unknown figures in the data, want 5", unknown)
	}
}

func walk(v any, visit func(map[string]any)) {
	switch v := v.(type) {
	case map[string]any:
		visit(v)
		for _, x := range v {
			walk(x, visit)
		}
	case []any:
		for _, x := range v {
			walk(x, visit)
		}
	}
}

func TestTimelineIsInTheOrderOfTime(t *testing.T) { // FACTS T8, D3–D7, X1
	r := demo(t)
	var got []string
	for _, m := range r.Timeline {
		got = append(got, m.When+" "+m.Title)
	}
	want := []string{
		"2023-06-14/morning 探访高龄老人和困难儿童", "2023-06-14/afternoon 探访高龄老人和困难儿童", "2023-06-28/afternoon 内部环境整治",
		"2023-06-30/afternoon 爱心义卖活动", "2023-07-02/morning 外部环境整治", "2023-07-07/afternoon “五社联动”议事会",
		"2023-07-08/afternoon 妇女议事会", "2023-07-08/afternoon 便民服务集市", "2023-07-10/afternoon 防范高空抛物宣传",
		"2023-07-11/evening 总结表彰和团建活动",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	total := r.Totals
	if total.Activities != 12 || total.Dated != 9 || total.Sessions != 10 || total.Days != 28 || len(total.Venues) != 6 || *total.Raised != 237890 || *total.Spent != 160000 {
		t.Errorf("%+v", total)
	}
	var sections []string
	for _, s := range r.Sections {
		sections = append(sections, fmt.Sprintf("%s %d", s.Name, len(s.Activities)))
	}
	if diff := cmp.Diff([]string{"visit 4", "home 2", "council 2", "harmony 3", "recognition 1"}, sections); diff != "" {
		t.Error(diff)
	}
}

func TestNothingButPublicValuesGetsOut(t *testing.T) { // FACTS T7 by mutation, X10
	for name, c := range map[string]struct {
		quick, long int
		least       int
		accept      func(*workflow.Field) bool
	}{
		"personal and sensitive values": {1, 60, 120, func(f *workflow.Field) bool { return f.Privacy.Sealed() && f.Type == workflow.TypeText }},
		"internal texts and evidence": {1, 40, 60, func(f *workflow.Field) bool {
			return f.Privacy == workflow.Internal && (f.Type == workflow.TypeText || f.Type == workflow.TypeEvidence) && f.Name != "zone"
		}},
	} {
		t.Run(name, func(t *testing.T) {
			plays(t, c.quick, c.long)
			rapid.Check(t, func(rt *rapid.T) {
				d := demoFile(rt)
				d.addPrivate(rt)
				marker := rapid.StringMatching(`[b-df-hj-np-tv-z]{12}`).Draw(rt, "marker")
				n := 0
				for _, v := range d.values(rt, c.accept) {
					if strings.HasPrefix(v.Value, "$") || v.Value == "none" {
						continue
					}
					n++
					v.Value, v.Style = fmt.Sprintf("%s%d", marker, n), 0
				}
				if n < c.least {
					rt.Fatalf("only %d values were found to be marked", n)
				}
				for name, text := range outputs(rt, play(t, rt, d.source(rt))) {
					if i := strings.Index(text, marker); i >= 0 {
						rt.Errorf("%s: …%s…", name, text[max(0, i-80):min(len(text), i+80)])
					}
				}
			})
		})
	}
}

// addPrivate fills in private values that the seed does not have.
func (d *dataFile) addPrivate(f tb) {
	f.Helper()
	for section, columns := range map[string][]string{"people": {"email", "id_number", "skills", "volunteer_no"}, "households": {"phone", "guardian"}} {
		table := d.section(section)
		for _, c := range columns {
			at(table, "columns").Content = append(at(table, "columns").Content, scalar(c))
			for _, row := range at(table, "rows").Content {
				row.Content = append(row.Content, scalar("私密"))
			}
		}
	}
	for _, s := range d.steps("event", "record") {
		for _, field := range []string{"living", "needs", "wishes"} {
			put(at(s, "input"), field, "私密")
		}
	}
	d.before(f, "as", "sale", "{do: create, as: private_note, workflow: note, under: indoor, by: worker_1, input: {text: 私密}}")
	d.before(f, "as", "sale", "{do: create, as: quote_kept, workflow: quote, under: visit, by: worker_1, input: {pseudonym: 化名, text: 私密}}")
}

func TestUnreleasedWordsStayInside(t *testing.T) {
	r := byHand("neighbourhood")
	r.activity("v", "visit", "visit", "completed", workflow.Values{"title": "探访"})
	r.activity("e", "event", "event", "closed", event("议事会", "2023-07-07/afternoon", nil))
	for _, state := range []string{"noted", "released", "redacted"} {
		r.add("q-"+state, "v", "quote", state, workflow.Values{"pseudonym": "化名" + state, "public_text": "话语" + state})
	}
	for _, state := range []string{"listed", "released", "removed"} {
		r.add("g-"+state, "e", "guest", state, workflow.Values{"name": "嘉宾" + state, "title": "代表"})
	}
	_, out := r.build(t)
	has(t, out, "zh", "化名released：“话语released”", "到场嘉宾：代表嘉宾released。")
	hasNot(t, out, "化名noted", "话语noted", "redacted", "嘉宾listed", "嘉宾removed")
}

func TestDemonstrationHasNoContradiction(t *testing.T) {
	if c := demo(t).Contradictions; len(c) > 0 {
		t.Errorf("%+v", c)
	}
}
