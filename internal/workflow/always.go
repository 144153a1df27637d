package workflow

import "errors"

// checkAlways refuses a command that breaks what a definition says always holds, for every row that it changed: by an event as by an
// edit, an undo, or something that happened to an item. What was broken before may stay so: nothing could mend it otherwise.
func (x *tx) checkAlways() error {
	for _, id := range x.order {
		now := x.work[id]
		if x.deleted[id] {
			continue
		}
		def := x.definition(now)
		for _, g := range def.Always {
			if err := x.checkKept(def, g, x.orig[id], now); err != nil && !errors.Is(err, errMissing) {
				return err
			}
		}
	}
	return nil
}

func (x *tx) checkKept(def *Definition, g *Guard, before, now *Instance) error {
	sc := x.scope(step{inst: now, input: Values{}})
	ok, err := g.That.Bool(sc)
	if err != nil {
		return x.broken(def, "always "+g.Name, err)
	}
	if ok {
		return nil
	}
	if before != nil {
		was := *sc
		was.Self = before
		if ok, err := g.That.Bool(&was); err != nil || !ok {
			return err
		}
	}
	text, err := g.Else.Render(sc)
	if err != nil {
		return x.broken(def, "always "+g.Name, err)
	}
	code := ReasonGuard
	if x.cmd.Kind == KindUndo {
		code = ReasonUsed // others counted on what is to be taken back
	}
	x.refuse(Reason{Code: code, Name: g.Name, Text: text})
	return nil
}
