package bench

import "time"

// Report is what was measured. Rates are transitions a second, durations milliseconds, processor times microseconds a transition.
type Report struct {
	Database   string         `json:"database"` // sqlite or postgres
	Clients    int            `json:"clients"`
	Duration   float64        `json:"duration_seconds"`
	Cores      int            `json:"cores"` // that generator, server and database share
	Ratio      float64        `json:"ratio,omitempty"`
	FloorShare float64        `json:"floor_share,omitempty"`
	Lifecycle  *Comparison    `json:"lifecycle,omitempty"`
	Single     *Comparison    `json:"single,omitempty"`
	OneRow     *Comparison    `json:"one_row,omitempty"`
	Bulk       *BulkFigures   `json:"bulk,omitempty"`
	Start      *StartFigures  `json:"start,omitempty"`
	Large      *LargeFigures  `json:"large,omitempty"`
	History    *HistoryCounts `json:"history,omitempty"`
	Targets    []Target       `json:"targets"`
}

// Comparison is one kind of work done by the server, by the control and by the floor, in the same run.
type Comparison struct {
	Clients    int                `json:"clients"`
	Ours       Figures            `json:"ours"`
	Control    Figures            `json:"control"`
	Floor      Figures            `json:"floor"`
	Pool       int                `json:"control_pool"`  // the size with which the control is fastest
	Pools      map[string]float64 `json:"control_pools"` // the control's rate with each size, in a shorter run
	Ratio      float64            `json:"ratio"`
	FloorShare float64            `json:"floor_share"`
}

// Figures are those of one server: medians of several rounds.
type Figures struct {
	Rate        float64   `json:"rate"`
	Rates       []float64 `json:"rates"` // of each round
	P50         float64   `json:"p50_ms"`
	P99         float64   `json:"p99_ms"`
	Max         float64   `json:"max_ms"`
	CPU         float64   `json:"cpu_us"`          // a transition: server and database together, without the generator
	ServerCPU   float64   `json:"server_cpu_us"`   // 0 where it cannot be measured
	DatabaseCPU float64   `json:"database_cpu_us"` // of PostgreSQL's processes, if they run here
	Fsyncs      float64   `json:"fsyncs"`          // a transition
	AnswerBytes int       `json:"answer_bytes"`    // a request
	Generator   float64   `json:"generator_cpu_us"`
	Transitions int       `json:"transitions"`         // in all rounds
	Exhausted   bool      `json:"exhausted,omitempty"` // the programmes ran out before the time was over
}

// BulkFigures are those of the bulk endpoint; a transition is a row.
type BulkFigures struct {
	Clients int     `json:"clients"`
	Ours    Figures `json:"ours"`
	Control float64 `json:"control_rate"` // of single transitions
	Ratio   float64 `json:"ratio"`
}

// StartFigures are about a server that was just started.
type StartFigures struct {
	FirstAnswer []float64 `json:"first_answer_ms"` // of each start: to the first answer to a request with a token
	IdleMB      float64   `json:"idle_mb"`         // resident, a while later; 0 where it cannot be measured
}

// LargeFigures compare the same work in a small and in a large database.
type LargeFigures struct {
	SmallRows int     `json:"small_instances"`
	LargeRows int     `json:"large_instances"`
	Small     Figures `json:"small"`
	Large     Figures `json:"large"`
	Share     float64 `json:"share"` // of the small one's rate that the large one reaches
}

// HistoryCounts compare what the generator was told with what the history holds.
type HistoryCounts struct {
	Acknowledged int `json:"acknowledged"`
	Found        int `json:"found"`
}

// Target is something that a measure should reach.
type Target struct {
	Name  string  `json:"name"`
	Zh    string  `json:"zh"`
	En    string  `json:"en"`
	Value float64 `json:"value"`
	Bound float64 `json:"target"`
	Most  bool    `json:"at_most,omitempty"` // else at least
	Met   bool    `json:"met"`
}

func newReport(c Config) *Report {
	r := &Report{Database: "sqlite", Clients: c.Clients, Duration: c.Duration.Seconds(), Cores: cores(), Targets: []Target{}}
	if c.DSN != "" {
		r.Database = "postgres"
	}
	return r
}

// What is aimed at.
const (
	ratioTarget     = 8.0
	floorTarget     = 0.70
	spreadTarget    = 4.0 // p99 over p50
	singleTarget    = 1.0
	oneRowTarget    = 5.0
	bulkTarget      = 25.0
	idleTarget      = 60.0 // MB
	firstAnswerGoal = 300 * time.Millisecond
	largeTarget     = 0.85
)

// judge compares what was measured with what is aimed at.
func (r *Report) judge() {
	if c := r.Lifecycle; c != nil {
		r.Ratio, r.FloorShare = c.Ratio, c.FloorShare
		r.least(Lifecycle, "每秒操作数：对照的 8 倍或下限的 70%，取低者", "Transitions/s: 8 times the control or 70 % of the floor, whichever is lower",
			c.Ours.Rate, min(ratioTarget*c.Control.Rate, floorTarget*c.Floor.Rate))
		r.most("spread", "p99 与 p50 之比", "p99 over p50", c.Ours.P99/max(c.Ours.P50, 0.001), spreadTarget)
	}
	if c := r.Single; c != nil {
		r.least(Single, "单个客户端：与对照之比", "One client: ratio to the control", c.Ratio, singleTarget)
	}
	if c := r.OneRow; c != nil {
		r.least(OneRow, "所有客户端操作同一项目：与对照之比", "All clients on one programme: ratio to the control", c.Ratio, oneRowTarget)
	}
	if c := r.Bulk; c != nil {
		r.least(Bulk, "批量接口每秒行数：与对照之比", "Rows/s of the bulk endpoint: ratio to the control", c.Ratio, bulkTarget)
	}
	if s := r.Start; s != nil {
		if s.IdleMB > 0 {
			r.most(Idle, "空闲内存（MB）", "Idle memory, MB", s.IdleMB, idleTarget)
		}
		r.most(Start, "从启动到首次应答（毫秒）", "Start to first answer, ms", middle(s.FirstAnswer), float64(firstAnswerGoal.Milliseconds()))
	}
	if l := r.Large; l != nil {
		r.least(Large, "大库与小库的速度之比", "Rate in the large database over that in the small one", l.Share, largeTarget)
	}
}

func (r *Report) least(name, zh, en string, value, bound float64) {
	r.Targets = append(r.Targets, Target{Name: name, Zh: zh, En: en, Value: value, Bound: bound, Met: value >= bound})
}

func (r *Report) most(name, zh, en string, value, bound float64) {
	r.Targets = append(r.Targets, Target{Name: name, Zh: zh, En: en, Value: value, Bound: bound, Most: true, Met: value < bound})
}
