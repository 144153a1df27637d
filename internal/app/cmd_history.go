package app

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/linli/linli/internal/engine"
	"github.com/linli/linli/internal/workflow"
)

type historyCmd struct {
	dataFlags

	Path     string `arg:"" optional:"" help:"项目[/活动[/事项]] / PROGRAMME[/ACTIVITY[/ITEM]]."`
	Commands bool   `help:"也列出操作编号（撤销时可用编号，也可用 #序号）/ List command ids too; undo takes them, or #NUMBER."`
	Last     int    `placeholder:"N" help:"只看最后几条 / Only the last N entries."`
	Format   string `enum:"text,jsonl" default:"text" help:"text，或 jsonl（入链的原始字节，每行一条）/ text, or jsonl: the very bytes that are chained, one entry a line."`
}

// historyPage is how many entries are read at a time.
const historyPage = 500

// Run prints what was done to an instance and everything below it, with ids and never with names.
func (c *historyCmd) Run(s *session) error {
	return s.reading(c.dataFlags, func(d *desk) error {
		p, err := d.goTo(c.Path)
		if err != nil {
			return err
		}
		h := &chronicle{desk: d, place: p, commands: c.Commands, keys: map[string]string{}, parent: map[string]string{}, inside: map[string]bool{}}
		entries, err := h.collect(c.Format == "jsonl")
		if err != nil {
			return err
		}
		if c.Last > 0 && len(entries) > c.Last {
			entries = entries[len(entries)-c.Last:]
		}
		for _, e := range entries {
			d.line("%s", e)
		}
		return nil
	})
}

// chronicle reads a chain from its beginning and keeps what concerns one instance and what stands below it.
type chronicle struct {
	*desk
	*place
	commands bool
	keys     map[string]string // instance → what it is called, without personal names
	parent   map[string]string
	inside   map[string]bool // the instance itself and everything below it
}

func (h *chronicle) collect(raw bool) ([]string, error) {
	var entries []string
	for from := int64(1); ; {
		page, err := h.app.Store.History(h.ctx, h.head.Community, h.head.Root, from, historyPage)
		if err != nil {
			return nil, err
		}
		for _, stored := range page {
			var e workflow.Entry
			if err := json.Unmarshal(stored.Body, &e); err != nil {
				return nil, fmt.Errorf("history entry %d cannot be read; run linli audit: %w", stored.Seq, err)
			}
			if !h.concerns(&e) {
				continue
			}
			if raw {
				entries = append(entries, string(stored.Body))
				continue
			}
			entries = append(entries, strings.Join(h.lines(stored, &e), "\n"))
		}
		if len(page) < historyPage {
			return entries, nil
		}
		from = page[len(page)-1].Seq + 1
	}
}

// concerns learns what an entry created, and reports whether it belongs to what was asked for. An aggregate that moved
// does not count: the item that moved it has the entry.
func (h *chronicle) concerns(e *workflow.Entry) bool {
	wanted := h.place.at().ID
	yes := e.Target == wanted || h.inside[e.Target]
	for _, c := range e.Changes {
		if c.Created != nil {
			h.parent[c.ID], h.keys[c.ID] = c.Created.Parent, entryLabel(c)
			if programme, ok := c.Data["programme"][1].(string); ok && c.Created.Workflow == "registered_programme" {
				h.keys[programme] = c.Created.Key // the registry's side of its creation has it as the target
			}
			if c.ID == wanted || h.inside[c.Created.Parent] {
				h.inside[c.ID] = true
			}
		}
		yes = yes || h.inside[c.ID] && (c.State != nil || len(c.Data) > 0 || c.Deleted != nil)
	}
	return yes
}

// entryLabel is what an instance is called in the history. People's keys may tell their names, so they go by id.
func entryLabel(c workflow.Change) string {
	if c.Created.Key == "" || c.Created.Workflow == "person" {
		return c.Created.Workflow + ":" + c.ID
	}
	if c.Created.Slot != "" || c.Created.Parent == "" {
		return c.Created.Key
	}
	return c.Created.Workflow + ":" + c.Created.Key
}

