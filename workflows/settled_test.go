package workflows_test

import (
	"testing"

	"github.com/linli/linli/internal/workflow"
)

func TestAmountsAreMoreThanNothing(t *testing.T) {
	o := newOffice(t)
	for _, amount := range []int64{0, -500} {
		o.Refused(t, o.Create("worker", o.root, o.root, "purchase", "", "", map[string]any{"title": "米", "amount": amount}), workflow.ReasonGuard)
	}
}

func TestAFigureThatIsStatedHasANumber(t *testing.T) {
	o := newOffice(t)
	for qualifier, number := range map[string]bool{"exact": true, "more_than": true, "not_counted": false} {
		fields := map[string]any{"metric": "headcount", "qualifier": qualifier, "source": "签到表"}
		req := o.Create("worker", o.root, o.root, "claim", "", "", fields)
		if number {
			o.Refused(t, req, workflow.ReasonGuard)
		} else {
			o.Must(t, req)
		}
	}
}
