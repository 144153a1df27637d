package report

import (
	"testing"
)

func TestClaimBounds(t *testing.T) {
	for n, want := range map[int64][2]int64{
		5: {6, 6}, 9: {10, 10}, 10: {11, 19}, 15: {16, 19}, 20: {21, 29}, 29: {30, 30}, 30: {31, 39}, 99: {100, 100}, 100: {101, 199},
		150: {151, 199}, 200: {201, 299}, 1000: {1001, 1999}, 2300: {2301, 2999},
	} {
		if lo, hi := ClaimBounds(n); lo != want[0] || hi != want[1] {
			t.Errorf("%d余: %d to %d, want %v", n, lo, hi, want)
		}
	}
}

func TestRosterContradictsClaim(t *testing.T) {
	more, exact := Figure{N: 20, Qualifier: MoreThan}, Figure{N: 25, Qualifier: Exact}
	tests := map[string]struct {
		claim  Figure
		roster int64
		whole  bool
		want   bool
	}{
		"20 is not more than 20":                  {more, 20, true, true},
		"21 is 20余":                               {more, 21, true, false},
		"29 is 20余":                               {more, 29, true, false},
		"30 would be 30余":                         {more, 30, true, true},
		"a list of some may be shorter":           {more, 3, false, false},
		"a list of some may not be longer":        {more, 30, false, true},
		"nobody is named":                         {more, 0, true, false},
		"all 25 are named":                        {exact, 25, true, false},
		"some of 25 are named":                    {exact, 3, true, false},
		"26 are named of 25":                      {exact, 26, true, true},
		"what was not counted contradicts nobody": {notCounted(MetricHeadcount), 26, true, false},
	}
	for name, c := range tests {
		t.Run(name, func(t *testing.T) {
			if got := contradicts(c.claim, c.roster, c.whole); got != c.want {
				t.Errorf("got %v", got)
			}
		})
	}
}

func TestFiguresAreWrittenAsPeopleSayThem(t *testing.T) {
	for _, c := range []struct {
		f      Figure
		zh, en string
	}{
		{Figure{Metric: MetricHeadcount, N: 25, Qualifier: Exact}, "25人", "25 people"},
		{Figure{Metric: MetricHeadcount, N: 20, Qualifier: Exact}, "20人", "20 people"},
		{Figure{Metric: MetricHeadcount, N: 1, Qualifier: Exact}, "1人", "1 person"},
		{Figure{Metric: MetricHeadcount, N: 20, Qualifier: MoreThan}, "20余人", "more than 20 people"},
		{Figure{Metric: MetricHeadcount, N: 200, Qualifier: MoreThan, Label: "居民"}, "居民200余人", "more than 200 people (居民)"},
		{Figure{Metric: MetricHeadcount, Qualifier: NotCounted}, "人数未统计", "attendance not counted"},
		{Figure{Metric: MetricHouseholds, N: 40, Qualifier: Exact, Label: "服务家庭"}, "40户", "40 households"},
		{Figure{Metric: MetricBlocks, N: 7, Qualifier: Exact, Label: "辐射街区"}, "7个街区", "7 blocks"},
		{Figure{Metric: MetricStallholders, N: 49, Qualifier: Exact, Label: "宝文幼儿园摊主"}, "宝文幼儿园49位摊主", "49 stall-holders (宝文幼儿园摊主)"},
		{Figure{Metric: MetricDonors, N: 10, Qualifier: MoreThan, Label: "爱心商家及企业"}, "10余个爱心商家及企业", "more than 10 donors (爱心商家及企业)"},
		{Figure{Metric: MetricDonors, N: 1, Qualifier: Exact}, "1个捐赠方", "1 donor"},
		{Figure{Metric: MetricSelfGovernance, N: 5, Qualifier: Exact, Label: "各类自治组织"}, "5个自治组织", "5 self-governance groups"},
		{Figure{Metric: MetricOther, N: 3, Qualifier: Exact, Label: "展板"}, "展板3", "3 (展板)"},
		{notCounted(MetricAwards), "奖项未统计", "awards not counted"},
	} {
		if got := voice(Chinese).count(c.f); got != c.zh {
			t.Errorf("%+v: %s, want %s", c.f, got, c.zh)
		}
		if got := voice(English).count(c.f); got != c.en {
			t.Errorf("%+v: %s, want %s", c.f, got, c.en)
		}
	}
}

