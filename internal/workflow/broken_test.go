package workflow

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/google/go-cmp/cmp"
)

// mistake is what a broken file is expected to give: where, and how the advice begins.
type mistake struct {
	Code   string
	Line   int
	Column int
	Do     string
}

func TestBrokenFilesAreRefusedAtTheRightPlace(t *testing.T) {
	covered := map[string]bool{codeNoDefinitions: true} // a set of no files: TestLoadRefusesAnEmptySet
	known := map[string]bool{}
	for _, tt := range brokenFiles() {
		known[tt.name] = true
		for _, m := range tt.want {
			covered[m.Code] = true
		}
		t.Run(strings.TrimSuffix(tt.name, ".yaml"), func(t *testing.T) {
			b, problems := Load(readTree(t, filepath.Join("testdata/broken", tt.name)))
			if b != nil {
				t.Fatal("a broken set became a bundle")
			}
			var got []mistake
			for n, p := range problems {
				m := mistake{p.Code, p.Pos.Line, p.Pos.Column, p.Do.EN}
				if n < len(tt.want) && strings.HasPrefix(p.Do.EN, tt.want[n].Do) {
					m.Do = tt.want[n].Do
				}
				got = append(got, m)
				checkBothLanguages(t, p)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("problems (-want +got):\n%s\nin full:\n%v", diff, problems)
			}
		})
	}
	entries, err := os.ReadDir("testdata/broken")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if !known[e.Name()] {
			t.Errorf("testdata/broken/%s is in no test", e.Name())
		}
	}
	for _, code := range allCodes(t) {
		if !covered[code] {
			t.Errorf("no broken file shows the mistake %s", code)
		}
	}
}

// checkBothLanguages checks that a problem can be read by somebody who reads only Chinese, and by somebody who reads only English.
func checkBothLanguages(t *testing.T, p Problem) {
	t.Helper()
	quoted := regexp.MustCompile("`[^`]*`|“[^”]*”|\"[^\"]*\"")
	for name, text := range map[string]Text{"what": p.What, "do": p.Do} {
		if strings.TrimSpace(text.EN) == "" || !strings.ContainsFunc(text.ZH, isChinese) {
			t.Errorf("%s: %s lacks a language: %+v", p.Pos, name, text)
		}
		if strings.ContainsFunc(text.EN, isChinese) {
			t.Errorf("%s: the English of %s is Chinese: %q", p.Pos, name, text.EN)
		}
		if strings.Contains(text.ZH+text.EN, "%!") || strings.Contains(text.ZH, "{ZH:") {
			t.Errorf("%s: %s is put together wrongly: %+v", p.Pos, name, text)
		}
		if bare := quoted.ReplaceAllString(text.ZH, ""); regexp.MustCompile(`\p{Han} ?[,;:!?]`).MatchString(bare) {
			t.Errorf("%s: the Chinese of %s has half-width punctuation: %q", p.Pos, name, text.ZH)
		}
	}
	if p.In("zh") == p.In("en") || p.String() != p.In("en") {
		t.Errorf("%s: reads as %q, %q and %q", p.Pos, p.In("zh"), p.In("en"), p.String())
	}
}

func isChinese(r rune) bool { return unicode.Is(unicode.Han, r) }

// allCodes reads the kinds of mistakes from the source that declares them.
func allCodes(t *testing.T) []string {
	t.Helper()
	src, err := os.ReadFile("load_problem.go")
	if err != nil {
		t.Fatal(err)
	}
	var codes []string
	for _, m := range regexp.MustCompile(`(?m)^\tcode\w+ += "(\w+)"`).FindAllStringSubmatch(string(src), -1) {
		codes = append(codes, m[1])
	}
	if len(codes) < 40 {
		t.Fatalf("found only the codes %v", codes)
	}
	slices.Sort(codes)
	return codes
}

// readTree reads a file, or every .yaml file below a folder.
func readTree(t testing.TB, root string) map[string][]byte {
	t.Helper()
	files := map[string][]byte{}
	err := filepath.WalkDir(root, func(p string, e os.DirEntry, err error) error {
		if err != nil || e.IsDir() || filepath.Ext(p) != ".yaml" {
			return err
		}
		files[filepath.ToSlash(p)], err = os.ReadFile(p)
		return err
	})
	if err != nil || len(files) == 0 {
		t.Fatalf("%s: %d files: %v", root, len(files), err)
	}
	return files
}

type brokenFile struct {
	name string
	want []mistake
}

