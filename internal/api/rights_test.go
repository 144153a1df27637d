package api

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/linli/linli/internal/engine"
	"github.com/linli/linli/internal/workflow"
	"github.com/linli/linli/workflows"
)

// The markers stand in names, codes and fields of one community, and must not appear in any answer to the other.
const (
	markHere      = "HERE5713"
	markElsewhere = "ELSEWHERE9137"
)

// district is the harness with one thing of every kind in both communities, and with the callers that a table of rights needs.
type district struct {
	*harness
	own, other *place
	dead       map[string]string // name → Authorization header that must not open anything
	made       int
}

// place is what one community has.
type place struct {
	community, programme, code, activity, item, person, household, organisation, block, grant, token, consent, command, registryCommand, bundle string
}

// otherCallers have every role, and tokens that leave little of them.
const (
	limited = "limited" // to the role of a volunteer
	scoped  = "scoped"  // to another programme
)

func openDistrict(t *testing.T, h *harness) *district {
	t.Helper()
	d := &district{harness: h, dead: map[string]string{}}
	worker := workflow.Actor{Person: h.people["worker"]}
	d.own = d.furnish(here, h.programme, "ZX-1", worker, markHere)
	d.other = d.furnish(elsewhere, h.foreign, "LJ-1", workflow.Actor{Person: h.people["elsewhere"]}, markElsewhere)

	second := h.makeProgramme("ZX-SECOND")
	everybody := h.person(here, "everything")
	h.people[limited], h.people[scoped] = everybody, everybody
	for _, role := range roles() {
		h.grant(here, everybody, role, here)
		if role != "admin" && role != "worker" { // which she has
			h.grant(elsewhere, h.people["elsewhere"], role, elsewhere)
		}
	}
	h.tokens[limited] = h.token(here, everybody, here, "volunteer")
	h.tokens[scoped] = h.token(here, everybody, second)

	gone := h.token(here, everybody, here)
	h.system(engine.Request{Command: workflow.Command{Root: here, Target: strings.Split(gone, "_")[2], Kind: workflow.KindFire, Event: "revoke"}})
	d.dead = map[string]string{
		"no token": "", "garbage": "Bearer nonsense", "another scheme": "Basic " + h.tokens["admin"], "revoked": "Bearer " + gone,
		"another secret":          "Bearer " + h.tokens["admin"] + "X",
		"the other community's":   "Bearer " + strings.Replace(h.tokens["admin"], "linli_"+here, "linli_"+elsewhere, 1),
		"the hash for the secret": "Bearer linli_" + here + "_" + d.own.token + "_" + text(h.instance(d.own.token), "hash"),
		"expired":                 "Bearer " + d.expired(everybody),
	}
	return d
}

// expired is a token whose time was over before it could be used.
func (d *district) expired(person string) string {
	secret := strings.Repeat("E", 26)
	id := d.register(here, workflowToken, map[string]any{
		"person": person, "hash": hashOf(secret), "scope": here, "expires": d.clock.Now().Add(-time.Hour).UTC().Format(workflow.TimeLayout),
	})
	return "linli_" + here + "_" + id + "_" + secret
}