func TestMoneyHasNoZerosThatSayNothing(t *testing.T) {
	for fen, want := range map[int64][3]string{
		160000: {"1600元", "CNY 1600", "1600.00"}, 77890: {"778.9元", "CNY 778.90", "778.90"}, 77891: {"778.91元", "CNY 778.91", "778.91"},
		5: {"0.05元", "CNY 0.05", "0.05"}, 0: {"0元", "CNY 0", "0.00"}, -150: {"-1.5元", "CNY -1.50", "-1.50"}, 100000: {"1000元", "CNY 1000", "1000.00"},
	} {
		got := [3]string{voice(Chinese).money(fen), voice(English).money(fen), Yuan(fen)}
		if got != want {
			t.Errorf("%d fen: %v, want %v", fen, got, want)
		}
	}
}

func TestTimesAreWrittenInBothLanguages(t *testing.T) {
	for s, want := range map[string][2]string{
		"2023-06-14":           {"2023年6月14日", "14 June 2023"},
		"2023-06-14/morning":   {"2023年6月14日上午", "14 June 2023, morning"},
		"2023-07-08/afternoon": {"2023年7月8日下午", "8 July 2023, afternoon"},
		"2023-07-11/evening":   {"2023年7月11日晚", "11 July 2023, evening"},
		"六月":                   {"六月", "六月"},
	} {
		if got := [2]string{voice(Chinese).when(s), voice(English).when(s)}; got != want {
			t.Errorf("%s: %v, want %v", s, got, want)
		}
	}
	for n, want := range map[int64][2]string{
		120: {"2小时", "2 hours"}, 60: {"1小时", "1 hour"}, 90: {"90分钟", "90 minutes"}, 1: {"1分钟", "1 minute"}, 0: {"0分钟", "0 minutes"},
	} {
		if got := [2]string{voice(Chinese).minutes(n), voice(English).minutes(n)}; got != want {
			t.Errorf("%d minutes: %v, want %v", n, got, want)
		}
	}
}

func TestHalfDaysSortAsTheyPass(t *testing.T) {
	inOrder := []string{"2023-06-30/evening", "2023-07-01", "2023-07-01/morning", "2023-07-01/afternoon", "2023-07-01/evening", "2023-07-02/morning"}
	for i := range inOrder {
		for j := range inOrder {
			if got := compareWhen(inOrder[i], inOrder[j]); got < 0 != (i < j) || got > 0 != (i > j) {
				t.Errorf("%s and %s: %d", inOrder[i], inOrder[j], got)
			}
		}
	}
}

func TestWhatPeopleTypedCannotBecomeMarkup(t *testing.T) {
	for in, want := range map[string]string{
		"# heading":                      `\# heading`,
		"- point":                        `\- point`,
		"a | b":                          `a \| b`,
		"<script>alert(1)</script>":      `\<script\>alert(1)\</script\>`,
		"[here](http://example.invalid)": `\[here\](http://example.invalid)`,
		"two\n\nparagraphs":              "two paragraphs",
		"**fat** `code` &amp;":           `\*\*fat\*\* \` + "`code\\`" + ` \&amp;`,
		"“亲邻党建”幸福生活节":                    "“亲邻党建”幸福生活节",
	} {
		if got := escape(in); got != want {
			t.Errorf("%q: %s, want %s", in, got, want)
		}
	}
}

func TestSectionsAreNumberedInChinese(t *testing.T) {
	for n, want := range map[int]string{1: "一", 5: "五", 10: "十", 11: "十一", 20: "二十", 35: "三十五", 100: "100"} {
		if got := numeral(n); got != want {
			t.Errorf("%d: %s, want %s", n, got, want)
		}
	}
}
