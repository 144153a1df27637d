// Package report computes a programme's closing report from its rows and from what people claimed, and writes it as prose
// and figures in Chinese and English, or as JSON.
//
// A report is public. Only fields that the definitions mark public, figures, and quotes, guests and texts that were
// released appear in it; everything else is at most counted. Rows that were invented for a demonstration are counted
// nowhere, and what is not known stays unknown: it is null in JSON and 未统计 (not counted) in prose, never 0.
//
// The package only reads. It must not know how rows came about.
package report

import (
	"encoding/json"
	"fmt"

	"github.com/linli/linli/internal/workflow"
)

// Report is everything that the closing report of one programme says. Its JSON form is stable: fields are added, never
// renamed or given another meaning while Format stays the same.
type Report struct {
	Format         int             `json:"format"` // 1
	Community      string          `json:"community"`
	Programme      Programme       `json:"programme"`
	Totals         Totals          `json:"totals"`
	Outcomes       Outcomes        `json:"outcomes"`
	Sections       []Section       `json:"sections"`
	Timeline       []Moment        `json:"timeline"`
	Funds          []*Fund         `json:"funds"`
	Contradictions []Contradiction `json:"contradictions,omitempty"` // claims that their rosters do not bear out
}

// Programme is the head of the report.
type Programme struct {
	ID          string        `json:"id"`
	Code        string        `json:"code"`
	Title       string        `json:"title"`
	Category    string        `json:"category,omitempty"`
	Sponsor     string        `json:"sponsor,omitempty"`
	Implementer string        `json:"implementer,omitempty"`
	Slogan      string        `json:"slogan,omitempty"`
	Targets     []string      `json:"targets,omitempty"`
	From        string        `json:"from,omitempty"` // dates, 2006-01-02
	To          string        `json:"to,omitempty"`
	State       string        `json:"state"`
	StateTitle  workflow.Text `json:"state_title"`
	Backfilled  bool          `json:"backfilled,omitempty"` // 补录
	Waivers     []Waiver      `json:"waivers,omitempty"`
}

// Section is a part of the report, in the order in which the programme's definition lists it.
type Section struct {
	Name       string        `json:"name"`
	Title      workflow.Text `json:"title"`
	Activities []*Activity   `json:"activities"`
}

// Activity is one activity as the report tells it. The fund of a charity sale and the honours of a recognition evening are
// told with the event and are no activities of their own.
type Activity struct {
	ID           string        `json:"id"`
	Workflow     string        `json:"workflow"`
	Slot         string        `json:"slot"`
	Key          string        `json:"key"`
	Title        string        `json:"title,omitempty"`
	Kind         workflow.Text `json:"kind"` // the slot's or the profile's name
	State        string        `json:"state"`
	StateTitle   workflow.Text `json:"state_title"`
	Planned      bool          `json:"planned,omitempty"`       // still being prepared: counted nowhere
	Aborted      bool          `json:"aborted,omitempty"`       // 中止
	Backfilled   bool          `json:"backfilled,omitempty"`    // 补录
	BasisChanged bool          `json:"basis_changed,omitempty"` // 依据已变更
	Waivers      []Waiver      `json:"waivers,omitempty"`

	When     string    `json:"when,omitempty"` // a date or half-day: 2006-01-02, 2006-01-02/afternoon
	WhenText string    `json:"when_text,omitempty"`
	Sessions []Session `json:"sessions,omitempty"`
	Place    string    `json:"place,omitempty"`
	Series   string    `json:"series,omitempty"`
	Sponsor  string    `json:"sponsor,omitempty"`
	Host     string    `json:"host,omitempty"`
	Cohosts  []string  `json:"cohosts,omitempty"`
	Partner  string    `json:"partner,omitempty"`

	Convener    string          `json:"convener,omitempty"`
	Team        string          `json:"team,omitempty"`
	Trainer     string          `json:"trainer,omitempty"`
	Topics      []workflow.Text `json:"topics,omitempty"`
	Groups      []string        `json:"groups,omitempty"`
	Purpose     string          `json:"purpose,omitempty"`
	Content     []string        `json:"content,omitempty"`
	Tasks       []string        `json:"tasks,omitempty"`
	Asked       []string        `json:"asked,omitempty"`
	Gifts       string          `json:"gifts,omitempty"`
	Criteria    string          `json:"criteria,omitempty"`
	Suggestions []string        `json:"suggestions,omitempty"`
	Resolutions []Resolution    `json:"resolutions,omitempty"`
	Outcome     string          `json:"outcome,omitempty"`
	Minutes     *int64          `json:"duration_minutes"`

	// Figures holds every figure of the activity that is stated or counted, each metric in the order of the claims. Metrics
	// that this kind of activity has and nobody counted are there as not_counted.
	Figures []Figure `json:"figures"`

	Fund    *Fund    `json:"fund,omitempty"`
	Honours *Honours `json:"honours,omitempty"`
	Guests  []Guest  `json:"guests,omitempty"`
	Quotes  []Quote  `json:"quotes,omitempty"`

	moments []Session // what the timeline shows of it
	within  bool      // it is told with another activity
}

