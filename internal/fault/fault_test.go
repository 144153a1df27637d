package fault_test

import (
	"errors"
	"fmt"
	"io/fs"
	"testing"

	"github.com/linli/linli/internal/fault"
)

func TestAnErrorKeepsItsKindThroughWrapping(t *testing.T) {
	cause := fs.ErrPermission
	e := fault.Wrap(cause, fault.Key, "key_unreadable", "密钥文件无法读取，请检查权限。", "the key file cannot be read: check its permissions")
	wrapped := fmt.Errorf("start: %w", e)
	if got := fault.KindOf(wrapped); got != fault.Key {
		t.Errorf("kind is %v", got)
	}
	if !errors.Is(wrapped, cause) {
		t.Error("the cause is lost")
	}
	if text, ok := fault.TextOf(wrapped); !ok || text.In("zh") != "密钥文件无法读取，请检查权限。" {
		t.Errorf("text is %v, %t", text, ok)
	}
	want := "start: the key file cannot be read: check its permissions: permission denied"
	if wrapped.Error() != want {
		t.Errorf("got %q, want %q", wrapped, want)
	}
}

func TestWhatIsNotSaidIsInternal(t *testing.T) {
	err := errors.New("disk on fire")
	if got := fault.KindOf(err); got != fault.Internal {
		t.Errorf("kind is %v", got)
	}
	if _, ok := fault.TextOf(err); ok {
		t.Error("an ordinary error has words for people")
	}
}

func TestIsComparesKindAndCode(t *testing.T) {
	err := fault.New(fault.NotFound, "unknown_programme", "没有这个项目。", "there is no such programme")
	for _, c := range []struct {
		target error
		want   bool
	}{
		{&fault.Error{Kind: fault.NotFound}, true},
		{&fault.Error{Kind: fault.NotFound, Code: "unknown_programme"}, true},
		{&fault.Error{Kind: fault.NotFound, Code: "unknown_person"}, false},
		{&fault.Error{Kind: fault.Invalid}, false},
		{fs.ErrNotExist, false},
	} {
		if got := errors.Is(err, c.target); got != c.want {
			t.Errorf("%v: got %t", c.target, got)
		}
	}
}

func TestWithFieldLeavesTheOriginalAlone(t *testing.T) {
	plain := fault.New(fault.Invalid, "bad_date", "日期有误。", "not a date")
	named := plain.WithField("deadline")
	if plain.Field != "" || named.Error() != "deadline: not a date" {
		t.Errorf("plain %q, named %q", plain, named)
	}
	if e := fault.NewInvalid("deadline", "bad_date", "日期有误。", "not a date"); *e != *named {
		t.Errorf("got %v", e)
	}
}

func TestAnErrorWithoutWordsNamesItsKind(t *testing.T) {
	kinds := []fault.Kind{
		fault.Internal, fault.Invalid, fault.NotFound, fault.Forbidden, fault.Refused, fault.Conflict,
		fault.Precondition, fault.Mismatch, fault.Unavailable, fault.Locked, fault.Key,
	}
	seen := map[string]bool{}
	for _, k := range kinds {
		text := (&fault.Error{Kind: k}).Error()
		if text != k.String() || seen[text] {
			t.Errorf("%d reads %q", k, text)
		}
		seen[text] = true
		if want := k == fault.Conflict || k == fault.Unavailable || k == fault.Locked; k.Retryable() != want {
			t.Errorf("%s retryable: %t", k, k.Retryable())
		}
	}
	if got := fault.Kind(99).String(); got != "internal" {
		t.Errorf("an unknown kind reads %q", got)
	}
	if got := (fault.Text{EN: "only English"}).In("zh"); got != "only English" {
		t.Errorf("a missing translation reads %q", got)
	}
}
