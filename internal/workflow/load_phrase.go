package workflow

import (
	"fmt"
	"strings"
	"unicode"
)

// phrase is one sentence in both languages with the same arguments; where the order differs the Chinese numbers them (%[2]s).
// An argument that is a Text itself is put in in the language of the sentence.
func phrase(zh, en string, args ...any) Text {
	if len(args) == 0 {
		return Text{ZH: zh, EN: en}
	}
	zhArgs, enArgs := make([]any, len(args)), make([]any, len(args))
	for n, a := range args {
		zhArgs[n], enArgs[n] = a, a
		switch v := a.(type) {
		case Text:
			zhArgs[n], enArgs[n] = v.ZH, v.EN
		case string:
			zhArgs[n] = printable(v) // English quotes with %q, which does this too
		}
	}
	return Text{ZH: fmt.Sprintf(zh, zhArgs...), EN: fmt.Sprintf(en, enArgs...)}
}

// printable keeps what a file holds from breaking the line, or a terminal, that shows it.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return unicode.ReplacementChar
	}, s)
}

// word is a key of the language, which is written the same in both languages.
func word(s string) Text { return Text{ZH: "“" + s + "”", EN: "`" + s + "`"} }

// partOf is what stands under a key of something.
func partOf(what Text, key string) Text {
	return phrase("%s的“%s”", "`%[2]s` of %[1]s", what, key)
}

// listed is a list of names as they are written in a definition.
func listed(names []string) Text {
	if len(names) == 0 {
		return Text{ZH: "（一个也没有）", EN: "none"}
	}
	return Text{ZH: strings.Join(names, "、"), EN: strings.Join(names, ", ")}
}

// oneOf is the advice to use one of some names.
func oneOf(names []string) Text {
	return phrase("请用下列之一：%s", "use one of: %s", listed(names))
}