// path is the way to an instance from its root, without the root.
func (h *chronicle) path(id string) string {
	var steps []string
	for at := id; at != "" && at != h.head.Root; at = h.parent[at] {
		label := h.keys[at]
		if label == "" {
			label = at
		}
		steps = append([]string{label}, steps...)
	}
	if len(steps) == 0 && h.head.Root == h.head.Community {
		return h.words("（登记册本身）", "(the registry)")
	}
	if len(steps) == 0 {
		return h.words("（项目本身）", "(the programme)")
	}
	return strings.Join(steps, "/")
}

// lines writes one entry.
func (h *chronicle) lines(stored engine.StoredEntry, e *workflow.Entry) []string {
	first := fmt.Sprintf("#%d  %s  %s  %s%s  %s", e.Seq, instant(e.Recorded, h.zone), h.path(e.Target), h.did(e), h.moved(e), h.actor(e))
	if o := h.occurred(e.Occurred, h.zone); o != "" && o != instant(e.Recorded, h.zone) {
		first += h.words("  发生于 ", "  occurred ") + o
	}
	out := []string{first}
	add := func(zh, en, text string) {
		if text != "" {
			out = append(out, "      "+h.colon(h.words(zh, en), text))
		}
	}
	if h.commands {
		add("编号", "command", stored.Command)
	}
	add("原因", "reason", e.Reason)
	add("说明", "note", e.Note)
	add("撤销", "undoes", e.Undoes)
	add("特批通过", "passed by waiver", h.list(e.Waived))
	for _, w := range e.Warnings {
		add("提醒", "warning", h.text(w.Text))
	}
	for _, m := range e.Messages {
		add("通知", "message", h.text(m))
	}
	return out
}

// did is what was done, in words.
func (h *chronicle) did(e *workflow.Entry) string {
	def := h.bundle.Definition(e.Workflow)
	if e.Kind == workflow.KindFire {
		if def != nil && def.Event(e.Event) != nil {
			return h.titled(def.Event(e.Event).Title, e.Event)
		}
		return e.Event
	}
	titles := map[workflow.Kind][2]string{
		workflow.KindCreate: {"新建", "create"}, workflow.KindEdit: {"修改", "edit"}, workflow.KindCancel: {"取消", "cancel"},
		workflow.KindReopen: {"重新打开", "reopen"}, workflow.KindSkip: {"不适用", "skip"}, workflow.KindWaive: {"特批", "waive"},
		workflow.KindBackfill: {"补录", "back-fill"}, workflow.KindUndo: {"撤销", "undo"},
	}
	t := titles[e.Kind]
	return h.words(t[0], t[1])
}

// moved is how the target's state changed.
func (h *chronicle) moved(e *workflow.Entry) string {
	def := h.bundle.Definition(e.Workflow)
	title := func(state string) string {
		if def != nil && def.State(state) != nil {
			return h.text(def.State(state).Title)
		}
		return state
	}
	for _, c := range e.Changes {
		switch {
		case c.ID != e.Target:
		case e.Kind == workflow.KindUndo && (c.Deleted != nil || c.State != nil && c.State[1] == ""):
			return h.words("：已撤销新建", ": its creation was undone")
		case c.State == nil:
		case c.State[0] == "":
			return " → " + title(c.State[1])
		default:
			return "  " + title(c.State[0]) + " → " + title(c.State[1])
		}
	}
	return ""
}

// actor is who did it, and on whose behalf.
func (h *chronicle) actor(e *workflow.Entry) string {
	who := e.Actor.Person
	switch {
	case e.Timer != nil:
		who = h.words("系统（定时 ", "system (timer ") + e.Timer.Rule + h.words("）", ")")
	case e.Actor.System:
		who = h.words("系统", "system")
	}
	ob := e.OnBehalf
	if ob == nil {
		return who
	}
	ways := map[string][2]string{
		"paper": {"纸质签批", "paper"}, "phone": {"电话", "phone"}, "wechat": {"微信", "WeChat"}, "in_person": {"当面", "in person"},
	}
	way := h.words(ways[ob.Via][0], ways[ob.Via][1])
	if ob.Evidence != "" {
		way += h.words("，", ", ") + ob.Evidence
	}
	return fmt.Sprintf(h.words("%s 代录 %s（%s）", "%s on behalf of %s (%s)"), who, ob.Person, way)
}
