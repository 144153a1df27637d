package workflow

import (
	"encoding/base64"
	"encoding/json"
	"strconv"
	"time"
	"unicode/utf8"
)

// encoder writes JSON. It goes on after an error, which the caller looks at once.
type encoder struct {
	b   []byte
	err error
}

func (w *encoder) raw(s string) { w.b = append(w.b, s...) }

// comma separates what follows from what stands before it, if anything does.
func (w *encoder) comma() {
	if last := w.b[len(w.b)-1]; last != '{' && last != '[' {
		w.b = append(w.b, ',')
	}
}

// key begins a member of an object. The name needs no escaping.
func (w *encoder) key(name string) *encoder {
	w.comma()
	w.b = append(w.b, '"')
	w.b = append(w.b, name...)
	w.b = append(w.b, '"', ':')
	return w
}

// entry begins a member whose name comes from somewhere else.
func (w *encoder) entry(name string) *encoder {
	w.comma()
	w.text(name)
	w.b = append(w.b, ':')
	return w
}

func (w *encoder) optional(name, s string) {
	if s != "" {
		w.key(name).text(s)
	}
}

func (w *encoder) number(n int64) { w.b = strconv.AppendInt(w.b, n, 10) }

func (w *encoder) numbers(n [2]int64) {
	w.raw("[")
	w.number(n[0])
	w.raw(",")
	w.number(n[1])
	w.raw("]")
}

// other leaves a rare part to encoding/json.
func (w *encoder) other(v any) {
	b, err := json.Marshal(v)
	if err != nil && w.err == nil {
		w.err = err
	}
	w.b = append(w.b, b...)
}

// text writes a string; one that holds anything to escape is left to encoding/json.
func (w *encoder) text(s string) {
	if !plainText(s) {
		w.other(s)
		return
	}
	w.b = append(w.b, '"')
	w.b = append(w.b, s...)
	w.b = append(w.b, '"')
}

// plainText reports whether a string stands in JSON as it is. encoding/json also escapes what HTML and JavaScript would misread.
func plainText(s string) bool {
	for i := 0; i < len(s); {
		c := s[i]
		if c < utf8.RuneSelf {
			if c < ' ' || c == '"' || c == '\\' || c == '<' || c == '>' || c == '&' {
				return false
			}
			i++
			continue
		}
		r, size := utf8.DecodeRuneInString(s[i:])
		if r == utf8.RuneError && size == 1 || r == '\u2028' || r == '\u2029' {
			return false
		}
		i += size
	}
	return true
}

func (w *encoder) texts(l []string) {
	if l == nil {
		w.raw("null")
		return
	}
	w.raw("[")
	for _, s := range l {
		w.comma()
		w.text(s)
	}
	w.raw("]")
}

func (w *encoder) time(t time.Time) {
	w.b = append(w.b, '"')
	b, err := t.AppendText(w.b)
	if err != nil {
		if w.err == nil {
			w.err = err
		}
		return
	}
	w.b = append(b, '"')
}

func (w *encoder) occurred(o Occurred) {
	if !o.Known() {
		w.raw("null")
		return
	}
	w.raw("{")
	w.key("at").text(o.text)
	w.key("from").time(o.from.UTC())
	w.key("to").time(o.to.UTC())
	w.raw("}")
}

func (w *encoder) actor(a Actor) {
	w.raw("{")
	w.optional("person", a.Person)
	if a.System {
		w.key("system").raw("true")
	}
	w.raw("}")
}

func (w *encoder) values(vs Values) {
	w.raw("{")
	for _, k := range sortedKeys(vs) {
		w.entry(k).value(vs[k])
	}
	w.raw("}")
}

func (w *encoder) value(v Value) {
	switch v := v.(type) {
	case nil:
		w.raw("null")
	case string:
		w.text(v)
	case int64:
		w.number(v)
	case bool:
		w.b = strconv.AppendBool(w.b, v)
	case []string:
		w.texts(v)
	case Evidence:
		w.evidence(v)
	case Sealed:
		w.sealed(v)
	default:
		w.other(v)
	}
}

func (w *encoder) evidence(e Evidence) {
	w.raw("{")
	w.optional("value", e.Value)
	if e.None {
		w.key("none").raw("true")
	}
	w.optional("unrecorded", e.Unrecorded)
	w.raw("}")
}

func (w *encoder) sealed(s Sealed) {
	w.raw("{")
	w.key("subject").text(s.Subject)
	w.key("sealed")
	if s.Box == nil {
		w.raw("null}")
		return
	}
	w.raw(`"`)
	w.b = base64.StdEncoding.AppendEncode(w.b, s.Box)
	w.raw(`"}`)
}
