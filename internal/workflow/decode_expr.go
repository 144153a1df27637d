package workflow

import (
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// origin maps places inside a scalar's value back to the file. An expression in a plain or quoted scalar on one line, or in a
// literal block, is located exactly; in any other form its mistakes are reported at the scalar's beginning.
type origin struct {
	pos     Pos
	columns []int // one line: the column of each character of the value, and of its end
	indent  int   // literal block: the column of the first character of each line; 0 otherwise
}

// at is the place of a character: line counts from 1, column from 0, as CEL counts them.
func (o origin) at(line, column int) Pos {
	p := o.pos
	switch {
	case o.indent > 0:
		p.Line += line
		p.Column = o.indent + column
	case line <= 1 && column >= 0 && column < len(o.columns):
		p.Column = o.columns[column]
	}
	return p
}

// from is the origin of the part of a one-line value that begins at its n-th character.
func (o origin) from(n int) origin {
	if o.indent > 0 {
		return origin{pos: o.pos} // a message in a block: its beginning is good enough
	}
	out := origin{pos: o.at(1, n)}
	if n < len(o.columns) {
		out.columns = o.columns[n:]
	}
	return out
}

func (r *reader) origin(n *yaml.Node) origin {
	o := origin{pos: r.pos(n)}
	line := r.line(o.pos.Line)
	switch {
	case n.Style&yaml.LiteralStyle != 0:
		next := r.line(o.pos.Line + 1)
		o.indent = len(next) - len(strings.TrimLeft(next, " ")) + 1
	case n.Style&yaml.FoldedStyle != 0:
	default:
		o.columns = columns([]rune(line), o.pos.Column, n)
	}
	return o
}

func (r *reader) line(n int) string {
	if n < 1 || n > len(r.lines) {
		return ""
	}
	return r.lines[n-1]
}

// columns walks the raw line beside the value. It gives up (nil) at the first character that does not match.
func columns(line []rune, column int, n *yaml.Node) []int {
	at := column - 1
	quote := rune(0)
	switch {
	case n.Style&yaml.SingleQuotedStyle != 0:
		quote = '\''
	case n.Style&yaml.DoubleQuotedStyle != 0:
		quote = '"'
	}
	if quote != 0 {
		at++
	}
	out := make([]int, 0, len(n.Value)+1)
	for _, c := range n.Value {
		if at < 0 || at >= len(line) {
			return nil
		}
		out = append(out, at+1)
		switch {
		case quote == '\'' && c == '\'' || quote == '"' && (c == '"' || c == '\\'):
			at++ // written as two characters
		}
		if at >= len(line) || line[at] != c {
			return nil
		}
		at++
	}
	return append(out, at+1)
}

// expr reads a CEL expression. It is compiled later, when all files are known.
func (r *reader) expr(n *yaml.Node, what Text) *Expr {
	if n != nil && n.Kind == yaml.ScalarNode && n.Tag == "!!null" && n.Value != "" {
		return &Expr{Source: "null", Pos: r.pos(n), origin: r.origin(n)}
	}
	s, ok := r.scalar(n, what)
	if !ok {
		return nil
	}
	return &Expr{Source: s, Pos: r.pos(n), origin: r.origin(n)}
}

// exprs reads a mapping from field names to expressions.
func (r *reader) exprs(n *yaml.Node, what Text) map[string]*Expr {
	if n == nil {
		return nil
	}
	out := map[string]*Expr{}
	r.named(n, what, func(name string, key, value *yaml.Node) {
		if e := r.expr(value, partOf(what, name)); e != nil {
			e.key = r.pos(key)
			out[name] = e
		}
	})
	return out
}

// message reads a text whose parts between braces are CEL.
func (r *reader) message(n *yaml.Node, what Text) *Message {
	m := r.mapping(n, what)
	if m == nil {
		return nil
	}
	msg := &Message{Source: Text{ZH: m.translation("zh"), EN: m.translation("en")}, Pos: r.pos(n)}
	m.done()
	for lang, to := range map[string]*[]part{"zh": &msg.zh, "en": &msg.en} {
		if v := m.values[lang]; v != nil && v.Kind == yaml.ScalarNode {
			*to = r.parts(v, what)
		}
	}
	return msg
}

// part is a piece of a message: literal text or an expression.
type part struct {
	text string
	expr *Expr
}

// parts splits a message at its braces.
func (r *reader) parts(n *yaml.Node, what Text) []part {
	o := r.origin(n)
	var out []part
	var text strings.Builder
	flush := func() {
		if text.Len() > 0 {
			out = append(out, part{text: text.String()})
			text.Reset()
		}
	}
	s := []rune(n.Value)
	for i := 0; i < len(s); i++ {
		switch {
		case (s[i] == '{' || s[i] == '}') && i+1 < len(s) && s[i+1] == s[i]:
			text.WriteRune(s[i])
			i++
		case s[i] == '{':
			end := closing(s, i+1)
			source := ""
			if end > 0 {
				source = string(s[i+1 : end])
			}
			if strings.TrimSpace(source) == "" {
				r.problems.add(o.at(1, i), codeCELSyntax, phrase("%s里有一个花括号，其中没有表达式，或没有闭合", "%s opens a brace that holds no expression or is never closed", what),
					Text{"请写 {表达式}；要写花括号本身，请写 {{", "write {expression}, or {{ for a brace"})
				return out
			}
			flush()
			from := o.from(i + 1)
			out = append(out, part{expr: &Expr{Source: source, Pos: from.pos, origin: from}})
			i = end
		default:
			text.WriteRune(s[i])
		}
	}
	flush()
	return out
}

// closing finds the brace that ends the expression beginning at i, past strings and nested braces; -1 if there is none.
func closing(s []rune, i int) int {
	depth := 0
	quote := rune(0)
	for ; i < len(s); i++ {
		switch c := s[i]; {
		case quote != 0:
			switch c {
			case '\\':
				i++
			case quote:
				quote = 0
			}
		case c == '\'' || c == '"':
			quote = c
		case c == '{':
			depth++
		case c == '}' && depth == 0:
			return i
		case c == '}':
			depth--
		}
	}
	return -1
}

// validText reports whether a file can be read at all.
func validText(b []byte) bool { return utf8.Valid(b) }