// brokenFiles has one broken file, or a folder of files that are broken together, for every kind of mistake and more.
func brokenFiles() []brokenFile {
	return []brokenFile{
		{"aggregate_cycle.yaml", []mistake{{"aggregate_cycle", 7, 3, "compute one of them from"}}},
		{"aggregate_values.yaml", []mistake{{"cel_type", 10, 32, "count or sum them with"}}},
		{"aggregate_state.yaml", []mistake{{"unknown_state", 7, 50, "use one of: open, done"}}},
		{"aggregate_sum_of_text.yaml", []mistake{{"cel_result", 7, 16, "make the expression give a"}}},
		{"aggregate_two_kinds.yaml", []mistake{{"missing_key", 7, 10, "write one of `sum: CEL`,"}}},
		{"backfill_path.yaml", []mistake{{"backfill_path", 11, 47, "list the events from the"}}},
		{"backfill_short.yaml", []mistake{{"backfill_path", 11, 32, "add the events that are"}}},
		{"bad_aggregate.yaml", []mistake{{"bad_aggregate", 6, 28, "add it to `items:`, or"}}},
		{"bad_aggregate_via.yaml", []mistake{{"bad_aggregate", 6, 52, "name a field of bad_aggregate_via"}}},
		{"bad_clock.yaml", []mistake{{"bad_clock", 12, 43, "write a time of day"}}},
		{"bad_cron.yaml", []mistake{{"bad_cron", 12, 28, "write five fields, such as"}}},
		{"bad_default.yaml", []mistake{{"bad_default", 6, 31, "write a value of type"}}},
		{"bad_default_enum.yaml", []mistake{{"bad_default", 6, 60, "write a value of type"}}},
		{"typed_by_nobody.yaml", []mistake{{"bad_value", 6, 44, "remove `required`"}, {"bad_value", 13, 85, "remove it, or take `typed: false`"}}},
		{"bad_min.yaml", []mistake{{"unknown_key", 6, 28, "remove it, or write `type: int`"}, {"bad_default", 7, 39, "write a whole number, more than 0, or change"}, {"bad_value", 8, 27, "write 1000000000000000 or less"}}},
		{"bad_duration.yaml", []mistake{{"bad_duration", 12, 46, "write ISO 8601, such as"}}},
		{"bad_grace.yaml", []mistake{{"bad_duration", 12, 46, "write a duration above zero"}}},
		{"bad_name.yaml", []mistake{{"bad_name", 6, 3, "write lower_snake_case: a–z, 0–9 and"}}},
		{"bad_subject.yaml", []mistake{{"bad_subject", 5, 10, "name a single field of"}}},
		{"bad_value.yaml", []mistake{{"bad_value", 12, 135, "write 1 or more"}}},
		{"cel_dyn.yaml", []mistake{{"cel_type", 19, 19, "use the value as it is"}}},
		{"cel_enum_written.yaml", []mistake{{"cel_unknown_literal", 18, 23, "use one of: a"}}},
		{"cel_in_block.yaml", []mistake{{"cel_type", 21, 32, "make both sides of one"}}},
		{"cel_in_message.yaml", []mistake{{"cel_unguarded_optional", 20, 24, "write .orValue(…) with what holds"}}},
		{"cel_lists_consents.yaml", []mistake{{"cel_type", 17, 16, "ask for one entry: part[person],"}, {"cel_type", 17, 27, "ask for one entry: part[person],"}}},
		{"cel_makes_object.yaml", []mistake{{"cel_type", 17, 30, "use a value that exists"}}},
		{"cel_result.yaml", []mistake{{"cel_result", 19, 15, "make the expression give true"}}},
		{"cel_set_result.yaml", []mistake{{"cel_result", 18, 24, "make the expression give a"}}},
		{"cel_syntax.yaml", []mistake{{"cel_syntax", 19, 38, "check brackets, quotes and operators"}}},
		{"cel_type.yaml", []mistake{{"cel_type", 19, 37, "make both sides of one"}}},
		{"cel_unguarded_optional.yaml", []mistake{{"cel_unguarded_optional", 19, 26, "write .orValue(…) with what holds"}}},
		{"cel_unguarded_result.yaml", []mistake{{"cel_unguarded_optional", 19, 15, "write .orValue(…) with what holds"}}},
		{"cel_unknown_literal.yaml", []mistake{{"cel_unknown_literal", 17, 25, "use one of: open, done"}}},
		{"cel_unknown_member.yaml", []mistake{{"cel_type", 19, 19, "use one of: heads"}}},
		{"cel_unknown_name.yaml", []mistake{{"cel_type", 17, 15, "use one of: actor, agg,"}}},
		{"create_no_item.yaml", []mistake{{"effect_target", 16, 18, "add create_no_item to `items:` of"}}},
		{"dead_end.yaml", []mistake{{"dead_end", 8, 3, "add one, or write `final:"}}},
		{"destination_last_with_when.yaml", []mistake{{"destination_order", 14, 53, "leave `when` out of the"}}},
		{"destination_without_when.yaml", []mistake{{"destination_order", 14, 10, "add `when:` to every destination"}}},
		{"duplicate_event.yaml", []mistake{{"duplicate_key", 11, 3, "remove one or rename it"}}},
		{"duplicate_key.yaml", []mistake{{"duplicate_key", 7, 3, "remove one or rename it"}}},
		{"duplicate_name.yaml", []mistake{{"duplicate_name", 10, 76, "remove one"}}},
		{"duplicate_source.yaml", []mistake{{"duplicate_source", 10, 54, "remove one; for several destinations"}}},
		{"duplicate_workflow", []mistake{{"duplicate_workflow", 2, 11, "remove or rename one of"}}},
		{"effect_cycle.yaml", []mistake{{"effect_cycle", 16, 10, "take one of these effects"}}},
		{"effect_input.yaml", []mistake{{"effect_input", 16, 16, "make it a field of"}}},
		{"effect_target.yaml", []mistake{{"effect_target", 18, 33, "use self, parent, root or"}}},
		{"effect_two_kinds.yaml", []mistake{{"bad_value", 16, 9, "give each a list entry"}}},
		{"file_name.yaml", []mistake{{"file_name", 2, 11, "call both the same: another_name/another_name.yaml"}}},
		{"fired_from_wrong_state", []mistake{{"effect_target", 17, 50, "take the state out of"}}},
		{"language_version.yaml", []mistake{{"language_version", 1, 11, "write `language: 1`"}}},
		{"message_open_brace.yaml", []mistake{{"cel_syntax", 18, 23, "write {expression}, or {{ for"}}},
		{"misplaced_need", []mistake{{"misplaced_need", 9, 69, "use a field with `type:"}}},
		{"missing_key.yaml", []mistake{{"missing_key", 10, 11, "add `to:`"}}},
		{"missing_translation.yaml", []mistake{{"missing_translation", 6, 28, "write both `zh:` and `en:`"}}},
		{"need_cycle", []mistake{{"need_cycle", 9, 3, "take one of these needs"}}},
		{"need_unknown_event", []mistake{{"unknown_event", 9, 14, "use one of: finish"}}},
		{"need_unknown_milestone", []mistake{{"unknown_milestone", 9, 42, "use one of: done; or"}}},
		{"need_unknown_slot", []mistake{{"unknown_slot", 9, 28, "use one of: a, b"}}},
		{"need_where", []mistake{{"cel_type", 9, 79, "use one of: none"}}},
		{"needs_in_item.yaml", []mistake{{"wrong_level", 3, 8, "only programmes have them: write"}, {"unknown_slot", 6, 26, "needs stand in a programme,"}}},
		{"no_parent.yaml", []mistake{{"cel_type", 17, 16, "`parent` is known only when"}}},
		{"no_participation.yaml", []mistake{{"effect_target", 16, 10, "add participation/participation.yaml"}}},
		{"no_way_to_final.yaml", []mistake{{"no_way_to_final", 8, 3, "add an event that leads"}, {"no_way_to_final", 9, 3, "add an event that leads"}}},
		{"nobody_fires", []mistake{{"nobody_may_fire", 10, 69, "add a role to `by:`,"}}},
		{"nobody_may_cancel.yaml", []mistake{{"nobody_may_fire", 11, 14, "name at least one role"}}},
		{"nobody_may_fire.yaml", []mistake{{"nobody_may_fire", 10, 69, "add `by:` with at least"}}},
		{"reminder_to_nobody.yaml", []mistake{{"bad_subject", 12, 43, "add `subject:` with a person"}}},
		{"required_field_not_set.yaml", []mistake{{"required_field_not_set", 19, 10, "add it to `set:`"}}},
		{"reserved_event.yaml", []mistake{{"reserved_name", 11, 3, "write the option `undo:` beside"}}},
		{"reserved_field.yaml", []mistake{{"reserved_name", 6, 3, "choose another name"}}},
		{"reserved_reference.yaml", []mistake{{"reserved_name", 6, 3, "choose another name"}}},
		{"reserved_state.yaml", []mistake{{"reserved_name", 9, 3, "write `cancel:` or `skip:` instead"}}},
		{"sealed_printed.yaml", []mistake{{"sealed_value", 20, 24, "expressions see only whether it"}}},
		{"sealed_read.yaml", []mistake{{"sealed_value", 19, 26, "expressions see only whether it"}}},
		{"sealed_written.yaml", []mistake{{"sealed_value", 18, 24, "let a person give it"}}},
		{"self_without_subject.yaml", []mistake{{"bad_subject", 10, 69, "add `subject:` with a person"}}},
		{"slot_of_item", []mistake{{"wrong_level", 8, 17, "write `level: activity` there"}}},
		{"system_may_not_fire.yaml", []mistake{{"system_may_not_fire", 12, 57, "add system to `by:` of"}}},
		{"timer_input.yaml", []mistake{{"effect_input", 18, 57, "make the input optional, or"}}},
		{"unknown_anchor.yaml", []mistake{{"unknown_anchor", 14, 30, "use entered, or a single"}}},
		{"unknown_checked_event.yaml", []mistake{{"unknown_event", 15, 13, "use one of: finish"}}},
		{"unknown_choice.yaml", []mistake{{"unknown_choice", 6, 30, "write one of: public, internal,"}}},
		{"unknown_cleared_milestone.yaml", []mistake{{"unknown_milestone", 15, 14, "use one of: none; or"}}},
		{"unknown_destination.yaml", []mistake{{"unknown_state", 11, 57, "use one of: open, done"}}},
		{"unknown_create_state.yaml", []mistake{{"unknown_state", 12, 26, "use one of: open"}, {"unknown_state", 12, 27, "use one of: open"}}},
		{"final_create_state.yaml", []mistake{{"unknown_state", 12, 26, "use one of: open"}, {"unknown_state", 12, 27, "use one of: open"}}},
		{"no_create_states.yaml", []mistake{{"bad_value", 12, 26, "name at least one, or remove"}}},
		{"fixed_by_nothing.yaml", []mistake{{"bad_value", 5, 8, "write `create: {in: [states]}`"}}},
		{"create_state_of_slot", []mistake{{"unknown_state", 10, 26, "add draft"}}},
		{"unknown_edit_state.yaml", []mistake{{"unknown_state", 11, 25, "use one of: open, done"}}},
		{"unknown_event.yaml", []mistake{{"unknown_event", 12, 57, "use one of: finish"}}},
		{"unknown_field.yaml", []mistake{{"unknown_field", 16, 16, "use one of: none"}}},
		{"unknown_initial.yaml", []mistake{{"unknown_state", 5, 10, "use one of: open, done"}}},
		{"unknown_item_workflow.yaml", []mistake{{"unknown_workflow", 5, 9, "correct the name, or add"}}},
		{"unknown_key.yaml", []mistake{{"unknown_key", 11, 1, "remove it or use one"}}},
		{"unknown_level.yaml", []mistake{{"unknown_choice", 3, 8, "write one of: community, programme,"}}},
		{"unknown_milestone.yaml", []mistake{{"unknown_milestone", 16, 17, "use one of: done; or"}}},
		{"unknown_reminder_state.yaml", []mistake{{"unknown_state", 12, 15, "use one of: open, done"}}},
		{"unknown_reopen_state.yaml", []mistake{{"unknown_state", 11, 37, "use one of: open, done"}}},
		{"unknown_role.yaml", []mistake{{"unknown_role", 10, 76, "use one of: lead, worker,"}}},
		{"unknown_state.yaml", []mistake{{"unknown_state", 10, 54, "use one of: open, done"}}},
		{"unknown_subject.yaml", []mistake{{"unknown_field", 5, 10, "use one of: none"}}},
		{"unknown_timer_state.yaml", []mistake{{"unknown_state", 12, 15, "use one of: open, done"}}},
		{"unknown_type.yaml", []mistake{{"unknown_type", 6, 15, "use one of: text, int,"}}},
		{"unknown_workflow.yaml", []mistake{{"unknown_workflow", 6, 25, "correct the name, or add"}}},
		{"unreachable_state.yaml", []mistake{{"unreachable_state", 9, 3, "add an event that leads"}}},
		{"wrong_kind.yaml", []mistake{{"wrong_kind", 6, 8, "write a mapping of keys"}}},
		{"yaml_alias.yaml", []mistake{{"wrong_kind", 7, 10, "write a mapping of keys"}}},
		{"yaml_empty.yaml", []mistake{{"yaml_syntax", 1, 1, "write a definition or remove"}}},
		{"yaml_syntax.yaml", []mistake{{"yaml_syntax", 4, 1, "check indentation, quotes and brackets"}}},
		{"yaml_two_documents.yaml", []mistake{{"yaml_syntax", 11, 1, "write one definition a file"}}},
	}
}
