package store

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/linli/linli/internal/fault"
	"github.com/linli/linli/internal/workflow"
)

// ErrText says that a text cannot be stored: PostgreSQL has no U+0000, and neither database should keep broken UTF-8.
var ErrText = errors.New("text cannot be stored")

// column is one text on its way into the database.
type column struct{ name, value string }

// checkTexts returns ErrText, naming the first column whose text cannot be stored.
func checkTexts(columns ...column) error {
	for _, c := range columns {
		if err := checkText(c.name, c.value); err != nil {
			return err
		}
	}
	return nil
}

func checkText(name, value string) error {
	if i := strings.IndexByte(value, 0); i >= 0 {
		return fault.Wrap(fmt.Errorf("%w: %s, byte %d", ErrText, name, i), fault.Invalid, "text_with_nul",
			"文字中含有字符 U+0000。请删除该字符后重试。", "a text holds the character U+0000; remove it and try again").WithField(name)
	}
	if !utf8.ValidString(value) {
		return fault.Wrap(fmt.Errorf("%w: %s", ErrText, name), fault.Invalid, "text_not_utf8",
			"文字不是有效的 UTF-8 编码。请用 UTF-8 编码重新提交。", "a text is not valid UTF-8; send it as UTF-8").WithField(name)
	}
	return nil
}

// checkValues looks into the values of an instance: once they are JSON, broken text would pass unnoticed.
func checkValues(values workflow.Values) error {
	for name, v := range values {
		where := "instances.data field " + name
		if err := checkText("the name of an instances.data field", name); err != nil {
			return err
		}
		switch v := v.(type) {
		case string:
			if err := checkText(where, v); err != nil {
				return err
			}
		case []string:
			for _, s := range v {
				if err := checkText(where, s); err != nil {
					return err
				}
			}
		case workflow.Evidence:
			if err := checkTexts(column{where, v.Value}, column{where, v.Unrecorded}); err != nil {
				return err
			}
		case workflow.Sealed:
			if err := checkText(where, v.Subject); err != nil {
				return err
			}
		}
	}
	return nil
}
