package workflow

// AppendJSON appends the JSON of the entry to b: the very bytes that encoding/json makes of it, at a fraction of the cost. Every command
// is written this way, and the bytes are what the history chain covers. The error says that a value cannot be written, such as a time
// beyond the year 9999.
func (e *Entry) AppendJSON(b []byte) ([]byte, error) {
	w := encoder{b: append(b, '{')}
	w.key("format").number(int64(e.Format))
	w.key("community").text(e.Community)
	w.key("root").text(e.Root)
	w.key("seq").number(e.Seq)
	w.key("command").text(e.Command)
	w.key("kind").text(string(e.Kind))
	w.optional("event", e.Event)
	w.key("target").text(e.Target)
	w.optional("workflow", e.Workflow)
	w.key("bundle").text(e.Bundle)
	w.key("actor").actor(e.Actor)
	if e.OnBehalf != nil {
		w.key("on_behalf").other(e.OnBehalf)
	}
	w.key("recorded_at").time(e.Recorded)
	if e.Frozen {
		w.key("frozen").raw("true")
	}
	w.key("occurred_at").occurred(e.Occurred)
	w.optional("reason", e.Reason)
	w.optional("note", e.Note)
	if len(e.Input) > 0 {
		w.key("input").values(e.Input)
	}
	w.decided(e)
	w.optional("undoes", e.Undoes)
	if len(e.Changes) > 0 {
		w.key("changes").raw("[")
		for i := range e.Changes {
			w.comma()
			w.change(&e.Changes[i])
		}
		w.raw("]")
	}
	w.raw("}")
	return w.b, w.err
}

// decided writes the parts of an entry that few commands have.
func (w *encoder) decided(e *Entry) {
	if len(e.Confirm) > 0 {
		w.key("confirm").other(e.Confirm)
	}
	if len(e.Warnings) > 0 {
		w.key("warnings").other(e.Warnings)
	}
	if len(e.Waived) > 0 {
		w.key("waived").texts(e.Waived)
	}
	if len(e.Messages) > 0 {
		w.key("messages").other(e.Messages)
	}
	if e.Timer != nil {
		w.key("timer").other(e.Timer)
	}
}

// AppendJSON appends the JSON of a body to b: the very bytes that encoding/json makes of it.
func (b *Body) AppendJSON(to []byte) ([]byte, error) {
	w := encoder{b: append(to, '{')}
	if len(b.Data) > 0 {
		w.key("data").values(b.Data)
	}
	if len(b.Aggregates) > 0 {
		w.key("agg").raw("{")
		for _, k := range sortedKeys(b.Aggregates) {
			w.entry(k).number(b.Aggregates[k])
		}
		w.raw("}")
	}
	r := b.rest()
	w.rest(&r)
	w.raw("}")
	return w.b, w.err
}

func (w *encoder) identity(i *Identity) {
	w.raw("{")
	w.optional("parent", i.Parent)
	w.key("workflow").text(i.Workflow)
	w.optional("slot", i.Slot)
	w.optional("key", i.Key)
	w.raw("}")
}

func (w *encoder) change(c *Change) {
	w.raw("{")
	w.key("id").text(c.ID)
	if c.Created != nil {
		w.key("created").identity(c.Created)
	}
	if c.Deleted != nil {
		w.key("deleted").identity(c.Deleted)
	}
	if c.State != nil {
		w.key("state").texts(c.State[:])
	}
	w.key("version").numbers(c.Version)
	w.key("touched").numbers(c.Touched)
	if len(c.Data) > 0 {
		w.key("data").raw("{")
		for _, k := range sortedKeys(c.Data) {
			w.entry(k).raw("[")
			w.value(c.Data[k][0])
			w.raw(",")
			w.value(c.Data[k][1])
			w.raw("]")
		}
		w.raw("}")
	}
	if len(c.Aggregate) > 0 {
		w.key("agg").raw("{")
		for _, k := range sortedKeys(c.Aggregate) {
			w.entry(k).numbers(c.Aggregate[k])
		}
		w.raw("}")
	}
	if len(c.Distinct) > 0 {
		w.key("distinct").raw("[")
		for _, d := range c.Distinct {
			w.comma()
			w.raw("{")
			w.key("aggregate").text(d.Aggregate)
			w.key("value").text(d.Value)
			w.key("n").numbers(d.N)
			w.raw("}")
		}
		w.raw("]")
	}
	if c.Rest != nil {
		w.key("rest").raw("[")
		for n := range c.Rest {
			w.comma()
			w.raw("{")
			w.rest(&c.Rest[n])
			w.raw("}")
		}
		w.raw("]")
	}
	w.raw("}")
}

// rest writes the members of the bookkeeping, which a body has too.
func (w *encoder) rest(r *Rest) {
	if len(r.Milestones) > 0 {
		w.key("milestones").raw("{")
		for _, k := range sortedKeys(r.Milestones) {
			m := r.Milestones[k]
			w.entry(k).raw("{")
			w.key("occurred").occurred(m.Occurred)
			w.key("seq").number(m.Seq)
			w.raw("}")
		}
		w.raw("}")
	}
	if len(r.By) > 0 {
		w.key("by").raw("{")
		for _, k := range sortedKeys(r.By) {
			w.entry(k).text(r.By[k])
		}
		w.raw("}")
	}
	if len(r.Waived) > 0 {
		w.key("waived").other(r.Waived)
	}
	if len(r.Uses) > 0 {
		w.key("uses").raw("[")
		for _, u := range r.Uses {
			w.comma()
			w.raw("{")
			w.key("instance").text(u.Instance)
			w.key("milestone").text(u.Milestone)
			w.key("event").text(u.Event)
			w.raw("}")
		}
		w.raw("]")
	}
	if len(r.Timers) > 0 {
		w.key("timers").raw("{")
		for _, k := range sortedKeys(r.Timers) {
			w.entry(k).due(r.Timers[k])
		}
		w.raw("}")
	}
	if len(r.Flags) > 0 {
		w.key("flags").texts(r.Flags)
	}
	w.key("entered").time(r.Entered)
	if r.LastChild != 0 {
		w.key("last_child").number(r.LastChild)
	}
}

func (w *encoder) due(d Due) {
	w.raw("{")
	w.key("gen").number(d.Generation)
	w.key("at").time(d.At)
	if !d.Fired.IsZero() {
		w.key("fired").time(d.Fired)
	}
	w.raw("}")
}
