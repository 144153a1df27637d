package workflow

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// String is "file:line:column".
func (p Pos) String() string { return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Column) }

// Problem is one mistake in a definition file. What says what is wrong, Do what to write instead.
// Code names the kind of mistake and never changes between releases.
type Problem struct {
	Pos  Pos
	Code string
	What Text
	Do   Text
}

// In is "file:line:column: what; do" in lang ("zh" or "en"; anything else reads as English).
func (p Problem) In(lang string) string {
	if lang == "zh" {
		return fmt.Sprintf("%s：%s；%s", p.Pos, p.What.ZH, p.Do.ZH)
	}
	return fmt.Sprintf("%s: %s; %s", p.Pos, p.What.EN, p.Do.EN)
}

// String is the English form.
func (p Problem) String() string { return p.In("en") }

// Problems are the mistakes of a set of files, sorted by file, line and column.
type Problems []Problem

// Error lists every mistake in English, on a line of its own.
func (ps Problems) Error() string {
	lines := make([]string, len(ps))
	for n, p := range ps {
		lines[n] = p.String()
	}
	return strings.Join(lines, "\n")
}

// sorted puts the mistakes in reading order and drops repetitions.
func (ps Problems) sorted() Problems {
	slices.SortStableFunc(ps, func(a, b Problem) int {
		return cmp.Or(
			strings.Compare(a.Pos.File, b.Pos.File), cmp.Compare(a.Pos.Line, b.Pos.Line),
			cmp.Compare(a.Pos.Column, b.Pos.Column), strings.Compare(a.Code, b.Code), strings.Compare(a.What.EN, b.What.EN),
		)
	})
	return slices.Compact(ps)
}

// add appends one mistake.
func (ps *Problems) add(pos Pos, code string, what, do Text) {
	*ps = append(*ps, Problem{Pos: pos, Code: code, What: what, Do: do})
}

// The kinds of mistakes. Every one has a broken file of its own in testdata/broken.
const (
	codeYAML             = "yaml_syntax"
	codeNoDefinitions    = "no_definitions"
	codeLanguage         = "language_version"
	codeFileName         = "file_name"
	codeDuplicateFlow    = "duplicate_workflow"
	codeUnknownKey       = "unknown_key"
	codeDuplicateKey     = "duplicate_key"
	codeMissingKey       = "missing_key"
	codeKind             = "wrong_kind"
	codeName             = "bad_name"
	codeValue            = "bad_value"
	codeReserved         = "reserved_name"
	codeTranslation      = "missing_translation"
	codeType             = "unknown_type"
	codeChoice           = "unknown_choice"
	codeRole             = "unknown_role"
	codeState            = "unknown_state"
	codeEvent            = "unknown_event"
	codeField            = "unknown_field"
	codeSlot             = "unknown_slot"
	codeWorkflow         = "unknown_workflow"
	codeMilestone        = "unknown_milestone"
	codeAnchor           = "unknown_anchor"
	codeDuplicateName    = "duplicate_name"
	codeDuplicateSource  = "duplicate_source"
	codeDestination      = "destination_order"
	codeUnreachable      = "unreachable_state"
	codeDeadEnd          = "dead_end"
	codeNoFinal          = "no_way_to_final"
	codeNobody           = "nobody_may_fire"
	codeNeed             = "misplaced_need"
	codeNeedCycle        = "need_cycle"
	codeEffectCycle      = "effect_cycle"
	codeAggregateCycle   = "aggregate_cycle"
	codeEffectTarget     = "effect_target"
	codeEffectInput      = "effect_input"
	codeSystem           = "system_may_not_fire"
	codeCron             = "bad_cron"
	codeDuration         = "bad_duration"
	codeClock            = "bad_clock"
	codeCELSyntax        = "cel_syntax"
	codeCELType          = "cel_type"
	codeCELOptional      = "cel_unguarded_optional"
	codeCELResult        = "cel_result"
	codeCELLiteral       = "cel_unknown_literal"
	codeSealed           = "sealed_value"
	codeBackfill         = "backfill_path"
	codeSubject          = "bad_subject"
	codeAggregate        = "bad_aggregate"
	codeDefault          = "bad_default"
	codeLevel            = "wrong_level"
	codeRequiredNotGiven = "required_field_not_set"
)