// furnish puts one of everything into a community, with a marker in every text.
func (d *district) furnish(community, programme, code string, by workflow.Actor, mark string) *place {
	d.t.Helper()
	d.system(engine.Request{
		Command: workflow.Command{Community: community, Root: community, Target: community, Kind: workflow.KindEdit},
		Values:  map[string]any{"name": mark},
	})
	p := &place{community: community, programme: programme, code: code, bundle: d.bundle.Hash}
	p.person = d.register(community, "person", map[string]any{"name": mark, "mobile": "139" + mark, "volunteer_no": mark, "skills": mark})
	p.household = d.register(community, "household", map[string]any{"kind": "elder", "label": mark, "address": mark, "members": mark})
	p.organisation = d.register(community, "organisation", map[string]any{"name": mark, "kind": "merchant"})
	p.block = d.register(community, "block", map[string]any{"name": mark})
	p.grant = d.grant(community, p.person, "volunteer", community)
	p.token = d.register(community, workflowToken, map[string]any{
		"person": p.person, "label": mark, "hash": hashOf(mark), "scope": community,
		"expires": d.clock.Now().AddDate(1, 0, 0).UTC().Format(workflow.TimeLayout),
	})
	made := d.command(engine.Request{
		Command: workflow.Command{Community: community, Root: community, Target: p.person, Kind: workflow.KindCreate, Workflow: "consent", Actor: by},
		Values:  map[string]any{"kind": "photo", "given_by": mark},
	})
	p.consent, p.registryCommand = made.Instance, made.Command
	if community == elsewhere {
		p.bundle = d.ownBundle(community, mark)
	}
	rows, err := d.store.List(d.t.Context(), community, listQuery(programme, "event"))
	if err != nil {
		d.t.Fatal(err)
	}
	for _, i := range rows {
		p.activity = i.ID
	}
	if p.activity == "" {
		p.activity = d.command(engine.Request{
			Command: workflow.Command{Community: community, Root: programme, Target: programme, Kind: workflow.KindCreate, Workflow: "event", Slot: "event", Actor: by},
			Values:  map[string]any{"title": mark, "profile": "clean_up_outdoor"},
		}).Instance
	}
	done := d.command(engine.Request{
		Command: workflow.Command{Community: community, Root: programme, Target: p.activity, Kind: workflow.KindCreate, Workflow: "note", Actor: by},
		Values:  map[string]any{"text": mark},
	})
	p.item, p.command = done.Instance, done.Command
	return p
}

// ownBundle makes definitions current in a community that no other one uses.
func (d *district) ownBundle(community, mark string) string {
	d.t.Helper()
	files := workflows.Files()
	files["note/note.yaml"] = bytes.Replace(files["note/note.yaml"], []byte("en: Note}"), []byte("en: "+mark+"}"), 1)
	b, problems := workflow.Load(files)
	if len(problems) > 0 || b.Hash == d.bundle.Hash {
		d.t.Fatal(problems)
	}
	if err := d.engine.AddBundle(d.t.Context(), b); err != nil {
		d.t.Fatal(err)
	}
	d.system(engine.Request{
		Command: workflow.Command{Community: community, Root: community, Target: community, Kind: workflow.KindEdit}, Values: map[string]any{"bundle": b.Hash},
	})
	return b.Hash
}

// ask is one request of a table.
type ask struct {
	path    string // behind the prefix
	body    any    // nil: none
	headers []string
	listen  time.Duration // to a stream; 0: to its first message only
}

// opening is a line of the table: who may do what.
type opening struct {
	op   string // method and path of the OpenAPI document
	ask  func(*district, *place, string) ask
	want map[int]string // status → callers, by hand
}

