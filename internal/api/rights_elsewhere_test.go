package api

import (
	"bytes"
	"fmt"
	"maps"
	"net/http"
	"strconv"
	"strings"
	"testing"
)

// swapped is where an id of the other community stands instead of one's own.
type swapped struct {
	name   string
	change func(p, other *place)
}

// positions are all ids that a request may hold, one by one.
func positions() []swapped {
	return []swapped{
		{"community", func(p, o *place) { p.community = o.community }},
		{"programme", func(p, o *place) { p.programme = o.programme }},
		{"code", func(p, o *place) { p.programme, p.code = o.code, o.code }},
		{"activity", func(p, o *place) { p.activity = o.activity }},
		{"item", func(p, o *place) { p.item = o.item }},
		{"person", func(p, o *place) { p.person = o.person }},
		{"household", func(p, o *place) { p.household = o.household }},
		{"organisation", func(p, o *place) { p.organisation = o.organisation }},
		{"block", func(p, o *place) { p.block = o.block }},
		{"grant", func(p, o *place) { p.grant = o.grant }},
		{"token", func(p, o *place) { p.token = o.token }},
		{"consent", func(p, o *place) { p.consent = o.consent }},
		{"command", func(p, o *place) { p.command = o.command }},
		{"registry command", func(p, o *place) { p.registryCommand = o.registryCommand }},
		{"bundle", func(p, o *place) { p.bundle = o.bundle }},
	}
}

// nowhereAtAll has ids of the right form that belong to nothing.
func nowhereAtAll(p *place) *place {
	gone := func(id string) string {
		turned := []byte(id)
		for n := len(turned) - 8; n < len(turned); n++ {
			turned[max(n, 0)] = '7'
		}
		return string(turned)
	}
	return &place{
		community: "nirgends", programme: gone(p.programme), code: "XY-9", activity: gone(p.activity), item: gone(p.item), person: gone(p.person),
		household: gone(p.household), organisation: gone(p.organisation), block: gone(p.block), grant: gone(p.grant), token: gone(p.token),
		consent: gone(p.consent), command: gone(p.command), registryCommand: gone(p.registryCommand), bundle: gone(p.bundle),
	}
}

func TestWhatIsElsewhereIsAsIfItWereNot(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		d := openDistrict(t, h)
		none := nowhereAtAll(d.other)
		for _, side := range []struct {
			role, mark   string
			mine, theirs *place
		}{
			{"admin", markElsewhere, d.own, d.other}, {"lead", markElsewhere, d.own, d.other}, {"elsewhere", markHere, d.other, d.own},
		} {
			before := d.heads(side.theirs)
			for _, o := range openings() {
				method, _, _ := strings.Cut(o.op, " ")
				whole := d.do("Bearer "+h.tokens[side.role], method, o.ask(d, side.theirs, "whole"))
				if strings.Contains(o.op, "{community}") && whole.Status != http.StatusNotFound {
					t.Errorf("%s, all of it the other's, as %s: %d\n%.300s", o.op, side.role, whole.Status, whole.Body)
				}
				keepsOut(t, whole, side.mark)
				for _, at := range positions() {
					if at.name == "bundle" && side.role != "lead" {
						continue // an administrator reads what she loaded by its hash alone: see (*server).bundle
					}
					there, nothing := *side.mine, *side.mine
					at.change(&there, side.theirs)
					at.change(&nothing, none)
					made := d.made
					a := o.ask(d, &there, "there")
					d.made = made // the same names again
					b := o.ask(d, &nothing, "there")
					if fmt.Sprint(a) == fmt.Sprint(b) {
						continue // it holds no such id
					}
					first, second := d.do("Bearer "+h.tokens[side.role], method, a), d.do("Bearer "+h.tokens[side.role], method, b)
					keepsOut(t, first, side.mark)
					if first.Status != second.Status || !bytes.Equal(first.Body, second.Body) {
						t.Errorf("%s with a %s of the other community, as %s: %d, and with none: %d\n%.500s\n%.500s",
							o.op, at.name, side.role, first.Status, second.Status, first.Body, second.Body)
					}
					if first.Status < 300 && !emptyAnswer(first) {
						t.Errorf("%s with a %s of the other community, as %s: %d\n%.300s", o.op, at.name, side.role, first.Status, first.Body)
					}
				}
			}
			if after := d.heads(side.theirs); !maps.Equal(before, after) {
				t.Errorf("something was written in the other community: %v, then %v", before, after)
			}
		}
	})
}

// emptyAnswer is a list without items, or a list of commands none of which was carried out.
func emptyAnswer(r *reply) bool {
	return bytes.Contains(r.Body, []byte(`"items":[]`)) || bytes.Contains(r.Body, []byte(`"done":0`))
}

func TestTokensAndRecordsOfLooksAreMadeInTheirOwnWaysOnly(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		forged := map[string]any{"person": h.people["lead"], "hash": hashOf("x"), "scope": here, "expires": "2099-01-01T00:00:00.000Z"}
		look := map[string]any{"person": h.people["lead"], "target": h.programme, "of": "person", "names": []string{"name"}, "purpose": "made up"}
		for of, input := range map[string]map[string]any{workflowToken: forged, workflowReveal: look} {
			for _, role := range roles() {
				body := map[string]any{"workflow": of, "input": input}
				h.post(role, at("/instances/"+here+"/items"), body).problem(http.StatusUnprocessableEntity, "own_route")
				for _, preview := range []bool{false, true} {
					row := map[string]any{"kind": "create", "target": here, "workflow": of, "input": input}
					var got struct{ Done int }
					h.post(role, at("/bulk"), map[string]any{"preview": preview, "rows": []any{row}}).status(http.StatusOK).into(&got)
					if got.Done != 0 {
						t.Errorf("%s made a %s in a list of commands", role, of)
					}
				}
			}
		}
	})
}

func TestATokenMadeTwiceWithOneKeyIsOneToken(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		for n := range 12 { // the secret is drawn from the key, and every one of them must read back
			key := "k" + strconv.Itoa(n)
			for _, role := range []string{"volunteer", "worker", "admin"} { // who may have thought of the same key
				var first, second struct{ Token string }
				h.post(role, at("/tokens"), map[string]any{}, "Idempotency-Key", key).status(http.StatusCreated).into(&first)
				again := h.post(role, at("/tokens"), map[string]any{}, "Idempotency-Key", key).status(http.StatusCreated).into(&second)
				if first.Token != second.Token || again.Header.Get("Idempotency-Replayed") != "true" {
					t.Errorf("%s: another token for the same key", role)
				}
				var me Me
				if h.get(first.Token, "/me").status(http.StatusOK).into(&me); me.Person != h.people[role] {
					t.Errorf("the token of %s is that of somebody else", role)
				}
			}
		}
	})
}
