package workflow

import "errors"

// checkAlways refuses a command that breaks what a definition says always holds, for every row that it changed: by an event as by an
// edit, an undo, or something that happened to an item. What was broken before may stay so: nothing could mend it otherwise.
func (x *tx) checkAlways() error {
	for _, r := range x.order {
		if r.deleted {
			continue
		}
		def := x.definition(r.now)
		for _, g := range def.Always {
			if r.orig != nil && !g.That.moved(r.orig, r.now) {
				continue // it holds or is broken as it was before, and either may stay
			}
			if err := x.checkKept(def, g, r.orig, r.now); err != nil && !errors.Is(err, errMissing) {
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
