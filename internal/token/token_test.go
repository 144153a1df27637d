package token

import (
	"errors"
	"strings"
	"testing"
)

func TestATokenReadsBack(t *testing.T) {
	for _, community := range []string{"lg", "long_gang_lg", "_"} {
		want := Parts{community, "i1x", NewSecret()}
		got, err := Parse(Format(want.Community, want.Instance, want.Secret))
		if err != nil || got != want {
			t.Errorf("got %+v, %v; want %+v", got, err, want)
		}
	}
}

func TestWhatIsNoTokenIsRefusedWithoutRepeatingIt(t *testing.T) {
	for _, text := range []string{"", "linli_", "linli_a", "linli_a_b", "linli_a_b_", "linli__b_c", "linli_a__c", "Linli_a_b_c", "linli_" + strings.Repeat("a", 600) + "_b_c"} {
		_, err := Parse(text)
		if !errors.Is(err, ErrMalformed) || text != "" && strings.Contains(err.Error(), text) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestOnlyTheSecretMatchesItsHash(t *testing.T) {
	secret := NewSecret()
	if !Matches(Hash(secret), secret) {
		t.Error("a secret does not match its own hash")
	}
	for _, other := range []string{"", secret + "x", strings.ToLower(secret), NewSecret()} {
		if Matches(Hash(secret), other) || Matches("", other) {
			t.Errorf("%q matches", other)
		}
	}
	if len(secret) < 26 {
		t.Errorf("the secret %q is short", secret)
	}
}

func FuzzParse(f *testing.F) {
	f.Add("linli_lg_i1_SECRET")
	f.Add("linli___")
	f.Fuzz(func(t *testing.T, text string) {
		p, err := Parse(text)
		if err == nil && Format(p.Community, p.Instance, p.Secret) != text {
			t.Errorf("%q reads as %+v, which is another token", text, p)
		}
	})
}
