package workflow

// Expr is a compiled CEL expression. It is immutable and safe for concurrent use.
type Expr struct {
	Source string
	Pos    Pos
	Inputs []string // the inputs it reads, sorted: a guard is left out of an explanation while they are missing
}

// Message is a bilingual text with CEL expressions between braces.
type Message struct {
	Source Text
	Pos    Pos
}
