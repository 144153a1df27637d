package bench

import "testing"

func TestTargetsAreJudged(t *testing.T) {
	ours := Figures{Rate: 6000, P50: 10, P99: 39}
	tests := map[string]struct {
		report Report
		want   map[string]bool
	}{
		"the lower of the two bounds counts": {
			Report{Lifecycle: &Comparison{Ours: ours, Control: Figures{Rate: 1000}, Floor: Figures{Rate: 8000}}},
			map[string]bool{Lifecycle: true, "spread": true},
		},
		"neither bound is reached": {
			Report{Lifecycle: &Comparison{Ours: Figures{Rate: 5000, P50: 1, P99: 4}, Control: Figures{Rate: 1000}, Floor: Figures{Rate: 8000}}},
			map[string]bool{Lifecycle: false, "spread": false},
		},
		"all others are met": {
			Report{
				Single: &Comparison{Ratio: 1}, OneRow: &Comparison{Ratio: 5}, Bulk: &BulkFigures{Ratio: 25},
				Start: &StartFigures{FirstAnswer: []float64{400, 200, 299}, IdleMB: 59}, Large: &LargeFigures{Share: 0.85},
			},
			map[string]bool{Single: true, OneRow: true, Bulk: true, Idle: true, Start: true, Large: true},
		},
		"none of the others is met": {
			Report{
				Single: &Comparison{Ratio: 0.9}, OneRow: &Comparison{Ratio: 4.9}, Bulk: &BulkFigures{Ratio: 24},
				Start: &StartFigures{FirstAnswer: []float64{300}, IdleMB: 60}, Large: &LargeFigures{Share: 0.8},
			},
			map[string]bool{Single: false, OneRow: false, Bulk: false, Idle: false, Start: false, Large: false},
		},
		"memory that was not measured is not judged": {
			Report{Start: &StartFigures{FirstAnswer: []float64{1}}}, map[string]bool{Start: true},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			test.report.judge()
			if len(test.report.Targets) != len(test.want) {
				t.Errorf("%d targets, want %d", len(test.report.Targets), len(test.want))
			}
			for _, got := range test.report.Targets {
				if want, known := test.want[got.Name]; !known || want != got.Met {
					t.Errorf("%s: met %v", got.Name, got.Met)
				}
				if got.Zh == "" || got.En == "" {
					t.Errorf("%s lacks a language", got.Name)
				}
			}
		})
	}
}
