package report

import (
	"encoding/json"

	"github.com/linli/linli/internal/workflow"
)

// Qualifier says how exactly a figure is known.
type Qualifier string

// A figure is exact, 余 (more than), or was not counted. 余 is only ever stated by a claim, never derived.
const (
	Exact      Qualifier = "exact"
	MoreThan   Qualifier = "more_than"
	NotCounted Qualifier = "not_counted"
)

// The metrics that a claim may state. Awards are counted only.
const (
	MetricHeadcount      = "headcount"
	MetricTeam           = "team"
	MetricDonors         = "donors"
	MetricStallholders   = "stallholders"
	MetricHouseholds     = "households"
	MetricBlocks         = "blocks"
	MetricResources      = "resources"
	MetricSelfGovernance = "self_governance"
	MetricAwards         = "awards"
	MetricOther          = "other"
)

// Basis says where a figure comes from.
type Basis string

// A claim goes before a count of rows (PRACTICE "Figures").
const (
	FromClaim Basis = "claim"
	FromRows  Basis = "rows"
	Unknown   Basis = ""
)

// Figure is a number as far as it is known. With NotCounted there is no number.
type Figure struct {
	Metric    string
	Label     string // of what, where the claim says so: 居民
	N         int64
	Qualifier Qualifier
	Basis     Basis
}

// MarshalJSON writes n as null when nothing was counted.
func (f Figure) MarshalJSON() ([]byte, error) {
	out := struct {
		Metric    string    `json:"metric"`
		Label     string    `json:"label,omitempty"`
		N         *int64    `json:"n"`
		Qualifier Qualifier `json:"qualifier"`
		Basis     Basis     `json:"basis,omitempty"`
	}{f.Metric, f.Label, &f.N, f.Qualifier, f.Basis}
	if f.Qualifier == NotCounted {
		out.N = nil
	}
	return json.Marshal(out)
}

// notCounted is a figure that nobody stated or counted.
func notCounted(metric string) Figure { return Figure{Metric: metric, Qualifier: NotCounted} }

// counted is a figure from real rows; none at all is no count (FACTS T2).
func counted(metric string, n int64) Figure {
	if n == 0 {
		return notCounted(metric)
	}
	return Figure{Metric: metric, N: n, Qualifier: Exact, Basis: FromRows}
}

// ClaimBounds returns the least and the greatest roster that agrees with a claim of "n 余" (more than n): above n, and below
// the next multiple of the largest power of ten that is not greater than n. 15余 is 16 to 19, 20余 is 21 to 29, 200余 is
// 201 to 299. The upper bound is a reading of 余 that no text lays down (FACTS T2). Below ten it would leave no number at
// all; there n+1 alone agrees.
func ClaimBounds(n int64) (lo, hi int64) {
	power := int64(1)
	for n/power >= 10 {
		power *= 10
	}
	return n + 1, max(n+1, (n/power+1)*power-1)
}

// Contradiction is a claim that the roster it stands beside does not bear out.
type Contradiction struct {
	Activity string        `json:"activity"` // id of the instance that the claim is about
	Claim    Figure        `json:"claim"`
	Roster   int64         `json:"roster"` // named people or rows, those invented for a demonstration included
	Text     workflow.Text `json:"text"`
}

// contradicts reports whether a roster of named rows contradicts a claim. With 余 the roster of a team or an event must lie
// within the bounds; where a roster names only some (whole is false), it may be shorter. An exact figure may be greater than
// the number of those who are named, never smaller.
func contradicts(f Figure, roster int64, whole bool) bool {
	switch {
	case roster == 0 || f.Qualifier == NotCounted:
		return false
	case f.Qualifier == Exact:
		return roster > f.N
	default:
		lo, hi := ClaimBounds(f.N)
		return roster > hi || whole && roster < lo
	}
}