// do asks with an Authorization header of its own. Of a stream it reads the first message.
func (d *district) do(authorization, method string, a ask) *reply {
	d.t.Helper()
	ctx, cancel := context.WithTimeout(d.t.Context(), 30*time.Second)
	defer cancel()
	var content io.Reader
	kind := "application/json"
	switch b := a.body.(type) {
	case nil:
	case string:
		content, kind = strings.NewReader(b), "application/yaml"
	default:
		content = bytes.NewReader(asJSON(d.t, b))
	}
	req, err := http.NewRequestWithContext(ctx, method, d.url+Prefix+a.path, content)
	if err != nil {
		d.t.Fatal(err)
	}
	if content != nil {
		req.Header.Set("Content-Type", kind)
	}
	req.Header.Set("Accept-Language", "en")
	if authorization != "" {
		req.Header.Set("Authorization", authorization)
	}
	for n := 0; n+1 < len(a.headers); n += 2 {
		req.Header.Set(a.headers[n], a.headers[n+1])
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		d.t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	var body io.Reader = res.Body
	streams := strings.HasPrefix(res.Header.Get("Content-Type"), eventStream)
	if streams && a.listen == 0 {
		body = firstMessage{body}
	} else if streams {
		defer time.AfterFunc(a.listen, cancel).Stop()
	}
	text, err := io.ReadAll(body)
	if err != nil && !streams {
		d.t.Fatal(err)
	}
	return &reply{t: d.t, asked: method + " " + a.path, Status: res.StatusCode, Header: res.Header, Body: text}
}

// firstMessage ends behind the first empty line.
type firstMessage struct{ r io.Reader }

func (f firstMessage) Read(b []byte) (int, error) {
	n, err := f.r.Read(b)
	if bytes.Contains(b[:n], []byte("\n\n")) {
		return n, io.EOF
	}
	return n, err //nolint:wrapcheck // as the body itself
}

// heads are the seqs of everything in a community, to see whether anything was written there.
func (d *district) heads(p *place) map[string]int64 {
	d.t.Helper()
	programmes, err := d.store.Programmes(d.t.Context(), p.community, "", 1000)
	if err != nil {
		d.t.Fatal(err)
	}
	found, err := d.store.Heads(d.t.Context(), p.community, []string{p.community})
	if err != nil {
		d.t.Fatal(err)
	}
	out := map[string]int64{p.community: found[p.community].Seq}
	for _, head := range programmes {
		out[head.Root] = head.Seq
	}
	return out
}

// keepsOut checks that an answer holds nothing of the other community.
func keepsOut(t testing.TB, r *reply, mark string) {
	t.Helper()
	if bytes.Contains(r.Body, []byte(mark)) || strings.Contains(fmt.Sprint(r.Header), mark) {
		t.Errorf("%s: the answer holds something of the other community\n%.600s", r.asked, r.Body)
	}
}

// operations are the methods and paths of the OpenAPI document, with whether they are public.
func (h *harness) operations() map[string]*huma.Operation {
	out := map[string]*huma.Operation{}
	for path, item := range h.server.s.api.OpenAPI().Paths {
		for method, op := range map[string]*huma.Operation{
			http.MethodGet: item.Get, http.MethodPost: item.Post, http.MethodPut: item.Put, http.MethodPatch: item.Patch, http.MethodDelete: item.Delete,
		} {
			if op != nil {
				out[method+" "+strings.TrimPrefix(path, Prefix)] = op
			}
		}
	}
	return out
}

func TestEveryOperationHasALineInTheTableOfRights(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		lines := map[string]bool{}
		for _, o := range openings() {
			if lines[o.op] {
				t.Errorf("two lines for %s", o.op)
			}
			lines[o.op] = true
			var callers []string
			for _, names := range o.want {
				callers = append(callers, strings.Fields(names)...)
			}
			slices.Sort(callers)
			if want := slices.Sorted(slices.Values(append(roles(), limited, scoped))); !slices.Equal(callers, want) {
				t.Errorf("%s says something of %v, want each of %v once", o.op, callers, want)
			}
		}
		ops := h.operations()
		for _, op := range slices.Sorted(maps.Keys(ops)) {
			if !lines[op] {
				t.Errorf("no line says who may do %s", op)
			}
			delete(lines, op)
		}
		for op := range lines {
			t.Errorf("there is no operation %s", op)
		}
	})
}

func TestNobodyDoesWhatIsNotHers(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		d := openDistrict(t, h)
		ops := h.operations()
		before := d.heads(d.other)
		for _, o := range openings() {
			method, _, _ := strings.Cut(o.op, " ")
			for _, status := range slices.Sorted(maps.Keys(o.want)) {
				for role := range strings.FieldsSeq(o.want[status]) {
					r := d.do("Bearer "+h.tokens[role], method, o.ask(d, d.own, role))
					if r.Status != status {
						t.Errorf("%s as %s: %d, want %d\n%.500s", o.op, role, r.Status, status, r.Body)
					}
					keepsOut(t, r, markElsewhere)
				}
			}
			for name, header := range d.dead {
				r := d.do(header, method, o.ask(d, d.own, name))
				if public := ops[o.op].Metadata[metaPublic] == true; !public && (r.Status != http.StatusUnauthorized || r.Header.Get("WWW-Authenticate") == "") {
					t.Errorf("%s with %s: %d\n%.300s", o.op, name, r.Status, r.Body)
				}
				keepsOut(t, r, markElsewhere)
				keepsOut(t, r, markHere)
			}
		}
		if after := d.heads(d.other); !maps.Equal(before, after) {
			t.Errorf("something was written in the other community: %v, then %v", before, after)
		}
	})
}