// Session is one part of a day of an activity.
type Session struct {
	When   string        `json:"when"`
	Title  string        `json:"title,omitempty"`
	Place  string        `json:"place,omitempty"`
	Serves workflow.Text `json:"serves"`
}

// Guest is a guest whose name was released.
type Guest struct {
	Name  string `json:"name"`
	Title string `json:"title,omitempty"`
}

// Quote is what somebody said, in the words that were released.
type Quote struct {
	Pseudonym string `json:"pseudonym"`
	About     string `json:"about,omitempty"`
	Text      string `json:"text"`
}

// Resolution is what a council decided.
type Resolution struct {
	Text       string        `json:"text"`
	State      string        `json:"state"`
	StateTitle workflow.Text `json:"state_title"`
	Result     string        `json:"result,omitempty"`
}

// Honours is what came of the nominations; Awards is not counted where none was recorded.
type Honours struct {
	StateTitle workflow.Text `json:"state_title"`
	Criteria   string        `json:"criteria,omitempty"`
	Awards     Figure        `json:"awards"`
	Names      []string      `json:"names,omitempty"` // of the awards, never of people
	Waivers    []Waiver      `json:"waivers,omitempty"`
}

// Waiver is a need that an approver let an activity pass without (特批). The reason stays internal; the note is public.
type Waiver struct {
	Need  string        `json:"need"`
	Title workflow.Text `json:"title"` // which milestone of which slot
	Note  string        `json:"note,omitempty"`
}

// Fund is one fund's money, in fen. Received and Spent are null where nothing was recorded.
type Fund struct {
	ID            string        `json:"id"`
	Title         string        `json:"title,omitempty"`
	Kind          workflow.Text `json:"kind"`
	Purpose       string        `json:"purpose"`
	Beneficiaries string        `json:"beneficiaries,omitempty"`
	SpendAll      bool          `json:"spend_all,omitempty"`
	State         string        `json:"state"`
	StateTitle    workflow.Text `json:"state_title"`
	Received      *int64        `json:"received_fen"`
	Spent         *int64        `json:"spent_fen"`
	Balance       *int64        `json:"balance_fen"`
	Donors        *Figure       `json:"donors,omitempty"`
	Groups        []string      `json:"groups,omitempty"`    // of donors
	Purchases     []string      `json:"purchases,omitempty"` // what was bought
	Activity      string        `json:"activity"`            // id of the activity that it is told with
}

// Totals are figures over the whole programme. Headcounts are never added up: they are partly 余, and the same people come
// again (FACTS D8).
type Totals struct {
	Raised     *int64   `json:"raised_fen"`
	Spent      *int64   `json:"spent_fen"`
	Balance    *int64   `json:"balance_fen"`
	Households []Figure `json:"households"` // of each visit round
	Blocks     []Figure `json:"blocks"`
	BlockNames []string `json:"block_names"` // those that are named
	Activities int      `json:"activities"`
	Dated      int      `json:"dated_activities"`
	Sessions   int      `json:"sessions"` // parts of a day; a visit in the morning and in the afternoon is two
	First      string   `json:"first,omitempty"`
	Last       string   `json:"last,omitempty"`
	Days       int      `json:"days,omitempty"` // from the first to the last, both included
	Venues     []string `json:"venues"`
}

// Outcomes is what stays when the programme is over.
type Outcomes struct {
	Resources      Figure   `json:"resources"`       // people and partners found
	SelfGovernance Figure   `json:"self_governance"` // groups cultivated
	GroupNames     []string `json:"group_names"`     // those that are named
}

// Moment is one line of the timeline.
type Moment struct {
	When     string        `json:"when"`
	Activity string        `json:"activity"` // id
	Title    string        `json:"title"`
	Kind     workflow.Text `json:"kind"`
	Place    string        `json:"place,omitempty"`
	Serves   workflow.Text `json:"serves"`
}

// JSON writes the report as indented JSON with a line break at its end.
func JSON(r *Report) ([]byte, error) {
	b, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("write the report as JSON: %w", err)
	}
	return append(b, '\n'), nil
}
